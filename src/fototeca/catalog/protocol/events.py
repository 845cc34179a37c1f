"""What changed, for those who watch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed, for those who watch."""

    sequence: int
    kind: str
    """photos, labels, bundle, import, notice."""
    subject: str = ""
    data: dict[str, int | str] = field(default_factory=dict)


class Events(Protocol):
    def latest(self) -> int:
        """A sequence number that no event has exceeded yet, and every later one will."""
        ...

    def since(self, owner: str, sequence: int, limit: int = 1000) -> list[Event]: ...
