"""Walking selections: which photos they hold, newest first, without reading all there are.

A photo's row in the partition of everything tells the labels on it, so any selection can be
filtered out of a walk of that. Where a label must be on, and is on few photos, its own partition
is walked instead, and the rows of just those photos are asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.record import labels_from
from fototeca.catalog.dynamodb.table import GET_BATCH, Row, Table
from fototeca.photos import Selection, State

SPARSE = 10
"""Asking for a photo's row alone costs about as much as reading this many in passing."""
OF_A_LABEL = frozenset({"ratio"})
"""What the row of a photo in a label's partition has, too."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for."""

    selection: Selection
    state: State | None = None
    trashed: bool = False
    name: str = ""

    @property
    def label(self) -> str | None:
        """The one label that is all there is to it."""
        if self.state is not None or self.name or self.trashed or self.selection.none:
            return None
        positive = self.selection.any | self.selection.all
        return next(iter(positive)) if len(positive) == 1 else None


class Selections:
    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, owner: str, wanted: Wanted) -> int | None:
        """How many photos, where that is recorded."""
        label, selection = wanted.label, wanted.selection
        if label is not None:
            return self._counts(owner, [label]).get(label, 0)
        if wanted.name or (selection and not wanted.trashed):
            return None
        totals = self._table.get(keys.totals(owner)) or {}
        waiting, failed = totals.get("waiting", 0), totals.get("failed", 0)
        known: dict[State | None, int] = {
            None: totals.get("photos", 0),
            State.WAITING: waiting,
            State.FAILED: failed,
            State.LABELLED: totals.get("photos", 0) - waiting - failed,
        }
        if wanted.trashed:
            return 0 if wanted.state else int(totals.get("trashed", 0))
        return known[wanted.state]

    def rows(
        self,
        owner: str,
        wanted: Wanted,
        *,
        after: str | None = None,
        first: int | None = None,
        forward: bool = False,
        consistent: bool = False,
        take: Sequence[str] = (),
    ) -> Iterator[Row]:
        """The rows of what is wanted, in order, beyond the place `after`.

        `first`: how many are likely to be taken. `take`: the attributes that are needed of each.
        """
        only = ["sk", *take, *_filtered(wanted, take)]
        if wanted.trashed:
            if wanted.state is None:
                rows = self._walk(keys.trash(owner), after, first, forward, consistent, only)
                yield from (row for row in rows if _named(row, wanted.name))
            return
        walked, dense = self._narrowest(owner, wanted)
        if walked is None:
            return
        pk = keys.everything(owner)
        if walked == [pk]:
            rows = self._walk(pk, after, first, forward, consistent, only)
            yield from (row for row in rows if _matches(row, wanted))
            return
        walks = [self._walk(pk, after, first, forward, consistent) for pk in walked]
        rows = _merged(walks, forward)
        if set(take) <= OF_A_LABEL and _exact(wanted):
            yield from rows
        elif dense:
            everything = self._walk(pk, after, first, forward, consistent, only)
            yield from (row for row in everything if _matches(row, wanted))
        else:
            while batch := [row["sk"] for row in islice(rows, GET_BATCH)]:
                wished = [(pk, sk) for sk in batch]
                found = self._table.get_many(wished, consistent=consistent, only=only)
                present = (found[pk, sk] for sk in batch if (pk, sk) in found)
                yield from (row for row in present if _matches(row, wanted))

    def versions(self, owner: str, selection: Selection) -> tuple[int, ...]:
        """Numbers of which one moves whenever a photo enters or leaves the selection."""
        names = sorted(selection.any | selection.all | selection.none)
        asked = [keys.count(owner, name) for name in names]
        if not selection.any and not selection.all:
            asked.append(keys.totals(owner))
        found = self._table.get_many(asked)
        return tuple(
            found[key].get("v", 0) + found[key].get("members", 0) if key in found else 0
            for key in asked
        )

    def _narrowest(self, owner: str, wanted: Wanted) -> tuple[list[str] | None, bool]:
        """The partitions that together hold all of what is wanted and little else, and whether
        that is still a good part of everything; None: nothing is wanted that exists."""
        selection = wanted.selection
        if wanted.state in (State.WAITING, State.FAILED):
            return [keys.in_state(owner, wanted.state.value)], False
        names = selection.any | selection.all
        if not names:
            return [keys.everything(owner)], True
        counts = self._counts(owner, names)
        choices = [[name] for name in selection.all]
        if selection.any:
            choices.append(sorted(selection.any & counts.keys()))
        sizes = [(sum(counts.get(name, 0) for name in choice), choice) for choice in choices]
        size, choice = min(sizes)
        if size == 0:
            return None, False
        photos = (self._table.get(keys.totals(owner), consistent=False) or {}).get("photos", 0)
        return [keys.label(owner, name) for name in choice], size * SPARSE > photos

    def _counts(self, owner: str, names: Iterable[str]) -> dict[str, int]:
        """Of those labels that are on photos."""
        found = self._table.get_many(keys.count(owner, name) for name in names)
        return {name: row["n"] for (_, name), row in found.items() if row.get("n", 0) > 0}

    def _walk(
        self,
        pk: str,
        after: str | None,
        first: int | None,
        forward: bool,
        consistent: bool,
        only: Sequence[str] = (),
    ) -> Iterator[Row]:
        above, below = (after, None) if forward else (None, after)
        return self._table.query(
            pk,
            above=above,
            below=below,
            forward=forward,
            first=first,
            consistent=consistent,
            only=only,
        )


def _filtered(wanted: Wanted, take: Sequence[str]) -> list[str]:
    """The attributes that `_matches` looks at, beside those that are taken anyway."""
    looked = {"name": wanted.name, "state": wanted.state, "on": wanted.selection}
    return [name for name, asked in looked.items() if asked and name not in take]


def _matches(row: Row, wanted: Wanted) -> bool:
    """Of a row in the partition of everything."""
    return (
        _named(row, wanted.name)
        and (wanted.state is None or row["state"] == wanted.state.value)
        and (not wanted.selection or wanted.selection.matches(labels_from(row.get("on"))))
    )


def _exact(wanted: Wanted) -> bool:
    """Whether what is walked in place of everything is just what is wanted: nothing to filter."""
    selection = wanted.selection
    if wanted.name or selection.none:
        return False
    if wanted.state is not None:
        return not selection and wanted.state is not State.LABELLED
    return len(selection.all) == (0 if selection.any else 1)


def _merged(walks: Sequence[Iterator[Row]], forward: bool) -> Iterator[Row]:
    """In order, each photo once."""
    if len(walks) == 1:
        return walks[0]
    return _once(heapq.merge(*walks, key=lambda row: row["sk"], reverse=not forward))


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    last: str | None = None
    for row in rows:
        if row["sk"] != last:
            last = row["sk"]
            yield row


def _named(row: Row, name: str) -> bool:
    return not name or name.casefold() in row["name"]
