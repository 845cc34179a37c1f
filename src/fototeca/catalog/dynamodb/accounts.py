"""Accounts, sessions and API tokens, in DynamoDB. Secrets are here only as their SHA-256.

What must be unique is a row of its own, made in the transaction that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from fototeca.catalog.dynamodb import keys
from fototeca.catalog.dynamodb.table import NO_ROW, Action, Changed, Key, Row, Table, Value, When
from fototeca.catalog.protocol.accounts import (
    Account,
    AccountRecord,
    ApiToken,
    Caller,
    EmailTaken,
    Renewal,
)
from fototeca.catalog.values import USED_AT_STEP, from_micros, new_id, to_micros

TOKEN, SUBJECT = "token#", "subject#"


class DynamoAccounts:
    def __init__(self, table: Table, clock: keys.Clock) -> None:
        self._table = table
        self._clock = clock

    def add(self, email: str | None, password_hash: str | None, at: datetime) -> Account:
        id = new_id()
        row: dict[str, Value | None] = {
            "email": email,
            "password_hash": password_hash,
            "created_at": to_micros(at),
        }
        actions = [
            self._table.put(keys.account(id), row, NO_ROW),
            self._table.put((keys.ACCOUNTS, keys.moment(self._clock.tick()) + id), {"owner": id}),
        ]
        if email is not None:
            actions.append(self._table.put(_email(email), {"owner": id}, NO_ROW))
        try:
            self._table.write(*actions)
        except Changed as error:
            raise EmailTaken(email) from error
        return Account(id, email, password_hash, at)

    def get(self, id: str) -> Account | None:
        row = self._table.get(keys.account(id))
        return None if row is None else _account(row)

    def by_email(self, email: str) -> Account | None:
        row = self._table.get(_email(email))
        return None if row is None else self.get(row["owner"])

    def all(self) -> list[Account]:
        listed = [keys.account(row["owner"]) for row in self._table.query(keys.ACCOUNTS)]
        found = self._table.get_many(listed)
        return [_account(found[key]) for key in listed if key in found]

    def set_credentials(self, id: str, email: str, password_hash: str) -> None:
        while True:
            key = keys.account(id)
            row = self._table.get(key)
            if row is None:
                return
            old = row.get("email")
            # Sessions are of an epoch: another one ends them all.
            changed = self._table.update(
                key,
                {"email": email, "password_hash": password_hash},
                add={"epoch": 1},
                when={"pk": key[0], "email": old},
            )
            actions = [changed, *self._readdressed(id, old, email)]
            with suppress(Changed):
                self._table.write(*actions)
                return

    def by_subject(self, issuer: str, subject: str) -> Account | None:
        row = self._table.get(_subject(issuer, subject))
        return None if row is None else self.get(row["owner"])

    def link(self, owner: str, issuer: str, subject: str) -> None:
        key = _subject(issuer, subject)
        listed = keys.account(owner)[0], key[0]
        with suppress(Changed):
            self._table.write(
                self._table.put(key, {"owner": owner}, NO_ROW),
                self._table.put(listed, {"issuer": issuer, "subject": subject}),
            )

    def add_session(
        self,
        owner: str,
        secret_hash: bytes,
        expires_at: datetime,
        renewal: Renewal | None = None,
    ) -> None:
        account = self._table.get(keys.account(owner)) or {}
        row: Row = {
            "owner": owner,
            "epoch": account.get("epoch", 0),
            "expires_at": to_micros(expires_at),
            "ttl": int(expires_at.timestamp()),
            **({} if renewal is None else _renewal_row(renewal)),
        }
        self._table.write(self._table.put(_session(secret_hash), row))

    def renew_session(self, secret_hash: bytes, old: Renewal, new: Renewal) -> bool:
        is_old: When = {"renew_at": to_micros(old.at)}
        try:
            self._table.write(
                self._table.update(_session(secret_hash), _renewal_row(new), when=is_old)
            )
        except Changed:
            return False
        return True

    def session(self, secret_hash: bytes, at: datetime) -> Caller | None:
        row = self._table.get(_session(secret_hash))
        if row is None or row["expires_at"] <= to_micros(at):
            return None
        account = self._table.get(keys.account(row["owner"]))
        if account is None or account.get("epoch", 0) != row["epoch"]:
            return None
        renewal = None
        if "refresh" in row:
            renewal = Renewal(from_micros(row["renew_at"]), row["refresh"])
        return Caller(owner=row["owner"], renewal=renewal)

    def end_session(self, secret_hash: bytes) -> None:
        self._table.write(self._table.delete(_session(secret_hash)))

    def end_expired_sessions(self, at: datetime) -> None:
        """Nothing to do: an expired one opens nothing, and DynamoDB deletes it by its `ttl`."""

    def add_token(
        self, owner: str, name: str, read_only: bool, secret_hash: bytes, at: datetime
    ) -> ApiToken:
        token = ApiToken(new_id(), name, read_only, at)
        self._table.write(
            self._table.put(_token(secret_hash), _token_row(owner, token), NO_ROW),
            self._table.put(_listed(owner, token.id), {"secret_hash": secret_hash}),
        )
        return token

    def token(self, secret_hash: bytes, at: datetime) -> Caller | None:
        key = _token(secret_hash)
        row = self._table.get(key)
        if row is None:
            return None
        moment = to_micros(at)
        if row.get("used_at", 0) + USED_AT_STEP < moment:
            try:
                self._table.write(self._table.update(key, {"used_at": moment}, when={"pk": key[0]}))
            except Changed:  # revoked this moment
                return None
        return Caller(owner=row["owner"], read_only=bool(row["read_only"]), token=row["id"])

    def tokens(self, owner: str) -> list[ApiToken]:
        return [token for token, _ in self._tokens(owner)]

    def revoke_token(self, owner: str, id: str) -> bool:
        listed = self._table.get(_listed(owner, id))
        if listed is None:
            return False
        try:
            self._table.write(
                self._table.delete(_listed(owner, id), {"pk": _listed(owner, id)[0]}),
                self._table.delete(_token(listed["secret_hash"])),
            )
        except Changed:
            return False
        return True

    def record(self, id: str) -> AccountRecord | None:
        account = self.get(id)
        if account is None:
            return None
        subjects = sorted((row["issuer"], row["subject"]) for row in self._subjects(id))
        return AccountRecord(account, tuple(subjects), tuple(self._tokens(id)))

    def put(self, record: AccountRecord) -> None:
        """The account first, then its ways in one by one: who is interrupted does it again."""
        account = record.account
        while not self._put_account(account):
            pass
        owner = account.id
        wanted = {_subject(*subject)[0] for subject in record.subjects}
        for row in list(self._subjects(owner)):
            if row["sk"] not in wanted:
                self._table.write(
                    self._table.delete((row["pk"], row["sk"])),
                    self._table.delete(_subject(row["issuer"], row["subject"])),
                )
        for issuer, subject in record.subjects:
            self.link(owner, issuer, subject)
        for token, _ in self._tokens(owner):
            if token.id not in {kept.id for kept, _ in record.tokens}:
                self.revoke_token(owner, token.id)
        for token, secret_hash in record.tokens:
            row = _token_row(owner, token)
            self._table.write(
                self._table.put(_token(secret_hash), row),
                self._table.put(_listed(owner, token.id), {"secret_hash": secret_hash}),
            )

    def _put_account(self, account: Account) -> bool:
        """Raises EmailTaken. False when another changed it meanwhile."""
        key, email = keys.account(account.id), account.email
        row = self._table.get(key)
        old = None if row is None else row.get("email")
        columns: dict[str, Value | None] = {
            "email": email,
            "password_hash": account.password_hash,
            "created_at": to_micros(account.created_at),
        }
        if row is None:
            listed = keys.ACCOUNTS, keys.moment(self._clock.tick()) + account.id
            actions = [
                self._table.put(key, columns, NO_ROW),
                self._table.put(listed, {"owner": account.id}),
            ]
        else:
            when = {"pk": key[0], "email": old}
            actions = [self._table.update(key, columns, when=when)]
        actions += self._readdressed(account.id, old, email)
        try:
            self._table.write(*actions)
        except Changed:
            return False
        return True

    def _readdressed(self, id: str, old: str | None, email: str | None) -> list[Action]:
        """What moves an account to another address. Raises EmailTaken."""
        actions = []
        if email is not None:
            taken = self._table.get(_email(email))
            if taken is None:
                actions.append(self._table.put(_email(email), {"owner": id}, NO_ROW))
            elif taken["owner"] != id:
                raise EmailTaken(email)
        if old is not None and (email is None or _email(old) != _email(email)):
            actions.append(self._table.delete(_email(old)))
        return actions

    def _subjects(self, owner: str) -> Iterator[Row]:
        return self._table.query(keys.account(owner)[0], begins=SUBJECT)

    def _tokens(self, owner: str) -> list[tuple[ApiToken, bytes]]:
        """With the SHA-256 of each one's secret, oldest first."""
        listed = self._table.query(keys.account(owner)[0], begins=TOKEN)
        hashes = {_token(row["secret_hash"]): row["secret_hash"] for row in listed}
        found = self._table.get_many(hashes)
        tokens = [(_api_token(row), hashes[key]) for key, row in found.items()]
        return sorted(tokens, key=lambda each: (each[0].created_at, each[0].id))


def _api_token(row: Row) -> ApiToken:
    return ApiToken(
        row["id"],
        row["name"],
        bool(row["read_only"]),
        from_micros(row["created_at"]),
        from_micros(row["used_at"]) if "used_at" in row else None,
    )


def _token_row(owner: str, token: ApiToken) -> dict[str, Value | None]:
    return {
        "id": token.id,
        "owner": owner,
        "name": token.name,
        "read_only": int(token.read_only),
        "created_at": to_micros(token.created_at),
        "used_at": None if token.used_at is None else to_micros(token.used_at),
    }


def _account(row: Row) -> Account:
    return Account(
        row["pk"].partition("#")[2],
        row.get("email"),
        row.get("password_hash"),
        from_micros(row["created_at"]),
    )


def _email(email: str) -> Key:
    return f"email#{email.lower()}", "email"


def _subject(issuer: str, subject: str) -> Key:
    digest = sha256(f"{len(issuer)} {issuer} {subject}".encode()).hexdigest()
    return f"{SUBJECT}{digest}", "subject"


def _renewal_row(renewal: Renewal) -> dict[str, Value | None]:
    return {"renew_at": to_micros(renewal.at), "refresh": renewal.refresh}


def _session(secret_hash: bytes) -> Key:
    return f"session#{secret_hash.hex()}", "session"


def _token(secret_hash: bytes) -> Key:
    return f"{TOKEN}{secret_hash.hex()}", "token"


def _listed(owner: str, id: str) -> Key:
    return keys.account(owner)[0], f"{TOKEN}{id}"
