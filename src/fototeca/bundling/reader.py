"""Any byte range of an archive, alone: headers from the layout, bodies from wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from fototeca.bundling.layout import (
    Described,
    archive_size,
    central_header,
    end_records,
    local_header,
)
from fototeca.vault.protocol import CHUNK

WHOLE = 1 << 17
"""A piece of this many bytes is handed on as it is: to copy it would cost more than a round."""


class PlacedEntry(Described, Protocol):
    """An entry with its place in the archive."""

    @property
    def offset(self) -> int:
        """Of the local header, from the start of the archive."""
        ...

    @property
    def directory_offset(self) -> int:
        """Of the central header, from the start of the central directory."""
        ...


P = TypeVar("P", bound=PlacedEntry)
P_co = TypeVar("P_co", bound=PlacedEntry, covariant=True)


class PlacedEntries(Protocol[P_co]):
    """The rows of one archive's layout, to be entered at any byte."""

    @property
    def count(self) -> int: ...
    @property
    def directory_start(self) -> int:
        """Archive offset of the central directory."""
        ...

    @property
    def directory_size(self) -> int:
        """Bytes."""
        ...

    def from_offset(self, offset: int) -> Iterator[P_co]:
        """In order, from the entry whose local header or body holds this byte of the archive."""
        ...

    def from_directory_offset(self, offset: int) -> Iterator[P_co]:
        """In order, from the entry whose central header holds this byte of the directory."""
        ...


Body = Callable[[P, int, int], Iterator[bytes]]
"""`body(entry, start, stop)`: those bytes of the entry's file, best in chunks of CHUNK."""


class ArchiveBroken(Exception):
    """The archive cannot be given as promised; every byte given before this was right."""


class BodyLength(ArchiveBroken):
    """A file gave more or fewer bytes than its entry says."""


def read_archive(
    entries: PlacedEntries[P], body: Body[P], start: int, stop: int
) -> Iterator[bytes]:
    """Bytes [start, stop) of the archive, 0 <= start <= stop <= its size.

    Small pieces come gathered to about CHUNK, since each costs the server a round, large ones as
    `body` gave them. In memory are a chunk or two and the rows that `entries` reads at once,
    however many entries there are. Raises ArchiveBroken, and whatever `body` raises: a range is
    never silently short.
    """
    size = archive_size(entries.count, entries.directory_start, entries.directory_size)
    if not 0 <= start <= stop <= size:
        raise ValueError(f"no bytes {start} to {stop} in an archive of {size}")
    return _gathered(_pieces(entries, body, start, stop))


def _pieces(entries: PlacedEntries[P], body: Body[P], start: int, stop: int) -> Iterator[bytes]:
    directory = entries.directory_start
    end = directory + entries.directory_size
    if start < min(stop, directory):
        yield from _entries(entries, body, start, min(stop, directory))
    if max(start, directory) < min(stop, end):
        first = max(start, directory) - directory
        yield from _directory(entries, first, min(stop, end) - directory)
    if stop > end:
        records = end_records(entries.count, directory, entries.directory_size)
        yield records[max(start - end, 0) : stop - end]


def _entries(entries: PlacedEntries[P], body: Body[P], start: int, stop: int) -> Iterator[bytes]:
    position = start
    for entry in entries.from_offset(start):
        header = local_header(entry)
        first = entry.offset + len(header)
        end = first + entry.size
        _expect(entry, entry.offset, end, position, start)
        if position < first:
            yield header[position - entry.offset : stop - entry.offset]
            position = min(first, stop)
        end = min(end, stop)
        if position < end:
            yield from _body(entry, body, position - first, end - first)
            position = end
        if position == stop:
            return
    raise ArchiveBroken(f"the entries end at byte {position}, not {stop}")


def _directory(entries: PlacedEntries[P], start: int, stop: int) -> Iterator[bytes]:
    position = start
    for entry in entries.from_directory_offset(start):
        header = central_header(entry, entry.offset)
        end = entry.directory_offset + len(header)
        _expect(entry, entry.directory_offset, end, position, start)
        yield header[position - entry.directory_offset : stop - entry.directory_offset]
        position = min(end, stop)
        if position == stop:
            return
    raise ArchiveBroken(f"the directory ends at byte {position}, not {stop}")


def _expect(entry: PlacedEntry, begin: int, end: int, position: int, start: int) -> None:
    """Rows follow one another without a gap; only the first may begin before what is asked for."""
    if begin != position and not (position == start and begin < position < end):
        raise ArchiveBroken(f"{entry.name} is at byte {begin}, not {position}")


def _body(entry: P, body: Body[P], start: int, stop: int) -> Iterator[bytes]:
    left = stop - start
    for chunk in body(entry, start, stop):
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
        del chunk  # see _gathered
    if left:
        wrong = f"{left} bytes too few" if left > 0 else f"{-left} bytes too many"
        raise BodyLength(f"{entry.name}: {wrong}")


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    small: list[bytes] = []
    length = 0
    for piece in pieces:
        whole = len(piece) >= WHOLE
        if small and (whole or length + len(piece) > CHUNK):
            yield b"".join(small)
            small, length = [], 0
        if whole:
            yield piece
        else:
            small.append(piece)
            length += len(piece)
        # Whoever was given it may be done with it: held here, the next would take memory that no
        # cache has.
        del piece
    if small:
        yield b"".join(small)
