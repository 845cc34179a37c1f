"""Owners' label settings in DynamoDB, and bringing photos up to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.owners import owners_totals
from fototeca.catalog.dynamodb.record import Record
from fototeca.catalog.dynamodb.records import Change, Records, Rules
from fototeca.catalog.dynamodb.table import Action, Changed, Row
from fototeca.catalog.protocol.preferences import Recomputing
from fototeca.catalog.values import settings_from, settings_text
from fototeca.label_settings import LabelSettings


class DynamoLabelPreferences:
    def __init__(self, records: Records, events: DynamoEvents, rules: str) -> None:
        """`rules` tells them apart: by other ones, every photo is to be recomputed."""
        self._records = records
        self._table = records.table
        self._events = events
        known = self._table.get(keys.TAXONOMY)
        if known is None or known["digest"] != rules:
            # Noted last: who is interrupted begins again.
            for owner, totals in owners_totals(self._table):
                if totals.get("photos"):
                    self._table.write(self._begin(owner))
            self._table.write(self._table.put(keys.TAXONOMY, {"digest": rules}))

    def get(self, owner: str) -> LabelSettings:
        row = self._table.get(keys.settings(owner))
        return LabelSettings() if row is None else settings_from(row["text"])

    def put(self, owner: str, settings: LabelSettings) -> None:
        while True:
            row = self._table.get(keys.settings(owner))
            before = LabelSettings() if row is None else settings_from(row["text"])
            version = None if row is None else row["version"]
            # What is hidden is on its photos all the same.
            same = replace(before, hidden=settings.hidden) == settings
            new = (version or 0) + 1
            text = settings_text(settings)
            actions = [
                self._table.put(
                    keys.settings(owner), {"version": new, "text": text}, {"version": version}
                ),
                # Whoever has read the old ones cannot settle a photo by them any more.
                self._table.update(keys.totals(owner), {"rules": new}),
            ]
            if not same:
                actions.append(self._begin(owner))
            with suppress(Changed):
                self._table.write(*actions)
                break
        self._events.announce(owner, "label-settings", state="current" if same else "recomputing")

    def recomputing(self, owner: str) -> Recomputing | None:
        found = self._table.get_many([(keys.RECOMPUTE, owner), keys.totals(owner)])
        row = found.get((keys.RECOMPUTE, owner))
        if row is None:
            return None
        photos = found.get(keys.totals(owner), {}).get("photos", 0)
        return Recomputing(min(row.get("done", 0), photos), photos)

    def recompute(self, limit: int = 200) -> int:
        settled = self._finish_what_was_interrupted(limit)
        if settled:
            return settled
        row = next(self._table.query(keys.RECOMPUTE, first=1), None)
        if row is None:
            return 0
        key, owner = (row["pk"], row["sk"]), row["sk"]
        photos = list(islice(self._after(owner, row), limit))
        self._records.change_each((owner, keys.taken_and_id(sk)[1], _settle) for sk in photos)
        when = {"begun": row["begun"], "after": row.get("after")}
        try:
            if len(photos) == limit:
                moved = {"after": photos[-1]}
                self._table.write(
                    self._table.update(key, moved, add={"done": len(photos)}, when=when)
                )
            else:
                self._table.write(self._table.delete(key, when))
                self._events.announce(owner, "label-settings", state="current")
        except Changed:
            # Another process was quicker, or settings changed again: whose doing that was goes on.
            return 0
        return max(len(photos), 1)

    def _begin(self, owner: str) -> Action:
        return self._table.put((keys.RECOMPUTE, owner), {"begun": self._records.clock.tick()})

    def _after(self, owner: str, row: Row) -> Iterator[str]:
        photos = self._table.query(keys.everything(owner), below=row.get("after"), forward=False)
        return (photo["sk"] for photo in photos)

    def _finish_what_was_interrupted(self, limit: int) -> int:
        """Photos of which many labels were moving when a process ended."""
        rows = list(islice(self._table.query(keys.UNSETTLED, first=limit), limit))
        photos = [row["sk"].partition("#") for row in rows]
        return self._records.change_each((owner, id, _finish) for owner, _, id in photos)


def _settle(before: Record | None, rules: Rules) -> Change | None:
    if before is None or before.trashed:
        return None
    after = rules.settled(before)
    return None if after == before else Change(after)


def _finish(before: Record | None, rules: Rules) -> Change | None:
    if before is None or not before.due:
        return None
    return Change(rules.settled(before))
