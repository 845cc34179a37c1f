"""The reference-compatible API, used as its own client uses it: another origin, a bearer token."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import Serve, Served, add_token, is_problem, labelled, launch, until
from tests.conftest import MakeJpeg

pytestmark = pytest.mark.xdist_group("api-pam")

ORIGIN = "https://client.example"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the server that may be imported."""
    folder = tmp_path_factory.mktemp("source") / "Año 2024"
    folder.mkdir()
    for path in samples.photos()[:4]:
        shutil.copy(path, folder)
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[Served]:
    served = launch(
        tmp_path_factory.mktemp("reference") / "library",
        pam_origins=json.dumps([ORIGIN]),
        import_roots=json.dumps([str(source.parent)]),
    )
    served.set_up()
    yield served
    served.stop()


@pytest.fixture
def client(served: Served) -> httpx.Client:
    """The reference's single-page client."""
    secret = add_token(served.sign_in())
    return served.client(authorization=f"Bearer {secret}", origin=ORIGIN)


def test_hidden_labels_are_not_listed(client: httpx.Client) -> None:
    send(client, samples.photos()[0].read_bytes(), "hidden.jpg")
    labelled(client)
    names = set(client.get("/pam/v1/labels").json()["labels"])
    first = min(names)
    client.put("/api/label-settings", json={"hidden": [first]})
    assert set(client.get("/pam/v1/labels").json()["labels"]) == names - {first}
    client.put("/api/label-settings", json={})


def send(client: httpx.Client, data: bytes, name: str) -> httpx.Response:
    answer = client.put("/pam/v1/upload", json={"file_name": name})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"url"}
    # As its client does: the URL alone, without the token.
    stranger = httpx.Client(timeout=60)
    with stranger:
        return stranger.put(
            answer.json()["url"],
            content=data,
            headers={"content-type": "image/jpeg", "origin": ORIGIN},
        )


def counts(client: httpx.Client) -> dict[str, int]:
    answer = client.get("/pam/v1/labels")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"labels"}
    for each in answer.json()["labels"].values():
        assert set(each) == {"count"}
    return {name: each["count"] for name, each in answer.json()["labels"].items()}


def test_upload_labels_and_download_of_the_union(client: httpx.Client) -> None:
    photos = {path.name: path.read_bytes() for path in samples.photos()}
    for name, data in photos.items():
        sent = send(client, data, name)
        assert sent.status_code in (200, 201), sent.text
        assert sent.headers["access-control-allow-origin"] == ORIGIN
    labelled(client)
    found = counts(client)
    assert found["Cat"] == 1
    assert found["Mountain"] >= 2
    # The same photo again is counted once.
    assert send(client, photos["cat.jpg"], "again.jpg").status_code == 200
    assert counts(client) == found

    wanted = client.get("/api/photos", params={"any": ["Cat", "Mountain"]}).json()
    known = {notice["id"] for notice in client.get("/api/notices").json()}
    answer = client.post("/pam/v1/download", json={"labels": ["Cat", "Mountain"]})
    assert (answer.status_code, answer.json()) == (200, {})

    def told() -> str | None:
        for notice in client.get("/api/notices").json():
            if notice["id"] not in known and notice["kind"] == "bundle-ready":
                subject: str = notice["subject"]
                return subject
        return None

    bundle = client.get(f"/api/bundles/{until(told, 'told')}").json()
    assert bundle["photos"] == wanted["total"]
    with zipfile.ZipFile(io.BytesIO(client.get(bundle["url"]).content)) as archive:
        hashes = {sha256(archive.read(name)).hexdigest() for name in archive.namelist()[:-1]}
    assert hashes == {photo["id"] for photo in wanted["photos"]}


def test_a_label_that_is_on_nothing_is_an_error_and_no_empty_zip(client: httpx.Client) -> None:
    before = len(client.get("/api/bundles").json())
    is_problem(client.post("/pam/v1/download", json={"labels": ["No such label"]}), 422)
    is_problem(client.post("/pam/v1/download", json={"labels": []}), 422)
    is_problem(client.post("/pam/v1/download", json={}), 422)
    assert len(client.get("/api/bundles").json()) == before


def test_a_folder_of_the_server_is_copied_in(client: httpx.Client, source: Path) -> None:
    answer = client.put("/pam/v1/s3_copy", json={"source": str(source)})
    assert (answer.status_code, answer.json()) == (200, {"count": 5})

    def done() -> dict[str, int] | None:
        [newest, *_] = client.get("/api/imports").json()
        return newest if newest["finished_at"] else None

    finished = until(done, "imported")
    assert finished["added"] + finished["duplicate"] == 4
    for outside in ("/etc", str(source / ".." / ".." / ".."), "s3://bucket/prefix", "http://x/"):
        is_problem(client.put("/pam/v1/s3_copy", json={"source": outside}), 403)


def test_the_upload_url_takes_pictures_alone(served: Served, client: httpx.Client) -> None:
    is_problem(send(client, b"<html>", "page.html"), 415)
    url = client.put("/pam/v1/upload", json={"file_name": "x.jpg"}).json()["url"]
    assert url.startswith(f"{served.address}/pam/v1/uploads/")
    wrong = served.client().put(url, content=b"x", headers={"content-type": "text/html"})
    is_problem(wrong, 403)
    # A ticket of five minutes does not become one of the other API's.
    is_problem(client.put("/pam/v1/upload", json={"file_name": ""}), 422)


def test_hostile_and_odd_names(client: httpx.Client, make_jpeg: MakeJpeg) -> None:
    """Names with spaces and accents are labelled like any others."""
    names = ["my photo +%20 ñ.JPG", "../../x.jpg", "😀" * 900]
    for seed, name in enumerate(names):
        sent = send(client, make_jpeg(100 + seed), name)
        assert sent.status_code == 201, sent.text
    labelled(client)
    shown = {photo["name"] for photo in client.get("/api/photos").json()["photos"]}
    assert {"my photo +%20 ñ.JPG", "x.jpg", "😀" * 255} <= shown


def test_a_cookie_does_not_count(served: Served) -> None:
    """Pages of other origins may call this: what a browser adds by itself must not open it."""
    browser = served.sign_in()
    is_problem(browser.get("/pam/v1/labels"), 401)
    is_problem(browser.put("/pam/v1/upload", json={"file_name": "x.jpg"}), 401)
    is_problem(browser.post("/pam/v1/download", json={"labels": ["Cat"]}), 401)


def test_the_public_address_is_in_the_url(serve: Serve, make_jpeg: MakeJpeg) -> None:
    served = serve(public_url="https://photos.example/")
    owner = served.client()
    answer = owner.post(
        "/api/session/setup",
        json={"token": served.setup_token, "email": "a@b.example", "password": "long enough pass"},
    )
    cookie = answer.headers["set-cookie"].partition(";")[0]
    made = owner.post("/api/tokens", json={"name": "x"}, headers={"cookie": cookie}).json()
    script = served.with_token(made["secret"])
    url = script.put("/pam/v1/upload", json={"file_name": "x.jpg"}).json()["url"]
    assert url.startswith("https://photos.example/pam/v1/uploads/")
