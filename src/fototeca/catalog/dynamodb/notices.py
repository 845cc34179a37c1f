"""What the owner is told of, in DynamoDB; for each target a notice has a row until it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.owners import owners
from fototeca.catalog.dynamodb.table import NO_ROW, Action, Changed, Row, Table, batches
from fototeca.catalog.protocol.notices import Notice, failures_text
from fototeca.catalog.protocol.outbox import due_at
from fototeca.catalog.values import from_micros, to_micros
from fototeca.photos import now

LISTED = 100
TARGETS = 40
"""Targets told by the transaction that leaves a notice; an owner's further ones follow it."""


class DynamoNotices:
    def __init__(self, table: Table, clock: keys.Clock, events: DynamoEvents) -> None:
        self._table = table
        self._clock = clock
        self._events = events

    def add(self, owner: str, kind: str, subject: str, text: str) -> None:
        while True:
            with suppress(Changed):
                self.leave(owner, kind, subject, text)
                return

    def leave(self, owner: str, kind: str, subject: str, text: str, *also: Action) -> None:
        """Leave a notice in one transaction with what it tells of.

        Raises Changed, also when another process left one in the same microsecond: look again.
        """
        id, at = keys.moment(self._clock.tick()), now()
        row: Row = {"kind": kind, "subject": subject, "text": text, "at": to_micros(at)}
        notice = self._table.put((keys.notices(owner), id), row, NO_ROW)
        due = due_at(kind, at)
        told: list[list[Action]] = []
        if due is not None:
            targets = (row["sk"] for row in self._table.query(keys.targets(owner)))
            told = [self._unsent(owner, target, id, to_micros(due)) for target in targets]
        first, *rest = list(batches(told, TARGETS)) or [told]
        self._table.write(*also, notice, *(action for each in first for action in each))
        for batch in rest:
            self._table.write(*(action for each in batch for action in each))
        self._events.announce(owner, "notice", subject, kind=kind)

    def add_failures(self, owner: str, failed: int) -> bool:
        key = keys.account(owner)
        while True:
            row = self._table.get(key)
            told = 0 if row is None else row.get("failures_told", 0)
            if row is None or told == failed:
                return False
            when = {"pk": key[0], "failures_told": row.get("failures_told")}
            tell = self._table.update(key, {"failures_told": failed}, when=when)
            with suppress(Changed):
                if failed < told:
                    self._table.write(tell)
                    return False
                self.leave(owner, "photos-failed", "", failures_text(failed - told), tell)
                return True

    def of(self, owner: str) -> list[Notice]:
        rows = self._table.query(keys.notices(owner), forward=False, first=LISTED)
        return [notice_from(row) for row in islice(rows, LISTED)]

    def told(self, owner: str, kind: str) -> dict[str, datetime]:
        rows = self._table.query(keys.notices(owner))
        return {row["subject"]: from_micros(row["at"]) for row in rows if row["kind"] == kind}

    def mark_read(self, owner: str, ids: Sequence[int] | None = None) -> int:
        pk = keys.notices(owner)
        if ids is None:
            unread = [row["sk"] for row in self._table.query(pk) if "read" not in row]
        else:
            unread = [keys.moment(id) for id in dict.fromkeys(ids)]
        marked = 0
        for sk in unread:
            try:
                when = {"pk": pk, "read": None}
                self._table.write(self._table.update((pk, sk), {"read": 1}, when=when))
                marked += 1
            except Changed:  # no such notice, or read before
                continue
        return marked

    def forget(self, before: datetime) -> None:
        end = keys.moment(to_micros(before))
        for owner in owners(self._table):
            old = [row["sk"] for row in self._table.query(keys.notices(owner), below=end)]
            if old:
                targets = [row["sk"] for row in self._table.query(keys.targets(owner))]
                unsent = [(keys.unsent(target), sk) for target in targets for sk in old]
                self._table.write_many(deletes=unsent)
                self._table.write_many(deletes=((keys.notices(owner), sk) for sk in old))

    def _unsent(self, owner: str, target: str, notice: str, due: int) -> list[Action]:
        """The notice in the target's outbox, and the target among those that have something."""
        marked = keys.OUTBOX, keys.of_owner(owner, target)
        return [
            self._table.put((keys.unsent(target), notice), {"due": due}),
            self._table.update(marked, add={"v": 1}),
        ]


def notice_from(row: Row) -> Notice:
    return Notice(
        keys.micros_of(row["sk"]),
        row["kind"],
        row["subject"],
        row["text"],
        from_micros(row["at"]),
        "read" in row,
    )
