"""Accounts, sessions and API tokens, in SQLite. Secrets are here only as their SHA-256."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime

from fototeca.catalog.protocol import CatalogFull
from fototeca.catalog.protocol.accounts import (
    Account,
    AccountRecord,
    ApiToken,
    Caller,
    EmailTaken,
    Renewal,
)
from fototeca.catalog.sqlite.database import Database
from fototeca.catalog.values import USED_AT_STEP, from_micros, new_id, to_micros


class SqliteAccounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, email: str | None, password_hash: str | None, at: datetime) -> Account:
        id = new_id()
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO account (id, email, password_hash, created_at)"
                    " VALUES (?, ?, ?, ?)",
                    (id, email, password_hash, to_micros(at)),
                )
            except sqlite3.IntegrityError as error:
                raise EmailTaken(email) from error
        return Account(id, email, password_hash, at)

    def get(self, id: str) -> Account | None:
        return self._one("id = ?", id)

    def by_email(self, email: str) -> Account | None:
        return self._one("email = ?", email)

    def all(self) -> list[Account]:
        rows = self._database.connection.execute("SELECT * FROM account ORDER BY key")
        return [_account(row) for row in rows]

    def set_credentials(self, id: str, email: str, password_hash: str) -> None:
        with self._database.write() as connection:
            try:
                connection.execute(
                    "UPDATE account SET email = ?, password_hash = ? WHERE id = ?",
                    (email, password_hash, id),
                )
            except sqlite3.IntegrityError as error:
                raise EmailTaken(email) from error
            connection.execute(
                "DELETE FROM session WHERE owner = ?", (self._database.owner_key(id),)
            )

    def by_subject(self, issuer: str, subject: str) -> Account | None:
        row = self._database.connection.execute(
            "SELECT account.* FROM account_subject JOIN account ON account.key = owner"
            " WHERE issuer = ? AND subject = ?",
            (issuer, subject),
        ).fetchone()
        return None if row is None else _account(row)

    def link(self, owner: str, issuer: str, subject: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO account_subject (issuer, subject, owner) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (issuer, subject, self._database.owner_key(owner)),
            )

    def add_session(
        self,
        owner: str,
        secret_hash: bytes,
        expires_at: datetime,
        renewal: Renewal | None = None,
    ) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO session (secret_hash, owner, expires_at, renew_at, refresh)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    secret_hash,
                    self._database.owner_key(owner),
                    to_micros(expires_at),
                    renewal and to_micros(renewal.at),
                    renewal and renewal.refresh,
                ),
            )

    def renew_session(self, secret_hash: bytes, old: Renewal, new: Renewal) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE session SET renew_at = ?, refresh = ?"
                " WHERE secret_hash = ? AND renew_at = ?",
                (to_micros(new.at), new.refresh, secret_hash, to_micros(old.at)),
            )
            return done.rowcount == 1

    def session(self, secret_hash: bytes, at: datetime) -> Caller | None:
        row = self._database.connection.execute(
            "SELECT account.id, renew_at, refresh FROM session"
            " JOIN account ON account.key = session.owner"
            " WHERE secret_hash = ? AND expires_at > ?",
            (secret_hash, to_micros(at)),
        ).fetchone()
        if row is None:
            return None
        renewal = None
        if row["refresh"] is not None:
            renewal = Renewal(from_micros(row["renew_at"]), row["refresh"])
        return Caller(owner=row["id"], renewal=renewal)

    def end_session(self, secret_hash: bytes) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM session WHERE secret_hash = ?", (secret_hash,))

    def end_expired_sessions(self, at: datetime) -> None:
        self._database.delete("session WHERE expires_at <= ?", to_micros(at))

    def add_token(
        self, owner: str, name: str, read_only: bool, secret_hash: bytes, at: datetime
    ) -> ApiToken:
        id = new_id()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO api_token (secret_hash, id, owner, name, read_only, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (secret_hash, id, self._database.owner_key(owner), name, read_only, to_micros(at)),
            )
        return ApiToken(id, name, read_only, at)

    def token(self, secret_hash: bytes, at: datetime) -> Caller | None:
        row = self._database.connection.execute(
            "SELECT api_token.id, read_only, used_at, account.id AS owner_id FROM api_token"
            " JOIN account ON account.key = api_token.owner WHERE secret_hash = ?",
            (secret_hash,),
        ).fetchone()
        if row is None:
            return None
        moment = to_micros(at)
        if row["used_at"] is None or row["used_at"] + USED_AT_STEP < moment:
            # On a full disk photos can still be read: when it was used is not worth refusing that.
            with suppress(CatalogFull), self._database.write() as connection:
                connection.execute(
                    "UPDATE api_token SET used_at = ? WHERE secret_hash = ?", (moment, secret_hash)
                )
        return Caller(owner=row["owner_id"], read_only=bool(row["read_only"]), token=row["id"])

    def tokens(self, owner: str) -> list[ApiToken]:
        rows = self._database.connection.execute(
            "SELECT id, name, read_only, created_at, used_at FROM api_token WHERE owner = ?"
            " ORDER BY created_at, id",
            (self._database.owner_key(owner),),
        )
        return [
            ApiToken(
                id,
                name,
                bool(read_only),
                from_micros(created_at),
                None if used_at is None else from_micros(used_at),
            )
            for id, name, read_only, created_at, used_at in rows
        ]

    def revoke_token(self, owner: str, id: str) -> bool:
        with self._database.write() as connection:
            return (
                connection.execute(
                    "DELETE FROM api_token WHERE owner = ? AND id = ?",
                    (self._database.owner_key(owner), id),
                ).rowcount
                > 0
            )

    def record(self, id: str) -> AccountRecord | None:
        with self._database.read() as connection:
            account, key = self.get(id), self._database.owner_key(id)
            if account is None:
                return None
            subjects = connection.execute(
                "SELECT issuer, subject FROM account_subject WHERE owner = ?"
                " ORDER BY issuer, subject",
                (key,),
            ).fetchall()
            hashes = dict(
                connection.execute(
                    "SELECT id, secret_hash FROM api_token WHERE owner = ?", (key,)
                ).fetchall()
            )
            tokens = tuple((token, hashes[token.id]) for token in self.tokens(id))
        return AccountRecord(account, tuple(tuple(row) for row in subjects), tokens)

    def put(self, record: AccountRecord) -> None:
        account = record.account
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO account (id, email, password_hash, created_at)"
                    " VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET email = excluded.email,"
                    " password_hash = excluded.password_hash, created_at = excluded.created_at",
                    (
                        account.id,
                        account.email,
                        account.password_hash,
                        to_micros(account.created_at),
                    ),
                )
            except sqlite3.IntegrityError as error:
                raise EmailTaken(account.email) from error
            key = self._database.owner_key(account.id)
            connection.execute("DELETE FROM account_subject WHERE owner = ?", (key,))
            connection.executemany(
                "INSERT INTO account_subject (issuer, subject, owner) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [(issuer, subject, key) for issuer, subject in record.subjects],
            )
            connection.execute("DELETE FROM api_token WHERE owner = ?", (key,))
            connection.executemany(
                "INSERT INTO api_token"
                " (secret_hash, id, owner, name, read_only, created_at, used_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        secret_hash,
                        token.id,
                        key,
                        token.name,
                        token.read_only,
                        to_micros(token.created_at),
                        None if token.used_at is None else to_micros(token.used_at),
                    )
                    for token, secret_hash in record.tokens
                ],
            )

    def _one(self, where: str, value: str) -> Account | None:
        row = self._database.connection.execute(
            f"SELECT * FROM account WHERE {where}", (value,)
        ).fetchone()
        return None if row is None else _account(row)


def _account(row: sqlite3.Row) -> Account:
    return Account(row["id"], row["email"], row["password_hash"], from_micros(row["created_at"]))
