"""The photos that wait for a worker, and what workers answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fototeca.catalog.protocol.photos import Embedding
from fototeca.photos import Detection, Photo


@dataclass(frozen=True, slots=True)
class Labelled:
    """A worker's result: the photo's labels as a model saw them."""

    owner: str
    id: str
    detections: tuple[Detection, ...]
    source: str
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker's result: why a photo could not be labelled."""

    owner: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A photo handed to one worker for a while."""

    photo: Photo
    attempts: int
    """Times it was claimed before without an answer: it may be what kills workers."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far the labelling of an owner's photos is."""

    waiting: int
    labelled: int
    failed: int
    running: int = 0
    """Of those that wait, how many a worker has in hand now."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What labelling again did to one label."""

    name: str
    before: int
    """Photos that it was on."""
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Relabelling:
    """The last time that an owner had photos labelled again; it may be under way."""

    started_at: datetime
    finished_at: datetime | None
    total: int
    """Photos."""
    done: int
    changes: tuple[LabelChange, ...]
    """Of labels that photos gained or lost, most first."""


class Queue(Protocol):
    """The photos that wait for a worker."""

    def take(self, worker: str, owner: str, id: str, until: datetime) -> Claim | None:
        """Claim this photo; None when it does not wait or another worker holds it.

        For workers that are told what to do one by one: they need not spare suspects.
        """
        ...

    def claim(self, worker: str, limit: int, until: datetime) -> list[Claim]:
        """Take up to `limit` waiting photos that no other worker holds.

        A photo that was claimed before without an answer comes last and alone, while no other
        is in any worker's hands, so that one that kills its worker takes no other with it.
        """
        ...

    def settle(self, worker: str, results: Sequence[Labelled | Failed]) -> None:
        """Record results and move the counts with them; a second time changes nothing."""
        ...

    def renew(self, process: str, until: datetime) -> None:
        """Hold on to what the workers of a process, named `{process}-...`, have claimed."""
        ...

    def release(self, worker: str | None = None) -> int:
        """Give back what this worker, or every worker, still holds."""
        ...

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        """Put failed photos (these, or all) back into the queue, but for those in the trash."""
        ...

    def relabel(self, owner: str, ids: Sequence[str] | None = None, *, more: bool = False) -> int:
        """Put every photo, or these, back into the queue; labels stay until the new ones are there.

        `more`: as part of what the last call began.
        """
        ...

    def relabelling(self, owner: str) -> Relabelling | None:
        """What came of the last `relabel`, so far."""
        ...

    def outdated(self, owner: str, source: str) -> int:
        """Photos that were labelled last by another model or version than this."""
        ...

    def work(self, owner: str) -> Work: ...

    def pending(self) -> int:
        """Photos of every owner that wait, claimed or not."""
        ...
