"""What owners are told in the app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the owner is told of in the app."""

    id: int
    kind: str
    """bundle-ready, bundle-failed, inbox-refused, inbox-stuck, photos-failed, import-finished,
    import-failed, target-failed."""
    subject: str
    """The bundle's or import's id, the file's name, or the target as it is shown."""
    text: str
    at: datetime
    read: bool = False


def failures_text(photos: int) -> str:
    """The notice that so many more photos have failed."""
    return f"{photos:,} {'photo' if photos == 1 else 'photos'} could not be labelled."


class Notices(Protocol):
    def add(self, owner: str, kind: str, subject: str, text: str) -> None:
        """Leave a notice, and put it into the outbox for each of the owner's targets."""
        ...

    def add_failures(self, owner: str, failed: int) -> bool:
        """Leave a notice of the photos that failed since the last call: `failed` are there now.

        False when they are no more than before. Of each failure is told once.
        """
        ...

    def of(self, owner: str) -> list[Notice]:
        """The newest hundred, newest first."""
        ...

    def told(self, owner: str, kind: str) -> dict[str, datetime]:
        """When each subject was told of last, by notices of this kind."""
        ...

    def mark_read(self, owner: str, ids: Sequence[int] | None = None) -> int: ...

    def forget(self, before: datetime) -> None:
        """Forget every owner's that were left before then, also where they are still unsent."""
        ...
