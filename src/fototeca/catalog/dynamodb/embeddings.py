"""Pictures' embeddings in DynamoDB, and the ones most like another: each selected one is looked at.

They are sorted as the photos are, so the selection and its vectors are walked side by side, and
memory is that of a block, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.table import Row, Table
from fototeca.catalog.protocol.photos import Embedding

BLOCK = 4096
"""Vectors compared at a time."""


def vector_row(embedding: Embedding) -> Row:
    return {
        "source": embedding.source,
        "vector": np.array(embedding.vector, "<f2").tobytes(),
    }


def embedding_from(row: Row) -> Embedding:
    return Embedding(row["source"], tuple(np.frombuffer(row["vector"], "<f2").tolist()))


def nearest(
    table: Table, owner: str, selected: Iterator[str], to: Embedding, limit: int
) -> list[str]:
    """The places of those of the selected photos, newest first, that are most like `to`."""
    wanted = np.array(to.vector, np.float32)
    best = np.empty(0, np.float32)
    places: list[str] = []
    rows = table.query(keys.vectors(owner), forward=False, consistent=False)
    chosen = _chosen(rows, selected, to.source, 2 * len(wanted))
    while block := _block(chosen):
        vectors = np.frombuffer(b"".join(vector for _, vector in block), "<f2")
        alike = vectors.reshape(len(block), -1).astype(np.float32) @ wanted
        best = np.concatenate([best, alike])
        places += [place for place, _ in block]
        first = np.argsort(-best, kind="stable")[:limit]
        best, places = best[first], [places[n] for n in first]
    return places


def _chosen(
    rows: Iterator[Row], selected: Iterator[str], source: str, size: int
) -> Iterator[tuple[str, bytes]]:
    """(place, vector) of the selected photos that have one."""
    place = next(selected, None)
    for row in rows:
        while place is not None and place > row["sk"]:
            place = next(selected, None)
        if place is None:
            return
        if place == row["sk"] and row["source"] == source and len(row["vector"]) == size:
            yield place, row["vector"]


def _block(chosen: Iterator[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [each for each, _ in zip(chosen, range(BLOCK), strict=False)]
