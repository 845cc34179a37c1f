"""The SQLite file: one connection a thread, one writer at a time, migrations by number."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

from fototeca.catalog.protocol import CatalogBusy, CatalogFull
from fototeca.catalog.sqlite.columns import fill_columns
from fototeca.catalog.sqlite.frozen import pack_lists

BUSY_SECONDS = 60.0
"""How long to wait for another process's transaction."""
FILLS = {"0008_photo_columns.sql": fill_columns, "0011_packed_lists.sql": pack_lists}
"""What is left to do after a script, in its transaction, that SQL cannot."""


class SchemaNewer(Exception):
    """The library was last used by a newer Fototeca."""


class Opened:
    """A thread's connection: closed with the thread, whose alone this is."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        # A connection is part of a cycle: left to itself it would wait for the collector.
        self.connection.close()


class Database:
    """Opens and migrates the file. Safe to share between threads and with other processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: weakref.WeakSet[Opened] = weakref.WeakSet()
        self._writing = threading.RLock()
        self._owners: dict[str, int] = {}
        self._migrate()

    def _open(self) -> Opened:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        opened = Opened(connection)
        connection.row_factory = sqlite3.Row
        connection.create_function("casefolded", 1, str.casefold, deterministic=True)
        connection.executescript(
            # FULL: in WAL mode only this makes a commit survive a power cut. On macOS it takes the
            # other two as well.
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
            "PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;"
            "PRAGMA cache_size = -4000; PRAGMA temp_store = MEMORY;"
            "PRAGMA journal_size_limit = 67108864;"
        )
        with self._writing:
            self._opened.add(opened)
        return opened

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for reading outside a transaction."""
        if not hasattr(self._local, "opened"):
            self._local.opened = self._open()
        opened: Opened = self._local.opened
        return opened.connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view for several statements."""
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, durable when the context ends; rolled back when it raises."""
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        # Threads queue here rather than in SQLite's busy handler, which sleeps and is unfair.
        with self._writing, named_errors():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors; then this one is the answer.
                with suppress(sqlite3.OperationalError):
                    connection.execute("ROLLBACK")
                raise

    def _migrate(self) -> None:
        scripts = sorted(
            (entry for entry in resources.files(__package__).joinpath("migrations").iterdir()),
            key=lambda entry: entry.name,
        )
        with self.write() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(scripts):
                raise SchemaNewer(f"the library's catalog is of version {version}")
            for number, script in enumerate(scripts[version:], start=version + 1):
                for statement in statements(script.read_text(encoding="utf-8")):
                    connection.execute(statement)
                if script.name in FILLS:
                    FILLS[script.name](connection)
                connection.execute(f"PRAGMA user_version = {number}")

    def delete(self, rows: str, value: int) -> None:
        """Delete what there mostly is none of: `rows` is a table with a condition.

        Looking costs no write lock.
        """
        if self.connection.execute(f"SELECT 1 FROM {rows} LIMIT 1", (value,)).fetchone():
            with self.write() as connection:
                connection.execute(f"DELETE FROM {rows}", (value,))

    def owner_key(self, owner: str) -> int:
        """The account's integer key; 0, which nothing has, for an unknown owner."""
        key = self._owners.get(owner)
        if key is None:
            row = self.connection.execute(
                "SELECT key FROM account WHERE id = ?", (owner,)
            ).fetchone()
            if row is None:
                return 0
            key = self._owners[owner] = int(row[0])
        return key

    def announce(self, owner_key: int, kind: str, subject: str = "", /, **data: int | str) -> None:
        """Leave an event, inside the transaction that it tells of."""
        self.connection.execute(
            "INSERT INTO event (owner, kind, subject, data) VALUES (?, ?, ?, ?)",
            (owner_key, kind, subject, json.dumps(data)),
        )

    def close(self) -> None:
        with self._writing:
            for opened in list(self._opened):
                opened.connection.close()
        self._local = threading.local()


@contextmanager
def named_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more of the same
        if primary == sqlite3.SQLITE_FULL:
            raise CatalogFull(errno.ENOSPC, "no room left for the catalog") from error
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise CatalogBusy("another process has been writing for too long") from error
        raise


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
