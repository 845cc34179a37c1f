"""Photos, labels, detections and selections: the words of the domain and its pure rules. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

USER = "user"
"""The source of a detection that the owner made."""


class State(StrEnum):
    """Where a photo is in the work of labelling. Every photo is selectable from the start."""

    WAITING = "waiting"
    LABELLED = "labelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Exif:
    """What the camera wrote, as far as it could be read (Exif 3.0, CIPA DC-008). Absent is None."""

    taken_at: datetime | None = None
    """Aware when the camera wrote its offset (or the GPS time tells it), else naive local time."""
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    exposure_time: float | None = None
    """Seconds."""
    f_number: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    """Millimetres."""
    latitude: float | None = None
    """Degrees, WGS 84, south negative."""
    longitude: float | None = None
    altitude: float | None = None
    """Metres above sea level."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What an image file says of itself before its pixels are decoded."""

    media_type: str
    """Sniffed from the bytes, never from the name: image/jpeg, image/png, image/heic, ..."""
    width: int
    """Pixels, as stored: before orientation is applied."""
    height: int
    orientation: int = 1
    """Exif orientation, 1 to 8."""
    exif: Exif = field(default_factory=Exif)

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) in pixels once turned upright."""
        return upright(self.width, self.height, self.orientation)


def upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    """(width, height) once turned as an EXIF orientation says: 5 to 8 swap them."""
    return (height, width) if orientation >= 5 else (width, height)


@dataclass(frozen=True, slots=True)
class Photo:
    """One image that the owner gave us; the same bytes twice are one photo."""

    owner: str
    id: str
    """SHA-256 of the original's bytes, 64 lower-case hex digits."""
    name: str
    """The name it came with: shown, and used for the archive entry; never a path."""
    size: int
    """Bytes."""
    crc32: int
    probe: Probe
    uploaded_at: datetime
    """Aware, UTC."""
    state: State = State.WAITING
    failure: str | None = None
    """Why it is `failed`, in words for the owner."""
    trashed_at: datetime | None = None

    @property
    def taken_at(self) -> datetime:
        """When it was taken, by the clock there; the upload time where that is unknown."""
        return self.probe.exif.taken_at or self.uploaded_at


@dataclass(frozen=True, slots=True)
class Label:
    """A thing or scene seen in photos."""

    name: str
    """Title Case."""
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    category: str | None = None
    threshold: float = 0.5
    """A detection of at least this confidence puts the label on unless the owner removed it."""

    def matches(self, text: str) -> bool:
        """Whether its name or an alias contains the text, in any case."""
        text = text.casefold().strip()
        return any(text in name.casefold() for name in (self.name, *self.aliases))


@dataclass(frozen=True, slots=True)
class Detection:
    """A label on a photo, as its source saw it."""

    label: str
    confidence: float
    """0 to 1."""
    source: str
    """`user`, or the model and its version as `name@version`."""
    alone: float = 0.0
    """How sure its source is of this very label, whatever it sees of its kinds."""
    summed: float | None = None
    """What it and its kinds, which exclude each other, add up to. None: its whole confidence."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What the owner says of labels on one photo. The two sets never share a label."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    """Tombstones: labelling again never brings these back."""

    def change(
        self,
        add: Iterable[str],
        remove: Iterable[str],
        taxonomy: Hierarchy,
        clear: Iterable[str] = (),
    ) -> Correction:
        """The correction after the owner adds and removes labels, or takes back their word.

        Adding a label takes back the removal of it and of whatever it is a kind of: who says
        Dog says Animal. Removing one takes back the adding of it and of its kinds.
        """
        cleared = frozenset(clear)
        added, removed = set(self.added - cleared), set(self.removed - cleared)
        for name in remove:
            added -= {name, *taxonomy.descendants(name)}
            removed.add(name)
        for name in add:
            removed -= {name, *taxonomy.ancestors(name)}
            added.add(name)
        return Correction(frozenset(added), frozenset(removed))

    def kept_off(self, taxonomy: Hierarchy) -> frozenset[str]:
        """Labels that are not on the photo whatever is seen: the removed ones and their kinds."""
        below: set[str] = set()
        for name in self.removed:
            below |= taxonomy.descendants(name)
        return frozenset((below | self.removed) - self.added)

    def back_from(self, changed: Correction) -> CorrectionChange:
        """The change that makes this again of what it was changed into."""
        return CorrectionChange(
            add=self.added - changed.added,
            remove=self.removed - changed.removed,
            clear=(changed.added | changed.removed) - self.added - self.removed,
        )


@dataclass(frozen=True, slots=True)
class CorrectionChange:
    """Labels that `Correction.change` adds, removes and takes the owner's word back of."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.clear)


class Hierarchy(Protocol):
    """Which labels are kinds of which (`Mountain` is `Nature`). Unknown names have no relatives."""

    def ancestors(self, name: str) -> frozenset[str]:
        """Every label that this one is a kind of, itself left out."""
        ...

    def descendants(self, name: str) -> frozenset[str]:
        """Every label that is a kind of this one, itself left out."""
        ...


def without(
    detections: Iterable[Detection], unseen: Set[str], taxonomy: Hierarchy
) -> dict[str, float]:
    """Confidence by label, the `unseen` left out, as if the source had not seen those at all.

    A label's confidence is the surest of what was seen of it alone, of the sum of what excludes
    each other, and of its kinds' confidences. From the sum goes what the unseen have of it.
    """
    seen = {each.label: each for each in detections}
    unseen = unseen & seen.keys()
    if not unseen:
        return {each.label: each.confidence for each in seen.values()}
    kinds = {name: taxonomy.descendants(name) & seen.keys() for name in seen}

    def summed(name: str) -> float:
        known = seen[name].summed
        return seen[name].confidence if known is None else known

    def share(lost: Set[str]) -> float:
        """What these, the kinds of each among them, add up to, each once."""
        total, left = 0.0, set(lost)
        while left:
            top = min(name for name in left if not any(name in kinds[other] for other in left))
            below = kinds[top] & lost
            total += summed(top) - share(below - left)
            left -= {top, *below}
        return total

    apart = {
        name: max(seen[name].alone, summed(name) - share(kinds[name] & unseen))
        for name in seen.keys() - unseen
    }
    return {
        name: max(apart[each] for each in (name, *(kinds[name] - unseen)))
        if kinds[name] & unseen
        else seen[name].confidence
        for name in apart
    }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which photos: at least one label of `any` (if given), every one of `all`, not one of `none`.

    One meaning for counts, grid and bundle. An empty selection is all photos.
    """

    any: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()

    def matches(self, labels: frozenset[str]) -> bool:
        """Whether a photo that these labels are on is selected."""
        return (
            (not self.any or not self.any.isdisjoint(labels))
            and self.all <= labels
            and self.none.isdisjoint(labels)
        )

    def __bool__(self) -> bool:
        return bool(self.any or self.all or self.none)


def now() -> datetime:
    """This moment, aware, UTC, whole microseconds."""
    return datetime.now(UTC)
