"""The archive's layout: every header, size and offset of a zip, from its entries alone.

The format is PKWARE's APPNOTE.TXT 6.3.10; numbers in comments are its sections. Bodies are stored,
sizes and CRCs stand in the local headers, nothing follows a body, and ZIP64 records appear exactly
where a 32 or 16 bit field cannot hold its value (docs/archive-format.md says what readers do).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

LIMIT_32 = 0xFFFFFFFF
LIMIT_16 = 0xFFFF
"""A field of all ones means `see ZIP64` (4.4.1.4), so a value equal to it needs ZIP64 as well."""

VERSION_STORED = 10  # 4.4.3.2: 1.0
VERSION_ZIP64 = 45  # 4.4.3.2: 4.5
MADE_BY = 3 << 8 | 63  # 4.4.2: Unix, and the version of the specification
UTF8_NAME = 1 << 11  # 4.4.4, bit 11
MODE = 0o100644 << 16  # 4.4.15: a regular file that its owner may change
STORED = 0  # 4.4.5

LOCAL = struct.Struct("<4s5H3I2H")  # 4.3.7
CENTRAL = struct.Struct("<4s6H3I5H2I")  # 4.3.12
ZIP64_END = struct.Struct("<4sQ2H2I4Q")  # 4.3.14
ZIP64_LOCATOR = struct.Struct("<4sIQI")  # 4.3.15
END = struct.Struct("<4s4H2IH")  # 4.3.16
EXTRA = struct.Struct("<2H")  # 4.5.1
ZIP64_EXTRA = 0x0001  # 4.5.3
TIMESTAMP = struct.Struct("<2HBi")
TIMESTAMP_EXTRA = 0x5455  # Info-ZIP's extended timestamp, its modification time only (4.6.1)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Described(Protocol):
    """What the layout needs to know of an entry: an Entry, or a row that has the same columns."""

    @property
    def name(self) -> str:
        """As EntryNames gave it."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def crc32(self) -> int: ...
    @property
    def modified(self) -> datetime:
        """Its own fields are the DOS time, the clock where the photo was taken. When aware, it is
        the instant of the extended timestamp too; when naive, that clock is taken to show UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive, without its place."""

    name: str
    size: int
    crc32: int
    modified: datetime


class Layout:
    """Places entries one behind the other and keeps none of them."""

    def __init__(self) -> None:
        self.count = 0
        """Entries placed so far."""
        self.directory_start = 0
        """Bytes of their headers and bodies: where the central directory is if no more follow."""
        self.directory_size = 0
        """Bytes of the central directory."""
        self._digest = sha256(b"fototeca archive 1\n")

    def place(self, entry: Described, identity: bytes) -> tuple[int, int]:
        """(archive offset of its local header, offset of its header in the central directory).

        `identity` names the body more surely than a CRC can: its SHA-256.
        """
        place = self.directory_start, self.directory_size
        header = central_header(entry, self.directory_start)
        # The header says all that decides the entry's bytes but for the body.
        self._digest.update(header)
        self._digest.update(len(identity).to_bytes(2, "little") + identity)
        self.count += 1
        self.directory_start += entry_span(entry)
        self.directory_size += len(header)
        return place

    @property
    def size(self) -> int:
        """Bytes of the whole archive if no more entries follow."""
        return archive_size(self.count, self.directory_start, self.directory_size)

    @property
    def etag(self) -> str:
        """SHA-256 in hex over all that decides the archive's bytes: a strong validator."""
        return self._digest.hexdigest()


def local_header(entry: Described) -> bytes:
    """What stands before an entry's body (4.3.7)."""
    name = entry.name.encode()
    large = entry.size >= LIMIT_32
    # In a local header both sizes must be there (4.5.3).
    extra = _zip64(entry.size, entry.size) if large else b""
    extra += _timestamp(entry.modified)
    size = LIMIT_32 if large else entry.size
    header = LOCAL.pack(
        b"PK\3\4",
        VERSION_ZIP64 if large else VERSION_STORED,
        _flags(name),
        STORED,
        *dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
    )
    return header + name + extra


def central_header(entry: Described, offset: int) -> bytes:
    """An entry's header in the central directory (4.3.12); `offset` is that of its local header."""
    name = entry.name.encode()
    large, far = entry.size >= LIMIT_32, offset >= LIMIT_32
    # Only what does not fit above, in this order (4.5.3).
    extra = _zip64(*[entry.size] * 2 * large, *[offset] * far) if large or far else b""
    extra += _timestamp(entry.modified)
    size = LIMIT_32 if large else entry.size
    header = CENTRAL.pack(
        b"PK\1\2",
        MADE_BY,
        VERSION_ZIP64 if large or far else VERSION_STORED,
        _flags(name),
        STORED,
        *dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
        0,  # comment
        0,  # disk
        0,  # internal attributes
        MODE,
        LIMIT_32 if far else offset,
    )
    return header + name + extra


def end_records(count: int, directory_start: int, directory_size: int) -> bytes:
    """What stands behind the central directory (4.3.14 to 4.3.16).

    `count` is that of the entries, `directory_start` the central directory's archive offset.
    """
    records = b""
    if _end_needs_zip64(count, directory_start, directory_size):
        records = ZIP64_END.pack(
            b"PK\6\6",
            ZIP64_END.size - 12,  # 4.3.14.1: without the signature and this field
            MADE_BY,
            VERSION_ZIP64,
            0,  # this disk
            0,  # the directory's disk
            count,
            count,
            directory_size,
            directory_start,
        )
        records += ZIP64_LOCATOR.pack(b"PK\6\7", 0, directory_start + directory_size, 1)
    return records + END.pack(
        b"PK\5\6",
        0,  # this disk
        0,  # the directory's disk
        min(count, LIMIT_16),
        min(count, LIMIT_16),
        min(directory_size, LIMIT_32),
        min(directory_start, LIMIT_32),
        0,  # comment
    )


def local_size(entry: Described) -> int:
    """Bytes of the local header."""
    zip64 = 20 if entry.size >= LIMIT_32 else 0
    return LOCAL.size + len(entry.name.encode()) + zip64 + len(_timestamp(entry.modified))


def entry_span(entry: Described) -> int:
    """Bytes of the local header and the body."""
    return local_size(entry) + entry.size


def central_size(entry: Described, offset: int) -> int:
    """Bytes of the header in the central directory."""
    zip64 = 16 * (entry.size >= LIMIT_32) + 8 * (offset >= LIMIT_32)
    zip64 += EXTRA.size if zip64 else 0
    return CENTRAL.size + len(entry.name.encode()) + zip64 + len(_timestamp(entry.modified))


def end_size(count: int, directory_start: int, directory_size: int) -> int:
    """Bytes of the end records."""
    zip64 = _end_needs_zip64(count, directory_start, directory_size)
    return END.size + (ZIP64_END.size + ZIP64_LOCATOR.size if zip64 else 0)


def archive_size(count: int, directory_start: int, directory_size: int) -> int:
    """Bytes of the whole archive."""
    return directory_start + directory_size + end_size(count, directory_start, directory_size)


def dos_time(moment: datetime) -> tuple[int, int]:
    """(time, date) as MS-DOS keeps them (4.4.6): by the clock, 1980 to 2107, two-second steps."""
    if moment.year < 1980:
        return 0, 1 << 5 | 1
    if moment.year > 2107:
        return 23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31
    return (
        moment.hour << 11 | moment.minute << 5 | moment.second // 2,
        (moment.year - 1980) << 9 | moment.month << 5 | moment.day,
    )


def _timestamp(moment: datetime) -> bytes:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (aware - EPOCH) // SECOND
    # A signed 32-bit number, 1901 to 2038; but 7-Zip takes it for unsigned and would make 1955
    # 2091. Outside 1970 to 2038 the DOS time alone says better.
    if not 0 <= seconds < 1 << 31:
        return b""
    return TIMESTAMP.pack(TIMESTAMP_EXTRA, 5, 1, seconds)


def _zip64(*values: int) -> bytes:
    return EXTRA.pack(ZIP64_EXTRA, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)


def _flags(name: bytes) -> int:
    # ASCII reads the same in every code page, also where a reader knows no flag.
    return 0 if name.isascii() else UTF8_NAME


def _end_needs_zip64(count: int, directory_start: int, directory_size: int) -> bool:
    return count >= LIMIT_16 or directory_start >= LIMIT_32 or directory_size >= LIMIT_32
