"""Changing photos: read, decide, and write what differs, unless somebody else was quicker.

A photo's row has a version, and every transaction with it is made on the condition that it is
still the one that was read. So a change that arrives twice finds the first one's result and
decides anew, and counts move exactly once, with the rows that they count.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.embeddings import vector_row
from fototeca.catalog.dynamodb.record import (
    Record,
    record_from,
    row_of,
    rows_of,
    tallies_of,
)
from fototeca.catalog.dynamodb.table import (
    ACTIONS,
    Action,
    Changed,
    Key,
    Row,
    Table,
    Value,
)
from fototeca.catalog.protocol import CatalogBusy, CatalogFull
from fototeca.catalog.protocol.photos import Embedding
from fototeca.catalog.values import raw_id, settings_from
from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.labelling.taxonomy import Taxonomy

MOVES = 42
"""Labels that one transaction moves: each is a row and a count, beside at most ten other rows."""
WEIGHT = 400_000
"""Characters of photos' rows in a transaction; DynamoDB takes 4 MB of everything in it."""
HEAVIEST = 90_000
"""Characters of a photo's row, some thousands of labels; DynamoDB takes 400 KB, UTF-8."""
TRIES = 50
READ = 50
"""Photos read at a time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The owner's, and the version of the settings that they are by."""

    version: int
    labels: LabelRules

    def settled(self, record: Record) -> Record:
        """Under the labels that the rules put on the photo."""
        on: frozenset[str] = frozenset()
        if not record.trashed:
            on = self.labels.labels_on(record.detections, record.correction)
        return replace(record, on=on, due=False)


Part = Literal["total", "done"] | None
"""What a photo adds to its owner's labelling again."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a photo."""

    after: Record | None
    embedding: Embedding | None = None
    whole: bool = False
    """An embedding that is not told is not there; else it stays."""
    relabelling: Part = None
    """It comes to the owner's labelling again, or is done with it: that tells what changed."""
    ruled: bool = True
    """Decided by the owner's settings, which may not have changed when it is written."""


Decide = Callable[[Record | None, Rules], Change | None]
"""From what is there now to what shall be; None: to leave it. It may be asked again."""


@dataclass(slots=True)
class Moves:
    """The writes of a transaction; those of several photos together share the counts."""

    actions: list[Action] = field(default_factory=list)
    sums: dict[Key, Counter[str]] = field(default_factory=dict)
    put: dict[Key, dict[str, Value | None]] = field(default_factory=dict)
    when: dict[Key, dict[str, Value | None]] = field(default_factory=dict)
    weight: int = 0

    def __len__(self) -> int:
        return len(self.actions) + len(self.sums.keys() | self.put.keys() | self.when.keys())

    def add(self, key: Key, **by: int) -> None:
        self.sums.setdefault(key, Counter()).update(by)

    def take(self, other: Moves) -> bool:
        """Take others along; False, and nothing taken, when one transaction has no room."""
        shared = (self.sums.keys() | self.put.keys() | self.when.keys()) & (
            other.sums.keys() | other.put.keys() | other.when.keys()
        )
        if len(self) + len(other) - len(shared) > ACTIONS or self.weight + other.weight > WEIGHT:
            return False
        self.actions += other.actions
        for key, by in other.sums.items():
            self.sums.setdefault(key, Counter()).update(by)
        self.put |= other.put
        self.when |= other.when
        self.weight += other.weight
        return True

    def write(self, table: Table) -> None:
        """Raises Changed."""
        actions = list(self.actions)
        for key in sorted(self.sums.keys() | self.put.keys() | self.when.keys()):
            by = {name: n for name, n in self.sums.get(key, Counter()).items() if n}
            put, when = self.put.get(key, {}), self.when.get(key, {})
            if by or put:
                actions.append(table.update(key, put, add=by, when=when))
            elif when:
                actions.append(table.check(key, when))
        table.write(*actions)


class Records:
    def __init__(self, table: Table, taxonomy: Taxonomy, clock: keys.Clock) -> None:
        self.table = table
        self.clock = clock
        self._taxonomy = taxonomy
        self._thresholds = {name: label.threshold for name, label in taxonomy.labels.items()}
        self._rules: dict[str, Rules] = {}

    def get(self, owner: str, id: str) -> Record | None:
        row = self.table.get(keys.photo(owner, id)) if raw_id(id) else None
        return None if row is None else record_from(row)

    def all_of(self, owner: str) -> Iterator[Record]:
        """Every photo of the owner, trashed or not."""
        return map(record_from, self.table.query(keys.photo(owner, "")[0]))

    def rules(self, owner: str) -> Rules:
        return self._rules_by(owner, self.table.get(keys.settings(owner)))

    def change(self, owner: str, id: str, decide: Decide) -> bool:
        """Change one photo. False when nothing was to be done."""
        for _ in range(TRIES):
            found = self.table.get_many([keys.photo(owner, id), keys.settings(owner)])
            before = _record(found.get(keys.photo(owner, id)))
            rules = self._rules_by(owner, found.get(keys.settings(owner)))
            change = decide(before, rules)
            if change is None:
                return False
            try:
                for moves in self.transactions(before, change, rules):
                    moves.write(self.table)
            except Changed:
                continue
            return True
        raise CatalogBusy(f"photo {id} is being changed by others all the time")

    def change_each(self, wanted: Iterable[tuple[str, str, Decide]]) -> int:
        """Change photos, several in a transaction where they fit. Returns how many did change.

        Each photo's change is whole by itself, not that of all of them.
        """
        changed = 0
        possible = (each for each in wanted if raw_id(each[1]))
        while batch := list(islice(possible, READ)):
            changed += self._change_batch(batch)
        return changed

    def transactions(self, before: Record | None, change: Change, rules: Rules) -> list[Moves]:
        """What a change takes, one after the other. All but the last leave the photo due."""
        made = []
        for after in _steps(before, change.after):
            last = after is change.after
            made.append(
                self._moves(
                    before, after, rules, change if last else replace(change, embedding=None)
                )
            )
            before = None if after is None else replace(after, version=_next(before))
        return made

    def _change_batch(self, batch: Sequence[tuple[str, str, Decide]]) -> int:
        owners = {owner for owner, _, _ in batch}
        found = self.table.get_many(
            [keys.photo(owner, id) for owner, id, _ in batch] + [keys.settings(o) for o in owners]
        )
        rules = {o: self._rules_by(o, found.get(keys.settings(o))) for o in owners}
        changed = 0
        together, members = Moves(), list[tuple[str, str, Decide]]()

        def flush() -> int:
            nonlocal together, members
            moves, chosen = together, members
            together, members = Moves(), []
            if not chosen:
                return 0
            try:
                moves.write(self.table)
            except Changed:
                return sum(self.change(*each) for each in chosen)
            return len(chosen)

        for owner, id, decide in batch:
            before = _record(found.get(keys.photo(owner, id)))
            change = decide(before, rules[owner])
            if change is None:
                continue
            made = self.transactions(before, change, rules[owner])
            if len(made) > 1 or any(each[:2] == (owner, id) for each in members):
                changed += flush() + self.change(owner, id, decide)
                continue
            if not together.take(made[0]):
                changed += flush()
                together.take(made[0])
            members.append((owner, id, decide))
        return changed + flush()

    def _moves(
        self, before: Record | None, after: Record | None, rules: Rules, change: Change
    ) -> Moves:
        """One transaction between two records that differ in few labels."""
        table, moves = self.table, Moves()
        record = after or before
        assert record is not None
        owner, place = record.photo.owner, record.place
        own = keys.photo(owner, record.photo.id)
        old = {} if before is None else rows_of(before)
        new = {} if after is None else rows_of(after)
        is_version: dict[str, Value | None] = (
            {"pk": None} if before is None else {"version": before.version}
        )
        if after is None:
            moves.actions.append(table.delete(own, is_version))
            moves.actions.append(table.delete((keys.vectors(owner), place)))
        else:
            row = row_of(replace(after, version=_next(before)))
            moves.actions.append(table.put(own, row, is_version))
            moves.weight = sum(len(each) for each in row.values() if isinstance(each, str | bytes))
            if moves.weight > HEAVIEST:
                raise CatalogFull(errno.EFBIG, "no more labels fit on this photo")
        moves.actions += [table.delete(key) for key in old.keys() - new.keys()]
        moves.actions += [table.put(key, row) for key, row in new.items() if old.get(key) != row]
        if before is not None and after is not None and before.place != place:
            moves.actions.append(table.delete((keys.vectors(owner), before.place)))
        if change.whole and change.embedding is None and change.after is after:
            moves.actions.append(table.delete((keys.vectors(owner), place)))
        if change.embedding is not None:
            kept = vector_row(change.embedding)
            moves.actions.append(table.put((keys.vectors(owner), place), kept))

        on_before = frozenset() if before is None else before.on
        on_after = frozenset() if after is None else after.on
        again = int(change.relabelling == "done")
        for label in on_after - on_before:
            moves.add(keys.count(owner, label), n=1, v=1, gained=again)
        for label in on_before - on_after:
            moves.add(keys.count(owner, label), n=-1, v=1, lost=again)
        tallies = tallies_of(after)
        tallies.subtract(tallies_of(before))
        tallies["members"] = int(tallies["photos"] != 0)
        if any(tallies.values()):
            moves.add(keys.totals(owner), v=1, **tallies)
        if change.ruled and after is not None and not after.trashed:
            moves.when[keys.totals(owner)] = {"rules": rules.version or None}
        if change.relabelling and change.after is after:
            moves.add(keys.relabelling(owner), **{change.relabelling: 1})
            moves.put[keys.relabelling(owner)] = {"settled_at": self.clock.tick()}
        return moves

    def _rules_by(self, owner: str, row: Row | None) -> Rules:
        version, text = (0, "{}") if row is None else (row["version"], row["text"])
        known = self._rules.get(owner)
        if known is None or known.version != version:
            settings = LabelSettings() if version == 0 else settings_from(text)
            labels = LabelRules(self._taxonomy, self._thresholds, settings)
            known = self._rules[owner] = Rules(version, labels)
        return known


def _record(row: Row | None) -> Record | None:
    return None if row is None else record_from(row)


def _next(before: Record | None) -> int:
    return 1 if before is None else before.version + 1


def _steps(before: Record | None, after: Record | None) -> list[Record | None]:
    """Records to go through, so that one transaction moves few labels.

    What a photo is changes in the last one, so that a change that was interrupted can be made
    again; but a photo that comes out of the trash does in the first: it is under no label before.
    """
    on_before = frozenset() if before is None else before.on
    on_after = frozenset() if after is None else after.on
    moving = sorted(on_before ^ on_after)
    steps: list[Record | None] = []
    base = after if before is None or before.trashed else before
    while len(moving) > MOVES and base is not None:
        on_before = on_before ^ frozenset(moving[:MOVES])
        moving = moving[MOVES:]
        steps.append(replace(base, on=on_before, due=True))
    return [*steps, after]
