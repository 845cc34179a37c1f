"""Notification targets and the outbox in DynamoDB: a row for each notice a target still lacks."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.notices import DynamoNotices, notice_from
from fototeca.catalog.dynamodb.table import (
    GET_BATCH,
    NO_ROW,
    Action,
    Changed,
    Key,
    Row,
    Table,
    Value,
)
from fototeca.catalog.protocol.outbox import Dispatch, NotificationTarget
from fototeca.catalog.values import from_micros, new_id, to_micros


class DynamoTargets:
    def __init__(self, table: Table, clock: keys.Clock) -> None:
        self._table = table
        self._clock = clock

    def add(
        self, owner: str, url: str, shown: str, subscription: str | None, at: datetime
    ) -> NotificationTarget:
        while True:
            known = self._table.get(_url_key(owner, url))
            id = new_id() if known is None else known["id"]
            key = keys.targets(owner), id
            named: dict[str, Value | None] = {"shown": shown, "subscription": subscription}
            with suppress(Changed):
                if known is not None:
                    return _target(
                        self._table.update_returning(
                            self._table.update(key, named, when={"pk": key[0]})
                        )
                    )
                row = {**named, "url": url, "added_at": to_micros(at), "made": self._clock.tick()}
                self._table.write(
                    self._table.put(_url_key(owner, url), {"id": id}, NO_ROW),
                    self._table.put(key, row, NO_ROW),
                )
                return NotificationTarget(id, owner, url, shown, at, subscription)

    def get(self, owner: str, id: str) -> NotificationTarget | None:
        row = self._table.get((keys.targets(owner), id))
        return None if row is None else _target(row)

    def of(self, owner: str) -> list[NotificationTarget]:
        rows = sorted(self._table.query(keys.targets(owner)), key=lambda row: int(row["made"]))
        return [_target(row) for row in rows]

    def remove(self, owner: str, id: str) -> bool:
        key = keys.targets(owner), id
        row = self._table.get(key)
        if row is None:
            return False
        try:
            self._table.write(
                self._table.delete(key, {"pk": key[0]}),
                self._table.delete(_url_key(owner, row["url"])),
            )
        except Changed:
            return False
        empty(self._table, owner, id)
        return True


class DynamoOutbox:
    def __init__(self, table: Table, notices: DynamoNotices) -> None:
        self._table = table
        self._notices = notices

    def take(self, at: datetime, until: datetime, limit: int = 1000) -> Dispatch | None:
        moment = to_micros(at)
        for target, mark in self._waiting(moment):
            unsent = list(islice(self._table.query(keys.unsent(target["sk"]), first=limit), limit))
            owner = target["pk"].partition("#")[2]
            if not unsent:
                with suppress(Changed):  # a notice came this moment
                    self._table.write(self._table.delete(_key(mark), {"v": mark["v"]}))
                continue
            if min(row["due"] for row in unsent) > moment:
                continue
            held = self._table.update(
                _key(target),
                {"not_before": to_micros(until)},
                add={"attempts": 1},
                when={"pk": target["pk"], "not_before": target.get("not_before")},
            )
            try:
                self._table.write(held)
            except Changed:  # removed, or another process was quicker
                continue
            found = self._table.get_many((keys.notices(owner), row["sk"]) for row in unsent)
            notices = tuple(notice_from(found[key]) for key in sorted(found))
            return Dispatch(_target(target), notices, target.get("attempts", 0))
        return None

    def sent(self, dispatch: Dispatch, at: datetime) -> None:
        told: dict[str, Value | None] = {"told_at": to_micros(at), "failure": None}
        with suppress(Changed):
            self._table.write(*self._forget(dispatch, told))

    def postpone(self, dispatch: Dispatch, until: datetime, reason: str) -> None:
        key = keys.targets(dispatch.target.owner), dispatch.target.id
        later: dict[str, Value | None] = {"not_before": to_micros(until), "failure": reason}
        with suppress(Changed):
            self._table.write(self._table.update(key, later, when={"pk": key[0]}))

    def give_up(self, dispatch: Dispatch, reason: str) -> None:
        target = dispatch.target
        text = f"{target.shown} could not be told: {reason}"
        with suppress(Changed):
            self._notices.leave(
                target.owner,
                "target-failed",
                target.shown,
                text,
                *self._forget(dispatch, {"failure": reason}),
            )

    def _waiting(self, moment: int) -> list[tuple[Row, Row]]:
        """Targets that nobody holds and that may have something to be sent, with their marks."""
        found: list[tuple[Row, Row]] = []
        marks = self._table.query(keys.OUTBOX)
        while batch := list(islice(marks, GET_BATCH)):
            wanted = {_target_of(mark): mark for mark in batch}
            targets = self._table.get_many(wanted)
            for key, mark in wanted.items():
                if key not in targets:  # removed while a notice was left for it
                    owner, _, id = mark["sk"].partition("#")
                    empty(self._table, owner, id)
                elif targets[key].get("not_before", 0) <= moment:
                    found.append((targets[key], mark))
        return sorted(found, key=lambda each: (each[0].get("not_before", 0), each[0]["made"]))

    def _forget(self, dispatch: Dispatch, put: dict[str, Value | None]) -> list[Action]:
        """Drop the dispatch's notices. What it answers fails if they were dropped before."""
        pk = keys.unsent(dispatch.target.id)
        first, *rest = (keys.moment(notice.id) for notice in dispatch.notices)
        # The last one to go is the first, in the transaction: until then they are sent once more.
        self._table.write_many(deletes=((pk, sk) for sk in rest))
        key = keys.targets(dispatch.target.owner), dispatch.target.id
        free = {**put, "attempts": None, "not_before": None}
        return [
            self._table.delete((pk, first), {"pk": pk}),
            self._table.update(key, free, when={"pk": key[0]}),
        ]


def empty(table: Table, owner: str, target: str) -> None:
    """Forget what waits for a target."""
    table.write_many(deletes=(_key(row) for row in table.query(keys.unsent(target))))
    table.write(table.delete((keys.OUTBOX, keys.of_owner(owner, target))))


def _url_key(owner: str, url: str) -> Key:
    return f"target-url#{owner}", sha256(url.encode()).hexdigest()


def _key(row: Row) -> Key:
    return row["pk"], row["sk"]


def _target_of(mark: Row) -> Key:
    owner, _, id = mark["sk"].partition("#")
    return keys.targets(owner), id


def _target(row: Row) -> NotificationTarget:
    told_at = row.get("told_at")
    return NotificationTarget(
        id=row["sk"],
        owner=row["pk"].partition("#")[2],
        url=row["url"],
        shown=row["shown"],
        added_at=from_micros(row["added_at"]),
        subscription=row.get("subscription"),
        told_at=None if told_at is None else from_micros(told_at),
        failure=row.get("failure"),
    )
