"""All that is known of one photo, kept in its own row; every other row of it follows from that.

The other rows are what lists are read from: one in the partition of everything, of the trash, of
its state, and one for each label that is on. `rows_of` tells them, and `tallies_of` what the photo
adds to its owner's totals, so that a change of a photo is the difference between two records.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.table import Key, Row
from fototeca.catalog.values import (
    exif_from,
    exif_text,
    from_micros,
    ratio_of,
    to_micros,
    wall_clock_micros,
)
from fototeca.photos import Correction, Detection, Photo, Probe, State

SOURCE = "source:"
"""Before a model's name and version: how many photos are labelled by it."""


@dataclass(frozen=True, slots=True)
class Record:
    photo: Photo
    detections: tuple[Detection, ...] = ()
    """Surest first."""
    source: str | None = None
    """The model and version that labelled it last."""
    correction: Correction = field(default_factory=Correction)
    on: frozenset[str] = frozenset()
    """The labels that it is under. Not those of the rules only while `due`."""
    due: bool = False
    """More labels moved than one transaction takes, and the last one is yet to come."""
    attempts: int = 0
    """Claims without an answer."""
    claimed_by: str | None = None
    claimed_until: int | None = None
    """As it was claimed; the row among those that are held has it as it was renewed."""
    purging: int | None = None
    """Since when its bytes are being deleted: no upload can enter meanwhile."""
    version: int = 0

    @property
    def trashed(self) -> bool:
        return self.photo.trashed_at is not None

    @property
    def place(self) -> str:
        return keys.place(wall_clock_micros(self.photo.taken_at), self.photo.id)


def row_of(record: Record) -> dict[str, str | int | bytes | None]:
    photo = record.photo
    probe = photo.probe
    return {
        "name": photo.name,
        "size": photo.size,
        "crc32": photo.crc32,
        "media_type": probe.media_type,
        "width": probe.width,
        "height": probe.height,
        "orientation": probe.orientation,
        "exif": exif_text(probe.exif),
        "uploaded_at": to_micros(photo.uploaded_at),
        "state": photo.state.value,
        "failure": photo.failure,
        "trashed_at": None if photo.trashed_at is None else to_micros(photo.trashed_at),
        "seen": _packed(record.detections),
        "source": record.source,
        "added": _text(record.correction.added),
        "removed": _text(record.correction.removed),
        "on": _text(record.on),
        "due": int(record.due) or None,
        "attempts": record.attempts or None,
        "claimed_by": record.claimed_by,
        "claimed_until": record.claimed_until,
        "purging": record.purging,
        "version": record.version,
    }


def photo_from(row: Row) -> Photo:
    trashed_at = row.get("trashed_at")
    return Photo(
        owner=row["pk"].partition("#")[2],
        id=row["sk"],
        name=row["name"],
        size=row["size"],
        crc32=row["crc32"],
        probe=Probe(
            media_type=row["media_type"],
            width=row["width"],
            height=row["height"],
            orientation=row["orientation"],
            exif=exif_from(row["exif"]),
        ),
        uploaded_at=from_micros(row["uploaded_at"]),
        state=State(row["state"]),
        failure=row.get("failure"),
        trashed_at=None if trashed_at is None else from_micros(trashed_at),
    )


def record_from(row: Row) -> Record:
    return Record(
        photo=photo_from(row),
        detections=_unpacked(row.get("seen"), row.get("source") or ""),
        source=row.get("source"),
        correction=Correction(labels_from(row.get("added")), labels_from(row.get("removed"))),
        on=labels_from(row.get("on")),
        due="due" in row,
        attempts=row.get("attempts", 0),
        claimed_by=row.get("claimed_by"),
        claimed_until=row.get("claimed_until"),
        purging=row.get("purging"),
        version=row["version"],
    )


def rows_of(record: Record) -> dict[Key, dict[str, Any]]:
    """Every row of a photo but its own, and the vector of its picture."""
    photo, place = record.photo, record.place
    owner, name = photo.owner, photo.name.casefold()
    ratio = ratio_of(photo.probe.upright_size)
    rows: dict[Key, dict[str, Any]] = {}
    if photo.trashed_at is not None:
        trashed_at = to_micros(photo.trashed_at)
        rows[keys.trash(owner), place] = {"name": name, "ratio": ratio, "trashed_at": trashed_at}
    else:
        rows[keys.everything(owner), place] = {
            "name": name,
            "ratio": ratio,
            "size": photo.size,
            "state": photo.state.value,
            "on": _text(record.on),
        }
        if photo.state is not State.LABELLED:
            rows[keys.in_state(owner, photo.state.value), place] = {
                "attempts": record.attempts or None,
                "held": None if record.claimed_by is None else 1,
            }
    for label in record.on:
        rows[keys.label(owner, label), place] = {"ratio": ratio}
    if record.claimed_by is not None:
        rows[keys.HELD, keys.of_owner(owner, photo.id)] = {
            "worker": record.claimed_by,
            "until": record.claimed_until,
            "attempts": record.attempts,
        }
    if record.due:
        rows[keys.UNSETTLED, keys.of_owner(owner, photo.id)] = {"due": 1}
    return rows


def tallies_of(record: Record | None) -> Counter[str]:
    """What a photo adds to its owner's totals."""
    if record is None:
        return Counter()
    if record.trashed:
        return Counter(trashed=1)
    tallies = Counter(photos=1, bytes=record.photo.size)
    if record.photo.state is State.LABELLED:
        if record.source is not None:
            tallies[SOURCE + record.source] = 1
    else:
        tallies[record.photo.state.value] = 1
        if record.photo.state is State.WAITING and record.source is not None:
            tallies["again"] = 1
    return tallies


def labels_from(text: str | None) -> frozenset[str]:
    return frozenset() if text is None else frozenset(json.loads(text))


def _text(labels: frozenset[str]) -> str | None:
    return json.dumps(sorted(labels), ensure_ascii=False) if labels else None


def _packed(detections: Iterable[Detection]) -> bytes | None:
    seen = {each.label: (each.confidence, each.alone, each.summed) for each in detections}
    if not seen:
        return None
    return zlib.compress(json.dumps(seen, ensure_ascii=False, sort_keys=True).encode())


def _unpacked(packed: bytes | None, source: str) -> tuple[Detection, ...]:
    if packed is None:
        return ()
    found = []
    for label, seen in json.loads(zlib.decompress(packed)).items():
        # Labelled before it was kept what a confidence rests on, a photo has the bare confidence.
        # A later version puts what more it knows behind: while it is deployed, this one reads on.
        confidence, alone, summed = seen[:3] if isinstance(seen, list) else (seen, 0.0, None)
        found.append(Detection(label, confidence, source, alone, summed))
    return surest_first(found)


def surest_first(detections: Iterable[Detection]) -> tuple[Detection, ...]:
    return tuple(sorted(detections, key=lambda each: (-each.confidence, each.label)))
