"""Photos in a catalog, and what is on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from fototeca.photos import Correction, CorrectionChange, Detection, Photo, Selection


class CursorInvalid(ValueError):
    """A page cursor that this catalog did not give out."""


class Outcome(StrEnum):
    """What became of a photo that was brought in."""

    ADDED = "added"
    DUPLICATE = "duplicate"
    RESTORED = "restored"
    """It was in the trash; it is back, corrections included."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of photos, newest first."""

    photos: tuple[Photo, ...]
    next_cursor: str | None
    total: int
    """Photos in the whole selection, not only in this page."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a selection's photos follow each other, newest first, without saying which they are."""

    days: tuple[tuple[date, int], ...]
    """How many photos each day has, by the clock where they were taken; newest first."""
    ratios: tuple[int, ...]
    """Width / height of each upright photo, in hundredths."""
    cursors: tuple[str, ...]
    """Where each page after the first begins."""


@dataclass(frozen=True, slots=True)
class PhotoLabels:
    """Everything known of one photo's labels."""

    on: tuple[str, ...]
    """The labels that are on the photo, by name."""
    detections: tuple[Detection, ...]
    """All kept ones, surest first, also those under their threshold."""
    correction: Correction


@dataclass(frozen=True, slots=True)
class Embedding:
    """Where a picture lies in a model's space of texts and pictures."""

    source: str
    """The model and its version: those of two sources cannot be compared."""
    vector: tuple[float, ...]
    """Of length 1."""


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """All that a catalog knows of a photo by itself, as another catalog can take it over."""

    photo: Photo
    detections: tuple[Detection, ...] = ()
    """Surest first."""
    correction: Correction = field(default_factory=Correction)
    source: str | None = None
    """The model that labelled it last, and its version."""
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction of many photos did."""

    photos: int
    """How many of them exist."""
    undo: Mapping[CorrectionChange, frozenset[str]]
    """Changes that restore what the owner had said before, each with the ids it is for."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much a selection holds."""

    photos: int
    bytes: int


class Photos(Protocol):
    """Photos and what is on them."""

    def add(self, photo: Photo) -> Outcome:
        """Record a photo whose bytes are in the vault. The same owner and id again adds nothing."""
        ...

    def get(self, owner: str, id: str) -> Photo | None:
        """The photo, trashed or not."""
        ...

    def known(self, owner: str, ids: Iterable[str]) -> frozenset[str]:
        """Those of these ids that are here and not in the trash."""
        ...

    def page(
        self,
        owner: str,
        selection: Selection,
        *,
        state: str | None = None,
        trashed: bool = False,
        name: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of the selection; `name` keeps photos whose name contains it.

        Raises CursorInvalid.
        """
        ...

    def layout(
        self,
        owner: str,
        selection: Selection,
        *,
        trashed: bool = False,
        name: str = "",
        page: int = 100,
    ) -> Layout:
        """All of what `page` gives in pages of that many photos, in a few bytes a photo."""
        ...

    def version(self, owner: str) -> int | None:
        """A number that grows with every change of what `layout` may answer this owner.

        None where that cannot be told without reading the photos.
        """
        ...

    def nearest(
        self, owner: str, selection: Selection, to: Embedding, limit: int = 100
    ) -> list[Photo]:
        """The selected photos whose embeddings of the same source are most like `to`, best first.

        Those that have none are left out.
        """
        ...

    def totals(self, owner: str, selection: Selection, *, name: str = "") -> Totals: ...

    def labels_of(self, owner: str, id: str) -> PhotoLabels | None: ...

    def labels(self, owner: str, selection: Selection) -> list[LabelCount]:
        """The labels on the selected photos, with how many of those each is on; most first."""
        ...

    def correct(
        self,
        owner: str,
        ids: Sequence[str],
        add: Iterable[str],
        remove: Iterable[str],
        clear: Iterable[str] = (),
    ) -> Corrected:
        """Add and remove labels on these photos, or take back what was said of labels before."""
        ...

    def trash(self, owner: str, ids: Sequence[str], at: datetime) -> int:
        """Put photos into the trash. Returns how many are newly there."""
        ...

    def restore(self, owner: str, ids: Sequence[str]) -> int:
        """Take photos out of the trash, once it is sure that they are not purged. How many are."""
        ...

    def purgeable(self, trashed_before: datetime) -> Iterator[tuple[str, str]]:
        """(owner, id) of photos trashed before then that no unexpired bundle needs.

        They may be purged on the way.
        """
        ...

    def purge(self, owner: str, id: str, delete_bytes: Deletion) -> bool:
        """Forget one trashed photo and call `delete_bytes`, as one step that no upload can enter.

        False, and nothing done, when it is no longer in the trash or a bundle needs it by now.
        """
        ...

    def measured(self, owner: str, id: str, size: int, crc32: int) -> None:
        """Record what the original, whose SHA-256 is right, was found to have."""
        ...

    def all(self) -> Iterator[Photo]:
        """Every photo of every owner, for checks."""
        ...

    def record(self, owner: str, id: str) -> PhotoRecord | None:
        """The photo, trashed or not, with all that is known of it."""
        ...

    def put(self, record: PhotoRecord) -> None:
        """Make a photo of an account that is here just what the record says, its bytes being in
        the vault. A waiting one is waiting here, too; what is on it follows this owner's settings.

        The same record a second time changes nothing.
        """
        ...


class Deletion(Protocol):
    def __call__(self, owner: str, id: str) -> None: ...
