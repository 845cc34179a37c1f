"""The catalog's file, used by threads that come and go and by other processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fototeca.app import CATALOG, Library
from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.sqlite import SqliteCatalog, database
from fototeca.catalog.sqlite.labels import Labels
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection
from fototeca.settings import Settings

MakeJpeg = Callable[..., bytes]


@pytest.fixture
def impatient(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqliteCatalog]:
    """The library's catalog as another process has it open, one that hardly waits."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    catalog = SqliteCatalog(settings.library / CATALOG, Taxonomy.load())
    yield catalog
    catalog.close()


def test_a_thread_that_ends_leaves_no_file_open(library: Library, owner: str) -> None:
    def look() -> None:
        library.catalog.photos.page(owner, Selection())

    def burst() -> int:
        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(list(Path("/dev/fd").iterdir()))

    # SQLite closes a file a little later where another connection has it locked.
    few = burst() + 6
    assert max(burst() for _ in range(5)) < few


def test_a_check_keeps_nobody_from_writing(
    library: Library,
    owner: str,
    impatient: SqliteCatalog,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    library.ingest.add_file(owner, tmp_path / "a.jpg")
    expected = Labels.expected

    def meanwhile(labels: Labels, owner_key: int, photo: int) -> frozenset[str]:
        impatient.notices.add(owner, "inbox-refused", "b.jpg", "no photo")
        return expected(labels, owner_key, photo)

    monkeypatch.setattr(Labels, "expected", meanwhile)
    assert library.catalog.check(repair=False) == []
    assert len(library.catalog.notices.of(owner)) == 1


def test_who_has_waited_for_others_too_long_is_told_to_try_again(
    owner: str, impatient: SqliteCatalog, settings: Settings
) -> None:
    other = sqlite3.connect(settings.library / CATALOG, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogBusy, match="another process"):
        impatient.notices.add(owner, "inbox-refused", "b.jpg", "no photo")
    other.execute("ROLLBACK")
    other.close()
    impatient.notices.add(owner, "inbox-refused", "b.jpg", "no photo")
