"""Events for who watches, in DynamoDB."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.table import Row, Table
from fototeca.catalog.protocol.events import Event
from fototeca.catalog.values import new_id
from fototeca.photos import now

WATCHED = timedelta(hours=1)
"""How long an event is kept: only those who watch right now need it."""


class DynamoEvents:
    """Events are numbered by the clock: a counter would have every change of every owner wait for
    it. They are left after what they tell of, and one may be lost when a process ends in between:
    who watches is told sooner than by looking, and looks all the same.
    """

    def __init__(self, table: Table, clock: keys.Clock) -> None:
        self._table = table
        self._clock = clock

    def announce(self, owner: str, kind: str, subject: str = "", /, **data: int | str) -> None:
        sequence = self._clock.tick()
        key = keys.events(owner), keys.moment(sequence) + new_id()
        ttl = int((now() + WATCHED).timestamp())
        row: Row = {"kind": kind, "subject": subject, "data": json.dumps(data), "ttl": ttl}
        self._table.write(self._table.put(key, row))

    def latest(self) -> int:
        return self._clock.tick()

    def since(self, owner: str, sequence: int, limit: int = 1000) -> list[Event]:
        after = keys.moment(min(sequence, keys.SIGN - 1)) + "g"  # beyond every hex digit
        rows = self._table.query(keys.events(owner), above=after, first=limit)
        return [
            Event(keys.micros_of(row["sk"]), row["kind"], row["subject"], json.loads(row["data"]))
            for row in islice(rows, limit)
        ]
