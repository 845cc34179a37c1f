"""Owners are told of notices where they want to be: at least once each, and not for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import BundleState
from fototeca.catalog.protocol.outbox import Dispatch, NotificationTarget
from fototeca.notify.messages import TEST, message_of
from fototeca.notify.protocol import Notifier, TargetInvalid, Undelivered
from fototeca.photos import now

if TYPE_CHECKING:
    from fototeca.identity.attempts import Attempts

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""Longer than any notifier takes: who holds a message for so long has died."""
WAITS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""Before each further try. After the last one, almost a day later, a bundle's time is over too."""
MOST = 10
"""Targets of an owner."""


class TooManyTargets(ValueError):
    """The owner has as many as there may be."""


class Telling:
    def __init__(self, catalog: Catalog, notifier: Callable[[], Notifier], address: str) -> None:
        """`address` is where owners reach the page; the notifier is opened when it is needed."""
        self._catalog = catalog
        self._open = notifier
        self.address = address

    @cached_property
    def _attempts(self) -> Attempts:
        # Sending needs nothing of it, and what it comes with takes time to be imported.
        from fototeca.identity.attempts import Attempts

        return Attempts()

    def add(self, owner: str, url: str) -> NotificationTarget:
        """Raises TargetInvalid, TooManyTargets, TooManyAttempts."""
        if len(self._catalog.targets.of(owner)) >= MOST:
            raise TooManyTargets(f"there may be {MOST} of them: remove one first")
        # Whoever guesses what can be reached from here has to wait.
        attempt = [f"add {owner}"]
        self._attempts.begin(attempt)
        accepted = self._open().accept(owner, url.strip())
        self._attempts.succeeded(attempt)
        return self._catalog.targets.add(
            owner, accepted.url, accepted.shown, accepted.subscription, now()
        )

    def confirmed(self, target: NotificationTarget) -> bool:
        return self._open().confirmed(target)

    def test(self, target: NotificationTarget) -> None:
        """Send a test message now. Raises Undelivered, TooManyAttempts.

        Each counts, also one that arrives: somebody's telephone rings.
        """
        self._attempts.begin([f"test {target.owner}"])
        self._open().send(target, TEST)

    def remove(self, owner: str, id: str) -> bool:
        target = self._catalog.targets.get(owner, id)
        if target is None or not self._catalog.targets.remove(owner, id):
            return False
        self._open().withdraw(target)
        return True

    def send_due(self, at: datetime | None = None) -> int:
        """Send what waits for that. Returns how many messages were tried."""
        tried = 0
        while True:
            moment = at or now()
            dispatch = self._catalog.outbox.take(moment, moment + LEASE)
            if dispatch is None:
                return tried
            self._send(dispatch, moment)
            tried += 1

    def tell_failures(self) -> None:
        """Leave notices of photos that failed: one of all, when nothing is being labelled."""
        for account in self._catalog.accounts.all():
            work = self._catalog.queue.work(account.id)
            if not work.waiting:
                self._catalog.notices.add_failures(account.id, work.failed)

    def _send(self, dispatch: Dispatch, at: datetime) -> None:
        outbox, target = self._catalog.outbox, dispatch.target
        if dispatch.attempts > len(WAITS):
            outbox.give_up(dispatch, "sending it ended the worker, time and again")
            return
        ready = {
            bundle.id: bundle.expires_at
            for notice in dispatch.notices
            if notice.kind == "bundle-ready"
            and (bundle := self._catalog.bundles.get(target.owner, notice.subject))
            and bundle.state is BundleState.READY
            and bundle.expires_at > at
        }
        try:
            self._open().send(target, message_of(dispatch.notices, self.address, ready))
        except (Undelivered, TargetInvalid) as error:
            reason = str(error)
            # Which target, its owner sees; the log has no address of anybody's.
            log.warning("target %s was not told: %s", target.id, reason)
            if dispatch.attempts < len(WAITS):
                outbox.postpone(dispatch, at + WAITS[dispatch.attempts], reason)
            else:
                outbox.give_up(dispatch, reason)
        else:
            outbox.sent(dispatch, at)
