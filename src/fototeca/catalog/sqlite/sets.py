"""Each label's photos as a set kept beside the rows, so that any selection is counted at once.

Rows answer "which are the newest"; counting what two labels of a third of a million photos share
would walk them all. Roaring bitmaps (Chambi et al. 2016, arXiv:1402.6407) of photo keys answer
it in a millisecond. One row holds a label's photos among 65,536 keys, at most 8 KiB, and is
written in the transaction that changes the membership it stands for.

Counting within a selection needs every label's photos. Reading and unpacking them takes several
times as long as counting, so they stay in memory as long as their label's version is the same.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from pyroaring import BitMap

from fototeca.catalog.sqlite.database import Database

CHUNK_BITS = 16
KEPT = 32 * 2**20
"""Bytes of sets that stay in memory: those of some three million photos."""


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


class KeptSets:
    """Sets in memory, each as of a version; those last asked for stay. Safe to share by threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._sets: OrderedDict[int, tuple[int, int, BitMap]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, label: int, version: int) -> BitMap | None:
        with self._lock:
            kept = self._sets.get(label)
            if kept is None or kept[0] != version:
                return None
            self._sets.move_to_end(label)
            return kept[2]

    def keep(self, label: int, version: int, size: int, photos: BitMap) -> None:
        with self._lock:
            if label in self._sets:
                self._bytes -= self._sets.pop(label)[1]
            self._sets[label] = version, size, photos
            self._bytes += size
            while self._bytes > self._most:
                _, (_, dropped, _) = self._sets.popitem(last=False)
                self._bytes -= dropped


class PhotoSets:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept = KeptSets(KEPT)

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
        connection.execute("UPDATE label SET version = version + 1 WHERE key = ?", (label,))
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
        """How many of these photos each of the owner's labels is on, if any.

        Not for transactions that write: what they changed may never come to be.
        """
        counts: dict[str, int] = {}
        if not photos:
            return counts
        missing: dict[int, tuple[str, int]] = {}
        labels = self._database.connection.execute(
            "SELECT key, name, version FROM label WHERE owner = ? AND count > 0", (owner,)
        )
        for key, name, version in labels:
            on = self._kept.get(key, version)
            if on is None:
                missing[key] = name, version
            else:
                counts[name] = photos.intersection_cardinality(on)
        for key, size, on in self._each(missing):
            name, version = missing[key]
            counts[name] = photos.intersection_cardinality(on)
            self._kept.keep(key, version, size, on)
        return {name: count for name, count in counts.items() if count}

    def _each(self, labels: Iterable[int]) -> Iterator[tuple[int, int, BitMap]]:
        """(label, bytes, its photos) of those that are on any."""
        rows = self._database.connection.execute(
            "SELECT label, photos FROM photo_set WHERE label IN (SELECT value FROM json_each(?))"
            " ORDER BY label",
            (json.dumps(list(labels)),),
        )
        for label, chunks in groupby(rows, key=lambda row: row[0]):
            packed = [photos for _, photos in chunks]
            yield label, sum(map(len, packed)), BitMap.union(*map(BitMap.deserialize, packed))

    def _chunk(self, label: int, photo: int) -> tuple[int, BitMap]:
        chunk = photo >> CHUNK_BITS
        row = self._database.connection.execute(
            "SELECT photos FROM photo_set WHERE label = ? AND chunk = ?", (label, chunk)
        ).fetchone()
        return chunk, BitMap() if row is None else BitMap.deserialize(row[0])

    def _write(self, label: int, chunk: int, photos: BitMap) -> None:
        connection = self._database.connection
        if photos:
            photos.run_optimize()  # of everything, a chunk without gaps is a few bytes
            connection.execute(
                "INSERT INTO photo_set (label, chunk, photos) VALUES (?, ?, ?)"
                " ON CONFLICT (label, chunk) DO UPDATE SET photos = excluded.photos",
                (label, chunk, photos.serialize()),
            )
        else:
            connection.execute(
                "DELETE FROM photo_set WHERE label = ? AND chunk = ?", (label, chunk)
            )
