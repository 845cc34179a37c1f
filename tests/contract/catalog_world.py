"""Photos and labels for the catalog's contract tests: short to write, real to the catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.queue import Labelled
from fototeca.photos import Detection, Exif, Photo, Probe, Selection, now

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOURCE = "test@1"


def photo(owner: str, number: int = 0, **changes: object) -> Photo:
    """The owner's photo of this number; a higher number is taken an hour later."""
    made = Photo(
        owner=owner,
        id=hashlib.sha256(f"photo {number}".encode()).hexdigest(),
        name=f"IMG_{number:04}.jpg",
        size=1000 + number,
        crc32=number,
        probe=Probe(
            "image/jpeg", 640, 480, 1, Exif(taken_at=START + timedelta(hours=number), iso=100)
        ),
        uploaded_at=START,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def owner_of(catalog: Catalog, email: str | None = "dan@example.com") -> str:
    return catalog.accounts.add(email, "hash", now()).id


def label(catalog: Catalog, owner: str, number: int, **confidences: float) -> Photo:
    """A photo that a worker has labelled: `label(c, o, 1, Mountain=0.9)`."""
    made = photo(owner, number)
    catalog.photos.add(made)
    label_waiting(catalog, {made.id: confidences})
    return made


Confidences = Mapping[str, float] | Sequence[Detection]


def detections(seen: Confidences) -> tuple[Detection, ...]:
    if not isinstance(seen, Mapping):
        return tuple(seen)
    return tuple(Detection(name.replace("_", " "), sure, SOURCE) for name, sure in seen.items())


def label_waiting(catalog: Catalog, seen: Mapping[str, Confidences]) -> None:
    """Settle every waiting photo, with what is seen by photo id."""
    while claims := catalog.queue.claim("worker", 10, now() + timedelta(minutes=1)):
        catalog.queue.settle(
            "worker",
            [
                Labelled(
                    claim.photo.owner,
                    claim.photo.id,
                    detections(seen.get(claim.photo.id, ())),
                    SOURCE,
                )
                for claim in claims
            ],
        )


def select(any: str = "", all: str = "", none: str = "") -> Selection:
    """`select(any="Lake Sea", none="Dog")`."""
    return Selection(
        *(
            frozenset(text.replace("_", " ").split(" ")) if text else frozenset()
            for text in (any, all, none)
        )
    )


def counts(catalog: Catalog, owner: str, selection: Selection | None = None) -> dict[str, int]:
    return {
        counted.name: counted.count
        for counted in catalog.photos.labels(owner, selection or Selection())
    }


def found(catalog: Catalog, owner: str, selection: Selection, limit: int = 100) -> list[str]:
    """Every selected photo's id, page by page."""
    ids: list[str] = []
    cursor = None
    while True:
        page = catalog.photos.page(owner, selection, cursor=cursor, limit=limit)
        ids += [each.id for each in page.photos]
        cursor = page.next_cursor
        if cursor is None:
            assert page.total == len(ids)
            return ids
