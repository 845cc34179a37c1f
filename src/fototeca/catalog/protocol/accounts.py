"""Accounts in a catalog, and their ways in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    """The owner: 16 hex digits."""
    email: str | None
    """None until the library's first account is set up."""
    password_hash: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    id: str
    name: str
    read_only: bool
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """When a session is to be renewed by the provider that began it, and by what."""

    at: datetime
    refresh: str
    """Sealed: the catalog cannot read it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, by session or token."""

    owner: str
    read_only: bool = False
    token: str | None = None
    """The API token's id, or `oidc` for a provider's token; None for a session."""
    renewal: Renewal | None = None
    """Of a session that a provider renews."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account and its ways in, as another catalog can take them over. Sessions stay behind."""

    account: Account
    subjects: tuple[tuple[str, str], ...] = ()
    """Who it is at OpenID Connect providers: (issuer, subject), in order."""
    tokens: tuple[tuple[ApiToken, bytes], ...] = ()
    """With the SHA-256 of each one's secret."""


class EmailTaken(ValueError):
    """Another account has this address."""


class Accounts(Protocol):
    """Accounts, sessions and API tokens. Secrets come here only as their SHA-256."""

    def add(self, email: str | None, password_hash: str | None, at: datetime) -> Account:
        """Raises EmailTaken."""
        ...

    def get(self, id: str) -> Account | None: ...

    def by_email(self, email: str) -> Account | None: ...

    def all(self) -> list[Account]:
        """Oldest first."""
        ...

    def set_credentials(self, id: str, email: str, password_hash: str) -> None:
        """Also ends the account's sessions. Raises EmailTaken."""
        ...

    def by_subject(self, issuer: str, subject: str) -> Account | None:
        """The account that somebody at an OpenID Connect provider is linked with."""
        ...

    def link(self, owner: str, issuer: str, subject: str) -> None:
        """Link them; a second time, and with another account, changes nothing."""
        ...

    def add_session(
        self,
        owner: str,
        secret_hash: bytes,
        expires_at: datetime,
        renewal: Renewal | None = None,
    ) -> None: ...

    def renew_session(self, secret_hash: bytes, old: Renewal, new: Renewal) -> bool:
        """False, and nothing changed, when another did or the session has ended."""
        ...

    def session(self, secret_hash: bytes, at: datetime) -> Caller | None: ...

    def end_session(self, secret_hash: bytes) -> None: ...

    def end_expired_sessions(self, at: datetime) -> None: ...

    def add_token(
        self, owner: str, name: str, read_only: bool, secret_hash: bytes, at: datetime
    ) -> ApiToken: ...

    def token(self, secret_hash: bytes, at: datetime) -> Caller | None: ...

    def tokens(self, owner: str) -> list[ApiToken]: ...

    def revoke_token(self, owner: str, id: str) -> bool: ...

    def record(self, id: str) -> AccountRecord | None: ...

    def put(self, record: AccountRecord) -> None:
        """Make the account what the record says, new or not. Raises EmailTaken."""
        ...
