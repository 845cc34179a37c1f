"""Signing in by an OpenID Connect provider, when one is configured."""

from __future__ import annotations

import logging
import re
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from fototeca.app import Library
from fototeca.identity import NoAccount
from fototeca.identity.oidc import FLOW_SECONDS, OidcProvider, ProviderUnavailable, SignInRefused
from fototeca.web.callers import InLibrary
from fototeca.web.problems import described, not_found
from fototeca.web.session import set_cookie

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/session", tags=["session"])
PATH = "/api/session/oidc"
KEPT = "fototeca_oidc"
"""The cookie that a browser keeps while its user is at the provider."""
LOCAL = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path of this server: browsers take // and /\\ for another's, and skip control characters."""


class OidcOption(BaseModel):
    name: str = Field(examples=["Example SSO"])
    url: str = Field(description="Where the browser goes to sign in.", examples=[PATH])
    sign_out_url: str | None = Field(description="Where the session at the provider is ended.")


class SignInOptions(BaseModel):
    set_up: bool = Field(description="The library's first account has its credentials.")
    password: bool = Field(description="Accounts may have a password to sign in with.")
    oidc: OidcOption | None


@router.get("/options")
def get_sign_in_options(request: Request, library: InLibrary) -> SignInOptions:
    """How one can sign in. For everyone."""
    provider = library.identity.oidc
    option = None
    if provider is not None:
        try:
            sign_out_url = provider.sign_out_url(_address(request, "/"))
        except ProviderUnavailable:
            sign_out_url = None
        name = library.settings.oidc_name
        option = OidcOption(name=name, url=PATH, sign_out_url=sign_out_url)
    return SignInOptions(
        set_up=library.identity.setup_token() is None,
        password=library.settings.password_sign_in,
        oidc=option,
    )


@router.get("/oidc", status_code=303, response_class=Response, responses=described(404))
def begin_oidc_sign_in(
    request: Request,
    library: InLibrary,
    to: Annotated[
        str, Query(max_length=1000, description="The path here to end at.", examples=["/bundles"])
    ] = "/",
) -> Response:
    """Send the browser to the provider; it comes back to the callback."""
    provider = _provider(library)
    path = to if LOCAL.fullmatch(to) else "/"
    try:
        url, kept = provider.begin(_address(request, f"{PATH}/callback"), path)
    except ProviderUnavailable as error:
        return _failed("unavailable", error)
    response = RedirectResponse(url, 303)
    response.set_cookie(
        KEPT,
        kept,
        max_age=FLOW_SECONDS,
        path=PATH,
        httponly=True,
        # Sent along when the provider's page leads back here.
        samesite="lax",
        secure=_address(request, "/").startswith("https:"),
    )
    return response


@router.get("/oidc/callback", status_code=303, response_class=Response, responses=described(404))
def finish_oidc_sign_in(
    request: Request,
    library: InLibrary,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
) -> Response:
    """Where the provider sends the browser back to: signed in, or with the reason why not."""
    provider = _provider(library)
    try:
        subject, path = provider.finish(
            request.cookies.get(KEPT, ""), state, code, _address(request, f"{PATH}/callback")
        )
        secret = library.identity.sign_in_subject(subject)
    except SignInRefused as error:
        return _failed("refused", error)
    except NoAccount as error:
        return _failed("no-account", error)
    except ProviderUnavailable as error:
        return _failed("unavailable", error)
    response = RedirectResponse(path, 303)
    set_cookie(response, secret, library)
    response.delete_cookie(KEPT, path=PATH)
    return response


def _failed(reason: str, error: Exception) -> Response:
    # Someone looks at a browser's page here: it tells them, and offers to try again.
    log.warning("signing in by OpenID Connect: %s", error)
    response = RedirectResponse(f"/#sign-in={reason}", 303)
    response.delete_cookie(KEPT, path=PATH)
    return response


def _provider(library: Library) -> OidcProvider:
    if library.identity.oidc is None:
        raise not_found("provider to sign in by")
    return library.identity.oidc


def _address(request: Request, path: str) -> str:
    """Ours, as browsers see it. The provider knows which ones it may send anyone to."""
    public = request.app.state.library.settings.public_url
    parts = urlsplit(public or str(request.base_url))
    return f"{parts.scheme}://{parts.netloc}{path}"
