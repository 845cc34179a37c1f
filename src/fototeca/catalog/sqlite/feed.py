"""What the owner is told: notices, the progress of imports, and events for those who watch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from fototeca.catalog.protocol.events import Event
from fototeca.catalog.protocol.imports import (
    Import,
    ImportState,
    Refusal,
    counted,
    refusals_among,
)
from fototeca.catalog.protocol.notices import Notice, failures_text
from fototeca.catalog.protocol.outbox import due_at
from fototeca.catalog.protocol.photos import Outcome
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.values import REFUSALS, from_micros, new_id, to_micros
from fototeca.photos import now


def leave_notice(database: Database, owner: int, kind: str, subject: str, text: str) -> None:
    """Inside the transaction that it tells of."""
    at = now()
    notice = database.connection.execute(
        "INSERT INTO notice (owner, kind, subject, text, at) VALUES (?, ?, ?, ?, ?)",
        (owner, kind, subject, text, to_micros(at)),
    ).lastrowid
    due = due_at(kind, at)
    if due is not None:
        database.connection.execute(
            "INSERT INTO unsent (target, notice, due) SELECT key, ?, ? FROM target WHERE owner = ?",
            (notice, to_micros(due), owner),
        )
    database.announce(owner, "notice", subject, kind=kind)


class SqliteNotices:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: str, kind: str, subject: str, text: str) -> None:
        with self._database.write():
            leave_notice(self._database, self._database.owner_key(owner), kind, subject, text)

    def add_failures(self, owner: str, failed: int) -> bool:
        told = self._database.connection.execute(
            "SELECT failures_told FROM account WHERE id = ?", (owner,)
        ).fetchone()
        if told is None or told[0] == failed:
            return False
        with self._database.write() as connection:
            key = self._database.owner_key(owner)
            (before,) = connection.execute(
                "SELECT failures_told FROM account WHERE key = ?", (key,)
            ).fetchone()
            connection.execute("UPDATE account SET failures_told = ? WHERE key = ?", (failed, key))
            if failed <= before:
                return False
            text = failures_text(failed - before)
            leave_notice(self._database, key, "photos-failed", "", text)
        return True

    def of(self, owner: str) -> list[Notice]:
        rows = self._database.connection.execute(
            "SELECT * FROM notice WHERE owner = ? ORDER BY key DESC LIMIT 100",
            (self._database.owner_key(owner),),
        )
        return [notice_from(row) for row in rows]

    def told(self, owner: str, kind: str) -> dict[str, datetime]:
        rows = self._database.connection.execute(
            "SELECT subject, max(at) FROM notice WHERE owner = ? AND kind = ? GROUP BY subject",
            (self._database.owner_key(owner), kind),
        )
        return {subject: from_micros(at) for subject, at in rows}

    def mark_read(self, owner: str, ids: Sequence[int] | None = None) -> int:
        with self._database.write() as connection:
            key = self._database.owner_key(owner)
            chosen = None if ids is None else json.dumps(list(ids))
            return connection.execute(
                "UPDATE notice SET read = 1 WHERE owner = ? AND read = 0"
                " AND (? IS NULL OR key IN (SELECT value FROM json_each(?)))",
                (key, chosen, chosen),
            ).rowcount

    def forget(self, before: datetime) -> None:
        self._database.delete("notice WHERE at < ?", to_micros(before))


class SqliteImports:
    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, owner: str, source: str, at: datetime) -> Import:
        id = new_id()
        with self._database.write() as connection:
            key = self._database.owner_key(owner)
            connection.execute(
                "INSERT INTO import (id, owner, source, state, started_at)"
                " VALUES (?, ?, ?, 'running', ?)",
                (id, key, source, to_micros(at)),
            )
            self._database.announce(key, "import", id, state="running")
        return Import(id, owner, source, ImportState.RUNNING, at)

    def progress(self, id: str, outcomes: Sequence[Outcome | Refusal]) -> None:
        with self._database.write() as connection:
            self._count(connection, id, outcomes)

    def advance(self, progress: Import, cursor: str, outcomes: Sequence[Outcome | Refusal]) -> bool:
        with self._database.write() as connection:
            moved = connection.execute(
                "UPDATE import SET cursor = ? WHERE id = ? AND state = 'running' AND cursor IS ?",
                (cursor, progress.id, progress.cursor),
            ).rowcount
            if moved:
                self._count(connection, progress.id, outcomes)
            return bool(moved)

    def _count(
        self, connection: sqlite3.Connection, id: str, outcomes: Sequence[Outcome | Refusal]
    ) -> None:
        counts, refusals = counted(outcomes), refusals_among(outcomes)
        row = connection.execute(
            f"UPDATE import SET {', '.join(f'{name} = {name} + ?' for name in counts)},"
            " moved_at = ? WHERE id = ? RETURNING key, owner, refused",
            (*counts.values(), to_micros(now()), id),
        ).fetchone()
        room = max(0, REFUSALS - (row["refused"] - len(refusals)))
        connection.executemany(
            "INSERT INTO import_refusal (import, name, reason) VALUES (?, ?, ?)",
            [(row["key"], refusal.name, refusal.reason) for refusal in refusals[:room]],
        )
        self._database.announce(row["owner"], "import", id, state="running")

    def finish(
        self, id: str, at: datetime, failure: str | None = None, notice: str | None = None
    ) -> bool:
        state = "finished" if failure is None else "failed"
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE import SET state = ?, finished_at = ?, failure = ?"
                " WHERE id = ? AND state = 'running' RETURNING owner",
                (state, to_micros(at), failure, id),
            ).fetchone()
            if row is None:
                return False
            if notice is not None:
                leave_notice(self._database, row["owner"], f"import-{state}", id, notice)
            self._database.announce(row["owner"], "import", id, state=state)
            return True

    def get(self, owner: str, id: str) -> Import | None:
        row = self._database.connection.execute(
            "SELECT * FROM import WHERE id = ? AND owner = ?",
            (id, self._database.owner_key(owner)),
        ).fetchone()
        if row is None:
            return None
        refusals = self._database.connection.execute(
            "SELECT name, reason FROM import_refusal WHERE import = ? ORDER BY rowid", (row["key"],)
        )
        return _import(row, owner, tuple(Refusal(name, reason) for name, reason in refusals))

    def of(self, owner: str) -> list[Import]:
        rows = self._database.connection.execute(
            "SELECT * FROM import WHERE owner = ? ORDER BY key DESC LIMIT 100",
            (self._database.owner_key(owner),),
        )
        return [_import(row, owner) for row in rows]

    def running(self) -> list[Import]:
        rows = self._database.connection.execute(
            "SELECT import.*, account.id AS owner_id FROM import"
            " JOIN account ON account.key = import.owner WHERE state = 'running'"
        )
        return [_import(row, row["owner_id"]) for row in rows]

    def forget(self, before: datetime) -> None:
        self._database.delete("import WHERE finished_at < ?", to_micros(before))


class SqliteEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> int:
        return int(
            self._database.connection.execute(
                "SELECT coalesce(max(sequence), 0) FROM event"
            ).fetchone()[0]
        )

    def since(self, owner: str, sequence: int, limit: int = 1000) -> list[Event]:
        rows = self._database.connection.execute(
            "SELECT sequence, kind, subject, data FROM event WHERE owner = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (self._database.owner_key(owner), sequence, limit),
        )
        return [
            Event(number, kind, subject, json.loads(data)) for number, kind, subject, data in rows
        ]


def notice_from(row: sqlite3.Row) -> Notice:
    return Notice(
        row["key"],
        row["kind"],
        row["subject"],
        row["text"],
        from_micros(row["at"]),
        bool(row["read"]),
    )


def _import(row: sqlite3.Row, owner: str, refusals: tuple[Refusal, ...] = ()) -> Import:
    return Import(
        id=row["id"],
        owner=owner,
        source=row["source"],
        state=ImportState(row["state"]),
        started_at=from_micros(row["started_at"]),
        finished_at=None if row["finished_at"] is None else from_micros(row["finished_at"]),
        found=row["found"],
        added=row["added"],
        restored=row["restored"],
        duplicate=row["duplicate"],
        refused=row["refused"],
        failure=row["failure"],
        refusals=refusals,
        cursor=row["cursor"],
        moved_at=None if row["moved_at"] is None else from_micros(row["moved_at"]),
    )
