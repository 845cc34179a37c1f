"""Uploads: what is refused and why, that nothing of it stays, and that it can be sent again."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import (
    Serve,
    Served,
    add_token,
    is_problem,
    labelled,
    launch,
    plan,
    until,
    upload,
)
from tests.conftest import MakeJpeg

pytestmark = pytest.mark.xdist_group("api-uploads")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = launch(tmp_path_factory.mktemp("uploads") / "library", max_file_bytes="1000000")
    served.set_up()
    yield served
    served.stop()


@pytest.fixture
def owner(served: Served) -> httpx.Client:
    return served.sign_in()


def kept(served: Served) -> list[Path]:
    """Files of the vault that hold anyone's bytes."""
    folders = [served.library / "vault" / name for name in ("originals", "incoming")]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def total(client: httpx.Client) -> int:
    count: int = client.get("/api/photos").json()["total"]
    return count


def test_too_large_is_refused_before_and_while_it_is_sent(
    served: Served, owner: httpx.Client
) -> None:
    data = samples.photos()[0].read_bytes() + bytes(1_000_000)
    before = kept(served)
    planned = plan(owner, data)
    assert planned["state"] == "refused"
    assert planned["problem"]["status"] == 413
    assert "1 MB" in planned["problem"]["detail"]
    is_problem(owner.post("/api/photos", content=data), 413)

    def pieces() -> Iterator[bytes]:  # of unknown length, so only counting can tell
        for start in range(0, len(data), 65536):
            yield data[start : start + 65536]

    is_problem(owner.post("/api/photos", content=pieces()), 413)
    assert kept(served) == before


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a nearly", b"<svg onload=alert(1)>", b"\xff\xd8\xff", bytes(5000)],
    ids=["empty", "gif", "svg", "first bytes of a JPEG", "zeros"],
)
def test_what_is_no_picture_is_415(served: Served, owner: httpx.Client, data: bytes) -> None:
    before = kept(served)
    assert is_problem(owner.post("/api/photos", content=data), 415)["detail"]
    assert kept(served) == before


def test_a_cut_photo_is_415(served: Served, owner: httpx.Client) -> None:
    whole = samples.photos()[0].read_bytes()
    before = kept(served)
    is_problem(owner.post("/api/photos", content=whole[:300]), 415)
    assert kept(served) == before


def test_other_bytes_than_announced_are_422(
    served: Served, owner: httpx.Client, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(1)
    where = plan(owner, data)["upload"]
    before = kept(served)
    changed = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
    for wrong in (changed, data[:-1], data + b"\0", b""):
        answer = owner.put(where["url"], content=wrong, headers=where["headers"])
        assert is_problem(answer, 422)["detail"]
    assert kept(served) == before
    # The URL is not used up by it.
    assert owner.put(where["url"], content=data, headers=where["headers"]).status_code == 201
    assert owner.get(f"/api/photos/{sha256(data).hexdigest()}").status_code == 200


def test_an_upload_cut_off_leaves_nothing_and_is_sent_again(
    served: Served, owner: httpx.Client
) -> None:
    data = samples.photos()[1].read_bytes()
    where = plan(owner, data)["upload"]
    before, count = kept(served), total(owner)
    place = urlsplit(served.address)
    assert place.hostname
    assert place.port
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(
            f"PUT {where['url']} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
        )
        connection.sendall(data[: len(data) // 2])
        # Bytes have arrived: what is cut off is an upload that has begun.
        until(lambda: kept(served) != before or None, "begun")
        assert total(owner) == count
        is_problem(owner.get(f"/api/photos/{sha256(data).hexdigest()}"), 404)
    until(lambda: kept(served) == before or None, "cleared")
    assert total(owner) == count
    assert owner.put(where["url"], content=data, headers=where["headers"]).status_code == 201
    assert total(owner) == count + 1
    original = owner.get(f"/api/photos/{sha256(data).hexdigest()}/original")
    assert original.content == data


def test_a_photo_whose_original_was_lost_is_taken_again(
    served: Served, owner: httpx.Client, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(20)
    id = upload(owner, data)
    assert plan(owner, data)["state"] == "duplicate"
    (original,) = (path for path in kept(served) if path.name == id)
    original.unlink()
    where = plan(owner, data)["upload"]
    assert owner.put(where["url"], content=data, headers=where["headers"]).status_code == 200
    assert owner.get(f"/api/photos/{id}/original").content == data
    assert plan(owner, data)["state"] == "duplicate"


def test_the_url_alone_authorises_and_only_what_was_announced(
    served: Served, owner: httpx.Client, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(2)
    where = plan(owner, data)["upload"]
    stranger = served.client()
    is_problem(stranger.put(where["url"], content=data, headers={"content-type": "text/html"}), 403)
    ticket = where["url"].rsplit("/", 1)[1]
    payload, signature = ticket.split(".")
    for altered in (
        payload,
        f"{payload}.",
        f".{signature}",
        f"{payload}.{signature[:-2]}AA",
        f"{payload[:-4]}AAAA.{signature}",
        f"{'A' * 5000}.{signature}",
        "%C3%A9.%C3%A9",
        f"{payload}.%C3%A9",
    ):
        answer = stranger.put(
            f"/api/uploads/{altered}", content=data, headers={"content-type": "image/jpeg"}
        )
        is_problem(answer, 403)
    assert stranger.put(where["url"], content=data, headers=where["headers"]).status_code == 201
    # It opens nothing else.
    is_problem(stranger.get(where["url"]), 405)
    is_problem(stranger.get("/api/photos", headers={"authorization": f"Bearer {ticket}"}), 401)


def test_an_expired_url_is_403(serve: Serve, make_jpeg: MakeJpeg) -> None:
    owner = serve(upload_minutes="0.00001").set_up()
    data = make_jpeg(3)
    where = plan(owner, data)["upload"]
    is_problem(owner.put(where["url"], content=data, headers=where["headers"]), 403)
    assert total(owner) == 0


@pytest.mark.crash
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_507_and_what_was_kept_stays(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        served = launch(disk / "library")
        try:
            owner = served.set_up()
            small = make_jpeg(4)
            id = upload(owner, small)
            labelled(owner)  # what workers give back is room
            large = make_jpeg(5, size=(1600, 1200)) + bytes(4_000_000)
            before = kept(served)
            where = plan(owner, large)["upload"]
            for answer in (
                owner.put(where["url"], content=large, headers=where["headers"]),
                owner.post("/api/photos", content=large),
            ):
                assert is_problem(answer, 507)["detail"]
            assert kept(served) == before
            assert owner.get(f"/api/photos/{id}/original").content == small
            # What is there can be read to the last, also by a token never used before.
            script = served.with_token(add_token(owner))
            with (disk / "rest").open("wb", buffering=0) as rest, suppress(OSError):
                while True:
                    rest.write(bytes(512))
            assert script.get(f"/api/photos/{id}/original").content == small
            assert script.get("/api/photos").json()["total"] == 1
            is_problem(script.post("/api/photos", content=small[:-2] + b"\0\xff\xd9"), 507)
            is_problem(owner.post("/api/tokens", json={"name": "another"}), 507)
            assert owner.get("/health").status_code == 200
        finally:
            served.stop()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("..", ".."),
        ("a\u202egpj.exe", "agpj.exe"),
        ("tab\there\r\n.jpg", "tabhere.jpg"),
        ("\u200b", "photo"),
        ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
        ("Día de campo.JPG", "Día de campo.JPG"),
        ("n" * 900 + ".jpg", "n" * 251 + ".jpg"),
        ("😀" * 900 + ".jpg", "😀" * 251 + ".jpg"),
        ("x/" + "y" * 998, "y" * 255),
    ],
)
def test_names_are_shown_and_decide_no_path(
    served: Served, owner: httpx.Client, make_jpeg: MakeJpeg, name: str, shown: str
) -> None:
    data = make_jpeg(int.from_bytes(sha256(name.encode()).digest()[:4]))
    id = upload(owner, data, name)
    assert owner.get(f"/api/photos/{id}").json()["name"] == shown
    download = owner.get(f"/api/photos/{id}/original", params={"download": True})
    disposition = download.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert not any(character in disposition for character in "\r\n\t/\\")
    at_once = owner.post("/api/photos", params={"name": name}, content=data)
    assert (at_once.status_code, at_once.json()["name"]) == (200, shown)
    assert {path.name for path in kept(served)} >= {id}


@pytest.mark.parametrize("name", ["", "n" * 1001, "\ud800"], ids=["empty", "long", "surrogate"])
def test_names_that_are_none_are_422(owner: httpx.Client, name: str) -> None:
    wanted = f'[{{"name": {ascii_json(name)}, "size": 5, "sha256": "{"0" * 64}"}}]'
    answer = owner.post(
        "/api/uploads", content=wanted, headers={"content-type": "application/json"}
    )
    assert is_problem(answer, 422)["errors"][0]["where"] == "body/0/name"


def test_a_whole_batch_is_answered_in_order(owner: httpx.Client, make_jpeg: MakeJpeg) -> None:
    here = make_jpeg(7)
    upload(owner, here)
    batch = [here, make_jpeg(8), bytes(2_000_000), here]
    wanted = [
        {"name": f"{place}.jpg", "size": len(data), "sha256": sha256(data).hexdigest()}
        for place, data in enumerate(batch)
    ]
    answers = owner.post("/api/uploads", json=wanted).json()
    assert [each["state"] for each in answers] == ["duplicate", "upload", "refused", "duplicate"]
    assert [each["id"] for each in answers] == [each["sha256"] for each in wanted]
    is_problem(owner.post("/api/uploads", json=[]), 422)
    is_problem(owner.post("/api/uploads", json=wanted[:1] * 1001), 422)


def test_a_script_sends_a_photo_by_its_token(served: Served, owner: httpx.Client) -> None:
    data = samples.photos()[2].read_bytes()
    script = served.with_token(add_token(owner))
    added = script.post("/api/photos", params={"name": "brushes.jpg"}, content=data)
    assert added.status_code == 201
    assert added.json()["id"] == sha256(data).hexdigest()
    again = script.post("/api/photos", params={"name": "other.jpg"}, content=data)
    assert (again.status_code, again.json()["name"]) == (200, "brushes.jpg")


def test_sending_a_trashed_photo_again_restores_it(
    owner: httpx.Client, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(9)
    id = upload(owner, data)
    owner.patch(f"/api/photos/{id}/labels", json={"add": ["Holiday"]})
    assert owner.delete(f"/api/photos/{id}").status_code == 204
    assert owner.get("/api/photos", params={"any": "Holiday"}).json()["total"] == 0
    upload(owner, data)
    page = owner.get("/api/photos", params={"any": "Holiday"}).json()
    assert [photo["id"] for photo in page["photos"]] == [id]


def ascii_json(text: str) -> str:
    """JSON by escapes alone, so that a lone surrogate can be sent."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'
