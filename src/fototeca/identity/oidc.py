"""Signing in by an OpenID Connect provider: authorization code with PKCE, state and nonce.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE), RFC 9700 (OAuth security).
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, TypeVar

# Imported where it is used: half of what the whole of identity takes to start, for a provider.
if TYPE_CHECKING:
    from joserfc.jwk import KeySet

T = TypeVar("T")

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures with a public key. Neither `none` nor a shared secret can pass for one of them."""
SCOPE = "openid email"
TIMEOUT = 10.0
"""Seconds, for each request to the provider."""
MAX_ANSWER = 1 << 20
"""Bytes of an answer of the provider."""
METADATA_SECONDS = 3600.0
KEYS_SECONDS = 60.0
"""A token signed by an unknown key has the keys read anew, at most this often."""
AWAY_SECONDS = 15.0
"""A provider that did not answer is not asked again for so long."""
WAIT_SECONDS = 2.0
"""How long a request waits while another one asks the provider."""
FLOW_SECONDS = 600
"""How long somebody may take to sign in at the provider."""
LEEWAY = 60
"""Seconds that the clocks may differ."""


class ProviderUnavailable(Exception):
    """The provider cannot be reached, or answers with nonsense."""


class SignInRefused(Exception):
    """The provider's answer is not the one to this browser's question, or it said no."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way. It stays with the browser that began it."""

    state: str
    nonce: str
    verifier: str
    expires: float
    """Seconds since 1970."""
    path: str = "/"
    """Where somebody wanted to go who had to sign in first."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who signed in, as the provider knows them."""

    issuer: str
    id: str
    """`sub`: unique at the issuer, and never given to another."""
    email: str | None
    """Only when the provider has verified it."""
    refresh: str | None = field(default=None, repr=False)
    """What the provider can be asked by whether it still knows them."""


class Kept(Generic[T]):
    """What the provider says of itself, asked for as rarely as will do.

    Whoever is not signed in can have it asked for: so only one thread at a time stands waiting for
    a provider that is away, and only now and then.
    """

    def __init__(self, ask: Callable[[], T], lifetime: float) -> None:
        self._ask = ask
        self._lifetime = lifetime
        self._found: T | None = None
        self._failure: ProviderUnavailable | None = None
        self._asked: float | None = None
        self._asking = threading.Lock()

    def get(self, at_most: float = math.inf) -> T:
        """At most so many seconds old; older while another thread asks, or the provider is away.

        Raises ProviderUnavailable.
        """
        wait = WAIT_SECONDS if self._found is None else 0.0
        if self._is_due(at_most) and self._asking.acquire(timeout=wait):
            try:
                if self._is_due(at_most):  # still
                    self._renew()
            finally:
                self._asking.release()
        if self._found is None:
            raise self._failure or ProviderUnavailable("the provider is slow to answer")
        return self._found

    def _renew(self) -> None:
        try:
            self._found, self._failure = self._ask(), None
        except ProviderUnavailable as error:
            self._failure = error
        self._asked = time.monotonic()

    def _is_due(self, at_most: float) -> bool:
        if self._asked is None:
            return True
        good_for = AWAY_SECONDS if self._failure else min(self._lifetime, at_most)
        return time.monotonic() - self._asked > good_for


class OidcProvider:
    """A provider that this deployment trusts. Safe to use from several threads."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, key: bytes) -> None:
        """`key` signs what a browser keeps while its user is at the provider."""
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._key = key
        self._metadata = Kept(self._read_metadata, METADATA_SECONDS)
        self._keys = Kept(self._read_keys, math.inf)

    def begin(self, redirect_uri: str, path: str = "/") -> tuple[str, str]:
        """The provider's address to go to, and what the browser keeps meanwhile: `path`, too.

        Raises ProviderUnavailable.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, time.time() + FLOW_SECONDS, path)
        challenge = _base64(sha256(flow.verifier.encode()).digest())
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return _with(endpoint, parameters), self._sealed(flow)

    def finish(self, kept: str, state: str, code: str, redirect_uri: str) -> tuple[Subject, str]:
        """Who came back from the provider, and the path that was given when they went there.

        Raises SignInRefused, ProviderUnavailable.
        """
        flow = self._opened(kept)
        if not hmac.compare_digest(flow.state.encode(), state.encode(errors="replace")):
            raise SignInRefused("the answer belongs to another sign-in")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client_id,
            "code_verifier": flow.verifier,
        }
        answer = self._post(self._endpoint("token_endpoint"), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("the provider gave no ID token")
        claims = self._claims(token)
        if claims.get("nonce") != flow.nonce:
            raise SignInRefused("the token belongs to another sign-in")
        return replace(self._subject(claims), refresh=_refresh_token(answer)), flow.path

    def refreshed(self, token: str) -> str:
        """The refresh token to use the next time; the provider still knows whose it is.

        Raises SignInRefused, ProviderUnavailable.
        """
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self._client_id,
        }
        answer = self._post(self._endpoint("token_endpoint"), form)
        return _refresh_token(answer) or token

    def subject(self, token: str) -> Subject | None:
        """Whose ID token or access token this is; None when it is nobody's, or no longer."""
        try:
            return self._subject(self._claims(token))
        except (SignInRefused, ProviderUnavailable):
            return None

    def sign_out_url(self, back: str) -> str | None:
        """Where the session at the provider itself is ended. Raises ProviderUnavailable."""
        endpoint = self._metadata.get().get("end_session_endpoint")
        if not isinstance(endpoint, str):
            return None
        parameters = {
            "client_id": self._client_id,
            "post_logout_redirect_uri": back,
            "logout_uri": back,  # Cognito's name for it: without, it answers an error.
        }
        return _with(endpoint, parameters)

    def _claims(self, token: str) -> dict[str, Any]:
        """A token's claims, signature, issuer, audience and times checked."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            try:
                found = jwt.decode(token, self._keys.get(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # The provider may have changed its keys.
                found = jwt.decode(token, self._keys.get(KEYS_SECONDS), algorithms=ALGORITHMS)
            claims = dict(found.claims)
            rules = jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "values": [self._issuer, f"{self._issuer}/"]},
                sub={"essential": True},
                exp={"essential": True},
            )
            rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInRefused("the token is not valid") from error
        audience = claims.get("aud", [])
        audiences = [audience] if isinstance(audience, str) else audience
        # An access token of Cognito names its client here.
        named = claims.get("client_id") if claims.get("token_use") == "access" else None
        if self._client_id not in audiences and named != self._client_id:
            raise SignInRefused("the token is for another application")
        if len(audiences) > 1 and claims.get("azp") != self._client_id:
            raise SignInRefused("the token is for another application")
        return claims

    def _subject(self, claims: dict[str, Any]) -> Subject:
        verified = claims.get("email_verified") in (True, "true")
        email = claims.get("email")
        return Subject(
            self._issuer,
            str(claims["sub"]),
            email if verified and isinstance(email, str) else None,
        )

    def _endpoint(self, name: str) -> str:
        endpoint = self._metadata.get().get(name)
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            raise ProviderUnavailable(f"the provider describes no {name}")
        return endpoint

    def _read_metadata(self) -> dict[str, Any]:
        document = self._get(f"{self._issuer}/.well-known/openid-configuration")
        if str(document.get("issuer", "")).rstrip("/") != self._issuer:
            raise ProviderUnavailable("the provider describes another issuer")
        return document

    def _read_keys(self) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        document = self._get(self._endpoint("jwks_uri"))
        try:
            return KeySet.import_key_set(document)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderUnavailable("the provider's keys are nonsense") from error

    def _get(self, url: str) -> dict[str, Any]:
        return self._answer(urllib.request.Request(url))  # noqa: S310 - a scheme of ours

    def _post(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())  # noqa: S310
        if self._client_secret is not None:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            pair = (urllib.parse.quote_plus(s) for s in (self._client_id, self._client_secret))
            request.add_header(
                "authorization", f"Basic {base64.b64encode(':'.join(pair).encode()).decode()}"
            )
        return self._answer(request)

    def _answer(self, request: urllib.request.Request) -> dict[str, Any]:
        """Raises SignInRefused when a form is refused, else ProviderUnavailable."""
        request.add_header("accept", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                document = json.loads(answer.read(MAX_ANSWER))
        except urllib.error.HTTPError as error:
            if request.data is not None and error.code < 500 and error.code != 429:
                raise SignInRefused("the provider refused the code") from error
            raise ProviderUnavailable(f"the provider answered {error.code}") from error
        except (OSError, ValueError) as error:
            raise ProviderUnavailable("the provider cannot be reached") from error
        if not isinstance(document, dict):
            raise ProviderUnavailable("the provider answered with nonsense")
        return document

    def _sealed(self, flow: Flow) -> str:
        payload = _base64(json.dumps(asdict(flow)).encode())
        return f"{payload}.{self._signature(payload)}"

    def _opened(self, kept: str) -> Flow:
        payload, _, signature = kept.partition(".")
        if not kept.isascii() or not hmac.compare_digest(signature, self._signature(payload)):
            raise SignInRefused("this browser began no sign-in")
        flow = Flow(**json.loads(base64.urlsafe_b64decode(payload + "==")))
        if flow.expires < time.time():
            raise SignInRefused("signing in took too long")
        return flow

    def _signature(self, payload: str) -> str:
        return _base64(hmac.new(self._key, payload.encode(), sha256).digest())


def _with(endpoint: str, parameters: dict[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urllib.parse.urlencode(parameters)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _refresh_token(answer: dict[str, Any]) -> str | None:
    token = answer.get("refresh_token")
    return token if isinstance(token, str) else None
