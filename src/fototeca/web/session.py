"""Set-up, signing in and out, passwords and API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from fototeca.app import Library
from fototeca.catalog.protocol.accounts import EmailTaken
from fototeca.identity import (
    CredentialsWrong,
    EmailInvalid,
    PasswordUnfit,
    SetupTokenWrong,
)
from fototeca.web.callers import COOKIE, InLibrary, SignedIn, TheCaller, forbid_cross_site
from fototeca.web.problems import Problem, described, not_found
from fototeca.web.schemas import Document, Text

router = APIRouter(prefix="/api", tags=["session"])
# Longer than any password that is accepted, short enough to hash.
Password = Annotated[Text, StringConstraints(max_length=4096)]
Email = Annotated[Text, StringConstraints(max_length=300)]


class Credentials(Document):
    email: Email = Field(examples=["dan@example.com"])
    password: Password = Field(examples=["correct horse battery"])


class SetUp(Credentials):
    token: Annotated[Text, StringConstraints(max_length=200)]


class NewPassword(Document):
    current: Password = Field(examples=["correct horse battery"])
    new: Password = Field(examples=["staple battery horse"])


class SessionDocument(BaseModel):
    owner: str = Field(description="The account's id.", examples=["o7Zk2m"])
    email: str | None = Field(examples=["dan@example.com"])
    has_password: bool = Field(description="One that can be changed: not all sign in by one.")
    sequence: int = Field(
        description="The moment of this answer, for `after` of `GET /api/events` and of"
        " `GET /api/changes`: what is asked for from now on is not told of again.",
        examples=[1042],
    )


class NewToken(Document):
    name: Annotated[Text, StringConstraints(min_length=1, max_length=100)] = Field(
        examples=["nightly upload"]
    )
    read_only: bool = False


class TokenDocument(BaseModel):
    id: str
    name: str = Field(examples=["nightly upload"])
    read_only: bool
    created_at: datetime
    used_at: datetime | None


class TokenWithSecret(TokenDocument):
    secret: str = Field(description="Shown this once.")


def by_password(library: InLibrary) -> None:
    if not library.settings.password_sign_in:
        raise Problem(404, "nobody signs in by a password here")


CrossSite = Depends(forbid_cross_site)
ByPassword = Depends(by_password)


@router.get("/session", responses=described(401))
def get_session(caller: TheCaller, library: InLibrary) -> SessionDocument:
    """Who is signed in."""
    sequence = library.catalog.events.latest()
    account = library.catalog.accounts.get(caller.owner)
    return SessionDocument(
        owner=caller.owner,
        email=account.email if account else None,
        has_password=library.settings.password_sign_in
        and account is not None
        and account.password_hash is not None,
        sequence=sequence,
    )


@router.post(
    "/session",
    status_code=204,
    responses=described(401, 403, 404, 429),
    dependencies=[CrossSite, ByPassword],
)
def sign_in(
    credentials: Credentials, request: Request, response: Response, library: InLibrary
) -> None:
    """Sign in: the answer sets the session's cookie."""
    try:
        secret = library.identity.sign_in(
            credentials.email, credentials.password, _address(request)
        )
    except CredentialsWrong as error:
        raise Problem(401, "the address or the password is wrong") from error
    set_cookie(response, secret, library)


@router.delete("/session", status_code=204, responses=described(401, 403))
def sign_out(_caller: SignedIn, request: Request, response: Response, library: InLibrary) -> None:
    """End this session."""
    library.identity.sign_out(request.cookies[COOKIE])
    response.delete_cookie(COOKIE, path="/")


@router.post(
    "/session/setup",
    status_code=204,
    responses=described(403, 404, 409),
    dependencies=[CrossSite, ByPassword],
)
def set_up(setup: SetUp, response: Response, library: InLibrary) -> None:
    """Give the library's first account its credentials, by the one-time link's token."""
    try:
        secret = library.identity.set_up(setup.token, setup.email, setup.password)
    except SetupTokenWrong as error:
        raise Problem(403, "this set-up link is no longer valid") from error
    except (EmailInvalid, PasswordUnfit) as error:
        raise Problem(422, str(error)) from error
    except EmailTaken as error:
        raise Problem(409, "another account has this address") from error
    set_cookie(response, secret, library)


@router.post(
    "/session/password",
    status_code=204,
    responses=described(401, 403, 404, 429),
    dependencies=[ByPassword],
)
def change_password(
    passwords: NewPassword,
    caller: SignedIn,
    request: Request,
    response: Response,
    library: InLibrary,
) -> None:
    """Change the password; every other session ends."""
    try:
        secret = library.identity.change_password(
            caller.owner, passwords.current, passwords.new, _address(request)
        )
    except CredentialsWrong as error:
        raise Problem(403, "the current password is wrong") from error
    except PasswordUnfit as error:
        raise Problem(422, str(error)) from error
    set_cookie(response, secret, library)


@router.get("/tokens", responses=described(401))
def list_tokens(caller: TheCaller, library: InLibrary) -> list[TokenDocument]:
    """The account's API tokens, without their secrets."""
    return [
        TokenDocument(
            id=token.id,
            name=token.name,
            read_only=token.read_only,
            created_at=token.created_at,
            used_at=token.used_at,
        )
        for token in library.catalog.accounts.tokens(caller.owner)
    ]


@router.post("/tokens", status_code=201, responses=described(401, 403))
def add_token(wanted: NewToken, caller: SignedIn, library: InLibrary) -> TokenWithSecret:
    """Make an API token. Send it as `Authorization: Bearer <secret>`."""
    token, secret = library.identity.add_token(caller.owner, wanted.name, wanted.read_only)
    return TokenWithSecret(
        id=token.id,
        name=token.name,
        read_only=token.read_only,
        created_at=token.created_at,
        used_at=None,
        secret=secret,
    )


@router.delete("/tokens/{id}", status_code=204, responses=described(401, 403, 404))
def revoke_token(id: str, caller: SignedIn, library: InLibrary) -> None:
    """Revoke an API token: it is refused from now on."""
    if not library.catalog.accounts.revoke_token(caller.owner, id):
        raise not_found("token")


def set_cookie(response: Response, secret: str, library: Library) -> None:
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(library.settings.session_days * 86400),
        path="/",
        httponly=True,
        samesite="lax",
        secure=(library.settings.public_url or "").startswith("https:"),
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
