"""Pictures' embeddings in SQLite, and the ones most like another: every one is looked at.

A million of 512 numbers are 1 GB of float16, read and multiplied in blocks: seconds, and memory for
a block. An index of neighbours would answer sooner, be wrong now and then, and have to be kept.
"""

from __future__ import annotations

import sqlite3

import numpy as np
from pyroaring import BitMap

from fototeca.catalog.protocol.photos import Embedding

BLOCK = 4096
"""Embeddings looked at at a time."""


def keep_embedding(connection: sqlite3.Connection, photo: int, embedding: Embedding) -> None:
    vector = np.array(embedding.vector, "<f2").tobytes()
    connection.execute(
        "INSERT OR REPLACE INTO embedding (photo, source, vector) VALUES (?, ?, ?)",
        (photo, embedding.source, vector),
    )


def kept_embedding(connection: sqlite3.Connection, photo: int) -> Embedding | None:
    row = connection.execute(
        "SELECT source, vector FROM embedding WHERE photo = ?", (photo,)
    ).fetchone()
    if row is None:
        return None
    return Embedding(row["source"], tuple(np.frombuffer(row["vector"], "<f2").tolist()))


def nearest(connection: sqlite3.Connection, photos: BitMap, to: Embedding, limit: int) -> list[int]:
    """The keys of those of these photos that are most like `to`, best first."""
    wanted = np.array(to.vector, np.float32)
    best = np.empty(0, np.float32)
    keys = np.empty(0, np.int64)
    rows = connection.execute(
        "SELECT photo, vector FROM embedding WHERE source = ? AND length(vector) = ?",
        (to.source, 2 * len(wanted)),
    )
    while block := rows.fetchmany(BLOCK):
        chosen = [(key, vector) for key, vector in block if key in photos]
        if not chosen:
            continue
        vectors = np.frombuffer(b"".join(vector for _, vector in chosen), "<f2")
        alike = vectors.reshape(len(chosen), -1).astype(np.float32) @ wanted
        best = np.concatenate([best, alike])
        keys = np.concatenate([keys, np.array([key for key, _ in chosen], np.int64)])
        first = np.argsort(-best, kind="stable")[:limit]
        best, keys = best[first], keys[first]
    return [int(key) for key in keys]
