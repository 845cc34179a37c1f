"""Bytes on their way in, in a local file: what every vault stages, wherever it keeps them."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isal import isal_zlib

from fototeca.durable import sync
from fototeca.vault.protocol import VaultFull

PREFIX = "fototeca-staged-"
"""Of files where the system keeps temporary ones: what it begins is ours to delete."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FileStaged:
    """See fototeca.vault.protocol.Staged."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = 0
        self.crc32 = 0
        self._descriptor = descriptor
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        self._sha256.update(view)
        self.crc32 = isal_zlib.crc32(view, self.crc32)
        self.size += len(view)
        with full_disk_named():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        with full_disk_named():
            sync(self._descriptor)


@contextmanager
def staged_in(folder: Path | None) -> Iterator[FileStaged]:
    """A new file there (None: where the system keeps temporary ones), gone with the context."""
    with full_disk_named():
        descriptor, name = tempfile.mkstemp(dir=folder) if folder else _locked()
    staged = FileStaged(Path(name), descriptor)
    try:
        yield staged
    finally:
        os.close(descriptor)
        staged.path.unlink(missing_ok=True)


def _locked() -> tuple[int, str]:
    """A temporary file, locked as long as this process has it open."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # else one who sweeps was quicker than the lock
            return descriptor, name
        os.close(descriptor)


def sweep() -> None:
    """Delete what ended processes left where the system keeps temporary files.

    Lambda keeps that folder, of 512 MB, when it starts a function anew that it had to kill.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, or another user's
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


@contextmanager
def full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise VaultFull(error.errno, "no room left for photos") from error
        raise
