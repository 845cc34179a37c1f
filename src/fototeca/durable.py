"""What was written survives a power cut from here on: on the disk itself, not in a cache of it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

WHOLE_WAY: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: there fsync leaves the bytes in the disk's own cache."""


def sync(descriptor: int) -> None:
    """What a file holds."""
    if not _whole_way(descriptor):
        getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """The names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _whole_way(descriptor):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _whole_way(descriptor: int) -> bool:
    """False where there is no such call: on other systems, and file systems of the network."""
    if WHOLE_WAY is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, WHOLE_WAY)
            return True
    return False
