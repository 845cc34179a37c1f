"""Archives for tests: entries in memory, bodies from anywhere, read as files are."""

from __future__ import annotations

import io
import shutil
import subprocess
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from fototeca.bundling.layout import Entry, Layout
from fototeca.bundling.reader import read_archive
from fototeca.catalog.protocol.bundles import Placed
from fototeca.vault.protocol import CHUNK

TAKEN = datetime(2024, 7, 3, 16, 20, 31)
NAMES = {"7z": ("7z", "7zz", "7za")}
"""Programs that systems have under several names."""


def said_by(program: str, *arguments: str | Path, zone: str = "UTC") -> str:
    """What another program prints of an archive, once it has not failed.

    The test is skipped where the program is not installed: ask the zipfile module first.
    """
    found = next(filter(None, map(shutil.which, NAMES.get(program, (program,)))), None)
    if found is None:
        pytest.skip(f"{program} is not installed")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": zone}
    return subprocess.run(
        [found, *arguments], check=True, capture_output=True, text=True, env=environment
    ).stdout


class Placement:
    """Placed entries, found by either offset."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.layout = Layout()
        self.rows: list[Placed] = []
        for position, entry in enumerate(entries):
            offset, directory_offset = self.layout.place(entry, b"")
            self.rows.append(
                Placed(
                    position=position,
                    photo=None,
                    name=entry.name,
                    size=entry.size,
                    crc32=entry.crc32,
                    modified=entry.modified,
                    offset=offset,
                    directory_offset=directory_offset,
                )
            )
        self.count = self.layout.count
        self.directory_start = self.layout.directory_start
        self.directory_size = self.layout.directory_size
        self.size = self.layout.size

    def from_offset(self, offset: int) -> Iterator[Placed]:
        found = bisect_right(self.rows, offset, key=lambda row: row.offset)
        return iter(self.rows[max(found - 1, 0) :])

    def from_directory_offset(self, offset: int) -> Iterator[Placed]:
        found = bisect_right(self.rows, offset, key=lambda row: row.directory_offset)
        return iter(self.rows[max(found - 1, 0) :])


class Files(Placement):
    """An archive of bytes in memory."""

    def __init__(self, files: Iterable[tuple[str, bytes]], modified: datetime = TAKEN) -> None:
        self.bodies = []
        entries = []
        for name, body in files:
            self.bodies.append(body)
            entries.append(Entry(name, len(body), zlib.crc32(body), modified))
        super().__init__(entries)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return read_archive(self, self.body, start, stop)

    def body(self, entry: Placed, start: int, stop: int) -> Iterator[bytes]:
        for first in range(start, stop, CHUNK):
            yield self.bodies[entry.position][first : min(first + CHUNK, stop)]

    def whole(self) -> bytes:
        return b"".join(self.read(0, self.size))

    def write(self, path: Path) -> Path:
        with path.open("wb") as file:
            file.writelines(self.read(0, self.size))
        return path


class Zeros(Placement):
    """An archive of files of nothing but zeros, of any size: no bytes are kept anywhere."""

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return read_archive(self, self.body, start, stop)

    def body(self, entry: Placed, start: int, stop: int) -> Iterator[bytes]:
        chunk = bytes(CHUNK)
        while start < stop:
            yield chunk if stop - start >= CHUNK else bytes(stop - start)
            start += CHUNK

    def write_sparse(self, path: Path) -> Path:
        zeros = bytes(CHUNK)
        with path.open("wb") as file:
            for chunk in self.read(0, self.size):
                if chunk == zeros:
                    file.seek(CHUNK, io.SEEK_CUR)
                else:
                    file.write(chunk)
            file.truncate(self.size)
        return path


class Seekable(io.RawIOBase):
    """An archive as a file that other libraries read from any place."""

    def __init__(self, archive: Files | Zeros) -> None:
        self._archive = archive
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._archive.size,
        }[whence]
        if origin + offset < 0:
            raise OSError("before the beginning")
        self._position = origin + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        stop = self._archive.size
        if size is not None and size >= 0:
            stop = min(stop, self._position + size)
        data = b"".join(self._archive.read(self._position, stop)) if self._position < stop else b""
        self._position += len(data)
        return data
