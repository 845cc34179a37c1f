"""Imports: folders of this machine, and buckets, copied in. Run again, an import goes on."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

from fototeca.bucket_imports import SCHEME, BucketImports, SourceRefused
from fototeca.catalog.protocol import Catalog, CatalogBusy, CatalogFull
from fototeca.catalog.protocol.imports import Import, ImportState, Refusal
from fototeca.catalog.protocol.photos import Outcome
from fototeca.inbox import files, is_library
from fototeca.ingest import Ingest, Refused
from fototeca.photos import now
from fototeca.vault.protocol import VaultFull, VaultUnavailable

log = logging.getLogger(__name__)

INTERRUPTED = "interrupted; import it again to go on"
Unable = VaultFull | VaultUnavailable | CatalogFull | CatalogBusy
UNABLE = (VaultFull, VaultUnavailable, CatalogFull, CatalogBusy)
"""No photo is to blame: the same goes on when it is tried again."""
REPORT_EVERY = 32
"""Files between two records of progress."""
REPORT_SECONDS = 15.0
"""Between two records of progress, where files are large or slow."""
NAMED = 3
"""Paths of an import that are kept as its source."""
AT_IT = timedelta(minutes=15)
"""Whoever is at an import records progress within this time."""


class ImportRefused(ValueError):
    """A source that may not be imported, or is not there."""


class Importing:
    """Imports photos. Their names decide nothing; their bytes are checked like any others."""

    def __init__(
        self,
        catalog: Catalog,
        ingest: Ingest,
        roots: Sequence[Path],
        threads: int,
        wake: Callable[[], None],
        buckets: BucketImports | None = None,
        hand_over: Callable[[Import], None] | None = None,
    ) -> None:
        """`hand_over` has somebody else call `step` for an import from a bucket until it is over;
        without it a thread does.
        """
        self._catalog = catalog
        self._ingest = ingest
        self._roots = [root.expanduser().resolve() for root in roots]
        self._threads = threads
        self._wake = wake
        self._buckets = buckets
        self._hand_over = hand_over
        self._stopping = threading.Event()
        self._apart: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def start(self, owner: str, source: str) -> Import:
        """Import a folder of this machine, or `s3://bucket/prefix`, in the background.

        Only folders inside the allowed roots, whatever links or `..` the source has in it, and only
        allowed buckets. What is not allowed and what is not there get the same answer. Raises
        ImportRefused.
        """
        if source.startswith(SCHEME):
            return self._start_bucket(owner, source)
        folder = self._folder(source)
        started = self._catalog.imports.start(owner, source, now())
        self._begin_apart(lambda: self._run_apart(started, folder))
        return started

    def count(self, source: str, within: float) -> int:
        """Files that an import of it looks at; as many as are counted within these seconds.

        Raises ImportRefused.
        """
        give_up = time.monotonic() + within
        if source.startswith(SCHEME):
            return self._bucket(source).count(source, give_up)
        found = files(self._folder(source))
        return sum(1 for _ in takewhile(lambda _: time.monotonic() < give_up, found))

    def run(
        self, owner: str, paths: Sequence[Path], on_progress: Callable[[Import], None]
    ) -> Import:
        """Import files and folders now. Raises ImportRefused for a path that is not there."""
        for path in paths:
            if not path.exists():
                raise ImportRefused(f"{path}: not there")
            if is_library(path):
                raise ImportRefused(f"{path}: a library already: see `fototeca move`")
        started = self._catalog.imports.start(owner, _named(paths), now())
        failure: str | None = INTERRUPTED
        try:
            failure = self._bring_in(started, paths, on_progress)
        finally:
            self._catalog.imports.finish(started.id, now(), failure)
        return self._now(started)

    def stop(self) -> None:
        """End running imports after the files in hand."""
        self._stopping.set()

    def close(self, timeout: float = 10.0) -> None:
        """The same, and wait for those in the background, so many seconds at most."""
        self.stop()
        deadline = time.monotonic() + timeout
        for thread in list(self._apart):
            thread.join(max(0.0, deadline - time.monotonic()))

    def finish(self, unfinished: Import, failure: str | None = INTERRUPTED) -> None:
        """End an import in the catalog, and tell its owner, who is not waiting for it."""
        sofar = self._now(unfinished)
        told = finished_text(sofar, failure)
        self._catalog.imports.finish(sofar.id, now(), failure, told)

    def left_over(self) -> list[Import]:
        """Those that nobody is at any more, or who is has stalled."""
        since = now() - AT_IT
        running = self._catalog.imports.running()
        return [each for each in running if (each.moved_at or each.started_at) < since]

    def end_left_over(self) -> None:
        """End what nobody goes on with; what was handed over somebody does."""
        for unfinished in self.left_over():
            if self._hand_over is None or not unfinished.source.startswith(SCHEME):
                self.finish(unfinished)

    def step(self, progress: Import) -> Import:
        """Bring in a page of a bucket; call it with what it returns until that no longer runs.

        Done twice, or by two at once, it counts nothing twice. Raises VaultUnavailable: try again.
        """
        progress = self._now(progress)
        if progress.state is not ImportState.RUNNING:
            return progress
        if not progress.source.startswith(SCHEME):  # of a machine that has left it
            self.finish(progress)
            return self._now(progress)
        assert self._buckets is not None
        try:
            if not self._buckets.step(progress):
                self.finish(progress, None)
        except SourceRefused as error:
            self.finish(progress, str(error))
        self._wake()
        return self._now(progress)

    def _folder(self, source: str) -> Path:
        """A folder that may be imported. Raises ImportRefused."""
        try:
            folder = Path(source).resolve()
            allowed = any(folder.is_relative_to(root) for root in self._roots) and folder.exists()
        except (OSError, ValueError, RuntimeError):
            allowed = False
        if not allowed:
            raise ImportRefused("not a folder that may be imported")
        return folder

    def _bucket(self, source: str) -> BucketImports:
        """Where buckets are imported, if this one may be. Raises ImportRefused."""
        try:
            if self._buckets is None:
                raise SourceRefused("not a bucket that may be imported")
            self._buckets.check(source)
        except SourceRefused as error:
            raise ImportRefused(str(error)) from error
        return self._buckets

    def _start_bucket(self, owner: str, source: str) -> Import:
        started = self._bucket(source).resume(self._catalog.imports.start(owner, source, now()))
        if self._hand_over is not None:
            self._hand_over(started)
        else:
            self._begin_apart(lambda: self._step_apart(started))
        return started

    def _begin_apart(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name="import", daemon=True)
        self._apart.add(thread)
        thread.start()

    def _step_apart(self, progress: Import) -> None:
        try:
            while progress.state is ImportState.RUNNING:
                if self._stopping.is_set():
                    self.finish(progress)
                    return
                progress = self.step(progress)
        except UNABLE as error:
            self.finish(progress, str(error.strerror))
        except Exception as error:
            log.exception("import %s", progress.id)
            self.finish(progress, f"unexpected: {type(error).__name__}")

    def _run_apart(self, started: Import, folder: Path) -> None:
        self.finish(started, self._bring_in(started, [folder]))

    def _bring_in(
        self,
        started: Import,
        paths: Sequence[Path],
        on_progress: Callable[[Import], None] | None = None,
    ) -> str | None:
        """Take every file. Why not all of them were, or None."""
        try:
            for batch in self._outcomes(started.owner, _expand(paths)):
                self._catalog.imports.progress(started.id, batch)
                self._wake()
                if on_progress is not None:
                    on_progress(self._now(started))
        except UNABLE as error:
            return str(error.strerror)
        except Exception as error:
            log.exception("import %s", started.id)
            return f"unexpected: {type(error).__name__}"
        return INTERRUPTED if self._stopping.is_set() else None

    def _now(self, started: Import) -> Import:
        progress = self._catalog.imports.get(started.owner, started.id)
        return progress or started

    def _outcomes(
        self, owner: str, paths: Iterable[tuple[Path, str]]
    ) -> Iterator[list[Outcome | Refusal]]:
        """What came of each file, a batch at a time; a few files are always under way.

        Raises UNABLE, after what came of the others.
        """
        done: list[Outcome | Refusal] = []
        running: set[Future[Outcome | Refusal | Unable]] = set()
        unable: Unable | None = None
        reported = time.monotonic()

        def collect(finished: Iterable[Future[Outcome | Refusal | Unable]]) -> None:
            nonlocal unable
            for outcome in (future.result() for future in finished):
                if isinstance(outcome, UNABLE):
                    unable = outcome
                else:
                    done.append(outcome)

        with ThreadPoolExecutor(self._threads, thread_name_prefix="import") as pool:
            try:
                for path, name in paths:
                    if self._stopping.is_set() or unable is not None:
                        break
                    running.add(pool.submit(self._take, owner, path, name))
                    if len(running) >= 2 * self._threads:
                        finished, running = wait(running, return_when=FIRST_COMPLETED)
                        collect(finished)
                    if len(done) >= REPORT_EVERY or time.monotonic() - reported > REPORT_SECONDS:
                        yield done
                        done, reported = [], time.monotonic()
                collect(running)
            except BaseException:
                for future in running:
                    future.cancel()
                raise
            if done:
                yield done
            if unable is not None:
                raise unable

    def _take(self, owner: str, path: Path, name: str) -> Outcome | Refusal | Unable:
        try:
            return self._ingest.add_file(owner, path).outcome
        except Refused as error:
            return Refusal(name, str(error))
        except UNABLE as error:
            return error
        except OSError as error:
            return Refusal(name, error.strerror or "could not be read")


def finished_text(done: Import, failure: str | None) -> str:
    """The notice that an import has ended. It names no folder: it may go by mail."""
    counts = [
        f"{count:,} {what}"
        for count, what in (
            (done.added, "added"),
            (done.restored, "restored from the trash"),
            (done.duplicate, "already here"),
            (done.refused, "refused"),
        )
        if count
    ]
    told = ", ".join(counts) or "nothing found"
    if failure is None:
        return f"An import has finished: {told}."
    return f"An import has failed ({failure}): {told}."


def _named(paths: Sequence[Path]) -> str:
    """What was imported; of many paths the first, and how many."""
    named = ", ".join(str(path) for path in paths[:NAMED])
    return named if len(paths) <= NAMED else f"{named}, ... ({len(paths):,})"


def _expand(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each file with the name that reports show: relative to the folder that was asked for."""
    for path in paths:
        if path.is_dir():
            for file in files(path):
                yield file, str(file.relative_to(path))
        else:
            yield path, path.name
