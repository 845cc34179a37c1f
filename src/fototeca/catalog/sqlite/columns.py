"""What totals and layouts need of each photo, in packed columns kept beside the rows.

Reading a million rows one by one takes seconds; numpy adds up or sorts a million numbers in a tenth
of one. Three columns of 200 photos are 4,000 bytes, a row that fills a page: adding a photo writes
one page more, in the transaction that adds it.
"""

from __future__ import annotations

import json
import sqlite3
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fototeca.catalog.values import ratio_of
from fototeca.photos import upright

BLOCK = 200
"""Photos in a row."""
TYPES: dict[str, np.dtype[Any]] = {
    "size": np.dtype("<i8"),
    "taken": np.dtype("<i8"),
    "ratio": np.dtype("<i4"),
}
BLOCKS = 100
"""Made or compared at a time."""

Packed = tuple[bytes, ...]
"""A block of each column."""
EMPTY: Packed = tuple(bytes(BLOCK * type.itemsize) for type in TYPES.values())


def update_columns(connection: sqlite3.Connection, photo: int) -> None:
    """To be called in each transaction that has added, changed or deleted the photo's row."""
    block, at = divmod(photo, BLOCK)
    stored = _stored(connection, block, block + 1).get(block, EMPTY)
    values = _values(connection, photo, photo + 1).get(photo, (0, 0, 0))
    _write(connection, block, tuple(map(_with, stored, values, repeat(at))))


def columns(connection: sqlite3.Connection, photos: BitMap, *names: str) -> list[NDArray[Any]]:
    """These columns of these photos, in the order of their keys."""
    keys = keys_of(photos)
    numbers = keys // BLOCK
    is_next = np.diff(numbers, prepend=-1) != 0
    blocks = numbers[is_next].tolist()
    places = {block: place for place, block in enumerate(blocks)}
    found = [np.zeros((len(blocks), BLOCK), TYPES[name]) for name in names]
    rows = connection.execute(
        f"SELECT block, {', '.join(names)} FROM photo_columns"
        " WHERE block IN (SELECT value FROM json_each(?))",
        (json.dumps(blocks),),
    )
    for row in rows:
        place = places[row[0]]
        for number, column in enumerate(found, start=1):
            column[place] = np.frombuffer(row[number], column.dtype)
    at = (np.cumsum(is_next) - 1) * BLOCK + keys % BLOCK
    return [column.reshape(-1)[at] for column in found]


def keys_of(photos: BitMap) -> NDArray[np.int64]:
    """In ascending order."""
    return np.asarray(photos.to_array(), np.int64)


def fill_columns(connection: sqlite3.Connection) -> None:
    """Make all of them from the photos' rows."""
    for first in spans(connection):
        for block, packed in _expected(connection, first).items():
            _write(connection, block, packed)


def spans(connection: sqlite3.Connection) -> range:
    """The first of each BLOCKS blocks, of all that there are or should be."""
    (last,) = connection.execute(
        "SELECT max(coalesce((SELECT max(key) / ? FROM photo), -1),"
        " coalesce((SELECT max(block) FROM photo_columns), -1))",
        (BLOCK,),
    ).fetchone()
    return range(0, last + 1, BLOCKS)


def wrong_blocks(connection: sqlite3.Connection, first: int, repair: bool) -> list[int]:
    """Those, of the BLOCKS from this one on, that differ from the photos' rows; `repair`: did."""
    stored = _stored(connection, first, first + BLOCKS)
    expected = _expected(connection, first)
    wrong = [
        block
        for block in range(first, first + BLOCKS)
        if stored.get(block, EMPTY) != expected.get(block, EMPTY)
    ]
    if repair:
        for block in wrong:
            _write(connection, block, expected.get(block, EMPTY))
    return wrong


def _expected(connection: sqlite3.Connection, first: int) -> dict[int, Packed]:
    blocks: dict[int, Packed] = {}
    for photo, values in _values(connection, first * BLOCK, (first + BLOCKS) * BLOCK).items():
        block, at = divmod(photo, BLOCK)
        packed = blocks.get(block, EMPTY)
        blocks[block] = tuple(map(_with, packed, values, repeat(at)))
    return blocks


def _values(connection: sqlite3.Connection, start: int, stop: int) -> dict[int, tuple[int, ...]]:
    """By photo, from its row."""
    values: dict[int, tuple[int, ...]] = {}
    for key, size, taken, width, height, orientation in connection.execute(
        "SELECT key, size, taken, width, height, orientation FROM photo WHERE key >= ? AND key < ?",
        (start, stop),
    ):
        values[key] = size, taken, ratio_of(upright(width, height, orientation))
    return values


def _stored(connection: sqlite3.Connection, start: int, stop: int) -> dict[int, Packed]:
    return {
        block: tuple(packed)
        for block, *packed in connection.execute(
            f"SELECT block, {', '.join(TYPES)} FROM photo_columns WHERE block >= ? AND block < ?",
            (start, stop),
        )
    }


def _write(connection: sqlite3.Connection, block: int, packed: Packed) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO photo_columns (block, {', '.join(TYPES)}) VALUES (?, ?, ?, ?)",
        (block, *packed),
    )


def _with(packed: bytes, value: int, at: int) -> bytes:
    width = len(packed) // BLOCK
    changed = value.to_bytes(width, "little", signed=True)
    return packed[: at * width] + changed + packed[(at + 1) * width :]
