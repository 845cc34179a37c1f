"""Signing in by an OpenID Connect provider: another project's, and one that cheats."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import add
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from oidc_provider_mock import run_server_in_thread

from fototeca import identity
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.identity import Identity, oidc
from fototeca.identity.oidc import OidcProvider, ProviderUnavailable, Subject
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import now
from fototeca.settings import Settings
from tests.api.conftest import EMAIL, Serve, Served, is_problem

CLIENT = "fototeca"
PATIENCE = 60.0
"""Seconds: machines that test are busy."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that knows dan and a stranger, both with verified addresses."""
    with run_server_in_thread(require_nonce=True) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        for name, verified in ((EMAIL, True), ("new@example.com", True), ("fake@x.org", False)):
            claims = {"email": name, "email_verified": verified}
            httpx.put(f"{address}/users/{name}", json=claims, timeout=PATIENCE).raise_for_status()
        yield address


def settings(issuer: str, **more: str) -> dict[str, str]:
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": "a secret: of %20 odd+characters",
        **more,
    }


def at_provider(browser: httpx.Client, address: str, subject: str, **wanted: str) -> httpx.Response:
    """Sign in there as a person does, and come back."""
    begun = browser.get("/api/session/oidc", params=wanted)
    assert begun.status_code == 303, begun.text
    there = httpx.post(begun.headers["location"], data={"sub": subject}, timeout=PATIENCE)
    assert there.status_code == 302, there.text
    assert there.headers["location"].startswith(f"{address}/api/session/oidc/callback?")
    return browser.get(there.headers["location"])


def test_a_known_address_is_linked_and_signed_in(serve: Serve, provider: str) -> None:
    served = serve(**settings(provider))
    served.set_up()
    browser = served.client()
    options = browser.get("/api/session/options").json()
    assert options["set_up"]
    assert options["oidc"]["url"] == "/api/session/oidc"
    leaving = urlsplit(options["oidc"]["sign_out_url"])
    assert leaving.geturl().startswith(f"{provider}/oauth2/end_session?")
    back_here = [f"{served.address}/"]
    assert parse_qs(leaving.query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": back_here,
        "logout_uri": back_here,
    }
    back = at_provider(browser, served.address, EMAIL)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    session = browser.get("/api/session").json()
    assert (session["email"], session["has_password"]) == (EMAIL, True)
    # From now on by who they are, whatever their address.
    other = {"email": "other@example.com"}
    httpx.put(f"{provider}/users/{EMAIL}", json=other, timeout=PATIENCE).raise_for_status()
    again = served.client()
    assert at_provider(again, served.address, EMAIL).headers["location"] == "/"
    assert again.get("/api/session").json()["email"] == EMAIL
    claims = {"email": EMAIL, "email_verified": True}
    httpx.put(f"{provider}/users/{EMAIL}", json=claims, timeout=PATIENCE).raise_for_status()


def test_strangers_get_an_account_only_where_that_is_allowed(serve: Serve, provider: str) -> None:
    closed = serve(**settings(provider))
    closed.set_up()
    browser = closed.client()
    back = at_provider(browser, closed.address, "new@example.com")
    assert back.headers["location"] == "/#sign-in=no-account"
    assert browser.get("/api/session").status_code == 401
    opened = serve(**settings(provider, oidc_sign_up="true"))
    dan = opened.set_up()
    browser = opened.client()
    assert at_provider(browser, opened.address, "new@example.com").headers["location"] == "/"
    session = browser.get("/api/session").json()
    assert session["email"] == "new@example.com"
    assert session["owner"] != dan.get("/api/session").json()["owner"]
    # An address that the provider has not verified proves nothing.
    browser = opened.client()
    back = at_provider(browser, opened.address, "fake@x.org")
    assert back.headers["location"] == "/#sign-in=no-account"


def test_an_account_without_a_password_is_not_for_the_set_up_link(
    serve: Serve, provider: str
) -> None:
    served = serve(**settings(provider, oidc_sign_up="true"))
    browser = served.client()
    assert at_provider(browser, served.address, "new@example.com").headers["location"] == "/"
    owner = browser.get("/api/session").json()["owner"]
    credentials = {"token": served.setup_token, "password": "long enough 1"}
    taken = {**credentials, "email": "new@example.com"}
    assert served.client().post("/api/session/setup", json=taken).status_code == 409
    assert served.set_up().get("/api/session").json()["owner"] != owner
    wrong = {"email": "new@example.com", "password": ""}
    assert served.client().post("/api/session", json=wrong).status_code == 401


def test_signing_in_ends_where_one_wanted_to_go_if_that_is_here(
    serve: Serve, provider: str
) -> None:
    served = serve(**settings(provider))
    served.set_up()
    wanted = "/bundles/0123456789abcdef?any=Lake%20Como&q=%5C"
    back = at_provider(served.client(), served.address, EMAIL, to=wanted)
    assert back.headers["location"] == wanted
    for elsewhere in (
        "https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example",
        "/\t/evil.example/", "/\r\nset-cookie: a=b", "javascript:alert(1)", "evil", " /labels", "",
    ):  # fmt: skip
        back = at_provider(served.client(), served.address, EMAIL, to=elsewhere)
        assert back.headers["location"] == "/", elsewhere


def test_where_nobody_has_a_password_there_is_no_way_in_by_one(serve: Serve, provider: str) -> None:
    served = serve(**settings(provider, oidc_sign_up="true", password_sign_in="false"))
    browser = served.client()
    assert browser.get("/api/session/options").json()["password"] is False
    at_provider(browser, served.address, EMAIL)
    assert browser.get("/api/session").json()["has_password"] is False
    credentials = {"email": EMAIL, "password": "correct horse battery"}
    for path, body in (
        ("/api/session", credentials),
        ("/api/session/setup", {**credentials, "token": "0123"}),
        ("/api/session/password", {"current": "a", "new": "correct horse battery"}),
    ):
        is_problem(browser.post(path, json=body), 404)


def test_the_answer_must_be_to_this_browsers_question(serve: Serve, provider: str) -> None:
    served = serve(**settings(provider))
    served.set_up()
    mine, theirs = served.client(), served.client()
    begun = mine.get("/api/session/oidc")
    signed_in = httpx.post(begun.headers["location"], data={"sub": EMAIL}, timeout=PATIENCE)
    there = signed_in.headers["location"]
    # A link that somebody was sent, in a browser that began nothing, or something else.
    assert theirs.get(there).headers["location"] == "/#sign-in=refused"
    theirs.get("/api/session/oidc")
    assert theirs.get(there).headers["location"] == "/#sign-in=refused"
    assert theirs.get("/api/session").status_code == 401
    assert mine.get(there).headers["location"] == "/"
    # A code is good once.
    assert mine.get(there).headers["location"] == "/#sign-in=refused"
    for kept in ("", "a.b", "x" * 5000):
        odd = served.client(cookie=f"fototeca_oidc={kept}")
        assert odd.get(there).headers["location"] == "/#sign-in=refused"


def test_without_a_provider_there_is_nothing_to_go_to(filled: Served) -> None:
    browser = filled.client()
    assert browser.get("/api/session/options").json()["oidc"] is None
    for path in ("/api/session/oidc", "/api/session/oidc/callback?state=a&code=b"):
        assert browser.get(path).status_code == 404


def test_a_provider_that_is_away_leaves_passwords_alone(serve: Serve) -> None:
    served = serve(**settings("http://127.0.0.1:9"))
    served.set_up()
    browser = served.sign_in()
    assert browser.get("/api/session/options").json()["oidc"]["sign_out_url"] is None
    back = browser.get("/api/session/oidc")
    assert back.headers["location"] == "/#sign-in=unavailable"
    assert browser.get("/api/session").status_code == 200
    assert browser.get("/api/labels", headers={"authorization": "Bearer a.b.c"}).status_code == 401


class Cheat:
    """A provider whose every answer can be bent."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.bend: Callable[[dict[str, Any]], str] = self.signed
        self.nonce = ""
        self.asked = 0
        self.away = False
        self.answers = threading.Event()
        """Until then, whoever asks what it is while it is away is kept waiting."""
        self.answers.set()
        self.refresh = "r"
        """The refresh token that is good; each is once."""
        cheat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cheat.asked += 1
                if cheat.away:
                    cheat.answers.wait()
                    self.send_error(503)
                    return
                if self.path == "/jwks":
                    self.answer(KeySet([cheat.key]).as_dict(private=False))
                    return
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                paths = ("authorize", "token", "jwks")
                ends = {n: f"{cheat.issuer}/{p}" for n, p in zip(names, paths, strict=True)}
                self.answer({"issuer": cheat.issuer, **ends})

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                asked = {name: value for name, (value,) in parse_qs(form).items()}
                if asked["grant_type"] == "refresh_token":
                    known = asked["refresh_token"] == cheat.refresh and not cheat.away
                    if not known:
                        self.send_error(503 if cheat.away else 400)
                        return
                    cheat.refresh += "+"
                    self.answer({"access_token": "x", "refresh_token": cheat.refresh})
                    return
                self.answer({"access_token": "x", "id_token": cheat.bend(cheat.claims())})

            def answer(self, document: object) -> None:
                data = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self) -> dict[str, Any]:
        return {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "dan",
            "email": EMAIL,
            "email_verified": True,
            "nonce": self.nonce,
            "exp": int(time.time()) + 300,
        }

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def sign_in(self, browser: httpx.Client) -> str:
        """Where the browser ends up."""
        asked = parse_qs(urlsplit(browser.get("/api/session/oidc").headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        self.nonce = asked["nonce"][0]
        answer = {"state": asked["state"][0], "code": "c"}
        back: str = browser.get("/api/session/oidc/callback", params=answer).headers["location"]
        return back


@pytest.fixture
def cheat() -> Iterator[Cheat]:
    cheat = Cheat()
    yield cheat
    cheat.server.shutdown()


def parts(header: dict[str, str], claims: dict[str, Any]) -> str:
    """Of a token, without its signature: libraries refuse to write such ones."""
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(claims: dict[str, Any]) -> str:
    return parts({"alg": "none"}, claims) + "."


def by_secret(claims: dict[str, Any], secret: bytes) -> str:
    text = parts({"alg": "HS256", "kid": "one"}, claims)
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def test_no_bent_token_signs_anybody_in(serve: Serve, cheat: Cheat) -> None:
    served = serve(**settings(cheat.issuer))
    served.set_up()
    public = cheat.key.as_pem(private=False)
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    bends: dict[str, Callable[[dict[str, Any]], str]] = {
        "another's key": lambda c: jwt.encode({"alg": "RS256", "kid": "one"}, c, stranger),
        "no signature": unsigned,
        "the public key as a secret": lambda c: by_secret(c, public),
        "another issuer": lambda c: cheat.signed({**c, "iss": "https://evil.example"}),
        "another application": lambda c: cheat.signed({**c, "aud": "other"}),
        "others beside us": lambda c: cheat.signed({**c, "aud": ["other", CLIENT]}),
        "too old": lambda c: cheat.signed({**c, "exp": int(time.time()) - 300}),
        "no end": lambda c: cheat.signed({k: v for k, v in c.items() if k != "exp"}),
        "another question": lambda c: cheat.signed({**c, "nonce": "n"}),
        "no question": lambda c: cheat.signed({k: v for k, v in c.items() if k != "nonce"}),
        "nobody": lambda c: cheat.signed({k: v for k, v in c.items() if k != "sub"}),
        "odd types": lambda c: cheat.signed({**c, "aud": 7, "exp": "later"}),
        "no token": lambda _: "a.b.c",
        "no text": lambda _: 7,  # type: ignore[dict-item,return-value]
    }
    for name, bend in bends.items():
        cheat.bend = bend
        browser = served.client()
        assert cheat.sign_in(browser) == "/#sign-in=refused", name
        assert browser.get("/api/session").status_code == 401, name
    cheat.bend = cheat.signed
    assert cheat.sign_in(served.client()) == "/"
    log = served.log.read_text()
    assert "Traceback" not in log
    assert cheat.nonce not in log


def test_a_provider_that_is_away_holds_up_few(cheat: Cheat) -> None:
    cheat.away = True
    provider = OidcProvider(cheat.issuer, CLIENT, None, b"key")
    for _ in range(20):
        assert provider.subject("a.b.c") is None
        with pytest.raises(ProviderUnavailable):
            provider.sign_out_url("http://here/")
    assert cheat.asked == 1, "it was asked again and again"


def test_nobody_waits_for_keys_that_are_known(
    cheat: Cheat, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = OidcProvider(cheat.issuer, CLIENT, None, b"key")
    good = cheat.signed(cheat.claims())
    assert provider.subject(good) is not None
    monkeypatch.setattr(oidc, "KEYS_SECONDS", 0.0)
    monkeypatch.setattr(oidc, "TIMEOUT", 600.0)
    asked, cheat.away = cheat.asked, True
    cheat.answers.clear()
    odd = threading.Thread(target=provider.subject, args=("a.b.c",))
    odd.start()
    while cheat.asked == asked:
        time.sleep(0.01)
    assert provider.subject("a.b.c") is None
    assert provider.subject(good) is not None
    assert odd.is_alive(), "it still waits for the provider, and nobody else does"
    cheat.answers.set()
    odd.join()
    assert provider.subject(good) is not None, "the provider is away, its keys are known"


def test_a_token_of_the_provider_is_as_good_as_ours_while_it_lasts(
    serve: Serve, cheat: Cheat
) -> None:
    served = serve(**settings(cheat.issuer))
    served.set_up()
    assert cheat.sign_in(served.client()) == "/"
    good = cheat.signed(cheat.claims())
    assert served.with_token(good).get("/api/session").json()["email"] == EMAIL
    assert served.with_token(good).post("/api/tokens", json={"name": "t"}).status_code == 403
    stranger = cheat.signed({**cheat.claims(), "sub": "stranger", "email": "s@example.com"})
    claimed = cheat.signed({**cheat.claims(), "sub": "another", "email_verified": False})
    old = cheat.signed({**cheat.claims(), "exp": 1})
    for bad in (stranger, claimed, old, unsigned(cheat.claims())):
        assert served.with_token(bad).get("/api/session").status_code == 401


def test_who_comes_with_a_token_first_has_an_account_as_who_comes_to_the_page(
    serve: Serve, cheat: Cheat
) -> None:
    served = serve(**settings(cheat.issuer, oidc_sign_up="true"))
    dan = served.set_up().get("/api/session").json()["owner"]

    def owner(**claims: str) -> str:
        token = cheat.signed({**cheat.claims(), **claims})
        session = served.with_token(token).get("/api/session").json()
        assert session["email"] == claims.get("email", EMAIL)
        found: str = session["owner"]
        return found

    assert owner() == dan, "by the verified address"
    new = {"sub": "new", "email": "new@example.com"}
    with ThreadPoolExecutor(4) as pool:
        (made,) = set(pool.map(lambda _: owner(**new), range(4)))
    assert made != dan
    # From now on by who they are: an access token tells no address.
    known = {name: claim for name, claim in cheat.claims().items() if "email" not in name}
    token = cheat.signed({**known, "sub": "new"})
    assert served.with_token(token).get("/api/session").json()["owner"] == made


@pytest.fixture
def own(cheat: Cheat, tmp_path: Path) -> Identity:
    """Who asks, in this process; dan has an account."""
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    catalog.accounts.add(EMAIL, None, now())
    given: dict[str, Any] = {"oidc_issuer": cheat.issuer, "oidc_client_id": CLIENT}
    return Identity(catalog, Settings(library=tmp_path, **given))


def test_a_session_lasts_as_long_as_the_provider_knows_its_user(
    cheat: Cheat, own: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "RENEWED", timedelta(0))
    monkeypatch.setattr(identity, "ASKED_AGAIN", timedelta(0))
    session = own.sign_in_subject(Subject(cheat.issuer, "dan", EMAIL, cheat.refresh))
    for _ in range(2):
        assert own.caller(session, None) is not None
    assert cheat.refresh == "r++", "each token is used once"
    cheat.away = True
    assert own.caller(session, None) is not None, "no answer is no refusal"
    cheat.away, cheat.refresh = False, "another"
    assert own.caller(session, None) is None, "disabled there"
    cheat.refresh = "r++"
    assert own.caller(session, None) is None, "and it has ended for good"


def test_the_provider_is_asked_once_a_day(
    cheat: Cheat, own: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Subject(cheat.issuer, "dan", EMAIL, cheat.refresh)
    session, without = own.sign_in_subject(kept), own.sign_in_subject(replace(kept, refresh=None))
    for later, asked in ((23, "r"), (25, "r+"), (26, "r+")):
        monkeypatch.setattr(identity, "now", partial(add, now(), timedelta(hours=later)))
        assert own.caller(session, None) is not None
        assert cheat.refresh == asked
        # Where nothing can be asked, the session is short.
        assert (own.caller(without, None) is None) is (later > 24)
