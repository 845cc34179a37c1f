"""Pages of selections so large that SQLite's photos are walked by date, here of any size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from fototeca.catalog.sqlite import SqliteCatalog, photos
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection
from tests.contract.catalog_world import found, label_waiting, owner_of, photo, select

PHOTOS = 2000


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteCatalog]:
    monkeypatch.setattr(photos, "FEW", 0)
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    yield catalog
    catalog.close()


def test_every_selection_is_walked_to_the_same_photos(catalog: SqliteCatalog) -> None:
    owner = owner_of(catalog)
    on = {
        number: frozenset(
            name for at, name in enumerate(("Dog", "Cat", "Lake")) if number >> at & 1
        )
        for number in range(16)
    }
    with catalog.database.write():
        for number in on:
            catalog.photos.add(photo(owner, number))
        seen = {photo(owner, number).id: dict.fromkeys(names, 0.9) for number, names in on.items()}
        label_waiting(catalog, seen)
    everything = found(catalog, owner, Selection(), limit=3)
    assert everything == [photo(owner, number).id for number in reversed(on)]
    labels = {photo(owner, number).id: names for number, names in on.items()}
    for texts in product(("", "Dog", "Dog Lake", "Dog Cat Lake"), repeat=3):
        selection = select(*texts)
        expected = [id for id in everything if selection.matches(labels[id])]
        assert found(catalog, owner, selection, limit=3) == expected


def test_any_of_what_is_on_old_photos_alone_walks_none_of_the_others(
    catalog: SqliteCatalog,
) -> None:
    owner = owner_of(catalog)
    with catalog.database.write():
        for number in range(PHOTOS):
            catalog.photos.add(photo(owner, number))
        old = {photo(owner, number).id: {("Lake", "Sea")[number % 2]: 0.9} for number in range(20)}
        label_waiting(catalog, old)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    catalog.database.connection.set_progress_handler(count, 1)
    page = catalog.photos.page(owner, select(any="Lake Sea"), limit=5)
    catalog.database.connection.set_progress_handler(None, 1)
    assert (len(page.photos), page.total) == (5, 20)
    assert steps < PHOTOS
