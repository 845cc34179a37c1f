"""Where owners are told of notices outside of the app, and what is still to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fototeca.catalog.protocol.notices import Notice


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """Where an owner is told of notices outside of the app."""

    id: str
    owner: str
    url: str
    """Where to, as its notifier reads it. It may hold secrets: never logged, never given out."""
    shown: str
    """The same without its secrets."""
    added_at: datetime
    subscription: str | None = None
    """What the service calls it, where that keeps a list of its own (an SNS subscription's ARN)."""
    told_at: datetime | None = None
    """When a message was sent last."""
    failure: str | None = None
    """Why the last message was not; None when it was."""


class Targets(Protocol):
    """Owners' notification targets."""

    def add(
        self, owner: str, url: str, shown: str, subscription: str | None, at: datetime
    ) -> NotificationTarget:
        """The same owner and URL again is the same target."""
        ...

    def get(self, owner: str, id: str) -> NotificationTarget | None: ...

    def of(self, owner: str) -> list[NotificationTarget]:
        """Oldest first."""
        ...

    def remove(self, owner: str, id: str) -> bool:
        """With what is in the outbox for it."""
        ...


def due_at(kind: str, at: datetime) -> datetime | None:
    """When a notice of this kind, left then, is to be sent; None: it is for the app alone.

    What comes in numbers waits a while, so that one message tells of all.
    """
    if kind == "target-failed":
        return None
    return at + GATHERING if kind in ("inbox-refused", "inbox-stuck") else at


GATHERING = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is to be sent to one target, as one message."""

    target: NotificationTarget
    notices: tuple[Notice, ...]
    """Oldest first."""
    attempts: int
    """Times it was taken before, since a message last arrived or was given up."""


class Outbox(Protocol):
    """The notices that are still to be sent. They get here by the transaction that leaves them."""

    def take(self, at: datetime, until: datetime, limit: int = 1000) -> Dispatch | None:
        """All that waits for a target for which something is due by `at`, to be sent now.

        Nothing more is taken for that target before `until`, unless `sent` or `give_up` says so:
        whoever took it and died is followed by another.
        """
        ...

    def sent(self, dispatch: Dispatch, at: datetime) -> None:
        """Forget its notices; those left meanwhile stay. A second time changes nothing."""
        ...

    def postpone(self, dispatch: Dispatch, until: datetime, reason: str) -> None:
        """Try again then; the target shows the reason."""
        ...

    def give_up(self, dispatch: Dispatch, reason: str) -> None:
        """Forget its notices; the target shows the reason, and so does a notice in the app."""
        ...
