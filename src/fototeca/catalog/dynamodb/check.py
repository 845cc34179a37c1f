"""Finds and mends what is wrong in the catalog itself: every row follows from its photo's own.

Others may change photos meanwhile: what moved while it was looked at is looked at again, and what
is mended is mended on the condition that it did not move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.owners import owners
from fototeca.catalog.dynamodb.record import Record, record_from, rows_of, tallies_of
from fototeca.catalog.dynamodb.records import Change, Records, Rules
from fototeca.catalog.dynamodb.table import Action, Changed, Key, Row, batches
from fototeca.photos import State

TRIES = 5
FEW = 50
"""Photos, or rows to mend, at a time."""
CHECKED = ("photos", "bytes", "waiting", "failed", "again", "trashed")


@dataclass(slots=True)
class _Seen:
    """What an owner's photos come to."""

    tallies: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    """By partition."""
    problems: list[str] = field(default_factory=list)


class Check:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._table = records.table

    def run(self, repair: bool) -> list[str]:
        """What is wrong, in words; with `repair`, mended from detections and corrections."""
        return [problem for owner in owners(self._table) for problem in self._of(owner, repair)]

    def _of(self, owner: str, repair: bool) -> Iterator[str]:
        for _ in range(TRIES):
            before = self._table.get(keys.totals(owner)) or {}
            seen = self._photos(owner, repair)
            after = self._table.get(keys.totals(owner)) or {}
            if before.get("v") == after.get("v"):
                break
        yield from seen.problems
        if before.get("v") == after.get("v"):
            yield from self._wrong_totals(owner, seen, after, repair)
        listed = [keys.everything(owner), keys.trash(owner)]
        listed += [keys.in_state(owner, state.value) for state in (State.WAITING, State.FAILED)]
        for pk in listed:
            if sum(1 for _ in self._table.query(pk)) != seen.rows[pk]:
                yield from self._strays(owner, pk, repair)
        yield from self._wrong_counts(owner, seen, repair)

    def _photos(self, owner: str, repair: bool) -> _Seen:
        """Look at each photo: its labels, and that each of its rows is there and right."""
        rules = self._records.rules(owner)
        recompute = self._table.get((keys.RECOMPUTE, owner))
        seen = _Seen()
        photos = self._records.all_of(owner)
        while batch := list(islice(photos, FEW)):
            rows = {key: row for record in batch for key, row in rows_of(record).items()}
            found = self._table.get_many(rows)
            for record in batch:
                id = record.photo.id
                right = rules.settled(record)
                # Those that have yet to follow changed settings are not wrong.
                due = recompute is not None and record.place < recompute.get("after", "g")
                if record.on != right.on and not (due or record.due):
                    wrong = ", ".join(sorted(record.on ^ right.on))
                    seen.problems.append(f"photo {id}: wrong labels: {wrong}")
                wrong_rows = [key for key in rows_of(record) if not _same(found, key, rows[key])]
                if wrong_rows:
                    names = ", ".join(sorted({pk.partition("#")[0] for pk, _ in wrong_rows}))
                    seen.problems.append(f"photo {id}: rows missing or wrong: {names}")
                if repair:
                    self._mend(record, [self._table.put(key, rows[key]) for key in wrong_rows])
                    if record.on != right.on or record.due:
                        self._records.change(owner, id, _settle)
                        record = self._records.get(owner, id) or record
                seen.tallies.update(tallies_of(record))
                seen.rows.update(pk for pk, _ in rows_of(record))
        return seen

    def _mend(self, record: Record, actions: Sequence[Action]) -> None:
        own = keys.photo(record.photo.owner, record.photo.id)
        for batch in batches(actions, FEW):
            with suppress(Changed):
                self._table.write(self._table.check(own, {"version": record.version}), *batch)

    def _wrong_totals(self, owner: str, seen: _Seen, row: Row, repair: bool) -> Iterator[str]:
        if repair:  # mending labels has moved none of these
            row = self._table.get(keys.totals(owner)) or {}
        names = {*CHECKED, *seen.tallies, *(name for name in row if ":" in name)}
        wrong = {n: seen.tallies[n] for n in names if row.get(n, 0) != seen.tallies[n]}
        for name, number in sorted(wrong.items()):
            yield f"account {owner}: {row.get(name, 0)} {name} recorded, {number} are there"
        if repair and wrong:
            put: dict[str, str | int | bytes | None] = {**wrong}
            with suppress(Changed):
                self._table.write(
                    self._table.update(
                        keys.totals(owner), put, add={"v": 1}, when={"v": row.get("v")}
                    )
                )

    def _wrong_counts(self, owner: str, seen: _Seen, repair: bool) -> Iterator[str]:
        prefix = keys.label(owner, "")
        labels = {pk.removeprefix(prefix) for pk in seen.rows if pk.startswith(prefix)}
        labels |= self._counts(owner).keys()
        for _ in range(TRIES):
            before = self._counts(owner)
            rows = {
                label: sum(1 for _ in self._table.query(keys.label(owner, label)))
                for label in sorted(labels)
            }
            after = self._counts(owner)
            labels = set()
            for label, number in rows.items():
                pk, count = keys.label(owner, label), after.get(label, {})
                if before.get(label, {}).get("v") != count.get("v"):
                    labels.add(label)
                    continue
                if number != seen.rows[pk]:
                    strays = list(self._strays(owner, pk, repair))
                    yield from strays
                    number -= len(strays) if repair else 0
                if number != count.get("n", 0):
                    yield f"label {label}: the count says {count.get('n', 0)}, it is {number}"
                    if repair:
                        self._recount(owner, label, number, count.get("v"))

    def _counts(self, owner: str) -> dict[str, Row]:
        return {row["sk"]: row for row in self._table.query(keys.count(owner, "")[0])}

    def _recount(self, owner: str, label: str, number: int, version: int | None) -> None:
        key = keys.count(owner, label)
        with suppress(Changed):
            self._table.write(
                self._table.update(key, {"n": number}, add={"v": 1}, when={"v": version})
            )

    def _strays(self, owner: str, pk: str, repair: bool) -> Iterator[str]:
        """Rows that no photo has."""
        rows = self._table.query(pk)
        while batch := [row["sk"] for row in islice(rows, FEW)]:
            photos = {sk: keys.photo(owner, keys.taken_and_id(sk)[1]) for sk in batch}
            found = self._table.get_many(photos.values())
            for sk, photo in photos.items():
                record = record_from(found[photo]) if photo in found else None
                if record is not None and (pk, sk) in rows_of(record):
                    continue
                yield f"a row of {pk.partition('#')[0]} for photo {photo[1]}, which is not so"
                if repair:
                    version = None if record is None else record.version
                    with suppress(Changed):
                        self._table.write(
                            self._table.check(photo, {"version": version}),
                            self._table.delete((pk, sk)),
                        )


def _same(found: dict[Key, Row], key: Key, expected: Row) -> bool:
    row = found.get(key)
    if row is None:
        return False
    if key[0] == keys.HELD:  # renewed without its photo
        return True
    known = {name: value for name, value in expected.items() if value is not None}
    return {**known, "pk": key[0], "sk": key[1]} == row


def _settle(before: Record | None, rules: Rules) -> Change | None:
    return None if before is None else Change(rules.settled(before))
