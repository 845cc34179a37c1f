"""Who makes a request, and whether they may: sessions, tokens, cross-site requests."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from fototeca.app import Library
from fototeca.catalog.protocol.accounts import Caller
from fototeca.web.problems import Problem

COOKIE = "fototeca_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# Only described by these: the library's identity reads the headers itself.
_cookie = APIKeyCookie(name=COOKIE, auto_error=False)
_bearer = HTTPBearer(auto_error=False)


def library_of(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


InLibrary = Annotated[Library, Depends(library_of)]


def caller_of(
    request: Request,
    library: InLibrary,
    _session: Annotated[str | None, Depends(_cookie)],
    _token: Annotated[object, Depends(_bearer)],
) -> Caller:
    """The caller; 401 without one, 403 for what they may not do."""
    caller = identified(request, library)
    if caller is None:
        raise Problem(401, "sign in first")
    if request.method not in SAFE:
        if caller.read_only:
            raise Problem(403, "this token may only read")
        if caller.token is None:
            forbid_cross_site(request)
    return caller


def identified(request: Request, library: Library) -> Caller | None:
    """Whose request it is now: an open one's session may end, its token be revoked."""
    authorization = request.headers.get("authorization")
    return library.identity.caller(request.cookies.get(COOKIE), authorization)


TheCaller = Annotated[Caller, Depends(caller_of)]


def session_caller(caller: TheCaller) -> Caller:
    """A caller who signed in: a token can make no tokens and change no password."""
    if caller.token is not None:
        raise Problem(403, "sign in for this: a token may not do it")
    return caller


SignedIn = Annotated[Caller, Depends(session_caller)]


def forbid_cross_site(request: Request) -> None:
    """Refuse what another site's page had the browser send with our cookie.

    By Fetch Metadata, else by Origin, as Go's net/http.CrossOriginProtection decides; a client
    that sends neither is no browser.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Problem(403, "a cross-site request")
        return
    origin = request.headers.get("origin")
    if origin is None:
        return
    place = urlsplit(origin).netloc
    public = urlsplit(library_of(request).settings.public_url or "").netloc
    # A proxy may send its own Host.
    if not place or place not in (request.headers.get("host"), public):
        raise Problem(403, "a cross-site request")
