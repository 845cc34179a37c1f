"""The catalog in one DynamoDB table, made by deploy/aws/catalog.py; docs/decisions/0013 has why."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.accounts import DynamoAccounts
from fototeca.catalog.dynamodb.bundles import DynamoBundles
from fototeca.catalog.dynamodb.check import Check
from fototeca.catalog.dynamodb.events import DynamoEvents
from fototeca.catalog.dynamodb.imports import DynamoImports
from fototeca.catalog.dynamodb.notices import DynamoNotices
from fototeca.catalog.dynamodb.outbox import DynamoOutbox, DynamoTargets
from fototeca.catalog.dynamodb.photos import DynamoPhotos
from fototeca.catalog.dynamodb.preferences import DynamoLabelPreferences
from fototeca.catalog.dynamodb.queue import DynamoQueue
from fototeca.catalog.dynamodb.records import Records
from fototeca.catalog.dynamodb.selections import Selections
from fototeca.catalog.dynamodb.table import NO_ROW, Changed, Table
from fototeca.catalog.protocol import BackupElsewhere
from fototeca.label_settings import rules_digest
from fototeca.labelling.taxonomy import Taxonomy

__all__ = ["DynamoCatalog"]


class DynamoCatalog:
    """See fototeca.catalog.protocol.Catalog."""

    def __init__(self, table: str, taxonomy: Taxonomy, client: Any = None) -> None:
        """`client`: boto3's for DynamoDB; else one by the environment."""
        self._table = Table(client or _client(), table)
        clock = keys.Clock()
        records = Records(self._table, taxonomy, clock)
        selections = Selections(self._table)
        self.events = DynamoEvents(self._table, clock)
        self.notices = DynamoNotices(self._table, clock, self.events)
        self.targets = DynamoTargets(self._table, clock)
        self.outbox = DynamoOutbox(self._table, self.notices)
        self.bundles = DynamoBundles(self._table, clock, selections, self.notices, self.events)
        self.photos = DynamoPhotos(records, selections, self.bundles, self.events)
        self.queue = DynamoQueue(records, self.events)
        self.label_preferences = DynamoLabelPreferences(
            records, self.events, rules_digest(taxonomy)
        )
        self.accounts = DynamoAccounts(self._table, clock)
        self.imports = DynamoImports(self._table, clock, self.notices, self.events)
        self._check = Check(records)

    def secret(self, name: str) -> bytes:
        key = keys.SECRETS, name
        row = self._table.get(key)
        if row is None:
            with suppress(Changed):  # another process made it
                made = {"value": secrets.token_bytes(32)}
                self._table.write(self._table.put(key, made, NO_ROW))
            row = self._table.get(key) or {}
        return bytes(row["value"])

    def replace_secret(self, name: str) -> bytes:
        value = secrets.token_bytes(32)
        self._table.write(self._table.put((keys.SECRETS, name), {"value": value}))
        return value

    def check(self, repair: bool) -> list[str]:
        return self._check.run(repair)

    def backup(self, path: Path) -> None:  # noqa: ARG002
        """Raises BackupElsewhere: the table restores itself to any second of the last 35 days."""
        raise BackupElsewhere(
            "this catalog is in DynamoDB, which restores itself to any second of the last 35 days"
            " (point-in-time recovery); to take it away, use fototeca move"
        )

    def close(self) -> None:
        """Nothing is open for longer than a request."""


def _client() -> Any:
    import boto3
    from botocore.config import Config

    # Of what a retry may help with, Table knows more than botocore.
    retries = {"mode": "standard", "max_attempts": 3}
    config = Config(connect_timeout=5, read_timeout=20, retries=retries, max_pool_connections=20)
    return boto3.client("dynamodb", config=config)
