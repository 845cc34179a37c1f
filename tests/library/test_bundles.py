"""Bundles of a real library: exactly what was asked for, judged by other people's tools."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fototeca.app import Library, open_library
from fototeca.bundling.bundles import EmptySelection, NotReady
from fototeca.catalog.protocol.bundles import Bundle, BundleState
from fototeca.photos import Photo, Selection, now
from fototeca.settings import Settings
from fototeca.vault.protocol import OriginalMissing, Stored
from tests.unit.archives import said_by

MakeJpeg = Callable[..., bytes]


@pytest.fixture
def photos(library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg) -> list[Photo]:
    names = ["IMG.jpg", "img.JPG", "con.jpg", "über.jpg", "..\\x.jpg", "🏔️.jpg", "x" * 250 + ".jpg"]
    made = []
    for number, name in enumerate(names):
        with library.vault.stage() as staged:
            staged.write(make_jpeg(number))
            made.append(library.ingest.add(owner, staged, name).photo)
    return made


def ready(library: Library, owner: str, selection: Selection | None = None) -> Bundle:
    return library.bundles.prepare(library.bundles.request(owner, selection or Selection()))


def content(library: Library, bundle: Bundle) -> bytes:
    archive = library.bundles.archive(bundle)
    return b"".join(archive.read(0, archive.size))


def test_an_archive_holds_the_originals_and_says_so(
    library: Library, owner: str, photos: list[Photo], tmp_path: Path
) -> None:
    bundle = ready(library, owner)
    data = content(library, bundle)
    assert len(data) == bundle.archive_size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[-1] == "fototeca-manifest.json"
        assert len({name.casefold() for name in names}) == len(photos) + 1
        manifest = json.loads(archive.read("fototeca-manifest.json"))
        assert [each["name"] for each in manifest["photos"]] == names[:-1]
        for each in manifest["photos"]:
            original = library.vault.read_original(owner, each["id"], 0, each["bytes"])
            assert archive.read(each["name"]) == b"".join(original)
    assert manifest["skipped"] == []
    (tmp_path / "bundle.zip").write_bytes(data)
    said_by("unzip", "-tqq", tmp_path / "bundle.zip")
    said_by("7z", "t", tmp_path / "bundle.zip")


def test_any_range_is_that_part_of_the_whole(
    library: Library, owner: str, photos: list[Photo]
) -> None:
    bundle = ready(library, owner)
    archive = library.bundles.archive(bundle)
    data = content(library, bundle)
    generator = random.Random(1)
    for _ in range(200):
        start = generator.randint(0, archive.size)
        stop = generator.randint(start, archive.size)
        assert b"".join(archive.read(start, stop)) == data[start:stop]


def test_the_same_photos_give_the_same_tag_only_as_the_same_bundle(
    library: Library, owner: str, photos: list[Photo]
) -> None:
    bundle = ready(library, owner)
    assert library.bundles.prepare(bundle).etag == bundle.etag
    assert content(library, bundle) == content(library, bundle)
    assert ready(library, owner).etag != bundle.etag


def test_what_cannot_be_included_is_named(
    library: Library, owner: str, photos: list[Photo], settings: Settings
) -> None:
    asked = library.bundles.request(owner, Selection())
    library.vault.delete_original(owner, photos[0].id)
    damaged = settings.library / "vault/originals" / owner / photos[1].id[:2] / photos[1].id
    damaged.write_bytes(damaged.read_bytes()[:10])
    bundle = library.bundles.prepare(asked)
    assert (bundle.photos, bundle.prepared, bundle.skipped) == (7, 5, 2)
    reasons = {skip.name: skip.reason for skip in library.catalog.bundles.skipped(bundle)}
    assert "not in the vault" in reasons[photos[0].name]
    assert "damaged" in reasons[photos[1].name]
    with zipfile.ZipFile(io.BytesIO(content(library, bundle))) as archive:
        manifest = json.loads(archive.read("fototeca-manifest.json"))
    assert {skip["id"] for skip in manifest["skipped"]} == {photos[0].id, photos[1].id}
    (notice,) = library.catalog.notices.of(owner)
    assert "2 could not be included" in notice.text


def test_a_bundle_of_which_nothing_is_left_fails(
    library: Library, owner: str, photos: list[Photo]
) -> None:
    asked = library.bundles.request(owner, Selection())
    for photo in photos:
        library.vault.delete_original(owner, photo.id)
    assert library.bundles.prepare(asked).state is BundleState.FAILED


def test_bytes_that_vanish_while_they_are_sent_end_in_an_error(
    library: Library, owner: str, photos: list[Photo]
) -> None:
    archive = library.bundles.archive(ready(library, owner))
    library.vault.delete_original(owner, photos[-1].id)
    with pytest.raises(OriginalMissing):
        list(archive.read(0, archive.size))


def test_trashed_photos_stay_in_a_bundle_until_it_expires(
    library: Library, owner: str, photos: list[Photo]
) -> None:
    bundle = ready(library, owner)
    library.catalog.photos.trash(owner, [photo.id for photo in photos], now().replace(year=2020))
    library.workers().tidy()
    with zipfile.ZipFile(io.BytesIO(content(library, bundle))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 8


def test_who_was_held_up_leaves_a_bundle_to_who_went_on(
    library: Library, owner: str, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = library.bundles.request(owner, Selection())
    stored = library.vault.stored

    def held_up(owner: str, ids: Sequence[str]) -> list[Stored | None]:
        monkeypatch.undo()
        library.catalog.bundles.release()  # as its minute does
        library.bundles.prepare(bundle)
        return stored(owner, ids)

    monkeypatch.setattr(library.vault, "stored", held_up)
    made = library.bundles.prepare(bundle)
    assert (made.state, made.prepared) == (BundleState.READY, len(photos))
    with zipfile.ZipFile(io.BytesIO(content(library, made))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(photos) + 1


def test_an_empty_selection_makes_no_bundle(library: Library, owner: str) -> None:
    with pytest.raises(EmptySelection):
        library.bundles.request(owner, Selection())
    assert library.catalog.bundles.of(owner) == []


def test_a_bundle_ends_exactly_in_time(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    settings = Settings(library=tmp_path / "library", bundle_hours=1e-9)
    with open_library(settings) as library:
        owner = library.local_account().id
        with library.vault.stage() as staged:
            staged.write(make_jpeg(1))
            library.ingest.add(owner, staged, "a.jpg")
        bundle = ready(library, owner)
        with pytest.raises(NotReady, match="expired"):
            library.bundles.archive(bundle)
        library.bundles.expire()
        expired = library.catalog.bundles.get(owner, bundle.id)
        assert expired is not None
        assert expired.state is BundleState.EXPIRED
        assert list((settings.library / "vault" / "working").iterdir()) == []


def test_deleting_a_bundle_takes_its_files(
    library: Library, owner: str, photos: list[Photo], settings: Settings
) -> None:
    bundle = ready(library, owner)
    assert not library.bundles.delete("0" * 16, bundle.id)
    assert library.bundles.delete(owner, bundle.id)
    assert not library.bundles.delete(owner, bundle.id)
    assert list((settings.library / "vault" / "working").iterdir()) == []
