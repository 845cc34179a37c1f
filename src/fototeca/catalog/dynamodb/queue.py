"""The photos that wait for a worker, in DynamoDB.

On AWS photos come to labelling by a queue of its own (SQS); this one makes workers elsewhere safe,
and tells how far the work is. Claims of all workers follow each other by the version of one row,
since whether a suspect is tried alone depends on what everybody holds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.owners import owners_totals
from fototeca.catalog.dynamodb.record import SOURCE, Record, record_from, surest_first
from fototeca.catalog.dynamodb.records import Change, Decide, Moves, Part, Records, Rules
from fototeca.catalog.dynamodb.table import ACTIONS, Changed, Row, batches
from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.protocol.queue import Claim, Failed, LabelChange, Labelled, Relabelling, Work
from fototeca.catalog.values import from_micros, raw_id, to_micros
from fototeca.photos import State, now

TRIES = 50
FEW = 50
"""Photos looked at at a time."""


class DynamoQueue:
    def __init__(self, records: Records, events: DynamoEvents) -> None:
        self._records = records
        self._table = records.table
        self._events = events

    def take(self, worker: str, owner: str, id: str, until: datetime) -> Claim | None:
        claim: Claim | None = None

        def decide(before: Record | None, _: Rules) -> Change | None:
            nonlocal claim
            claim = None
            if before is None or before.trashed or before.photo.state is not State.WAITING:
                return None
            if before.claimed_by not in (None, worker):
                held = self._table.get((keys.HELD, keys.of_owner(owner, id)))
                if held is not None and held["until"] >= to_micros(now()):
                    return None
            claim = Claim(before.photo, before.attempts)
            return Change(_claimed(before, worker, until), ruled=False)

        if raw_id(id):
            self._records.change(owner, id, decide)
        return claim

    def claim(self, worker: str, limit: int, until: datetime) -> list[Claim]:
        for _ in range(TRIES):
            version = (self._table.get(keys.CLAIMS) or {}).get("v")
            found = self._free(limit)
            if not found:
                return []
            claimed: list[Record] = []
            moves = Moves()
            moves.when[keys.CLAIMS] = {"v": version}
            moves.add(keys.CLAIMS, v=1)
            for record in found:
                after = _claimed(record, worker, until)
                rules = self._records.rules(record.photo.owner)
                (made,) = self._records.transactions(record, Change(after, ruled=False), rules)
                if not moves.take(made):
                    break
                claimed.append(record)
            try:
                moves.write(self._table)
            except Changed:  # another worker was quicker
                continue
            return [Claim(record.photo, record.attempts) for record in claimed]
        raise CatalogBusy("others claim photos all the time")

    def settle(self, worker: str, results: Sequence[Labelled | Failed]) -> None:
        done: dict[tuple[str, str], str] = {}
        again = {owner: self._is_relabelling(owner) for owner in {each.owner for each in results}}

        def deciding(result: Labelled | Failed) -> Decide:
            def decide(before: Record | None, rules: Rules) -> Change | None:
                done.pop((result.owner, result.id), None)
                if before is None or before.claimed_by != worker:
                    return None  # purged, or handed to another worker when this one was late
                part: Part = "done" if again[result.owner] and before.source is not None else None
                free = replace(before, attempts=0, claimed_by=None, claimed_until=None)
                if isinstance(result, Failed):
                    photo = replace(free.photo, state=State.FAILED, failure=result.reason)
                    done[result.owner, result.id] = "failed"
                    after = rules.settled(replace(free, photo=photo))
                    return Change(after, relabelling=part)
                photo = replace(free.photo, state=State.LABELLED, failure=None)
                seen = surest_first(result.detections)
                after = replace(free, photo=photo, detections=seen, source=result.source)
                done[result.owner, result.id] = "labelled"
                return Change(rules.settled(after), result.embedding, relabelling=part)

            return decide

        self._records.change_each(
            [(result.owner, result.id, deciding(result)) for result in results]
        )
        told = Counter((owner, state) for (owner, _), state in done.items())
        for owner in {owner for owner, _ in told}:
            self._events.announce(
                owner, "labels", labelled=told[owner, "labelled"], failed=told[owner, "failed"]
            )

    def renew(self, process: str, until: datetime) -> None:
        for row in self._held():
            if row["worker"].startswith(f"{process}-"):
                try:
                    key = row["pk"], row["sk"]
                    when = {"worker": row["worker"]}
                    self._table.write(
                        self._table.update(key, {"until": to_micros(until)}, when=when)
                    )
                except Changed:  # settled meanwhile
                    continue

    def release(self, worker: str | None = None) -> int:
        released = 0
        for row in self._held():
            if worker is not None and row["worker"] != worker:
                continue
            holder = row["worker"]

            def decide(before: Record | None, _: Rules, holder: str = holder) -> Change | None:
                if before is None or before.claimed_by != holder:
                    return None
                # Given back by its own worker, a photo was not to blame; one found after a crash
                # may be.
                attempts = max(0, before.attempts - 1) if worker else before.attempts
                free = replace(before, attempts=attempts, claimed_by=None, claimed_until=None)
                return Change(free, ruled=False)

            released += self._records.change(*_owner_and_id(row), decide)
        return released

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        def decide(before: Record | None, _: Rules) -> Change | None:
            if before is None or before.trashed or before.photo.state is not State.FAILED:
                return None
            return Change(_waiting(before), ruled=False)

        if ids is None:
            rows = self._table.query(keys.in_state(owner, State.FAILED.value))
            failed = [keys.taken_and_id(row["sk"])[1] for row in rows]
        else:
            failed = list(dict.fromkeys(id.lower() for id in ids))
        count = self._records.change_each((owner, id, decide) for id in failed)
        return self._requeued(owner, count)

    def relabel(self, owner: str, ids: Sequence[str] | None = None, *, more: bool = False) -> int:
        totals = self._table.get(keys.totals(owner)) or {}
        if totals.get("photos", 0) <= totals.get("waiting", 0):
            return 0
        if not more:
            self._begin_relabelling(owner, totals.get("again", 0))

        def decide(before: Record | None, _: Rules) -> Change | None:
            if before is None or before.trashed or before.photo.state is State.WAITING:
                return None
            change = Change(_waiting(before), ruled=False)
            return change if before.source is None else replace(change, relabelling="total")

        every = (
            keys.taken_and_id(row["sk"])[1]
            for row in self._table.query(keys.everything(owner))
            if row["state"] != State.WAITING.value
        )
        chosen = every if ids is None else dict.fromkeys(id.lower() for id in ids)
        count = self._records.change_each((owner, id, decide) for id in chosen)
        return self._requeued(owner, count)

    def relabelling(self, owner: str) -> Relabelling | None:
        found = self._table.get_many([keys.relabelling(owner), keys.totals(owner)])
        row = found.get(keys.relabelling(owner))
        if row is None or not row.get("total"):
            return None
        changes = [
            LabelChange(
                each["sk"], each.get("before", 0), each.get("gained", 0), each.get("lost", 0)
            )
            for each in self._table.query(keys.count(owner, "")[0])
            if each.get("gained", 0) + each.get("lost", 0)
        ]
        # Finished is what nothing waits for any more: what waited may lie in the trash by now.
        waits = found.get(keys.totals(owner), {}).get("again", 0) > 0
        return Relabelling(
            started_at=from_micros(row["started_at"]),
            finished_at=None if waits else from_micros(row["settled_at"]),
            total=row["total"],
            done=min(row.get("done", 0), row["total"]),
            changes=tuple(
                sorted(changes, key=lambda each: (-(each.gained + each.lost), each.name))
            ),
        )

    def outdated(self, owner: str, source: str) -> int:
        totals = self._table.get(keys.totals(owner)) or {}
        return sum(
            count
            for name, count in totals.items()
            if name.startswith(SOURCE) and name != SOURCE + source
        )

    def work(self, owner: str) -> Work:
        totals = self._table.get(keys.totals(owner)) or {}
        waiting, failed = totals.get("waiting", 0), totals.get("failed", 0)
        held = self._table.query(keys.HELD, begins=keys.of_owner(owner, "")) if waiting else ()
        moment = to_micros(now())
        running = sum(row["until"] >= moment for row in held)
        return Work(waiting, totals.get("photos", 0) - waiting - failed, failed, running)

    def pending(self) -> int:
        return sum(totals.get("waiting", 0) for _, totals in owners_totals(self._table))

    def _held(self) -> list[Row]:
        return list(self._table.query(keys.HELD))

    def _free(self, limit: int) -> list[Record]:
        """What a worker may be given now: new ones, else one suspect while nobody holds any."""
        moment = to_micros(now())
        held = self._held()
        live = [row for row in held if row["until"] >= moment]
        if any(row["attempts"] > 1 for row in live):
            return []  # a suspect is being tried: what else is in hand would die with it
        fresh = list(islice(self._waiting(lambda row: "attempts" not in row), min(limit, FEW)))
        if fresh or live:
            return self._unheld(fresh)
        lapsed = (
            record
            for row in held
            if (record := self._records.get(*_owner_and_id(row))) is not None
            and record.photo.state is State.WAITING
            and not record.trashed
        )
        suspect = next(lapsed, None)
        if suspect is None:
            suspects = self._unheld(list(islice(self._waiting(lambda row: "held" not in row), 1)))
            suspect = next(iter(suspects), None)
        return [] if suspect is None else [suspect]

    def _waiting(self, wanted: Callable[[Row], bool]) -> Iterator[tuple[str, str]]:
        """(owner, id) of waiting photos; no owner's always come first."""
        every = [owner for owner, totals in owners_totals(self._table) if totals.get("waiting")]
        random.shuffle(every)
        for owner in every:
            for row in self._table.query(keys.in_state(owner, State.WAITING.value), first=FEW):
                if "held" not in row and wanted(row):
                    yield owner, keys.taken_and_id(row["sk"])[1]

    def _unheld(self, photos: Sequence[tuple[str, str]]) -> list[Record]:
        found = self._table.get_many(keys.photo(owner, id) for owner, id in photos)
        records = map(record_from, found.values())
        return [
            record
            for record in records
            if record.claimed_by is None
            and record.photo.state is State.WAITING
            and not record.trashed
        ]

    def _is_relabelling(self, owner: str) -> bool:
        row = self._table.get(keys.relabelling(owner)) or {}
        return bool(row.get("done", 0) < row.get("total", 0))

    def _begin_relabelling(self, owner: str, total: int) -> None:
        """Keep the counts as they are, to tell what changed. Photos never labelled are no part."""
        counts = [
            self._table.update(
                (row["pk"], row["sk"]), {"before": row.get("n", 0), "gained": None, "lost": None}
            )
            for row in self._table.query(keys.count(owner, "")[0])
        ]
        for batch in batches(counts, ACTIONS):
            self._table.write(*batch)
        moment = to_micros(now())
        row = {"started_at": moment, "settled_at": moment, "total": total}
        self._table.write(self._table.put(keys.relabelling(owner), row))

    def _requeued(self, owner: str, count: int) -> int:
        if count:
            self._events.announce(owner, "labels", retried=count)
        return count


def _claimed(record: Record, worker: str, until: datetime) -> Record:
    return replace(
        record,
        attempts=record.attempts + 1,
        claimed_by=worker,
        claimed_until=to_micros(until),
    )


def _waiting(record: Record) -> Record:
    photo = replace(record.photo, state=State.WAITING, failure=None)
    return replace(record, photo=photo, attempts=0, claimed_by=None, claimed_until=None)


def _owner_and_id(held: Row) -> tuple[str, str]:
    owner, _, id = held["sk"].partition("#")
    return owner, id
