"""The workers: threads that label what waits, prepare bundles, watch the inbox and tidy up.

Every step may run twice and change nothing the second time, so a worker may die at any moment
and any number of processes may work on one library.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import Bundle
from fototeca.catalog.protocol.queue import Failed, Labelled
from fototeca.imaging.limits import Limits
from fototeca.imports import UNABLE, Importing
from fototeca.inbox import Inbox
from fototeca.labelling.protocol import Labeller, LabellerUnavailable
from fototeca.notify.telling import Telling
from fototeca.photos import now
from fototeca.vault.protocol import Vault
from fototeca.work.labelling import PhotoLabelling
from fototeca.work.tidying import tidy

log = logging.getLogger(__name__)

BATCH = 8
"""Photos claimed at a time and settled in one transaction."""
LEASE = timedelta(minutes=1)
"""A claim that was not renewed for so long was left by a process that died while others went on."""
RENEW = 15.0
"""Seconds between renewals."""
LOOK = 1.0
"""Seconds between looks for work that another process left; own work wakes the threads at once."""
TIDY = 60.0
"""Seconds between looks for what has expired."""
PAUSE = 5.0
"""Seconds to wait when no photo is to blame: they stay in the queue."""


class Workers:
    """The threads. Start them once; stop them, or just end the process."""

    def __init__(
        self,
        catalog: Catalog,
        vault: Vault,
        bundling: Bundling,
        inbox: Inbox | None,
        telling: Telling,
        imports: Importing,
        labeller: Callable[[], Labeller],
        limits: Limits,
        *,
        threads: int,
        inbox_seconds: float,
        trash_lifetime: timedelta,
    ) -> None:
        self._catalog = catalog
        self._vault = vault
        self._bundling = bundling
        self._inbox = inbox
        self._telling = telling
        self._imports = imports
        self._labeller = labeller
        self._limits = limits
        self._inbox_seconds = inbox_seconds
        self._trash_lifetime = trash_lifetime
        self._stopping = threading.Event()
        self._work = threading.Semaphore(0)
        self._bundles = threading.Event()
        self._name = secrets.token_hex(4)
        self._labelling = threads
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Raises ModelError: a labeller that cannot be used is told now, not photo by photo."""
        label = PhotoLabelling(self._vault, self._labeller(), self._limits)
        for number in range(self._labelling):
            arguments = (f"{self._name}-{number}", label)
            self._threads.append(
                threading.Thread(target=self._label, args=arguments, name=f"label-{number}")
            )
        targets = [self._renew, self._recompute, self._prepare, self._tidy]
        # Two tell: a service that does not answer holds up nobody else's messages.
        targets += [self._tell, self._tell]
        if self._inbox is not None:
            targets.append(self._watch)
        for target in targets:
            self._threads.append(threading.Thread(target=target, name=target.__name__.strip("_")))
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def wake(self) -> None:
        """There is new work: look now."""
        self._bundles.set()
        for _ in self._threads:
            self._work.release()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the photos in hand; the rest of what was claimed is given back."""
        self._stopping.set()
        self.wake()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def drain(self, on_progress: Callable[[int], None] | None = None) -> None:
        """Wait until no photo waits and no bundle is being prepared, or until stopped."""
        while not self._stopping.is_set():
            waiting = self._catalog.queue.pending()
            if on_progress is not None:
                on_progress(waiting)
            if not waiting and not self._catalog.bundles.preparing():
                return
            time.sleep(0.1)

    def _label(self, worker: str, label: PhotoLabelling) -> None:
        while not self._stopping.is_set():
            try:
                claims = self._catalog.queue.claim(worker, BATCH, now() + LEASE)
                if not claims:
                    if self._work.acquire(timeout=LOOK):
                        while self._work.acquire(blocking=False):
                            pass
                    continue
                results: list[Labelled | Failed] = []
                try:
                    for claim in claims:
                        if self._stopping.is_set():
                            break
                        results.append(label(claim))
                finally:
                    if results:
                        self._catalog.queue.settle(worker, results)
                    if len(results) < len(claims):
                        self._catalog.queue.release(worker)
            except (*UNABLE, LabellerUnavailable) as error:
                log.warning("labelling waits: %s", error)
                self._stopping.wait(PAUSE)
            except Exception:
                log.exception("a worker's round")
                self._stopping.wait(PAUSE)

    def _renew(self) -> None:
        while not self._stopping.wait(RENEW):
            self._guarded(lambda: self._catalog.queue.renew(self._name, now() + LEASE))

    def _recompute(self) -> None:
        while not self._stopping.is_set():
            self._guarded(self._recompute_labels)
            self._stopping.wait(LOOK)

    def _recompute_labels(self) -> None:
        while not self._stopping.is_set() and self._catalog.label_preferences.recompute():
            # Who brings photos in goes first.
            time.sleep(0.01)

    def _prepare(self) -> None:
        while not self._stopping.is_set():
            self._bundles.clear()
            self._guarded(self._prepare_bundles)
            self._bundles.wait(LOOK)

    def _prepare_bundles(self) -> None:
        for bundle in self._catalog.bundles.preparing():
            if self._stopping.is_set():
                return
            self._bundling.prepare(bundle)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._guarded(self._look_into_inbox)
            self._stopping.wait(self._inbox_seconds)

    def _look_into_inbox(self) -> None:
        if self._inbox is not None and self._inbox.look():
            self.wake()

    def _tell(self) -> None:
        while not self._stopping.is_set():
            self._guarded(self._telling.send_due)
            self._stopping.wait(LOOK)

    def _tidy(self) -> None:
        while not self._stopping.is_set():
            self._guarded(self.tidy)
            self._stopping.wait(TIDY)

    def tidy(self) -> None:
        self._telling.tell_failures()
        self._imports.end_left_over()
        tidy(self._catalog, self._vault, self._bundling, self._trash_lifetime)

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except UNABLE as error:
            log.warning("%s waits: %s", threading.current_thread().name, error)
        except Exception:
            log.exception("a round of %s", threading.current_thread().name)


class ThreadedWork:
    """See fototeca.work.protocol.Work: threads of any process find it in the catalog."""

    def __init__(self, catalog: Catalog, wake: Callable[[], None]) -> None:
        """`wake` tells this process's own threads, if it has some, to look now."""
        self._catalog = catalog
        self._wake = wake

    def arrived(self) -> None:
        self._wake()

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        count = self._catalog.queue.retry(owner, ids)
        self._wake()
        return count

    def relabel(self, owner: str) -> int:
        count = self._catalog.queue.relabel(owner)
        self._wake()
        return count

    def recompute(self) -> None:
        self._wake()

    def prepare(self, _bundle: Bundle, /) -> None:
        self._wake()

    def cancel(self, _bundle: Bundle, /) -> None:
        """Its preparation ends by itself, with the next photos that get their places."""
