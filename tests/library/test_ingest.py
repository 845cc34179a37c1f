"""Ingest: what is acknowledged is durable and recorded; what is refused leaves nothing."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototeca.app import Library, open_library
from fototeca.catalog.protocol import CatalogBusy, CatalogFull
from fototeca.catalog.protocol.imports import ImportState
from fototeca.catalog.protocol.photos import Outcome
from fototeca.ingest import Refused, TooLarge, display_name
from fototeca.photos import Photo, Selection, now
from fototeca.settings import Settings
from fototeca.vault.protocol import VaultFull

MakeJpeg = Callable[..., bytes]


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_bytes_become_a_photo(
    library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    data = make_jpeg(1, size=(64, 48), exif={"Make": "Acme", "Orientation": 6})
    ingested = library.ingest.add_file(owner, put(tmp_path, "a.jpg", data))
    photo = ingested.photo
    assert ingested.outcome is Outcome.ADDED
    assert photo.id == sha256(data).hexdigest()
    assert photo.crc32 == zlib.crc32(data)
    assert photo.probe.upright_size == (48, 64)
    assert photo.probe.exif.camera_make == "Acme"
    assert library.catalog.photos.get(owner, photo.id) == photo
    assert b"".join(library.vault.read_original(owner, photo.id, 0, len(data))) == data


def test_a_busy_catalog_ends_an_import_and_refuses_no_file(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def busy(_: Photo) -> Outcome:
        raise CatalogBusy("it stays busy")

    monkeypatch.setattr(library.catalog.photos, "add", busy)
    done = library.imports.run(owner, [put(tmp_path, "a.jpg", make_jpeg(1))], lambda _: None)
    assert (done.state, done.failure) == (ImportState.FAILED, "it stays busy")
    assert (done.refused, done.refusals) == (0, ())


def test_the_same_bytes_keep_their_first_name(
    library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    library.ingest.add_file(owner, put(tmp_path, "a.jpg", make_jpeg(1)))
    again = library.ingest.add_file(owner, put(tmp_path, "b.jpg", make_jpeg(1)))
    assert (again.outcome, again.photo.name) == (Outcome.DUPLICATE, "a.jpg")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"hello", "not an image"), (b"GIF89a" + bytes(20), "GIF"),
     (b"\xff\xd8\xff\xe0" + bytes(30), "damaged")],
)  # fmt: skip
def test_what_is_no_photo_leaves_nothing(
    library: Library, owner: str, tmp_path: Path, data: bytes, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        library.ingest.add_file(owner, put(tmp_path, "a.jpg", data))
    assert list(library.vault.originals()) == []
    assert library.catalog.photos.page(owner, Selection()).total == 0


def test_a_file_over_the_limit_is_refused(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    small = Settings(library=tmp_path / "small", max_file_bytes=1000)
    with open_library(small) as library, pytest.raises(TooLarge):
        library.ingest.add_file(
            library.local_account().id, put(tmp_path, "a.jpg", make_jpeg(1, size=(640, 480)))
        )


def test_a_photo_over_the_pixel_limit_is_refused(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    small = Settings(library=tmp_path / "small", max_pixels=10_000)
    with open_library(small) as library, pytest.raises(Refused, match="megapixels"):
        library.ingest.add_file(
            library.local_account().id, put(tmp_path, "a.jpg", make_jpeg(1, size=(640, 480)))
        )


@pytest.mark.parametrize("error", [VaultFull(28, "no room"), CatalogFull(28, "no room")])
def test_without_room_nothing_is_acknowledged_and_nothing_shows(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
) -> None:
    def no_room(*arguments: object) -> None:
        raise error

    target = library.vault if isinstance(error, VaultFull) else library.catalog.photos
    name = "keep_original" if isinstance(error, VaultFull) else "add"
    with monkeypatch.context() as patched:
        patched.setattr(target, name, no_room)
        with pytest.raises(type(error)):
            library.ingest.add_file(owner, put(tmp_path, "a.jpg", make_jpeg(1)))
    assert library.catalog.photos.page(owner, Selection()).total == 0
    ingested = library.ingest.add_file(owner, put(tmp_path, "a.jpg", make_jpeg(1)))
    assert ingested.outcome is Outcome.ADDED


def test_an_upload_that_meets_the_purge_of_its_photo_keeps_its_bytes(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = put(tmp_path, "a.jpg", make_jpeg(1))
    first = library.ingest.add_file(owner, path).photo
    library.catalog.photos.trash(owner, [first.id], now())
    record = library.catalog.photos.add

    def purged_just_before(photo: Photo) -> Outcome:
        assert library.catalog.photos.purge(owner, photo.id, library.vault.delete_original)
        return record(photo)

    monkeypatch.setattr(library.catalog.photos, "add", purged_just_before)
    assert library.ingest.add_file(owner, path).outcome is Outcome.ADDED
    assert library.vault.original_size(owner, first.id) == path.stat().st_size


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\dan\\a.jpg", "a.jpg"),
        ("a\0b\n.jpg", "ab.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "photo"),
        ("..", ".."),
        ("e\u0301.jpg", "é.jpg"),
        ("e\0\u0301.jpg", "é.jpg"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("x" * 254 + " and more", "x" * 254),
    ],
)
def test_names_are_shown_without_tricks(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


@given(st.text())
def test_any_name_can_be_shown(name: str) -> None:
    shown = display_name(name)
    assert 0 < len(shown) <= 255
    assert "/" not in shown
    assert "\\" not in shown
    assert display_name(shown) == shown
