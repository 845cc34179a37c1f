"""Bundles in SQLite: a frozen list, and the archive's layout as rows found by byte offset."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import numpy as np

from fototeca.catalog.protocol.bundles import (
    CLAIM,
    REMEMBERED,
    Bundle,
    BundleGone,
    ClaimLost,
    Member,
    Placed,
    Skipped,
    failed_text,
    ready_text,
)
from fototeca.catalog.sqlite import frozen
from fototeca.catalog.sqlite.columns import columns, keys_of
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.feed import leave_notice
from fototeca.catalog.sqlite.photos import SqlitePhotos
from fototeca.catalog.sqlite.rows import PHOTO, bundle_from, photo_from
from fototeca.catalog.values import Asked, asked_text, new_id, to_micros
from fototeca.photos import Selection, now

ENTRY = "position, photo, name, size, crc32, modified, offset, directory_offset"
"""The columns of an archive's entry, in the order of Placed."""
ROWS = 1000
"""Entries read at a time: an archive of any size takes no more memory than these."""


class SqliteBundles:
    def __init__(self, database: Database, photos: SqlitePhotos) -> None:
        self._database = database
        self._photos = photos

    def freeze(
        self,
        owner: str,
        selection: Selection,
        ids: Sequence[str] | None,
        at: datetime,
        expires_at: datetime,
        *,
        name: str = "",
        without: Collection[str] = (),
        quiet: bool = False,
    ) -> Bundle:
        id = new_id()
        asked = Asked(selection, name, len(without))
        with self._database.write() as connection:
            key = self._database.owner_key(owner)
            bundle = connection.execute(
                "INSERT INTO bundle (id, owner, selection, state, created_at, expires_at, quiet,"
                " photos, bytes) VALUES (?, ?, ?, 'preparing', ?, ?, ?, 0, 0) RETURNING key",
                (id, key, asked_text(asked), to_micros(at), to_micros(expires_at), quiet),
            ).fetchone()[0]
            if ids is None:
                photos = self._photos.selected(key, selection, name)
                photos -= self._photos.keys_of_ids(key, without)
            else:
                photos = self._photos.keys_of_ids(key, ids)
            taken, sizes = columns(connection, photos, "taken", "size")
            oldest_first = keys_of(photos)[np.argsort(taken, kind="stable")]
            frozen.freeze(connection, bundle, oldest_first)
            connection.execute(
                "UPDATE bundle SET photos = ?, bytes = ? WHERE key = ?",
                (len(photos), int(sizes.sum()), bundle),
            )
            self._database.announce(key, "bundle", id, state="preparing")
            return bundle_from(self._row(id), owner)

    def get(self, owner: str, id: str) -> Bundle | None:
        row = self._database.connection.execute(
            "SELECT * FROM bundle WHERE id = ? AND owner = ?",
            (id, self._database.owner_key(owner)),
        ).fetchone()
        return None if row is None else bundle_from(row, owner)

    def of(self, owner: str) -> list[Bundle]:
        rows = self._database.connection.execute(
            "SELECT * FROM bundle WHERE owner = ? ORDER BY key DESC",
            (self._database.owner_key(owner),),
        )
        return [bundle_from(row, owner) for row in rows]

    def preparing(self) -> list[Bundle]:
        rows = self._database.connection.execute(
            "SELECT bundle.*, account.id AS owner_id FROM bundle"
            " JOIN account ON account.key = bundle.owner"
            " WHERE state = 'preparing' AND archive_size IS NULL ORDER BY bundle.key"
        )
        return [bundle_from(row, row["owner_id"]) for row in rows]

    def members(self, bundle: Bundle) -> Iterator[Member]:
        key, position = self._row(bundle.id)["key"], 0
        while True:
            with self._database.read() as connection:
                photos = frozen.listed(connection, key, position)
                among = f"IN ({', '.join('?' * len(photos))})"
                found = connection.execute(f"SELECT {PHOTO} FROM photo WHERE key {among}", photos)
                rows = {row["key"]: row for row in found}
                labels: dict[int, list[str]] = {photo: [] for photo in photos}
                on = connection.execute(
                    "SELECT photo, name FROM photo_label JOIN label ON label.key = label"
                    f" WHERE photo {among} ORDER BY name",
                    photos,
                )
                for photo, name in on:
                    labels[photo].append(name)
            if not photos:
                return
            for photo in photos:
                yield Member(position, photo_from(rows[photo], bundle.owner), tuple(labels[photo]))
                position += 1

    def begin(self, bundle: Bundle) -> str | None:
        claim = new_id()
        with self._database.write() as connection:
            row = self._row(bundle.id)
            laid_out = row["archive_size"] is not None
            claimed = row["claimed_until"] > to_micros(now())
            if row["state"] != "preparing" or laid_out or claimed:
                return None
            key = row["key"]
            connection.execute("DELETE FROM bundle_entry WHERE bundle = ?", (key,))
            connection.execute("DELETE FROM bundle_skipped WHERE bundle = ?", (key,))
            connection.execute(
                "UPDATE bundle SET prepared = 0, skipped = 0, claim = ?, claimed_until = ?"
                " WHERE key = ?",
                (claim, to_micros(now() + CLAIM), key),
            )
        return claim

    def release(self) -> None:
        with self._database.write() as connection:
            connection.execute("UPDATE bundle SET claimed_until = 0 WHERE state = 'preparing'")

    def place(
        self, bundle: Bundle, claim: str, placed: Sequence[Placed], skipped: Sequence[Skipped]
    ) -> None:
        with self._database.write() as connection:
            row = self._row(bundle.id)
            if row["claim"] != claim:
                raise ClaimLost(bundle.id)
            connection.executemany(
                "INSERT INTO bundle_entry (bundle, offset, directory_offset, position, photo, name,"
                " size, crc32, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        row["key"],
                        entry.offset,
                        entry.directory_offset,
                        entry.position,
                        None if entry.photo is None else bytes.fromhex(entry.photo),
                        entry.name,
                        entry.size,
                        entry.crc32,
                        entry.modified.isoformat(),
                    )
                    for entry in placed
                ],
            )
            connection.executemany(
                "INSERT INTO bundle_skipped (bundle, photo, reason)"
                " SELECT ?, key, ? FROM photo WHERE owner = ? AND id = ?",
                [
                    (row["key"], skip.reason, row["owner"], bytes.fromhex(skip.id))
                    for skip in skipped
                ],
            )
            photos = sum(entry.photo is not None for entry in placed)
            connection.execute(
                "UPDATE bundle SET prepared = prepared + ?, skipped = skipped + ?,"
                " claimed_until = ? WHERE key = ?",
                (photos, len(skipped), to_micros(now() + CLAIM), row["key"]),
            )
            self._database.announce(
                row["owner"],
                "bundle",
                bundle.id,
                state="preparing",
                prepared=row["prepared"] + photos,
                photos=row["photos"],
            )

    def restoring(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        with self._database.write() as connection:
            self._row(bundle.id)
            row = connection.execute(
                "UPDATE bundle SET restoring = 1, archive_size = ?, etag = ? WHERE id = ?"
                " AND state = 'preparing' AND archive_size IS NULL RETURNING owner",
                (archive_size, etag, bundle.id),
            ).fetchone()
            if row is None:
                return False
            self._database.announce(row["owner"], "bundle", bundle.id, state="restoring")
            return True

    def building(
        self, bundle: Bundle, archive_size: int, etag: str, upload: str, parts: int
    ) -> bool:
        with self._database.write() as connection:
            self._row(bundle.id)
            row = connection.execute(
                "UPDATE bundle SET restoring = 0, archive_size = ?, etag = ?, upload = ?, parts = ?"
                " WHERE id = ? AND state = 'preparing' AND upload IS NULL RETURNING owner",
                (archive_size, etag, upload, parts, bundle.id),
            ).fetchone()
            if row is None:
                return False
            self._database.announce(
                row["owner"], "bundle", bundle.id, state="preparing", built=0, parts=parts
            )
            return True

    def built(self, bundle: Bundle, part: int) -> None:
        with self._database.write() as connection:
            row = self._row(bundle.id)
            new = connection.execute(
                "INSERT OR IGNORE INTO bundle_part (bundle, number)"
                " SELECT key, ? FROM bundle WHERE key = ? AND state = 'preparing'",
                (part, row["key"]),
            ).rowcount
            if not new:
                return
            connection.execute("UPDATE bundle SET built = built + 1 WHERE key = ?", (row["key"],))
            self._database.announce(
                row["owner"],
                "bundle",
                bundle.id,
                state="preparing",
                built=row["built"] + 1,
                parts=row["parts"],
            )

    def ready(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE bundle SET state = 'ready', archive_size = ?, etag = ?"
                " WHERE id = ? AND state = 'preparing' RETURNING owner, photos, skipped, quiet",
                (archive_size, etag, bundle.id),
            ).fetchone()
            if row is None:
                return False
            if not row["quiet"]:
                text = ready_text(row["photos"], row["skipped"])
                leave_notice(self._database, row["owner"], "bundle-ready", bundle.id, text)
            self._database.announce(row["owner"], "bundle", bundle.id, state="ready")
            return True

    def fail(self, bundle: Bundle, reason: str) -> None:
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE bundle SET state = 'failed', failure = ? WHERE id = ?"
                " AND state = 'preparing' RETURNING key, owner, quiet",
                (reason, bundle.id),
            ).fetchone()
            if row is None:
                return
            self._drop_rows(row["key"])
            if not row["quiet"]:
                text = failed_text(reason)
                leave_notice(self._database, row["owner"], "bundle-failed", bundle.id, text)
            self._database.announce(row["owner"], "bundle", bundle.id, state="failed")

    def skipped(self, bundle: Bundle) -> list[Skipped]:
        rows = self._database.connection.execute(
            "SELECT photo.id, photo.name, reason FROM bundle_skipped"
            " JOIN photo ON photo.key = photo JOIN bundle ON bundle.key = bundle"
            " WHERE bundle.id = ? ORDER BY photo.taken, photo.key",
            (bundle.id,),
        )
        return [Skipped(id.hex(), name, reason) for id, name, reason in rows]

    def entries_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        return self._entries(bundle, "offset", offset)

    def directory_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        return self._entries(bundle, "directory_offset", offset)

    def last(self, bundle: Bundle) -> Placed | None:
        row = self._database.connection.execute(
            f"SELECT {ENTRY} FROM bundle_entry JOIN bundle ON bundle.key = bundle"
            " WHERE bundle.id = ? ORDER BY offset DESC LIMIT 1",
            (bundle.id,),
        ).fetchone()
        return None if row is None else _placed(row)

    def delete(self, owner: str, id: str) -> Bundle | None:
        with self._database.write() as connection:
            row = connection.execute(
                "DELETE FROM bundle WHERE id = ? AND owner = ? RETURNING *",
                (id, self._database.owner_key(owner)),
            ).fetchone()
            if row is None:
                return None
            self._database.announce(row["owner"], "bundle", id, state="deleted")
            return bundle_from(row, owner)

    def expire(self, at: datetime) -> list[Bundle]:
        expired = []
        due = "expires_at <= ? AND state <> 'expired'"
        moment, past = to_micros(at), to_micros(at - REMEMBERED)
        if not self._database.connection.execute(
            f"SELECT 1 FROM bundle WHERE {due} OR expires_at <= ? LIMIT 1", (moment, past)
        ).fetchone():
            return []
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT bundle.*, account.id AS owner_id FROM bundle"
                f" JOIN account ON account.key = bundle.owner WHERE {due}",
                (moment,),
            ).fetchall()
            for row in rows:
                connection.execute(
                    "UPDATE bundle SET state = 'expired' WHERE key = ?", (row["key"],)
                )
                self._drop_rows(row["key"])
                self._database.announce(row["owner"], "bundle", row["id"], state="expired")
                expired.append(bundle_from(row, row["owner_id"]))
            connection.execute("DELETE FROM bundle WHERE expires_at <= ?", (past,))
        return expired

    def _entries(self, bundle: Bundle, column: str, offset: int) -> Iterator[Placed]:
        key = self._row(bundle.id)["key"]
        first = self._database.connection.execute(
            f"SELECT max({column}) FROM bundle_entry WHERE bundle = ? AND {column} <= ?",
            (key, offset),
        ).fetchone()[0]
        position = -1 if first is None else first
        while True:
            rows = self._database.connection.execute(
                f"SELECT {ENTRY} FROM bundle_entry WHERE bundle = ? AND {column} >= ?"
                f" ORDER BY {column} LIMIT ?",
                (key, position, ROWS),
            ).fetchall()
            yield from map(_placed, rows)
            if len(rows) < ROWS:
                return
            position = rows[-1][column] + 1

    def _row(self, id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._database.connection.execute(
            "SELECT * FROM bundle WHERE id = ?", (id,)
        ).fetchone()
        if row is None:
            raise BundleGone(id)
        return row

    def _drop_rows(self, bundle: int) -> None:
        connection = self._database.connection
        frozen.forget(connection, bundle)
        connection.execute("DELETE FROM bundle_skipped WHERE bundle = ?", (bundle,))
        connection.execute("DELETE FROM bundle_entry WHERE bundle = ?", (bundle,))
        connection.execute("DELETE FROM bundle_part WHERE bundle = ?", (bundle,))


def _placed(row: sqlite3.Row) -> Placed:
    # By position: an archive has a row for every photo, and by name each takes twice as long.
    position, photo, name, size, crc32, modified, offset, directory_offset = row
    return Placed(
        position,
        None if photo is None else photo.hex(),
        name,
        size,
        crc32,
        datetime.fromisoformat(modified),
        offset,
        directory_offset,
    )
