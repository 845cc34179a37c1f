"""Imports in a catalog: how far each is, and what it refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from fototeca.catalog.protocol.photos import Outcome


class ImportState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that an import or the inbox could not take, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Import:
    id: str
    owner: str
    source: str
    state: ImportState
    started_at: datetime
    finished_at: datetime | None = None
    found: int = 0
    added: int = 0
    restored: int = 0
    """From the trash."""
    duplicate: int = 0
    refused: int = 0
    failure: str | None = None
    refusals: tuple[Refusal, ...] = ()
    """The first hundred."""
    cursor: str | None = None
    """How far the source was listed, for one that goes on where it was interrupted."""
    moved_at: datetime | None = None
    """When something was counted last: whoever is at it has done that. None: nothing was yet."""


def counted(outcomes: Sequence[Outcome | Refusal]) -> dict[str, int]:
    """By how much these move an import's counts."""
    return {
        "found": len(outcomes),
        "added": outcomes.count(Outcome.ADDED),
        "restored": outcomes.count(Outcome.RESTORED),
        "duplicate": outcomes.count(Outcome.DUPLICATE),
        "refused": len(refusals_among(outcomes)),
    }


def refusals_among(outcomes: Sequence[Outcome | Refusal]) -> list[Refusal]:
    return [outcome for outcome in outcomes if isinstance(outcome, Refusal)]


class Imports(Protocol):
    def start(self, owner: str, source: str, at: datetime) -> Import: ...

    def progress(self, id: str, outcomes: Sequence[Outcome | Refusal]) -> None:
        """Count what came of further files."""
        ...

    def advance(self, progress: Import, cursor: str, outcomes: Sequence[Outcome | Refusal]) -> bool:
        """As `progress`, and remember how far it came.

        False, and nothing recorded, when somebody else has gone on from `progress.cursor`.
        """
        ...

    def finish(
        self, id: str, at: datetime, failure: str | None = None, notice: str | None = None
    ) -> bool:
        """End it, and leave a notice of this text with that. False when it was over."""
        ...

    def get(self, owner: str, id: str) -> Import | None: ...

    def of(self, owner: str) -> list[Import]: ...

    def running(self) -> list[Import]:
        """Those of every owner that an ended process left unfinished."""
        ...

    def forget(self, before: datetime) -> None:
        """Forget every owner's that ended before then."""
        ...
