"""The progress of imports, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.notices import DynamoNotices
from fototeca.catalog.dynamodb.owners import owners
from fototeca.catalog.dynamodb.table import Changed, Key, Row, Table, Value, When
from fototeca.catalog.protocol.imports import (
    Import,
    ImportState,
    Refusal,
    counted,
    refusals_among,
)
from fototeca.catalog.protocol.photos import Outcome
from fototeca.catalog.values import REFUSALS, from_micros, new_id, to_micros
from fototeca.photos import now

LISTED = 100


class DynamoImports:
    def __init__(
        self, table: Table, clock: keys.Clock, notices: DynamoNotices, events: DynamoEvents
    ) -> None:
        self._table = table
        self._clock = clock
        self._notices = notices
        self._events = events

    def start(self, owner: str, source: str, at: datetime) -> Import:
        id = new_id()
        row: Row = {
            "owner": owner,
            "source": source,
            "state": ImportState.RUNNING.value,
            "started_at": to_micros(at),
        }
        listed = keys.moment(self._clock.tick()) + id
        self._table.write(
            self._table.put(_import_key(id), row),
            self._table.put((_of_owner(owner), listed), {"id": id}),
            self._table.put((keys.RUNNING, id), {"id": id}),
        )
        self._events.announce(owner, "import", id, state="running")
        return Import(id, owner, source, ImportState.RUNNING, at)

    def progress(self, id: str, outcomes: Sequence[Outcome | Refusal]) -> None:
        self._count(id, outcomes, {}, {"pk": _import_key(id)[0]})

    def advance(self, progress: Import, cursor: str, outcomes: Sequence[Outcome | Refusal]) -> bool:
        at_it: When = {"state": ImportState.RUNNING.value, "cursor": progress.cursor}
        try:
            self._count(progress.id, outcomes, {"cursor": cursor}, at_it)
        except Changed:
            return False
        return True

    def finish(
        self, id: str, at: datetime, failure: str | None = None, notice: str | None = None
    ) -> bool:
        state = ImportState.FINISHED if failure is None else ImportState.FAILED
        key = _import_key(id)
        row = self._table.get(key)
        if row is None or row["state"] != ImportState.RUNNING.value:
            return False
        ended = {"state": state.value, "finished_at": to_micros(at), "failure": failure}
        actions = [
            self._table.update(key, ended, when={"state": ImportState.RUNNING.value}),
            self._table.delete((keys.RUNNING, id)),
        ]
        try:
            if notice is None:
                self._table.write(*actions)
            else:
                self._notices.leave(row["owner"], f"import-{state.value}", id, notice, *actions)
        except Changed:
            return self.finish(id, at, failure, notice)
        self._events.announce(row["owner"], "import", id, state=state.value)
        return True

    def get(self, owner: str, id: str) -> Import | None:
        row = self._table.get(_import_key(id))
        if row is None or row["owner"] != owner:
            return None
        refusals = self._table.query(_import_key(id)[0], begins=REFUSAL)
        return _import(id, row, tuple(Refusal(each["name"], each["reason"]) for each in refusals))

    def of(self, owner: str) -> list[Import]:
        rows = self._table.query(_of_owner(owner), forward=False, first=LISTED)
        return self._known(row["id"] for row in islice(rows, LISTED))

    def running(self) -> list[Import]:
        return self._known(row["id"] for row in self._table.query(keys.RUNNING))

    def forget(self, before: datetime) -> None:
        moment = to_micros(before)
        for owner in owners(self._table):
            # None ended before it began.
            for listed in list(self._table.query(_of_owner(owner), below=keys.moment(moment))):
                self._forget(listed, moment)

    def _forget(self, listed: Row, moment: int) -> None:
        """What is known of an import, and last that it is listed."""
        rows = list(self._table.query(_import_key(listed["id"])[0]))
        if all(row.get("finished_at", moment) < moment for row in rows if row["sk"] == IMPORT):
            self._table.write_many(deletes=((row["pk"], row["sk"]) for row in rows))
            self._table.write(self._table.delete((listed["pk"], listed["sk"])))

    def _count(
        self,
        id: str,
        outcomes: Sequence[Outcome | Refusal],
        changes: dict[str, Value | None],
        when: When,
    ) -> None:
        """Raises Changed."""
        changes = {**changes, "moved_at": to_micros(now())}
        row = self._table.update_returning(
            self._table.update(_import_key(id), changes, add=counted(outcomes), when=when)
        )
        refusals = refusals_among(outcomes)
        first = row["refused"] - len(refusals)
        self._table.write_many(
            (_refusal_key(id, number), {"name": refusal.name, "reason": refusal.reason})
            for number, refusal in enumerate(refusals, start=first)
            if number < REFUSALS
        )
        self._events.announce(row["owner"], "import", id, state="running")

    def _known(self, ids: Iterable[str]) -> list[Import]:
        wanted = [_import_key(id) for id in ids]
        found = self._table.get_many(wanted)
        return [_import(key[0].partition("#")[2], found[key]) for key in wanted if key in found]


IMPORT = "import"
REFUSAL = "refusal#"


def _import_key(id: str) -> Key:
    return f"import#{id}", IMPORT


def _refusal_key(id: str, number: int) -> Key:
    return f"import#{id}", f"{REFUSAL}{number:03}"


def _of_owner(owner: str) -> str:
    return f"imports#{owner}"


def _import(id: str, row: Row, refusals: tuple[Refusal, ...] = ()) -> Import:
    finished_at, moved_at = row.get("finished_at"), row.get("moved_at")
    return Import(
        id=id,
        owner=row["owner"],
        source=row["source"],
        state=ImportState(row["state"]),
        started_at=from_micros(row["started_at"]),
        finished_at=None if finished_at is None else from_micros(finished_at),
        found=row.get("found", 0),
        added=row.get("added", 0),
        restored=row.get("restored", 0),
        duplicate=row.get("duplicate", 0),
        refused=row.get("refused", 0),
        failure=row.get("failure"),
        refusals=refusals,
        cursor=row.get("cursor"),
        moved_at=None if moved_at is None else from_micros(moved_at),
    )
