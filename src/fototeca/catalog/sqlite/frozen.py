"""Bundles' frozen lists, packed: their photos in order, a thousand a row, and once more as a set.

A row for each photo, held to it by a foreign key and an index, took ten times as long to write, and
all who write waited for it.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

LISTED = 1000
"""Photos in a row: a bundle of any size is read with no more memory than these take."""


def freeze(connection: sqlite3.Connection, bundle: int, photos: NDArray[np.int64]) -> None:
    """Keep these photos' keys, in this order. From here on none of them is purged."""
    connection.executemany(
        "INSERT INTO bundle_list (bundle, first, photos) VALUES (?, ?, ?)",
        (
            (bundle, first, photos[first : first + LISTED].astype("<i8").tobytes())
            for first in range(0, len(photos), LISTED)
        ),
    )
    connection.execute(
        "INSERT INTO bundle_set (bundle, photos) VALUES (?, ?)",
        (bundle, BitMap(photos.tolist()).serialize()),
    )


def listed(connection: sqlite3.Connection, bundle: int, first: int) -> list[int]:
    """The photos of the row that begins with this position; none after the last."""
    row = connection.execute(
        "SELECT photos FROM bundle_list WHERE bundle = ? AND first = ?", (bundle, first)
    ).fetchone()
    return [] if row is None else np.frombuffer(row[0], "<i8").tolist()


def needed(connection: sqlite3.Connection) -> BitMap:
    """Every photo of which a bundle may still need the bytes."""
    rows = connection.execute("SELECT photos FROM bundle_set")
    return BitMap.union(BitMap(), *[BitMap.deserialize(photos) for (photos,) in rows])


def forget(connection: sqlite3.Connection, bundle: int) -> None:
    connection.execute("DELETE FROM bundle_list WHERE bundle = ?", (bundle,))
    connection.execute("DELETE FROM bundle_set WHERE bundle = ?", (bundle,))


def pack_lists(connection: sqlite3.Connection) -> None:
    """Instead of the rows that each photo had."""
    rows = connection.execute("SELECT bundle, photo FROM bundle_photo ORDER BY bundle, position")
    for bundle, photos in groupby(rows.fetchall(), key=lambda row: row[0]):
        freeze(connection, bundle, np.array([photo for _, photo in photos], np.int64))
    connection.execute("DROP TABLE bundle_photo")
