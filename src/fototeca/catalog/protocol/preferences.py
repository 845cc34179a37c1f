"""Owners' label settings in a catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fototeca.label_settings import LabelSettings


@dataclass(frozen=True, slots=True)
class Recomputing:
    """How far an owner's photos are brought up to changed settings."""

    done: int
    total: int


class LabelPreferences(Protocol):
    """Owners' label settings, and bringing photos up to them."""

    def get(self, owner: str) -> LabelSettings: ...

    def put(self, owner: str, settings: LabelSettings) -> None:
        """Labels settle by them from now on; photos that have theirs follow by `recompute`."""
        ...

    def recomputing(self, owner: str) -> Recomputing | None:
        """None when every photo is up to the settings."""
        ...

    def recompute(self, limit: int = 200) -> int:
        """Bring some more photos, of any owner, up to its settings.

        Returns how many; 0: all are, or another process, which was quicker, goes on. Counts and
        selections agree with each other at every moment, on the way, too.
        """
        ...
