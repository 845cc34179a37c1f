"""Originals in an archive tier, where reading takes hours: asked back, and done without meanwhile.

No store here has such tiers: the vault is told what AWS would say of an original in one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from fototeca.app import Library, open_library
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.queue import Failed, Labelled
from fototeca.imaging.limits import Limits
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.moving import Moving
from fototeca.photos import Detection, Photo, now
from fototeca.settings import Settings
from fototeca.vault.protocol import OriginalArchived, Size
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.keys import rendition_key
from fototeca.web.application import create_app
from fototeca.work.labelling import PhotoLabelling
from tests.conftest import MakeJpeg
from tests.s3.conftest import AddPhoto

pytestmark = pytest.mark.xdist_group("seaweed")


@pytest.fixture
def s3(seaweed: Any) -> Any:
    return seaweed


@dataclass
class Archive:
    """Where originals are."""

    ids: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def archive(vault: S3Vault, monkeypatch: pytest.MonkeyPatch) -> Archive:
    archive = Archive()
    read = vault.read_original

    def restore(owner: str, ids: Sequence[str]) -> list[str]:
        away = [id for id in ids if id in archive.ids]
        archive.asked += away
        return away

    def read_original(owner: str, id: str, start: int, stop: int) -> Iterator[bytes]:
        if id in archive.ids:
            raise OriginalArchived(id)
        return read(owner, id, start, stop)

    monkeypatch.setattr(vault.assembly, "restore", restore)
    monkeypatch.setattr(vault, "read_original", read_original)
    return archive


@pytest.fixture
def library(catalog: Catalog, vault: S3Vault, tmp_path: Path) -> Iterator[Library]:
    with Library(Settings(library=tmp_path), Taxonomy.load(), catalog, vault, None) as library:
        yield library


def test_who_opens_an_original_has_it_asked_back(
    library: Library, owner: str, add: AddPhoto, archive: Archive
) -> None:
    _, secret = library.identity.add_token(owner, "test", read_only=False)
    headers = {"authorization": f"Bearer {secret}"}
    client = TestClient(create_app(library), headers=headers, follow_redirects=False)
    photo = add(1)
    archive.ids.add(photo.id)
    answer = client.get(f"/api/photos/{photo.id}/original")
    assert answer.status_code == 409
    assert "being restored" in answer.json()["title"] + answer.json().get("detail", "")
    assert archive.asked == [photo.id]
    archive.ids.clear()
    assert client.get(f"/api/photos/{photo.id}/original").status_code == 307


def test_a_move_leaves_what_is_on_its_way_for_the_next_time(
    library: Library, owner: str, add: AddPhoto, archive: Archive, tmp_path: Path
) -> None:
    here, away = add(1), add(2)
    archive.ids.add(away.id)
    with open_library(Settings(library=tmp_path / "home")) as home:
        report = Moving(library, home).run()
        assert (report.photos, report.copied, report.restoring) == (1, 1, 1)
        (difference,) = report.differences
        assert difference.endswith("to be moved in a day: 1")
        assert home.catalog.photos.known(owner, [here.id, away.id]) == {here.id}
        assert archive.asked == [away.id]
        archive.ids.clear()
        report = Moving(library, home).run()
        assert (report.photos, report.copied, report.restoring) == (2, 1, 0)
        assert report.differences == []


class Looking:
    """A labeller that remembers what it has seen."""

    source = "looking@1"
    input_side = 224

    def __init__(self) -> None:
        self.seen: list[Image.Image] = []

    def label(self, image: Image.Image) -> list[Detection]:
        self.seen.append(image)
        return []


def test_a_photo_is_labelled_again_by_its_renditions(
    catalog: Catalog,
    vault: S3Vault,
    owner: str,
    library: Library,
    archive: Archive,
    make_jpeg: MakeJpeg,
) -> None:
    def labelled(photo: Photo) -> Labelled | Failed:
        claim = catalog.queue.take("w-0", owner, photo.id, now() + timedelta(minutes=1))
        assert claim is not None
        result = labelling.of_original(claim)
        catalog.queue.settle("w-0", [result])
        return result

    labeller = Looking()
    labelling = PhotoLabelling(vault, labeller, Limits())
    photos = []
    # On its side, and so small that it is its own view.
    for size, orientation in (((2400, 1800), 6), ((640, 480), 1)):
        with vault.stage() as staged:
            staged.write(make_jpeg(1, size=size, exif={"Orientation": orientation}))
            photos.append(library.ingest.add(owner, staged, "a.jpg").photo)
    for photo in photos:
        assert isinstance(labelled(photo), Labelled)
    archive.ids.update(photo.id for photo in photos)
    catalog.queue.relabel(owner)
    for photo in photos:
        assert labelled(photo) == Labelled(owner, photo.id, (), "looking@1")
    for first, again in zip(labeller.seen[:2], labeller.seen[2:], strict=True):
        # The same picture, the same way up.
        assert np.abs(pixels(first) - pixels(again)).mean() < 4
    for photo in photos:
        for kind in Size:
            if vault.rendition(owner, photo.id, kind):
                vault.photos.delete(rendition_key(owner, photo.id, kind))
    catalog.queue.relabel(owner)
    assert isinstance(labelled(photos[0]), Failed)


def pixels(image: Image.Image) -> NDArray[np.float32]:
    """At one size for all, of values up to 255."""
    return np.asarray(image.resize((60, 80)), np.float32)
