"""The vault port: where bytes are, whatever they are kept in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

CHUNK = 1 << 20
"""Bytes read at a time: 64 KiB with a thread hop each costs three to six times as much."""

# Only what we made ourselves becomes a path or a key.
OWNER = re.compile(r"[0-9a-f]{16}")
ID = re.compile(r"[0-9a-f]{64}")
WORKING = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")

MARKER = "fototeca-library"
"""In a library's `vault/` on a disk: what lies there are photos already, and renditions of them."""


class Size(StrEnum):
    """The renditions that are kept."""

    GRID = "grid"
    VIEW = "view"


class OriginalMissing(FileNotFoundError):
    """The vault does not have this original, or not all of it."""


class OriginalArchived(OriginalMissing):
    """The original is where opening takes hours, and cannot be read before it was restored."""


class VaultFull(OSError):
    """No room for more bytes."""


class VaultUnavailable(OSError):
    """The vault does not answer as it should; the same may work later."""


class UploadGone(LookupError):
    """The upload of an archive's parts was aborted, or is over."""


class Staged(Protocol):
    """Bytes on their way in: hashed as they are written, seen by nobody until they are kept."""

    @property
    def path(self) -> Path:
        """A local file with what was written so far (flushed)."""
        ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str:
        """64 lower-case hex digits."""
        ...

    @property
    def crc32(self) -> int: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Raises VaultFull."""
        ...

    def sync(self) -> None:
        """Make what was written durable. Raises VaultFull."""
        ...


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A PUT that its holder may make without asking us, for these bytes and a short time."""

    url: str
    headers: Mapping[str, str]
    """To be sent with it as they are."""
    expires_at: datetime


class Signer(Protocol):
    """Gives URLs that read or write one object at the vault itself, past our process."""

    def put_original(
        self,
        owner: str,
        id: str,
        *,
        name: str,
        size: int,
        media_type: str,
        replace: bool,
        lifetime: timedelta,
    ) -> SignedRequest:
        """For these bytes alone: the vault verifies size and SHA-256.

        What is there already is refused with 412; with `replace` it is put there again.
        """
        ...

    def put_inbox(self, owner: str, name: str, media_type: str, lifetime: timedelta) -> str:
        """For one file of unknown bytes, sent with this Content-Type."""
        ...

    def original(
        self, owner: str, id: str, *, media_type: str, disposition: str, lifetime: timedelta
    ) -> str:
        """Answered with this Content-Type and Content-Disposition, and ranges of it."""
        ...

    def working(
        self, name: str, *, media_type: str, disposition: str, lifetime: timedelta
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """An original as the vault has it."""

    size: int
    """Bytes."""
    archived: bool = False
    """It cannot be read before it was restored."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What the vault says of a working file."""

    size: int
    crc32: int | None
    """None where the vault has none of the whole."""


class Assembly(Protocol):
    """Puts a working file together from parts that are written apart from each other."""

    max_parts: int

    def begin(self, name: str, media_type: str) -> str:
        """The upload that parts are written to."""
        ...

    def put_part(self, name: str, upload: str, number: int, data: bytearray, crc32: int) -> None:
        """Write a part, counted from 1; again in its place. Raises UploadGone."""
        ...

    def parts(self, name: str, upload: str) -> dict[int, int]:
        """Bytes of each part that is there. Raises UploadGone."""
        ...

    def complete(self, name: str, upload: str) -> None:
        """Make the parts the working file. Raises UploadGone, perhaps when called again, too."""
        ...

    def abort(self, name: str, upload: str) -> None:
        """Forget the parts. Nothing happens when there are none."""
        ...

    def whole(self, name: str) -> Whole | None:
        """The working file as it is; None when it is not there."""
        ...

    def restore(self, owner: str, ids: Sequence[str]) -> list[str]:
        """Have these originals brought back from the archive. Returns those not back yet."""
        ...


class Vault(Protocol):
    """What is said to be missing is missing: where the vault itself is not there, or does not
    answer, each method raises VaultUnavailable.
    """

    @property
    def signer(self) -> Signer | None:
        """None where bytes come and go through our process alone."""
        ...

    @property
    def assembly(self) -> Assembly | None:
        """None where an archive is not built but served from the originals."""
        ...

    def check(self) -> None:
        """Raises VaultUnavailable when it is not there at all: it would look empty."""
        ...

    def stage(self) -> AbstractContextManager[Staged]:
        """A place for incoming bytes; whatever was not kept is gone when the context ends."""
        ...

    def keep_original(self, owner: str, id: str, staged: Staged) -> None:
        """Keep the staged bytes as this photo's original. Durable on return.

        Safe to call again, also when the original is there already.
        """
        ...

    def original_size(self, owner: str, id: str) -> int | None:
        """Bytes; None when it is not there."""
        ...

    def stored(self, owner: str, ids: Sequence[str]) -> list[Stored | None]:
        """These originals, in their order; None for what is not there."""
        ...

    def local_original(self, owner: str, id: str) -> AbstractContextManager[Path]:
        """The original as a local file, to be read only. Raises OriginalMissing."""
        ...

    def read_original(self, owner: str, id: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) in chunks of CHUNK. Raises OriginalMissing."""
        ...

    def original_sha256(self, owner: str, id: str) -> str | None:
        """The SHA-256 of what is there, in hex: by reading it, or as its place has verified it.

        None when it is not there.
        """
        ...

    def delete_original(self, owner: str, id: str) -> None:
        """Also its renditions. Nothing happens when they are not there."""
        ...

    def originals(self) -> Iterator[tuple[str, str, int]]:
        """(owner, id, bytes) of every original, for checks."""
        ...

    def keep_rendition(self, owner: str, id: str, size: Size, jpeg: bytes) -> None: ...

    def rendition(self, owner: str, id: str, size: Size) -> bytes | None: ...

    def keep_working(self, name: str, chunks: Iterable[bytes]) -> None:
        """Keep a working file (a bundle's manifest) under a name of ours: [a-z0-9.-]."""
        ...

    def read_working(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """Raises OriginalMissing."""
        ...

    def delete_working(self, name: str) -> None: ...
