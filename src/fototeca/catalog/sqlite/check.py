"""Finds and mends what is wrong in the catalog itself."""

from __future__ import annotations

from pyroaring import BitMap

from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.sqlite.sets import PhotoSets, everything


def check(database: Database, labels: Labels, repair: bool) -> list[str]:
    """What is wrong, in words; with `repair`, mended from the detections and corrections."""
    problems: list[str] = []
    with database.write() as connection:
        for row in connection.execute("PRAGMA integrity_check(20)").fetchall():
            if row[0] != "ok":
                problems.append(f"the catalog's file is damaged: {row[0]}")
        for table, key, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
            problems.append(f"a row of {table} ({key}) belongs to a {parent} that is not there")

        pending = dict(
            connection.execute(
                "SELECT key, recompute_from FROM account WHERE recompute_from IS NOT NULL"
            ).fetchall()
        )
        last = 0
        while True:
            photos = connection.execute(
                "SELECT key, owner, hex(id) AS id, taken, trashed_at FROM photo WHERE key > ?"
                " ORDER BY key LIMIT 1000",
                (last,),
            ).fetchall()
            if not photos:
                break
            for photo in photos:
                trashed = photo["trashed_at"] is not None
                expected = frozenset() if trashed else labels.expected(photo["owner"], photo["key"])
                rows = connection.execute(
                    "SELECT name, taken FROM photo_label JOIN label ON label.key = label"
                    " WHERE photo = ?",
                    (photo["key"],),
                ).fetchall()
                present = {row["name"] for row in rows}
                # Those that have yet to follow changed settings are not wrong.
                due = pending.get(photo["owner"])
                if expected != present and (due is None or photo["key"] <= due):
                    wrong = ", ".join(sorted(expected ^ present))
                    problems.append(f"photo {photo['id'].lower()}: wrong labels: {wrong}")
                if any(row["taken"] != photo["taken"] for row in rows):
                    problems.append(f"photo {photo['id'].lower()}: labels under another date")
                if repair:
                    connection.execute(
                        "DELETE FROM photo_label WHERE photo = ? AND taken <> ?",
                        (photo["key"], photo["taken"]),
                    )
                    labels.settle(photo["owner"], photo["key"], photo["taken"], trashed=trashed)
            last = photos[-1]["key"]

        wrong_counts = connection.execute(
            "SELECT label.key, name, label.count, counted.count AS true_count FROM label JOIN"
            " (SELECT label.key AS label, count(photo) AS count FROM label"
            "  LEFT JOIN photo_label ON photo_label.label = label.key GROUP BY label.key)"
            " AS counted ON counted.label = label.key WHERE label.count <> counted.count"
        ).fetchall()
        for row in wrong_counts:
            problems.append(
                f"label {row['name']}: the count says {row['count']}, it is {row['true_count']}"
            )
        wrong_accounts = connection.execute(
            "SELECT account.key, account.id, account.photos, account.bytes,"
            " counted.photos AS true_photos, counted.bytes AS true_bytes FROM account JOIN"
            " (SELECT account.key AS owner, count(photo.key) AS photos,"
            "  coalesce(sum(photo.size), 0) AS bytes FROM account LEFT JOIN photo"
            "  ON photo.owner = account.key AND photo.trashed_at IS NULL GROUP BY account.key)"
            " AS counted ON counted.owner = account.key"
            " WHERE account.photos <> counted.photos OR account.bytes <> counted.bytes"
        ).fetchall()
        for row in wrong_accounts:
            problems.append(
                f"account {row['id']}: {row['photos']} photos recorded,"
                f" {row['true_photos']} are there"
            )
        if repair:
            connection.executemany(
                "UPDATE label SET count = ? WHERE key = ?",
                [(row["true_count"], row["key"]) for row in wrong_counts],
            )
            connection.executemany(
                "UPDATE account SET photos = ?, bytes = ? WHERE key = ?",
                [(row["true_photos"], row["true_bytes"], row["key"]) for row in wrong_accounts],
            )
        problems += _wrong_sets(database, labels.sets, repair)
    return problems


def _wrong_sets(database: Database, sets: PhotoSets, repair: bool) -> list[str]:
    problems = []
    connection = database.connection
    rows = {
        everything(key): "SELECT key FROM photo WHERE trashed_at IS NULL AND owner = ?"
        for (key,) in connection.execute("SELECT key FROM account").fetchall()
    }
    for (key,) in connection.execute("SELECT key FROM label").fetchall():
        rows[key] = "SELECT photo FROM photo_label WHERE label = ?"
    for label, query in rows.items():
        expected = BitMap(key for (key,) in connection.execute(query, (abs(label),)))
        try:
            right = sets.of([label]) == expected
        except ValueError:  # no bitmap at all
            right = False
        if not right:
            problems.append(f"the photo set of label {label} differs from its rows")
            if repair:
                sets.replace(label, expected)
    stray = connection.execute(
        "SELECT DISTINCT label FROM photo_set WHERE label > 0"
        " AND label NOT IN (SELECT key FROM label)"
    ).fetchall()
    for (label,) in stray:
        problems.append(f"a photo set of a label {label} that is not there")
        if repair:
            sets.replace(label, ())
    return problems
