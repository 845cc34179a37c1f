"""The catalog's file, used by threads that come and go and by other processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from fototeca.app import CATALOG, Library
from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.sqlite import SqliteCatalog, database, sets
from fototeca.catalog.sqlite.labels import Labels
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Detection, Selection, now
from fototeca.settings import Settings
from fototeca.work.tidying import tidy
from tests.contract.catalog_world import counts, label, owner_of, photo, select

MakeJpeg = Callable[..., bytes]
SCRIPTS = sorted(
    resources.files(database.__package__).joinpath("migrations").iterdir(),
    key=lambda script: script.name,
)


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


def test_a_catalog_of_an_older_version_is_brought_up_to_this_one(tmp_path: Path) -> None:
    """From before it was kept what a confidence rests on: all of each is taken as a sum."""
    path = tmp_path / "catalog.sqlite3"
    old = sqlite3.connect(path)
    for script in SCRIPTS[:6]:
        old.executescript(script.read_text(encoding="utf-8"))
    old.executescript(
        """
        INSERT INTO account (key, id, created_at) VALUES (1, 'dan', 0);
        INSERT INTO photo (key, owner, id, name, size, crc32, media_type, width, height,
            orientation, exif, taken, uploaded_at, state, source)
        VALUES (1, 1, zeroblob(32), 'a.jpg', 1, 1, 'image/jpeg', 1, 1, 1, '{}', 0, 0, 'labelled',
            'm@1');
        INSERT INTO label (key, owner, name) VALUES (1, 1, 'Dog'), (2, 1, 'Beagle');
        INSERT INTO detection VALUES (1, 1, 0.95), (1, 2, 0.9);
        INSERT INTO correction VALUES (1, 2, 0);
        INSERT INTO fact VALUES ('taxonomy', 'another');
        PRAGMA user_version = 6;
        """
    )
    old.close()
    catalog = SqliteCatalog(path, Taxonomy.load())
    while catalog.label_preferences.recompute():
        pass
    labels = catalog.photos.labels_of("dan", "00" * 32)
    assert labels is not None
    assert labels.detections == (Detection("Dog", 0.95, "m@1"), Detection("Beagle", 0.9, "m@1"))
    assert labels.on == ()
    catalog.close()


def test_a_bundle_of_an_older_version_keeps_its_photos(tmp_path: Path) -> None:
    """From when each photo of it was a row."""
    path = tmp_path / "catalog.sqlite3"
    old = sqlite3.connect(path)
    for script in SCRIPTS[:7]:
        old.executescript(script.read_text(encoding="utf-8"))
    old.execute("INSERT INTO account (key, id, created_at) VALUES (1, 'dan', 0)")
    old.executemany(
        "INSERT INTO photo (key, owner, id, name, size, crc32, media_type, width, height,"
        " orientation, exif, taken, uploaded_at, state, trashed_at)"
        " VALUES (?1, 1, ?2, ?1 || '.jpg', 1, 1, 'image/jpeg', 1, 1, 1, '{}', -?1, 0, 'waiting',"
        " iif(?1 = 3, 0, NULL))",
        [(key, key.to_bytes(32, "big")) for key in range(1, 2501)],
    )
    old.executescript(
        """
        INSERT INTO bundle (key, id, owner, selection, state, created_at, expires_at, photos, bytes)
        VALUES (1, 'old', 1, '{"any": [], "all": [], "none": []}', 'preparing', 0, 1, 2500, 2500);
        INSERT INTO bundle_photo (bundle, position, photo, skipped)
        SELECT 1, 2500 - key, key, iif(key = 7, 'lost', NULL) FROM photo;
        PRAGMA user_version = 7;
        """
    )
    old.close()
    with closing(SqliteCatalog(path, Taxonomy.load())) as catalog:
        (bundle,) = catalog.bundles.of("dan")
        members = list(catalog.bundles.members(bundle))
        assert [int(member.photo.id, 16) for member in members] == list(range(2500, 0, -1))
        assert [member.position for member in members] == list(range(2500))
        (skipped,) = catalog.bundles.skipped(bundle)
        assert (skipped.name, skipped.reason) == ("7.jpg", "lost")
        trashed = "dan", f"{3:064x}"
        assert list(catalog.photos.purgeable(now())) == []
        assert not catalog.photos.purge(*trashed, lambda owner, id: pytest.fail("purged"))
        catalog.bundles.expire(now())
        assert list(catalog.photos.purgeable(now())) == [trashed]
        assert catalog.photos.purge(*trashed, lambda owner, id: None)


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


def test_tidying_up_where_nothing_is_to_be_done_waits_for_nobody(
    library: Library, owner: str, impatient: SqliteCatalog, settings: Settings
) -> None:
    impatient.accounts.add_session(owner, b"secret", now() + timedelta(days=1))
    other = sqlite3.connect(settings.library / CATALOG, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bundling = Bundling(impatient, library.vault, timedelta(days=1))
    tidy(impatient, library.vault, bundling, timedelta(days=30))
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("kept", [sets.KEPT, 0, 40])
def test_counts_follow_what_other_processes_change(
    tmp_path: Path, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kept`: also where the sets of all labels are more than may stay in memory."""
    monkeypatch.setattr(sets, "KEPT", kept)
    here = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    there = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    with closing(here), closing(there):
        owner = owner_of(here)
        chosen = select(any="Lake")
        ids = [label(there, owner, number, Lake=0.97, Dog=0.97).id for number in range(3)]
        usual = counts(here, owner, chosen)
        assert usual["Lake"] == usual["Dog"] == 3

        there.photos.correct(owner, ids[:1], ["Mine"], ["Dog"])
        changed = counts(here, owner, chosen)
        assert (changed["Mine"], changed["Dog"]) == (1, 2)
        there.photos.correct(owner, ids[:1], [], [], clear=["Mine", "Dog"])
        assert counts(here, owner, chosen) == usual
        there.photos.trash(owner, ids[1:], now())
        assert counts(here, owner, chosen) == dict.fromkeys(usual, 1)
        there.photos.restore(owner, ids[1:])
        assert counts(here, owner, chosen) == usual
        label(there, owner, 3, Lake=0.97, Mountain=0.97)
        assert counts(here, owner, chosen)["Mountain"] == 1

        # What a repair by another process mends is mended here.
        raw = there.database.connection
        raw.execute("UPDATE photo_set SET photos = (SELECT photos FROM photo_set WHERE label < 0)")
        raw.execute("UPDATE label SET version = version + 1")
        assert counts(here, owner, chosen)["Mountain"] == 4
        assert there.check(repair=True)
        assert counts(here, owner, chosen)["Mountain"] == 1


@pytest.mark.parametrize("version", range(1, len(SCRIPTS)))
def test_a_library_of_an_older_fototeca_is_taken_over(tmp_path: Path, version: int) -> None:
    new, old = tmp_path / "new.sqlite3", tmp_path / "old.sqlite3"
    with closing(SqliteCatalog(new, Taxonomy.load())) as catalog:
        owner = owner_of(catalog)
        for number in range(250):
            catalog.photos.add(photo(owner, number))
        first = [photo(owner, number).id for number in range(30)]
        catalog.photos.correct(owner, first, ["Lake"], [])
        catalog.photos.trash(owner, first[:10], now())
        catalog.photos.purge(owner, first[0], lambda owner, id: None)
        before = told(catalog, owner)
        assert catalog.check(repair=False) == []
    with closing(sqlite3.connect(old, isolation_level=None)) as raw:
        for script in SCRIPTS[:version]:
            raw.executescript(script.read_text(encoding="utf-8"))
        raw.execute(f"PRAGMA user_version = {version}")
        raw.execute("ATTACH ? AS new", (str(new),))
        # The counted come after what they count.
        for table in (
            "photo",
            "photo_label",
            "photo_set",
            "correction",
            "fact",
            "label",
            "account",
            "photo_columns",
        ):
            columns = ", ".join(row[1] for row in raw.execute(f"PRAGMA main.table_info({table})"))
            if columns:  # else it came later
                raw.execute(
                    f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"
                )
    with closing(SqliteCatalog(old, Taxonomy.load())) as catalog:
        assert told(catalog, owner) == before
        assert catalog.check(repair=False) == []


def told(catalog: SqliteCatalog, owner: str) -> list[object]:
    return [
        (
            catalog.photos.page(owner, selection),
            catalog.photos.layout(owner, selection),
            catalog.photos.totals(owner, selection),
            catalog.photos.labels(owner, selection),
        )
        for selection in (Selection(), select(any="Lake"), select(none="Lake"))
    ]
