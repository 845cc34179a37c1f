"""Finds and mends what is wrong in the catalog itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from pyroaring import BitMap

from fototeca.catalog.sqlite.columns import BLOCK, spans, wrong_blocks
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.sqlite.sets import PhotoSets, everything

Step = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Begins a transaction."""
BATCH = 1000
"""Photos looked at in one."""


def check(database: Database, labels: Labels, repair: bool) -> list[str]:
    """What is wrong, in words; with `repair`, mended from the detections and corrections.

    Step by step, so that whoever uses the catalog meanwhile waits for none or, while it is
    mended, for one.
    """
    step = database.write if repair else database.read
    return [
        *_damage(database.connection),
        *_wrong_photos(step, labels, repair),
        *_wrong_counts(step, repair),
        *_wrong_sets(step, labels.sets, repair),
        *_wrong_columns(step, repair),
    ]


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    for (found,) in connection.execute("PRAGMA integrity_check(20)").fetchall():
        if found != "ok":
            yield f"the catalog's file is damaged: {found}"
    for table, key, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
        yield f"a row of {table} ({key}) belongs to a {parent} that is not there"


def _wrong_photos(step: Step, labels: Labels, repair: bool) -> list[str]:
    problems: list[str] = []
    last = 0
    while True:
        with step() as connection:
            pending = dict(
                connection.execute(
                    "SELECT key, recompute_from FROM account WHERE recompute_from IS NOT NULL"
                ).fetchall()
            )
            photos = connection.execute(
                "SELECT key, owner, hex(id) AS id, taken, trashed_at FROM photo WHERE key > ?"
                " ORDER BY key LIMIT ?",
                (last, BATCH),
            ).fetchall()
            if not photos:
                return problems
            for photo in photos:
                problems += _wrong_labels(connection, labels, photo, pending.get(photo["owner"]))
                if repair:
                    connection.execute(
                        "DELETE FROM photo_label WHERE photo = ? AND taken <> ?",
                        (photo["key"], photo["taken"]),
                    )
                    labels.settle(
                        photo["owner"],
                        photo["key"],
                        photo["taken"],
                        trashed=photo["trashed_at"] is not None,
                    )
            last = photos[-1]["key"]


def _wrong_labels(
    connection: sqlite3.Connection, labels: Labels, photo: sqlite3.Row, due: int | None
) -> Iterator[str]:
    """`due`: photos after this key have yet to follow changed settings, and are not wrong."""
    trashed = photo["trashed_at"] is not None
    expected = frozenset() if trashed else labels.expected(photo["owner"], photo["key"])
    rows = connection.execute(
        "SELECT name, taken FROM photo_label JOIN label ON label.key = label WHERE photo = ?",
        (photo["key"],),
    ).fetchall()
    present = {row["name"] for row in rows}
    if expected != present and (due is None or photo["key"] <= due):
        wrong = ", ".join(sorted(expected ^ present))
        yield f"photo {photo['id'].lower()}: wrong labels: {wrong}"
    if any(row["taken"] != photo["taken"] for row in rows):
        yield f"photo {photo['id'].lower()}: labels under another date"


def _wrong_counts(step: Step, repair: bool) -> list[str]:
    with step() as connection:
        labels = connection.execute(
            "SELECT label.key, name, label.count, counted.count AS true_count FROM label JOIN"
            " (SELECT label.key AS label, count(photo) AS count FROM label"
            "  LEFT JOIN photo_label ON photo_label.label = label.key GROUP BY label.key)"
            " AS counted ON counted.label = label.key WHERE label.count <> counted.count"
        ).fetchall()
        accounts = connection.execute(
            "SELECT account.key, account.id, account.photos, account.bytes,"
            " counted.photos AS true_photos, counted.bytes AS true_bytes FROM account JOIN"
            " (SELECT account.key AS owner, count(photo.key) AS photos,"
            "  coalesce(sum(photo.size), 0) AS bytes FROM account LEFT JOIN photo"
            "  ON photo.owner = account.key AND photo.trashed_at IS NULL GROUP BY account.key)"
            " AS counted ON counted.owner = account.key"
            " WHERE account.photos <> counted.photos OR account.bytes <> counted.bytes"
        ).fetchall()
        if repair:
            connection.executemany(
                "UPDATE label SET count = ? WHERE key = ?",
                [(row["true_count"], row["key"]) for row in labels],
            )
            connection.executemany(
                "UPDATE account SET photos = ?, bytes = ? WHERE key = ?",
                [(row["true_photos"], row["true_bytes"], row["key"]) for row in accounts],
            )
    return [
        f"label {row['name']}: the count says {row['count']}, it is {row['true_count']}"
        for row in labels
    ] + [
        f"account {row['id']}: {row['photos']} photos recorded, {row['true_photos']} are there"
        for row in accounts
    ]


def _wrong_sets(step: Step, sets: PhotoSets, repair: bool) -> list[str]:
    with step() as connection:
        owners = connection.execute("SELECT key FROM account").fetchall()
        labels = connection.execute("SELECT key FROM label").fetchall()
    rows = {
        everything(key): "SELECT key FROM photo WHERE trashed_at IS NULL AND owner = ?"
        for (key,) in owners
    }
    rows |= {key: "SELECT photo FROM photo_label WHERE label = ?" for (key,) in labels}
    problems = []
    for label, query in rows.items():
        with step() as connection:
            expected = BitMap(key for (key,) in connection.execute(query, (abs(label),)))
            try:
                right = sets.of([label]) == expected
            except ValueError:  # no bitmap at all
                right = False
            if not right:
                problems.append(f"the photo set of label {label} differs from its rows")
                if repair:
                    sets.replace(label, expected)
    with step() as connection:
        stray = connection.execute(
            "SELECT DISTINCT label FROM photo_set WHERE label > 0"
            " AND label NOT IN (SELECT key FROM label)"
        ).fetchall()
        for (label,) in stray:
            problems.append(f"a photo set of a label {label} that is not there")
            if repair:
                sets.replace(label, ())
    return problems


def _wrong_columns(step: Step, repair: bool) -> list[str]:
    with step() as connection:
        firsts = spans(connection)
    wrong = []
    for first in firsts:
        with step() as connection:
            wrong += wrong_blocks(connection, first, repair)
    return [
        f"the sizes, dates or shapes kept of photos {block * BLOCK} to {(block + 1) * BLOCK - 1}"
        " differ from their rows"
        for block in wrong
    ]
