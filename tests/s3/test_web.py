"""The API of a library whose photos are on S3: bytes come and go past it, by signed URLs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from fototeca.app import Library
from fototeca.bundling.parts import BuildingInParts
from fototeca.catalog.protocol import Catalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection, now
from fototeca.settings import Settings
from fototeca.vault.protocol import Size
from fototeca.vault.s3 import S3Vault
from fototeca.web.application import create_app
from tests.conftest import MakeJpeg
from tests.s3.conftest import AddPhoto, outside


@pytest.fixture
def library(catalog: Catalog, vault: S3Vault, tmp_path: Path) -> Iterator[Library]:
    settings = Settings(library=tmp_path, upload_minutes=5)
    with Library(settings, Taxonomy.load(), catalog, vault, None) as library:
        yield library


@pytest.fixture
def client(library: Library, owner: str) -> TestClient:
    _, secret = library.identity.add_token(owner, "test", read_only=False)
    headers = {"authorization": f"Bearer {secret}"}
    return TestClient(create_app(library), headers=headers, follow_redirects=False)


def announce(client: TestClient, data: bytes, name: str = "photo.jpg", **more: Any) -> Any:
    wanted = {"name": name, "size": len(data), "sha256": sha256(data).hexdigest(), **more}
    (answer,) = client.post("/api/uploads", json=[wanted]).json()
    return answer


def put(upload: dict[str, Any], data: bytes, **headers: str) -> httpx.Response:
    """As a browser does it, which says by itself how long the body is."""
    return outside.put(upload["url"], content=data, headers={**upload["headers"], **headers})


def test_bytes_go_straight_to_s3_which_verifies_them(
    client: TestClient, vault: S3Vault, owner: str, s3: Any, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(1)
    answer = announce(client, data, name="Año/Été 😀 (1).jpg", type="image/jpeg")
    assert answer["state"] == "upload"
    # A browser sets these itself, and lets no page do it.
    assert not {"host", "content-length"} & set(answer["upload"]["headers"])
    assert put(answer["upload"], data[:-1]).status_code in (400, 403)
    assert put(answer["upload"], data[:-1] + b"x").status_code in (400, 403)
    assert put(answer["upload"], data, **{"content-type": "text/html"}).status_code == 403
    assert vault.original_size(owner, answer["id"]) is None
    assert put(answer["upload"], data).status_code == 200
    assert b"".join(vault.read_original(owner, answer["id"], 0, len(data))) == data
    said = s3.head_object(Bucket=vault.photos.bucket, Key=f"originals/{owner}/{answer['id']}")
    assert said["StorageClass"] == "INTELLIGENT_TIERING"
    assert vault.name_of(owner, answer["id"]) == "Été 😀 (1).jpg"
    # A second tab with the same photo.
    assert put(answer["upload"], data).status_code == 412


def test_only_what_is_signed_may_be_sent(client: TestClient, make_jpeg: MakeJpeg) -> None:
    data, other = make_jpeg(1), make_jpeg(2)
    upload = announce(client, data)["upload"]
    headers = {name: text for name, text in upload["headers"].items() if name != "if-none-match"}
    assert outside.put(upload["url"], content=data, headers=headers).status_code == 403
    elsewhere = upload["url"].replace(sha256(data).hexdigest(), sha256(other).hexdigest())
    assert outside.put(elsewhere, content=other, headers=upload["headers"]).status_code == 403
    sum_of_other = announce(client, other)["upload"]["headers"]["x-amz-checksum-sha256"]
    forged = {**upload["headers"], "x-amz-checksum-sha256": sum_of_other}
    assert outside.put(upload["url"], content=other, headers=forged).status_code == 403


def test_what_is_known_is_a_duplicate_and_too_large_is_refused(
    client: TestClient, add: AddPhoto, make_jpeg: MakeJpeg
) -> None:
    known = add(1)
    assert announce(client, make_jpeg(1)) == {
        "id": known.id,
        "state": "duplicate",
        "upload": None,
        "problem": None,
    }
    wanted = [
        {"name": "a.jpg", "size": 10**10, "sha256": "0" * 64},
        {"name": "b.jpg", "size": known.size, "sha256": known.id},
        {"name": "c.jpg", "size": 5, "sha256": "1" * 64},
        {"name": "d.jpg", "size": 5, "sha256": "1" * 64},
    ]
    answers = client.post("/api/uploads", json=wanted).json()
    assert [each["state"] for each in answers] == ["refused", "duplicate", "upload", "upload"]
    assert [each["id"] for each in answers] == [each["sha256"] for each in wanted]


def test_a_photo_whose_original_was_lost_is_taken_again(
    client: TestClient, vault: S3Vault, owner: str, add: AddPhoto, make_jpeg: MakeJpeg
) -> None:
    known = add(1)
    vault.delete_original(owner, known.id)
    answer = announce(client, make_jpeg(1))
    assert put(answer["upload"], make_jpeg(1)).status_code == 200
    assert vault.original_size(owner, known.id) == known.size
    assert announce(client, make_jpeg(1))["state"] == "duplicate"


def test_a_photo_in_the_trash_is_back_when_it_is_announced(
    client: TestClient,
    catalog: Catalog,
    vault: S3Vault,
    owner: str,
    add: AddPhoto,
    make_jpeg: MakeJpeg,
) -> None:
    """Its bytes are there; were they put once more, a purge could take them unseen."""
    data, photos = make_jpeg(1), catalog.photos
    photo = add(1)
    photos.correct(owner, [photo.id], ["Mine"], [])
    photos.trash(owner, [photo.id], now())
    assert announce(client, data)["state"] == "duplicate"
    assert [each.name for each in photos.labels(owner, Selection())] == ["Mine"]
    # Its original was lost meanwhile: it is back, and waits for it.
    photos.trash(owner, [photo.id], now())
    vault.delete_original(owner, photo.id)
    upload = announce(client, data)["upload"]
    assert "if-none-match" in upload["headers"]
    assert put(upload, data).status_code == 200
    assert photos.known(owner, [photo.id])


def test_bytes_that_are_there_but_not_known_may_be_sent_again(
    client: TestClient, vault: S3Vault, owner: str, make_jpeg: MakeJpeg
) -> None:
    """So that S3 tells of them again, and they are taken in."""
    data = make_jpeg(1)
    assert put(announce(client, data)["upload"], data).status_code == 200
    answer = announce(client, data)
    assert "if-none-match" not in answer["upload"]["headers"]
    assert put(answer["upload"], data).status_code == 200
    assert put(answer["upload"], data[:-1] + b"x").status_code in (400, 403)
    assert b"".join(vault.read_original(owner, answer["id"], 0, len(data))) == data


def test_an_original_is_read_from_s3(
    client: TestClient, add: AddPhoto, make_jpeg: MakeJpeg
) -> None:
    photo = add(1, name='a "b" über.jpg')
    for query, disposition in (("", "inline"), ("?download=true", "attachment")):
        answer = client.get(f"/api/photos/{photo.id}/original{query}")
        assert answer.status_code == 307
        assert answer.headers["cache-control"] == "private, no-store"
        got = outside.get(answer.headers["location"])
        assert (got.status_code, got.content) == (200, make_jpeg(1))
        assert got.headers["content-type"] == "image/jpeg"
        assert got.headers["content-disposition"].startswith(disposition)
    assert "filename*=UTF-8''a%20%22b%22%20%C3%BCber.jpg" in got.headers["content-disposition"]
    part = outside.get(answer.headers["location"], headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, make_jpeg(1)[5:10])
    asked = client.head(f"/api/photos/{photo.id}/original")
    assert (asked.status_code, asked.headers["content-length"]) == (200, str(photo.size))
    assert client.get(f"/api/photos/{'0' * 64}/original").status_code == 404


def test_renditions_come_through_the_api_and_may_be_kept(
    client: TestClient, vault: S3Vault, owner: str, add: AddPhoto
) -> None:
    photo = add(1)
    assert client.get(f"/api/photos/{photo.id}/renditions/grid").status_code == 404
    vault.keep_rendition(owner, photo.id, Size.GRID, b"a picture")
    answer = client.get(f"/api/photos/{photo.id}/renditions/grid")
    assert (answer.status_code, answer.content) == (200, b"a picture")
    assert "immutable" in answer.headers["cache-control"]
    # A small original is its own view.
    view = client.get(f"/api/photos/{photo.id}/renditions/view")
    assert view.status_code == 307


def test_an_archive_built_in_parts_is_downloaded_from_s3(
    client: TestClient, library: Library, vault: S3Vault, owner: str, add: AddPhoto
) -> None:
    for seed in range(3):
        add(seed)
    asked = client.post("/api/bundles", json={}).json()
    building = BuildingInParts(library.catalog, vault, library.bundles)
    assert building.plan(owner, asked["id"]) == 1
    half = client.get(f"/api/bundles/{asked['id']}").json()
    assert (half["state"], half["parts"], half["built"]) == ("preparing", 1, 0)
    assert client.get(half["url"]).status_code == 409
    building.build(owner, asked["id"], 1)
    building.complete(owner, asked["id"])
    ready = client.get(f"/api/bundles/{asked['id']}").json()
    assert (ready["state"], ready["built"]) == ("ready", 1)
    answer = client.get(ready["url"])
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "private, no-store")
    got = outside.get(answer.headers["location"])
    assert got.headers["content-type"] == "application/zip"
    assert got.headers["content-disposition"].startswith('attachment; filename="fototeca-')
    assert len(zipfile.ZipFile(io.BytesIO(got.content)).namelist()) == 4
    head = client.head(ready["url"])
    assert head.headers["content-length"] == str(ready["archive_size"])
    assert client.delete(f"/api/bundles/{asked['id']}").status_code == 204
    assert outside.get(answer.headers["location"]).status_code == 404


def test_an_archive_s_url_ends_with_its_bundle(
    client: TestClient,
    library: Library,
    vault: S3Vault,
    owner: str,
    add: AddPhoto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(1)
    bundle = library.bundles.request(owner, Selection())
    building = BuildingInParts(library.catalog, vault, library.bundles)
    building.plan(owner, bundle.id)
    building.build(owner, bundle.id, 1)
    building.complete(owner, bundle.id)

    def seconds(before: timedelta) -> int:
        """That a URL of that time before the end is valid."""
        moment = bundle.expires_at - before
        monkeypatch.setattr("fototeca.bundling.bundles.now", lambda: moment)
        url = client.get(f"/api/bundles/{bundle.id}/archive").headers["location"]
        return int(httpx.URL(url).params["X-Amz-Expires"])

    assert seconds(timedelta(hours=1)) == 300
    assert seconds(timedelta(seconds=90)) == 90


def test_the_reference_client_uploads_into_the_inbox(
    client: TestClient, owner: str, vault: S3Vault, s3: Any, make_jpeg: MakeJpeg
) -> None:
    for name in ("my photo.JPG", "../../x.jpg", "😀" * 900):
        url = client.put("/pam/v1/upload", json={"file_name": name}).json()["url"]
        wrong = outside.put(url, content=b"<html>", headers={"content-type": "text/html"})
        assert wrong.status_code == 403
        sent = outside.put(url, content=make_jpeg(1), headers={"content-type": "image/jpeg"})
        assert sent.status_code == 200
    listed = s3.list_objects_v2(Bucket=vault.photos.bucket)["Contents"]
    keys = [each["Key"] for each in listed]
    assert len(keys) == 3
    assert all(key.startswith(f"inbox/{owner}/") and key.count("/") == 3 for key in keys)
    names = {key.rpartition("/")[2] for key in keys}
    assert {"my photo.JPG", "x.jpg"} < names


def test_a_vault_that_does_not_answer_is_said_so(
    client: TestClient, add: AddPhoto, vault: S3Vault, s3: Any
) -> None:
    photo = add(1)
    for objects in (vault.photos, vault.working):
        objects.bucket = f"{objects.bucket}-gone"
    answer = client.get(f"/api/photos/{photo.id}/renditions/grid")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
