"""Notification targets and the outbox in SQLite: a row for each notice a target still lacks."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from fototeca.catalog.protocol.outbox import Dispatch, NotificationTarget
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.sqlite.feed import leave_notice, notice_from
from fototeca.catalog.values import from_micros, new_id, to_micros


class SqliteTargets:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, owner: str, url: str, shown: str, subscription: str | None, at: datetime
    ) -> NotificationTarget:
        with self._database.write() as connection:
            row = connection.execute(
                "INSERT INTO target (id, owner, url, shown, subscription, added_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner, url) DO UPDATE SET"
                " shown = excluded.shown, subscription = excluded.subscription RETURNING *",
                (
                    new_id(),
                    self._database.owner_key(owner),
                    url,
                    shown,
                    subscription,
                    to_micros(at),
                ),
            ).fetchone()
        return _target(row, owner)

    def get(self, owner: str, id: str) -> NotificationTarget | None:
        row = self._database.connection.execute(
            "SELECT * FROM target WHERE owner = ? AND id = ?",
            (self._database.owner_key(owner), id),
        ).fetchone()
        return None if row is None else _target(row, owner)

    def of(self, owner: str) -> list[NotificationTarget]:
        rows = self._database.connection.execute(
            "SELECT * FROM target WHERE owner = ? ORDER BY key",
            (self._database.owner_key(owner),),
        )
        return [_target(row, owner) for row in rows]

    def remove(self, owner: str, id: str) -> bool:
        with self._database.write() as connection:
            return (
                connection.execute(
                    "DELETE FROM target WHERE owner = ? AND id = ?",
                    (self._database.owner_key(owner), id),
                ).rowcount
                > 0
            )


class SqliteOutbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, at: datetime, until: datetime, limit: int = 1000) -> Dispatch | None:
        moment = to_micros(at)
        due = (
            "SELECT target.*, account.id AS owner_id FROM target"
            " JOIN account ON account.key = target.owner WHERE not_before <= ?1 AND EXISTS"
            " (SELECT 1 FROM unsent WHERE target = target.key AND due <= ?1)"
            " ORDER BY not_before, target.key LIMIT 1"
        )
        # Looking costs no write lock: an idle worker asks often.
        if self._database.connection.execute(due, (moment,)).fetchone() is None:
            return None
        with self._database.write() as connection:
            target = connection.execute(due, (moment,)).fetchone()
            if target is None:
                return None
            notices = connection.execute(
                "SELECT notice.* FROM unsent JOIN notice ON notice.key = notice"
                " WHERE target = ? ORDER BY notice.key LIMIT ?",
                (target["key"], limit),
            ).fetchall()
            connection.execute(
                "UPDATE target SET attempts = attempts + 1, not_before = ? WHERE key = ?",
                (to_micros(until), target["key"]),
            )
        return Dispatch(
            _target(target, target["owner_id"]),
            tuple(notice_from(row) for row in notices),
            target["attempts"],
        )

    def sent(self, dispatch: Dispatch, at: datetime) -> None:
        with self._database.write() as connection:
            row = self._forget(dispatch)
            if row is not None:
                connection.execute(
                    "UPDATE target SET told_at = ?, failure = NULL WHERE key = ?",
                    (to_micros(at), row["key"]),
                )

    def postpone(self, dispatch: Dispatch, until: datetime, reason: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "UPDATE target SET not_before = ?, failure = ? WHERE id = ?",
                (to_micros(until), reason, dispatch.target.id),
            )

    def give_up(self, dispatch: Dispatch, reason: str) -> None:
        with self._database.write() as connection:
            row = self._forget(dispatch)
            if row is None:
                return
            connection.execute("UPDATE target SET failure = ? WHERE key = ?", (reason, row["key"]))
            shown = dispatch.target.shown
            text = f"{shown} could not be told: {reason}"
            leave_notice(self._database, row["owner"], "target-failed", shown, text)

    def _forget(self, dispatch: Dispatch) -> sqlite3.Row | None:
        """Drop the dispatch's notices. None when the target was removed, or they were before."""
        connection = self._database.connection
        row: sqlite3.Row | None = connection.execute(
            "SELECT key, owner FROM target WHERE id = ?", (dispatch.target.id,)
        ).fetchone()
        if row is None:
            return None
        dropped = connection.executemany(
            "DELETE FROM unsent WHERE target = ? AND notice = ?",
            [(row["key"], notice.id) for notice in dispatch.notices],
        ).rowcount
        if not dropped:
            return None
        connection.execute(
            "UPDATE target SET attempts = 0, not_before = 0 WHERE key = ?", (row["key"],)
        )
        return row


def _target(row: sqlite3.Row, owner: str) -> NotificationTarget:
    return NotificationTarget(
        id=row["id"],
        owner=owner,
        url=row["url"],
        shown=row["shown"],
        added_at=from_micros(row["added_at"]),
        subscription=row["subscription"],
        told_at=None if row["told_at"] is None else from_micros(row["told_at"]),
        failure=row["failure"],
    )
