"""The owners of a table, for what walks everybody's photos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.table import GET_BATCH, Row, Table


def owners(table: Table) -> Iterator[str]:
    """Oldest account first."""
    for row in table.query(keys.ACCOUNTS):
        yield row["owner"]


def owners_totals(table: Table) -> Iterator[tuple[str, Row]]:
    """Every owner's totals, empty where there never was a photo."""
    every = owners(table)
    while batch := list(islice(every, GET_BATCH)):
        found = table.get_many(keys.totals(owner) for owner in batch)
        for owner in batch:
            yield owner, found.get(keys.totals(owner), {})
