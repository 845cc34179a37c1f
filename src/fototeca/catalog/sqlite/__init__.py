"""The catalog in one SQLite file."""

from __future__ import annotations

import secrets
from pathlib import Path

from fototeca.catalog.sqlite.accounts import SqliteAccounts
from fototeca.catalog.sqlite.bundles import SqliteBundles
from fototeca.catalog.sqlite.check import check
from fototeca.catalog.sqlite.database import Database, SchemaNewer
from fototeca.catalog.sqlite.feed import SqliteEvents, SqliteImports, SqliteNotices
from fototeca.catalog.sqlite.labels import Labels
from fototeca.catalog.sqlite.outbox import SqliteOutbox, SqliteTargets
from fototeca.catalog.sqlite.photos import SqlitePhotos
from fototeca.catalog.sqlite.preferences import SqliteLabelPreferences
from fototeca.catalog.sqlite.queue import SqliteQueue
from fototeca.label_settings import rules_digest
from fototeca.labelling.taxonomy import Taxonomy

__all__ = ["SchemaNewer", "SqliteCatalog"]


class SqliteCatalog:
    """See fototeca.catalog.protocol.Catalog. Raises SchemaNewer when opened."""

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self.database = Database(path)
        thresholds = {name: label.threshold for name, label in taxonomy.labels.items()}
        self._labels = Labels(self.database, taxonomy, thresholds)
        self.photos = SqlitePhotos(self.database, self._labels)
        self.queue = SqliteQueue(self.database, self._labels)
        self.label_preferences = SqliteLabelPreferences(
            self.database, self._labels, rules_digest(taxonomy)
        )
        self.bundles = SqliteBundles(self.database, self.photos)
        self.accounts = SqliteAccounts(self.database)
        self.imports = SqliteImports(self.database)
        self.notices = SqliteNotices(self.database)
        self.targets = SqliteTargets(self.database)
        self.outbox = SqliteOutbox(self.database)
        self.events = SqliteEvents(self.database)

    def secret(self, name: str) -> bytes:
        with self.database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)",
                (name, secrets.token_bytes(32)),
            )
            row = connection.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
        return bytes(row[0])

    def replace_secret(self, name: str) -> bytes:
        value = secrets.token_bytes(32)
        with self.database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO secret (name, value) VALUES (?, ?)", (name, value)
            )
        return value

    def check(self, repair: bool) -> list[str]:
        return check(self.database, self._labels, repair)

    def backup(self, path: Path) -> None:
        """A consistent copy of the file, made while others read and write."""
        self.database.connection.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        self.database.close()
