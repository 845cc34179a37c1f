"""Each label's photos as a set kept beside the rows, so that any selection is counted at once.

Rows answer "which are the newest"; counting what two labels of a third of a million photos share
would walk them all. Roaring bitmaps (Chambi et al. 2016, arXiv:1402.6407) of photo keys answer
it in a millisecond. One row holds a label's photos among 65,536 keys, at most 8 KiB, and is
written in the transaction that changes the membership it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from fototeca.catalog.sqlite.database import Database

CHUNK_BITS = 16


def everything(owner: int) -> int:
    """The set of all the owner's photos that are not in the trash, kept like a label's."""
    return -owner


@dataclass(frozen=True, slots=True)
class SelectedKeys:
    """A selection by label keys; `all` fewest photos first. `impossible` selects nothing."""

    any: tuple[int, ...] = ()
    all: tuple[int, ...] = ()
    none: tuple[int, ...] = ()
    impossible: bool = False
    narrowest: tuple[int, ...] = ()
    """Labels of which every selected photo has one, on as few others as can be; () for none."""


class PhotoSets:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, label: int, photo: int) -> None:
        chunk, photos = self._chunk(label, photo)
        photos.add(photo)
        self._write(label, chunk, photos)

    def discard(self, label: int, photo: int) -> None:
        chunk, photos = self._chunk(label, photo)
        photos.discard(photo)
        self._write(label, chunk, photos)

    def replace(self, label: int, photos: Iterable[int]) -> None:
        """Write a whole set anew."""
        connection = self._database.connection
        connection.execute("DELETE FROM photo_set WHERE label = ?", (label,))
        chunks: dict[int, BitMap] = {}
        for photo in photos:
            chunks.setdefault(photo >> CHUNK_BITS, BitMap()).add(photo)
        for chunk, chunk_photos in chunks.items():
            self._write(label, chunk, chunk_photos)

    def of(self, labels: Iterable[int]) -> BitMap:
        """The photos that at least one of these labels is on."""
        rows = self._database.connection.execute(
            "SELECT photos FROM photo_set WHERE label IN (SELECT value FROM json_each(?))",
            (json.dumps(list(labels)),),
        ).fetchall()
        return BitMap.union(BitMap(), *[BitMap.deserialize(photos) for (photos,) in rows])

    def selected(self, owner: int, keys: SelectedKeys) -> BitMap:
        """The photos of a selection."""
        if keys.impossible:
            return BitMap()
        chosen = self.of(keys.any) if keys.any else None
        for label in keys.all:
            photos = self.of([label])
            chosen = photos if chosen is None else chosen & photos
        if chosen is None:
            chosen = self.of([everything(owner)])
        return chosen - self.of(keys.none) if keys.none else chosen

    def counts(self, owner: int, photos: BitMap) -> dict[str, int]:
        """How many of these photos each of the owner's labels is on, if any."""
        counts: dict[str, int] = {}
        if not photos:
            return counts
        rows = self._database.connection.execute(
            "SELECT name, photos FROM label JOIN photo_set ON photo_set.label = label.key"
            " WHERE owner = ? AND count > 0 AND chunk BETWEEN ? AND ?",
            (owner, photos.min() >> CHUNK_BITS, photos.max() >> CHUNK_BITS),
        )
        for name, chunk in rows:
            shared = photos.intersection_cardinality(BitMap.deserialize(chunk))
            if shared:
                counts[name] = counts.get(name, 0) + shared
        return counts

    def _chunk(self, label: int, photo: int) -> tuple[int, BitMap]:
        chunk = photo >> CHUNK_BITS
        row = self._database.connection.execute(
            "SELECT photos FROM photo_set WHERE label = ? AND chunk = ?", (label, chunk)
        ).fetchone()
        return chunk, BitMap() if row is None else BitMap.deserialize(row[0])

    def _write(self, label: int, chunk: int, photos: BitMap) -> None:
        connection = self._database.connection
        if photos:
            connection.execute(
                "INSERT INTO photo_set (label, chunk, photos) VALUES (?, ?, ?)"
                " ON CONFLICT (label, chunk) DO UPDATE SET photos = excluded.photos",
                (label, chunk, photos.serialize()),
            )
        else:
            connection.execute(
                "DELETE FROM photo_set WHERE label = ? AND chunk = ?", (label, chunk)
            )
