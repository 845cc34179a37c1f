"""The sample photos that come with Fototeca, for the first sight of an empty library."""

from __future__ import annotations

from pathlib import Path


def photos() -> list[Path]:
    """The sample photos' files, by name; LICENCES.md beside them has their licences."""
    return sorted(Path(__file__).parent.glob("*.jpg"))
