"""The workers, on a real library: photos get labels, failures their reasons, nothing is lost."""

from __future__ import annotations

import errno
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from fototeca import samples
from fototeca.app import CATALOG, Library, LibraryMissing, open_library
from fototeca.catalog.protocol.bundles import BundleState
from fototeca.catalog.protocol.imports import ImportState
from fototeca.catalog.protocol.photos import Outcome
from fototeca.catalog.protocol.queue import Work
from fototeca.catalog.sqlite import database
from fototeca.ingest import Ingested
from fototeca.photos import Selection, State, now
from fototeca.settings import Settings
from fototeca.vault.protocol import Size, VaultFull, VaultUnavailable
from fototeca.work.threads import Workers

MakeJpeg = Callable[..., bytes]


@pytest.fixture
def workers(library: Library) -> Workers:
    workers = library.workers()
    workers.start()
    return workers


def until(condition: Callable[[], object]) -> None:
    """The test's time limit is the only haste."""
    while not condition():
        time.sleep(0.02)


def test_samples_are_labelled_and_bundled(library: Library, owner: str, workers: Workers) -> None:
    done = library.imports.run(owner, samples.photos(), lambda progress: None)
    assert (done.state, done.refused, done.added) == (ImportState.FINISHED, 0, 12)
    workers.drain()
    assert library.catalog.queue.work(owner) == Work(waiting=0, labelled=12, failed=0)
    counts = {each.name: each.count for each in library.catalog.photos.labels(owner, Selection())}
    assert counts["Dog"] >= 1
    assert counts["Cat"] >= 1
    assert counts["Mountain"] >= 1
    for photo in library.catalog.photos.page(owner, Selection()).photos:
        assert library.vault.rendition(owner, photo.id, Size.GRID)
    bundle = library.bundles.request(owner, Selection(any=frozenset(["Mountain"])))
    workers.wake()
    workers.drain()
    ready = library.catalog.bundles.get(owner, bundle.id)
    assert ready is not None
    assert (ready.state, ready.photos) == (BundleState.READY, counts["Mountain"])
    assert library.catalog.check(repair=False) == []


def test_an_import_of_many_files_is_called_by_the_first_and_their_number(
    library: Library, owner: str
) -> None:
    few, many = samples.photos()[:3], samples.photos()
    for paths in (few, many):
        library.imports.run(owner, paths, lambda _: None)
    named = ", ".join(str(path) for path in few)
    sources = {each.source for each in library.catalog.imports.of(owner)}
    assert sources == {named, f"{named}, ... ({len(many)})"}


def test_a_photo_that_cannot_be_decoded_fails_with_its_reason_and_blocks_none(
    library: Library, owner: str, workers: Workers, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    whole = make_jpeg(1, size=(400, 300))
    (tmp_path / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "good.jpg").write_bytes(make_jpeg(2, size=(400, 300)))
    library.imports.run(
        owner, [tmp_path / "broken.jpg", tmp_path / "good.jpg"], lambda progress: None
    )
    workers.drain()
    assert library.catalog.queue.work(owner) == Work(waiting=0, labelled=1, failed=1)
    (failed,) = library.catalog.photos.page(owner, Selection(), state="failed").photos
    assert (failed.name, failed.state) == ("broken.jpg", State.FAILED)
    assert failed.failure is not None
    assert "truncated" in failed.failure
    assert library.catalog.queue.retry(owner, [failed.id]) == 1
    workers.wake()
    workers.drain()
    assert library.catalog.queue.work(owner).failed == 1


def test_a_lost_original_is_said_and_the_rest_goes_on(
    library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    photo = library.ingest.add_file(owner, tmp_path / "a.jpg").photo
    library.vault.delete_original(owner, photo.id)
    workers = library.workers()
    workers.start()
    workers.drain()
    failed = library.catalog.photos.get(owner, photo.id)
    assert failed is not None
    assert failed.failure == "its original is not in the vault"


def test_an_unplugged_disk_is_waited_for(
    library: Library, owner: str, settings: Settings, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    photos = []
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(make_jpeg(number))
        photos.append(library.ingest.add_file(owner, tmp_path / f"{number}.jpg").photo)
    library.catalog.photos.trash(owner, [photos[2].id], now() - timedelta(days=31))
    bundle = library.bundles.request(owner, Selection())
    vault = settings.library / "vault"
    vault.rename(tmp_path / "unplugged")
    vault.mkdir()
    with pytest.raises(VaultUnavailable), library.vault.stage():
        pass
    workers = library.workers()
    with pytest.raises(VaultUnavailable):
        workers.tidy()
    with pytest.raises(VaultUnavailable):
        library.bundles.prepare(bundle)
    workers.start()
    time.sleep(0.5)
    assert library.catalog.queue.work(owner) == Work(waiting=2, labelled=0, failed=0)
    assert library.catalog.photos.get(owner, photos[2].id) is not None
    vault.rmdir()
    (tmp_path / "unplugged").rename(vault)
    library.catalog.bundles.release()
    until(lambda: library.catalog.queue.work(owner).labelled == 2)
    until(lambda: not library.catalog.bundles.preparing())
    (made,) = library.catalog.bundles.of(owner)
    assert (made.state, made.photos, made.skipped) == (BundleState.READY, 2, 0)


def test_a_busy_catalog_is_waited_for_in_a_line(
    library: Library,
    owner: str,
    settings: Settings,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    library.ingest.add_file(owner, tmp_path / "a.jpg")
    library.bundles.request(owner, Selection())
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(settings.library / CATALOG, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    workers = library.workers()
    workers.start()
    until(lambda: "prepare waits" in caplog.text and "labelling waits" in caplog.text)
    other.execute("ROLLBACK")
    other.close()
    until(lambda: not library.catalog.bundles.preparing())
    workers.stop()
    assert [record for record in caplog.records if record.exc_info] == []


def test_the_inbox_is_watched(
    library: Library, owner: str, workers: Workers, settings: Settings, make_jpeg: MakeJpeg
) -> None:
    inbox = settings.library / "inbox" / "local"
    until(inbox.is_dir)
    # At once, as it is looked at often: what rests while it is empty is no photo.
    (inbox / ".a.jpg").write_bytes(make_jpeg(1))
    (inbox / ".a.jpg").rename(inbox / "a.jpg")
    until(lambda: library.catalog.queue.work(owner).labelled == 1)


def test_trash_is_purged_when_its_time_is_over(
    library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    photo = library.ingest.add_file(owner, tmp_path / "a.jpg").photo
    library.catalog.photos.trash(owner, [photo.id], now() - timedelta(days=29))
    library.workers().tidy()
    assert library.vault.original_size(owner, photo.id) is not None
    library.catalog.photos.restore(owner, [photo.id])
    library.catalog.photos.trash(owner, [photo.id], now() - timedelta(days=31))
    library.workers().tidy()
    assert library.catalog.photos.get(owner, photo.id) is None
    assert library.vault.original_size(owner, photo.id) is None


DIES_OF_POISON = """
import os, signal, sys
from pathlib import Path
import fototeca.work.labelling
from fototeca.app import open_library
from fototeca.settings import Settings

develop = fototeca.work.labelling.develop

def deadly(path, *arguments):
    if path.name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return develop(path, *arguments)

fototeca.work.labelling.develop = deadly
with open_library(Settings(library=Path(sys.argv[1]), threads=2)) as library:
    library.workers().start()
    library.workers().drain()
"""


def test_a_photo_that_kills_its_worker_is_given_up_and_takes_none_along(
    settings: Settings, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    with open_library(settings) as library:
        owner = library.local_account().id
        ids = []
        for number in range(12):
            path = tmp_path / f"{number}.jpg"
            path.write_bytes(make_jpeg(number))
            ids.append(library.ingest.add_file(owner, path).photo.id)
    deaths = 0
    command = [sys.executable, "-c", DIES_OF_POISON, str(settings.library), ids[3]]
    while subprocess.run(command, check=False).returncode == -signal.SIGKILL:
        deaths += 1
        assert deaths < 20
    with open_library(settings) as library:
        assert library.catalog.queue.work(owner) == Work(waiting=0, labelled=11, failed=1)
        poison = library.catalog.photos.get(owner, ids[3])
        assert poison is not None
        assert "ended the worker" in (poison.failure or "")
        assert library.catalog.check(repair=False) == []


def test_what_killed_processes_left_is_cleared_at_the_next_start(
    settings: Settings, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    with open_library(settings) as library:
        owner = library.local_account().id
        library.ingest.add_file(owner, tmp_path / "a.jpg")
        library.catalog.queue.claim("killed", 1, now() + timedelta(hours=1))
        running = library.catalog.imports.start(owner, "/photos", now())
        leftover = settings.library / "vault" / "incoming" / "tmpabc"
        leftover.write_bytes(b"half a photo")
        # A second process does not clear what the first is doing.
        with open_library(settings) as second:
            assert second.catalog.queue.claim("second", 1, now() + timedelta(hours=1)) == []
            assert leftover.exists()
    with open_library(settings) as library:
        assert not leftover.exists()
        assert len(library.catalog.queue.claim("next", 1, now() + timedelta(hours=1))) == 1
        ended = library.catalog.imports.get(owner, running.id)
        assert ended is not None
        assert ended.state is ImportState.FAILED
        assert "import it again" in (ended.failure or "")


def test_an_import_ends_with_its_library_and_says_how_far_it_came(
    settings: Settings,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        (source / f"{number}.jpg").write_bytes(make_jpeg(number))
    settings = settings.model_copy(update={"import_roots": (source,)})
    ending = threading.Event()
    with open_library(settings) as library:
        owner = library.local_account().id
        add_file, stop = library.ingest.add_file, library.imports.stop

        def slow(owner: str, path: Path) -> Ingested:
            """All but the first take until the end has begun."""
            if library.catalog.queue.pending():
                ending.wait()
            return add_file(owner, path)

        def stopping() -> None:
            stop()
            ending.set()

        monkeypatch.setattr(library.ingest, "add_file", slow)
        monkeypatch.setattr(library.imports, "stop", stopping)
        library.imports.start(owner, str(source))
        until(library.catalog.queue.pending)
    assert "import" not in {thread.name for thread in threading.enumerate()}
    assert not caplog.records
    with open_library(settings) as library:
        (ended,) = library.catalog.imports.of(owner)
        assert "import it again" in (ended.failure or "")
        assert 1 <= ended.added == library.catalog.queue.pending() < 20


def test_an_import_that_finds_no_room_counts_what_came_before(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(make_jpeg(number))
    add_file, tried = library.ingest.add_file, count()

    def full(owner: str, path: Path) -> Ingested:
        if next(tried) >= 7:
            raise VaultFull(errno.ENOSPC, "no room left for photos")
        return add_file(owner, path)

    monkeypatch.setattr(library.ingest, "add_file", full)
    done = library.imports.run(owner, paths, lambda _: None)
    assert done.failure == "no room left for photos"
    assert done.added == library.catalog.queue.pending() == 7


def test_old_news_goes(library: Library, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library.catalog.notices.add(owner, "inbox-refused", "a.txt", "a.txt: no photo")
    library.workers().tidy()
    assert library.catalog.notices.of(owner)
    monkeypatch.setattr("fototeca.work.tidying.now", lambda: now() + timedelta(days=91))
    library.workers().tidy()
    assert not library.catalog.notices.of(owner)


def test_an_import_that_was_killed_beside_a_server_ends(library: Library, owner: str) -> None:
    imports = library.catalog.imports
    killed = imports.start(owner, "/photos", now() - timedelta(minutes=16))
    imports.start(owner, "/begun", now() - timedelta(minutes=14))
    moving = imports.start(owner, "/large", now() - timedelta(hours=5))
    imports.progress(moving.id, [Outcome.ADDED])
    library.workers().tidy()
    assert {each.source for each in imports.running()} == {"/begun", "/large"}
    ended = imports.get(owner, killed.id)
    assert ended is not None
    assert "import it again" in (ended.failure or "")
    assert [notice.subject for notice in library.catalog.notices.of(owner)] == [killed.id]


def test_an_import_of_slow_files_tells_that_somebody_is_at_it(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(make_jpeg(number))
    monkeypatch.setattr("fototeca.imports.REPORT_SECONDS", 0)
    told: list[int] = []
    paths = sorted(tmp_path.glob("*.jpg"))
    library.imports.run(owner, paths, lambda progress: told.append(progress.found))
    assert len(told) > 1
    assert told[-1] == 10


def test_an_unmounted_vault_is_no_empty_library(settings: Settings) -> None:
    open_library(settings).close()
    marker = settings.library / "vault" / "fototeca-library"
    marker.rename(marker.with_name("gone"))
    with pytest.raises(LibraryMissing, match="not mounted"):
        open_library(settings)


def test_photos_without_their_catalog_are_not_started_over(
    settings: Settings, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    with open_library(settings) as library:
        library.ingest.add_file(library.local_account().id, tmp_path / "a.jpg")
    (settings.library / "catalog.sqlite3").unlink()
    with pytest.raises(LibraryMissing, match="restore a backup"):
        open_library(settings)


def test_a_folder_of_something_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(LibraryMissing, match="not empty"):
        open_library(Settings(library=tmp_path))
    with pytest.raises(LibraryMissing):
        open_library(Settings(library=tmp_path / "none"), create=False)
    assert not (tmp_path / "none").exists()
