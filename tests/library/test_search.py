"""Search by description, with a model that knows texts: the right photos, the owner's alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from fototeca.app import Library, open_library
from fototeca.catalog.protocol.photos import Embedding
from fototeca.catalog.protocol.queue import Labelled
from fototeca.photos import Selection, now
from fototeca.settings import Settings
from tests import tiny_clip

COLOURS = {"red.png": "#e22", "green.png": "#2e2", "blue.png": "#22e"}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    model = tiny_clip.write(tmp_path / "tiny")
    (model / "labels.txt").write_text("Rose: red\nMine: green\n")
    settings = Settings(library=tmp_path / "library", labeller=f"clip:{model}", threads=1)
    with open_library(settings) as opened:
        yield opened


def filled(library: Library, tmp_path: Path) -> str:
    owner = library.local_account().id
    for name, colour in COLOURS.items():
        path = tmp_path / name
        Image.new("RGB", (320, 240), colour).save(path)
        library.ingest.add_file(owner, path)
    library.workers().start()
    library.workers().drain()
    return owner


def test_the_best_come_first(library: Library, tmp_path: Path) -> None:
    owner = filled(library, tmp_path)
    for colour in ("red", "green", "blue"):
        found = library.searched(owner, Selection(), f"a {colour} one", 10)
        assert found[0].name == f"{colour}.png"
        assert len(found) == 3
    assert {each.name for each in library.catalog.photos.labels(owner, Selection())} >= {"Rose"}
    assert len(library.searched(owner, Selection(), "red", 2)) == 2
    assert library.searched(owner, Selection(), " \n", 2) == [], "nothing is described"
    within = library.searched(owner, Selection(any=frozenset({"Mine"})), "red", 10)
    assert [each.name for each in within] == ["green.png"]


def test_neither_others_nor_the_trash_nor_another_models_are_found(
    library: Library, tmp_path: Path
) -> None:
    owner = filled(library, tmp_path)
    stranger = library.catalog.accounts.add("eve@example.com", "hash", now()).id
    assert library.searched(stranger, Selection(), "red", 10) == []
    first = library.searched(owner, Selection(), "red", 1)[0]
    library.catalog.photos.trash(owner, [first.id], now())
    assert first.id not in {each.id for each in library.searched(owner, Selection(), "red", 9)}
    other = Embedding("other@1", (1.0, 0.0, 0.0))
    assert library.catalog.photos.nearest(owner, Selection(), other) == []
    longer = Embedding("x", (1.0,) * 7)
    assert library.catalog.photos.nearest(owner, Selection(), longer) == []


def test_labelling_again_replaces_the_embedding(library: Library, tmp_path: Path) -> None:
    owner = filled(library, tmp_path)
    library.workers().stop()
    library.catalog.queue.relabel(owner)
    claims = library.catalog.queue.claim("w-0", 9, now().replace(year=2100))
    moved = Embedding("other@1", (0.0, 0.0, 1.0))
    library.catalog.queue.settle(
        "w-0", [Labelled(owner, claim.photo.id, (), "other@1", moved) for claim in claims]
    )
    assert library.searched(owner, Selection(), "red", 9) == []
    assert len(library.catalog.photos.nearest(owner, Selection(), moved)) == 3
