"""Identity: who makes a request. One place decides the owner, by session or by API token."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import timedelta
from hashlib import sha256

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.accounts import Account, ApiToken, Caller, EmailTaken, Renewal
from fototeca.identity.attempts import Attempts, TooManyAttempts
from fototeca.identity.oidc import OidcProvider, ProviderUnavailable, SignInRefused, Subject
from fototeca.identity.passwords import Passwords, PasswordUnfit
from fototeca.identity.sealing import opened, sealed
from fototeca.identity.tickets import Ticket, TicketInvalid, Tickets
from fototeca.photos import now
from fototeca.settings import Settings

__all__ = [
    "CredentialsWrong",
    "EmailInvalid",
    "Identity",
    "NoAccount",
    "PasswordUnfit",
    "SetupTokenWrong",
    "Ticket",
    "TicketInvalid",
    "TooManyAttempts",
]

TOKEN_PREFIX = "fototeca_"  # noqa: S105 - lets a leaked token be recognised, as GitHub's are
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")

RENEWED = timedelta(days=1)
"""After which a provider is asked whether it still knows whom it signed in."""
ASKED_AGAIN = timedelta(minutes=1)
"""After which it is, when it gave no answer."""


class CredentialsWrong(Exception):
    """No such account, or another password: which of the two is not told."""


class SetupTokenWrong(Exception):
    """The set-up link was used already, or never given out."""


class NoAccount(Exception):
    """Somebody whom the provider knows, and this library does not."""


class EmailInvalid(ValueError):
    """Text that can be no address."""


class Identity:
    """Accounts, sessions, tokens and upload tickets. Secrets are stored hashed, never logged."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._session_lifetime = timedelta(days=settings.session_days)
        self._passwords = Passwords()
        self._attempts = Attempts()
        self._sign_up = settings.oidc_sign_up
        self.oidc: OidcProvider | None = None
        if settings.oidc_issuer:
            secret = settings.oidc_client_secret
            self.oidc = OidcProvider(
                settings.oidc_issuer,
                settings.oidc_client_id,
                secret.get_secret_value() if secret else None,
                catalog.secret("oidc"),
            )
        self.tickets = Tickets(catalog, timedelta(minutes=settings.upload_minutes))

    def sign_in(self, email: str, password: str, address: str) -> str:
        """A new session's secret. Raises CredentialsWrong, TooManyAttempts.

        `address` is where the request came from: attempts are counted for it and for the account.
        """
        keys = (f"address {address}", f"account {email.strip().casefold()[:254]}")
        self._attempts.begin(keys)
        account = self._catalog.accounts.by_email(email.strip())
        if not self._passwords.right(password, account.password_hash if account else None):
            raise CredentialsWrong
        if account is None:  # never: without an account no password is right
            raise CredentialsWrong
        self._attempts.succeeded(keys)
        if account.password_hash and self._passwords.outdated(account.password_hash):
            self._catalog.accounts.set_credentials(
                account.id, account.email or "", self._passwords.hashed(password)
            )
        return self._new_session(account.id)

    def sign_out(self, session: str) -> None:
        self._catalog.accounts.end_session(_digest(session))

    def caller(self, session: str | None, authorization: str | None) -> Caller | None:
        """Who asks: by `Authorization: Bearer <token>` if that is sent, else by the session."""
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer" or not token:
                return None
            if self.oidc is not None and token.count(".") == 2:
                return self._provider_caller(self.oidc, token)
            return self._catalog.accounts.token(_digest(token.strip()), now())
        if session:
            caller = self._catalog.accounts.session(_digest(session), now())
            if caller is None or caller.renewal is None or caller.renewal.at > now():
                return caller
            return caller if self._renew(session, caller.renewal) else None
        return None

    def sign_in_subject(self, subject: Subject) -> str:
        """A new session's secret, for whom the provider has signed in. Raises NoAccount.

        Every day the provider is asked whether it still knows them; where it gives nothing to ask
        by, the session ends then.
        """
        account = self._account_of(subject)
        if subject.refresh is None:
            return self._new_session(account.id, lifetime=min(RENEWED, self._session_lifetime))
        return self._new_session(account.id, refresh=subject.refresh)

    def _renew(self, session: str, due: Renewal) -> bool:
        """Whether the session goes on: it does while the provider does not say otherwise."""
        accounts, secret_hash = self._catalog.accounts, _digest(session)
        # One request asks, others go on meanwhile; so does this one where there is no answer.
        asking = Renewal(now() + ASKED_AGAIN, due.refresh)
        if self.oidc is None or not accounts.renew_session(secret_hash, due, asking):
            return self.oidc is not None
        try:
            refresh = self.oidc.refreshed(opened(due.refresh, session))
        except SignInRefused:
            accounts.end_session(secret_hash)
            return False
        except ProviderUnavailable:
            return True
        renewed = Renewal(now() + RENEWED, sealed(refresh, session))
        accounts.renew_session(secret_hash, asking, renewed)
        return True

    def _provider_caller(self, provider: OidcProvider, token: str) -> Caller | None:
        subject = provider.subject(token)
        try:
            account = subject and self._account_of(subject)
        except NoAccount:
            return None
        return Caller(account.id, token="oidc") if account else None  # noqa: S106 - its kind

    def _account_of(self, subject: Subject) -> Account:
        """The account of somebody whom the provider knows.

        The first time it is the one that has their verified address, or a new one if that is
        allowed; from then on the one they are linked with. Raises NoAccount.
        """
        accounts = self._catalog.accounts
        account = accounts.by_subject(subject.issuer, subject.id)
        if account is not None:
            return account
        if subject.email is None:
            raise NoAccount("the provider tells no verified address")
        account = accounts.by_email(subject.email)
        if account is None and self._sign_up:
            try:
                account = accounts.add(checked_email(subject.email), None, now())
            except EmailTaken:  # by another request of theirs
                account = accounts.by_email(subject.email)
        if account is None:
            raise NoAccount("no account has this address")
        accounts.link(account.id, subject.issuer, subject.id)
        return account

    def setup_token(self) -> str | None:
        """The secret of the one-time set-up link while the first account has no address yet."""
        accounts = self._catalog.accounts.all()
        if accounts and all(account.email for account in accounts):
            return None
        return hmac.new(self._catalog.secret("setup"), b"set-up link", sha256).hexdigest()[:40]

    def set_up(self, token: str, email: str, password: str) -> str:
        """Give the library's first account its credentials; a new session's secret.

        Raises SetupTokenWrong, EmailInvalid, PasswordUnfit, EmailTaken.
        """
        expected = self.setup_token()
        if expected is None or not hmac.compare_digest(expected.encode(), token.encode()):
            raise SetupTokenWrong
        email, password_hash = checked_email(email), self._passwords.fit(password)
        unclaimed = [each for each in self._catalog.accounts.all() if each.email is None]
        if unclaimed:
            owner = unclaimed[0].id
            self._catalog.accounts.set_credentials(owner, email, password_hash)
        else:
            owner = self._catalog.accounts.add(email, password_hash, now()).id
        self._catalog.replace_secret("setup")
        return self._new_session(owner)

    def add_account(self, email: str, password: str) -> Account:
        """Raises EmailInvalid, PasswordUnfit, EmailTaken."""
        return self._catalog.accounts.add(
            checked_email(email), self._passwords.fit(password), now()
        )

    def set_password(self, account: Account, password: str) -> None:
        """By who may: ends the account's sessions. Raises PasswordUnfit."""
        self._catalog.accounts.set_credentials(
            account.id, account.email or "", self._passwords.fit(password)
        )

    def change_password(self, owner: str, current: str, new: str, address: str) -> str:
        """By the account itself: ends its sessions and gives a new one's secret.

        Raises CredentialsWrong, TooManyAttempts, PasswordUnfit.
        """
        account = self._catalog.accounts.get(owner)
        keys = (f"address {address}", f"password of {owner}")
        self._attempts.begin(keys)
        if account is None or not self._passwords.right(current, account.password_hash):
            raise CredentialsWrong
        self._attempts.succeeded(keys)
        self.set_password(account, new)
        return self._new_session(owner)

    def add_token(self, owner: str, name: str, read_only: bool) -> tuple[ApiToken, str]:
        """The token and its secret, which is shown this once."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = self._catalog.accounts.add_token(owner, name, read_only, _digest(secret), now())
        return token, secret

    def _new_session(
        self, owner: str, *, lifetime: timedelta | None = None, refresh: str | None = None
    ) -> str:
        secret = secrets.token_urlsafe(32)
        expires_at = now() + (lifetime or self._session_lifetime)
        renewal = refresh and Renewal(now() + RENEWED, sealed(refresh, secret))
        self._catalog.accounts.add_session(owner, _digest(secret), expires_at, renewal or None)
        return secret


def checked_email(email: str) -> str:
    """Raises EmailInvalid. Only what can be no address is refused: mail is the real test."""
    email = email.strip()
    if not EMAIL.fullmatch(email):
        raise EmailInvalid("not an e-mail address")
    return email


def _digest(secret: str) -> bytes:
    # Random secrets of 256 bits need no slow hash: there is nothing to guess.
    return sha256(secret.encode(errors="surrogatepass")).digest()
