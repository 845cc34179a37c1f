"""The notifier port: a short text goes to where an owner wants to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fototeca.catalog.protocol.outbox import NotificationTarget

LONGEST_URL = 2000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text. It may pass through anybody's hands: nothing in it opens anything."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A place that can be told, as it is kept."""

    url: str
    shown: str
    """Without secrets."""
    subscription: str | None = None


class TargetInvalid(ValueError):
    """Nobody can be told there. The text says why, without the URL."""


class Undelivered(Exception):
    """The message did not get through; it may later. The text says why, without the URL."""


class Notifier(Protocol):
    """Sends messages. None of its errors, and nothing that it logs, has a secret in it."""

    def accept(self, owner: str, url: str, /) -> Accepted:
        """Look at what the owner gave, without sending anything there. Raises TargetInvalid.

        A service that asks whoever has the address for consent does so now.
        """
        ...

    def confirmed(self, target: NotificationTarget, /) -> bool:
        """Whether it can be told; False while the service waits for the consent."""
        ...

    def send(self, target: NotificationTarget, message: Message) -> None:
        """Done when the service has taken it. Raises Undelivered."""
        ...

    def withdraw(self, target: NotificationTarget, /) -> None:
        """The target is being removed: take back what `accept` did."""
        ...
