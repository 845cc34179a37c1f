"""The photos that the scene head is trained on and judged by, and what is known of each.

What is known is a matrix of 1 (is on it), 0 (is not) and NaN (unknown): no source but a complete
one says that a label is missing, unless its own label excludes it by the table below.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BY_EYE = Path(__file__).with_name("seen-by-eye.csv")
"""Photos of the other sources, looked at one by one: every scene label that can be seen."""

OUTDOORS = (  # noqa: SIM905
    "Sky Clouds Sunset Snow Fog Rain Mountain Lake River Sea Beach Waterfall Desert Forest "
    "Field Grass Garden City Street Road Boat"
).split()
THINGS = ["Person", "Cat", "Dog", "Car", "Bicycle", "Food"]
SCENES = (
    *OUTDOORS,
    *["Night", "Tree", "Flower", "Greenery", "Building", "Indoors", "Windmill", "Stadium"],
    *THINGS,
)
"""The labels of the head, in the order of its output."""

NATURAL = ("Desert", "Mountain", "Sea", "Sunset", "Tree")
HAND = (  # noqa: SIM905
    "Beach Boat Building Car Cat City Clouds Desert Field Flower Forest Garden Lake "
    "Mountain Night Person Greenery River Road Sea Sky Snow Street Sunset Waterfall"
).split()
COCO = ("Person", "Bicycle", "Car", "Boat", "Cat", "Dog")
FURNITURE = {"Sink", "Oven", "Toilet", "Refrigerator", "Microwave", "Couch", "Tv", "Keyboard"}
"""What is indoors, of what COCO looks for."""
RARE = ["Windmill", "Stadium", "Cat", "Dog"]
"""What seen-by-eye.csv does not look for."""

RENAMED = {"Indoor": "Indoors", "Park": "Garden", "Plant": "Greenery"}
IMPLIED = {
    "Forest": ("Tree", "Greenery"),
    "Tree": ("Greenery",),
    "Flower": ("Greenery",),
    "Grass": ("Greenery",),
    "Clouds": ("Sky",),
    "Sunset": ("Sky",),
    "Street": ("Road",),
    "Beach": ("Sea",),
}
ROOMS = ["Indoor", "Kitchen", "Bedroom", "Office", "Library", "Laundromat", "Auditorium", "Gallery"]

_SHORE = ["Sea", "Beach", "Lake", "River", "Waterfall", "Boat"]
_WILD = ["Mountain", "Desert", "Forest", "Waterfall", "Field"]
_ODD = ["Food", "Cat", "Dog", "Indoors", "Bicycle", "Stadium", "Windmill"]
_TOWN = ["City", "Street", "Building", "Stadium"]
EXCLUDED: dict[tuple[str, str], list[str]] = {
    ("intel", "Building"): [*_SHORE, *_WILD, *_ODD, "Sunset"],
    ("intel", "Street"): [*_SHORE, *_WILD, *_ODD, "Garden"],
    ("intel", "Forest"): [*_ODD, *_TOWN, "Sea", "Beach", "Desert", "Boat", "Car", "Mountain"],
    ("intel", "Mountain"): [*_ODD, *_TOWN, "Waterfall", "Car", "Night", "Rain"],
    ("intel", "Glacier"): [*_ODD, *_TOWN, "Car", "Flower", "Desert", "Garden", "Night", "Rain"],
    ("intel", "Sea"): [*_ODD, *_TOWN, "Desert", "Car", "Flower", "Garden", "Waterfall", "Road"],
    ("landscape3", "Desert"): [*_ODD, *_TOWN, *_SHORE, "Forest", "Snow", "Rain", "Garden"],
    ("landscape3", "Forest"): [*_ODD, *_TOWN, "Desert", "Sea", "Beach", "Boat", "Car"],
    ("landscape3", "Snow"): [*_ODD, *_TOWN, "Desert", "Flower", "Garden", "Waterfall", "Car"],
    ("weather4", "Sunset"): [*_ODD, "Waterfall", "Rain", "Garden", "Forest", "Flower"],
    ("weather4", "Clouds"): [*_ODD, "Waterfall", "Night", "Garden", "Forest", "Desert"],
    ("weather4", "Sky"): [*_ODD, "Waterfall", "Night", "Rain", "Fog"],
    ("weather4", "Rain"): ["Sunset", "Desert", "Snow", "Beach", "Mountain", "Waterfall", "Food"],
    ("fog", "Fog"): [*_ODD, "Desert", "Flower", "Waterfall", "Beach"],
    ("flower_photos", "Flower"): [*_ODD, *_SHORE, *_TOWN, "Desert", "Snow", "Night", "Fog", "Car"],
    ("cats_dogs", "Cat"): [
        *OUTDOORS,
        *_WILD,
        "Dog",
        "Food",
        "Stadium",
        "Windmill",
        "Bicycle",
        "Tree",
        "Flower",
        "Building",
    ],
    ("cats_dogs", "Dog"): [*_WILD, *_TOWN, "Cat", "Food", "Sunset", "Windmill", "Rain", "Flower"],
    ("food_ccmix", "Food"): [
        *OUTDOORS,
        *_WILD,
        *_TOWN,
        "Cat",
        "Dog",
        "Car",
        "Bicycle",
        "Tree",
        "Greenery",
        "Flower",
    ],
    ("cars", "Car"): [*_SHORE, *_WILD, "Food", "Cat", "Dog", "Sunset", "Flower", "Rain"],
    ("cars", "Bicycle"): [*_SHORE, *_WILD, "Food", "Cat", "Dog", "Sunset", "Rain"],
    ("sun_cmu", "Aquarium"): [o for o in OUTDOORS if o not in ("Sea", "Boat")],
    ("sun_cmu", "Airport"): [*_SHORE, *_WILD, "Food", "Cat", "Dog", "Sunset", "Garden"],
    ("sun_cmu", "Building"): [*_SHORE, *_WILD, *_ODD, "Sunset", "Fog"],
    ("sun_cmu", "Desert"): [*_ODD, *_TOWN, *_SHORE, "Forest", "Rain", "Garden", "Flower"],
    ("sun_cmu", "Forest"): [*_ODD, *_TOWN, "Desert", "Sea", "Beach", "Boat", "Car"],
    ("sun_cmu", "Garden"): [*_ODD, "Desert", "Sea", "Beach", "Snow", "City", "Night", "Car"],
    ("sun_cmu", "IceRink"): [
        *_SHORE,
        *_WILD,
        "Food",
        "Cat",
        "Dog",
        "Flower",
        "Garden",
        "Car",
        "Tree",
        "Greenery",
    ],
    ("sun_cmu", "Mountain"): [*_ODD, *_TOWN, "Night", "Rain", "Car"],
    ("sun_cmu", "Park"): [*_ODD, "Desert", "Sea", "Beach", "Waterfall", "Night", "Boat"],
    ("sun_cmu", "Road"): [*_SHORE, "Food", "Cat", "Dog", "Indoors", "Flower", "Windmill"],
    ("sun_cmu", "Sea"): [*_ODD, "City", "Street", "Desert", "Car", "Flower", "Garden", "Waterfall"],
    ("sun_cmu", "Stadium"): [*_SHORE, *_WILD, "Food", "Cat", "Dog", "Flower", "Windmill"],
    ("sun_cmu", "TennisCourt"): [*_SHORE, *_WILD, "Food", "Cat", "Dog", "Snow", "Sunset", "Car"],
    ("sun_cmu", "Waterfall"): [*_ODD, *_TOWN, "Desert", "Car", "Sea", "Beach", "Field", "Road"],
    ("sun_cmu", "Windmill"): [*_SHORE[:-1], "Food", "Cat", "Dog", "Indoors", "Forest", "Desert"],
    **{
        ("sun_cmu", room): [
            *OUTDOORS,
            *_WILD,
            *_TOWN,
            "Tree",
            "Flower",
            "Windmill",
            "Car",
            "Cat",
            "Dog",
        ]
        for room in ROOMS
    },
}
"""What is not on a photo of a source that gives it this one label, as the label excludes it."""

DUPLICATE_COSINE, DUPLICATE_BITS = 0.93, 8
HELD_OUT = 5
"""One group of near duplicates in so many is held out, by the hash of its first path."""


@dataclass(frozen=True, slots=True)
class Known:
    """A photo and what is known of it."""

    path: str
    source: str
    complete: bool
    """Whether what is known covers all labels that its source looks for."""
    present: frozenset[str]
    absent: frozenset[str]


def known(data: Path) -> list[Known]:
    """Every photo of the data sets with something known of a scene label, in the order of paths."""
    by_eye = {row["path"]: row for row in _rows(BY_EYE)}
    found = []
    for path, source, labels, maybe in _photos(data):
        present = _closed(labels)
        absent: set[str] = set()
        complete = True
        if source == "natural":
            absent |= set(NATURAL)
        elif source == "hand":
            absent |= set(HAND)
        elif source == "coco_tiny":
            absent |= set(COCO)
            if FURNITURE.intersection(labels):
                present.add("Indoors")
                absent |= {*OUTDOORS, "Tree", "Rain"}
        else:
            complete = False
            for label in labels:
                absent |= set(EXCLUDED.get((source, label), ()))
        unsure = _closed(maybe)
        if path in by_eye:
            seen = _closed(by_eye[path]["labels"].split("|"))
            own = present | absent
            doubts = _closed(by_eye[path]["maybe_labels"].split("|"))
            unsure |= doubts - own if complete else doubts
            # Where the source itself is complete, it is right.
            present |= seen - own if complete else seen
            absent |= set(SCENES) - set(RARE) - own
            complete = True
        present &= set(SCENES)
        found.append(
            Known(path, source, complete, frozenset(present), frozenset(absent - present - unsure))
        )
    return sorted(found, key=lambda each: each.path)


def matrix(photos: Iterable[Known]) -> NDArray[np.float32]:
    """1, 0 or NaN, [photos, scenes]."""
    return np.array(
        [
            [1 if s in each.present else 0 if s in each.absent else np.nan for s in SCENES]
            for each in photos
        ],
        dtype=np.float32,
    )


def groups(features: NDArray[np.float32], bits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The number of each photo's group of near duplicates: that of its first member; [photos].

    Two are near duplicates when their features, or these and the difference hashes, are close.
    """
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    first = np.arange(len(unit))
    for index in range(len(unit)):
        cosine = unit[:index] @ unit[index]
        near = np.flatnonzero(cosine > 0.75)
        close = (bits[near] != bits[index]).sum(axis=1) <= DUPLICATE_BITS
        for other in near[(cosine[near] >= DUPLICATE_COSINE) | close]:
            old, new = sorted((first[other], first[index]), reverse=True)
            first[first == old] = new
    return first


def splits(photos: list[Known], group: NDArray[np.intp]) -> list[str]:
    """`train`, `held-out` or `unused` for each photo.

    The hand-labelled photos are held out. What they were taken from, and near duplicates of
    either, is unused: training never sees a photo that judges it, or its twin.
    """
    judges = {number for each, number in zip(photos, group, strict=True) if _judges(each)}
    found = []
    for each, number in zip(photos, group, strict=True):
        digest = hashlib.sha256(photos[number].path.encode()).digest()
        if each.source == "hand":
            found.append("held-out")
        elif number in judges:
            found.append("unused")
        else:
            found.append("held-out" if digest[0] % HELD_OUT == 0 else "train")
    return found


def _judges(each: Known) -> bool:
    return each.source == "hand" or each.path.startswith("scenes/sun_cmu/Landscape/")


def _closed(labels: Iterable[str]) -> set[str]:
    """With what these labels imply."""
    found = {RENAMED.get(label, label) for label in labels if label}
    while more := {other for label in found for other in IMPLIED.get(label, ())} - found:
        found |= more
    if found.intersection(ROOMS):
        found.add("Indoors")
    return found


def _photos(data: Path) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """(path, source, labels, labels that may be there)."""
    for table in ("natural", "scenes", "hand", "cars"):
        for row in _rows(data / f"{table}.csv"):
            maybe = row.get("maybe_labels") or ""
            source = row.get("dataset") or table
            yield row["path"], source, row["labels"].split("|"), maybe.split("|")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        # Tables put together from others repeat their heading.
        return [row for row in csv.DictReader(file) if row["path"] != "path"]
