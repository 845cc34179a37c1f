"""Bundles in a catalog: the frozen list, the archive's layout, and how far it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from fototeca.photos import Photo, Selection


class BundleState(StrEnum):
    PREPARING = "preparing"
    RESTORING = "restoring"
    """Laid out; waits for originals that are in a tier of the vault where opening takes hours."""
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that a bundle could not include."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A frozen selection and its archive."""

    id: str
    owner: str
    selection: Selection
    state: BundleState
    created_at: datetime
    expires_at: datetime
    photos: int
    """Photos frozen in it."""
    bytes: int
    """Of their originals."""
    name: str = ""
    """Part of their names, which narrowed the selection."""
    left_out: int = 0
    """Photos that the selection was asked for without."""
    prepared: int = 0
    """Photos given their place in the archive so far."""
    skipped: int = 0
    failure: str | None = None
    archive_size: int | None = None
    """Bytes, known once ready."""
    etag: str | None = None
    """SHA-256, hex: the archive's strong validator."""
    upload: str | None = None
    """Where the archive is built in parts: the vault's name for that, once it may be used."""
    parts: int = 0
    built: int = 0
    """Of the parts, those that are there."""


@dataclass(frozen=True, slots=True)
class Member:
    """A photo frozen in a bundle, in the bundle's order."""

    position: int
    photo: Photo
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """An archive entry with its place: a row of the archive's layout."""

    position: int
    photo: str | None
    """Photo id; None for the manifest."""
    name: str
    size: int
    crc32: int
    modified: datetime
    offset: int
    """Of its local header in the archive."""
    directory_offset: int
    """Of its central directory header, from the start of the central directory."""


CLAIM = timedelta(minutes=1)
"""How long a claim of the preparation holds after it last placed something."""
REMEMBERED = timedelta(days=30)
"""How long an expired bundle is still listed."""


def ready_text(photos: int, skipped: int) -> str:
    """The notice that a bundle of so many frozen photos is ready."""
    included = photos - skipped
    ready = "Your photo is" if included == 1 else f"Your {included:,} photos are"
    left_out = f" {skipped:,} could not be included." if skipped else ""
    return f"{ready} ready to download.{left_out}"


def failed_text(reason: str) -> str:
    """The notice that a bundle has failed."""
    return f"A bundle could not be made: {reason}"


class BundleGone(LookupError):
    """The bundle was deleted meanwhile."""


class ClaimLost(Exception):
    """The claim ran out, and another worker prepares the bundle now."""


class Bundles(Protocol):
    """Bundles. What takes a Bundle raises BundleGone when it was deleted meanwhile."""

    def freeze(
        self,
        owner: str,
        selection: Selection,
        ids: Sequence[str] | None,
        at: datetime,
        expires_at: datetime,
        *,
        name: str = "",
        without: Collection[str] = (),
        quiet: bool = False,
    ) -> Bundle:
        """Freeze the photos that are selected now (or those of `ids` that exist), oldest first.

        `name` and `without` narrow the selection: by part of a photo's name, and by ids. `quiet`:
        who asks waits for it, and no notice tells what becomes of it.
        """
        ...

    def get(self, owner: str, id: str) -> Bundle | None: ...

    def of(self, owner: str) -> list[Bundle]:
        """Newest first."""
        ...

    def preparing(self) -> list[Bundle]:
        """Those of every owner that still need preparing, oldest first."""
        ...

    def members(self, bundle: Bundle) -> Iterator[Member]: ...

    def begin(self, bundle: Bundle) -> str | None:
        """Claim the preparation, and drop what an interrupted one left. Returns the claim.

        None when there is nothing to prepare (it is restoring or being built, too) or another
        worker is at it.
        """
        ...

    def release(self) -> None:
        """Give back every preparation that killed processes had claimed."""
        ...

    def place(
        self, bundle: Bundle, claim: str, placed: Sequence[Placed], skipped: Sequence[Skipped]
    ) -> None:
        """Record entries with their places, and photos that were skipped; progress follows.

        Raises ClaimLost, and records nothing, when another has begun since.
        """
        ...

    def restoring(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        """Its layout is whole, and it waits for originals. False when it was not preparing."""
        ...

    def building(
        self, bundle: Bundle, archive_size: int, etag: str, upload: str, parts: int
    ) -> bool:
        """Its layout is whole, and this is the upload that its parts go to: it is preparing.

        False, and nothing recorded, when it has another upload or is beyond that.
        """
        ...

    def built(self, bundle: Bundle, part: int) -> None:
        """Record that a part, counted from 1, is there; a second time changes nothing."""
        ...

    def ready(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        """Mark it ready and leave its notice. False when it was deleted meanwhile."""
        ...

    def fail(self, bundle: Bundle, reason: str) -> None:
        """Nothing happens to one that is ready, or over."""
        ...

    def skipped(self, bundle: Bundle) -> list[Skipped]: ...

    def entries_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        """Entries in order from the one whose span holds archive byte `offset`."""
        ...

    def directory_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        """Entries in order from the one whose directory header holds that directory byte."""
        ...

    def last(self, bundle: Bundle) -> Placed | None:
        """The last entry: where the directory begins follows from it."""
        ...

    def delete(self, owner: str, id: str) -> Bundle | None:
        """The bundle as it was, so that what it has in the vault can follow."""
        ...

    def expire(self, at: datetime) -> list[Bundle]:
        """Mark what is past its time as expired and drop its rows. Returns those as they were.

        What expired REMEMBERED ago is forgotten altogether.
        """
        ...
