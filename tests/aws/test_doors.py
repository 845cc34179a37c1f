"""Who gets in: the gateway's routes, Cognito's pages and tokens, and what Fototeca makes of them.

Without TLS: the emulator's gateway cannot read Cognito's keys with it.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

if shutil.which("node") is None:
    pytest.skip("Node.js is not installed, and the CDK runs in it", allow_module_level=True)

from deploy.aws.visitor import Answer
from fototeca import samples
from tests.aws.deployment import PASSWORD, Deployment, Person, deployed

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]
VERIFIER = "v" * 43
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("stack"), guarded=False) as running:
        yield running


@pytest.fixture(scope="module")
def ada(stack: Deployment) -> Person:
    return stack.person("ada@example.com")


def tokens_of(stack: Deployment, email: str) -> dict[str, str]:
    """What a client of its own gets at the hosted pages, by code and PKCE."""
    visitor, outputs = stack.visitor(), stack.outputs
    back = stack.url("/api/session/oidc/callback")
    challenge = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": outputs["Client"],
        "redirect_uri": back,
        "scope": "openid email",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    page = visitor.ask("GET", f"{outputs['SignIn']}/oauth2/authorize?{urlencode(asked)}")
    form = {"username": email, "password": PASSWORD}
    returned = visitor.submit(page, form, follow=False)
    place = urlsplit(returned.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == back
    query = parse_qs(place.query)
    assert query["state"] == ["s"]
    given = {
        "grant_type": "authorization_code",
        "code": query["code"][0],
        "redirect_uri": back,
        "client_id": outputs["Client"],
        "code_verifier": VERIFIER,
    }
    url = f"{outputs['SignIn']}/oauth2/token"
    answer = visitor.ask("POST", url, urlencode(given).encode(), FORM)
    assert answer.status == 200, answer.body
    found: dict[str, str] = answer.json()
    return found


@pytest.fixture(scope="module")
def tokens(stack: Deployment, ada: Person) -> dict[str, str]:
    return tokens_of(stack, ada.email)


def claims(token: str) -> dict[str, object]:
    """Unverified."""
    payload = token.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return found


def ask(
    stack: Deployment, method: str, path: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """A stranger's request, or a token's."""
    return stack.visitor().ask(method, stack.url(path), headers=headers)


def test_who_signs_in_at_the_hosted_pages_is_the_owner_by_the_verified_subject(
    stack: Deployment, ada: Person, tokens: dict[str, str]
) -> None:
    subject = str(claims(tokens["id_token"])["sub"])
    issuer = str(claims(tokens["id_token"])["iss"])
    account = stack.catalog.accounts.by_subject(issuer, subject)
    assert account is not None
    assert (account.id, account.email) == (stack.account(ada), ada.email)
    assert ada.visitor.ask("DELETE", stack.url("/api/session")).status == 204
    assert ada.get("/api/session").status == 401
    stack.sign_in(ada.visitor)(ada.email, PASSWORD)
    assert stack.account(ada) == account.id


def test_tokens_are_of_the_pool_and_for_the_client(
    stack: Deployment, ada: Person, tokens: dict[str, str]
) -> None:
    identity = claims(tokens["id_token"])
    assert str(identity["iss"]).endswith(f"/{stack.outputs['UserPool']}")
    assert identity["aud"] == stack.outputs["Client"]
    assert (identity["email"], identity["nonce"]) == (ada.email, "n")
    assert "refresh_token" in tokens


@pytest.mark.parametrize("path", ["/pam/v1/labels", "/api/photos"])
def test_the_pool_s_tokens_are_taken_and_no_others(
    stack: Deployment, tokens: dict[str, str], path: str
) -> None:
    assert ask(stack, "GET", path).status == 401
    forged = tokens["access_token"][:-6] + "AAAAAA"
    assert ask(stack, "GET", path, {"authorization": f"Bearer {forged}"}).status == 401
    for name in ("access_token", "id_token"):
        answer = ask(stack, "GET", path, {"authorization": f"Bearer {tokens[name]}"})
        assert answer.status == 200, answer.body


def test_a_client_of_the_reference_api_works(
    stack: Deployment, ada: Person, tokens: dict[str, str]
) -> None:
    bearer = {"authorization": f"Bearer {tokens['id_token']}", "content-type": "application/json"}
    visitor = stack.visitor()
    wanted = json.dumps({"file_name": "IMG 1.JPG"}).encode()
    url = visitor.ask("PUT", stack.url("/pam/v1/upload"), wanted, bearer).json()["url"]
    photo = samples.photos()[0].read_bytes()
    put = visitor.ask("PUT", url, photo, {"content-type": "image/jpeg"})
    assert put.status == 200, put.body
    ada.labelled(sha256(photo).hexdigest())
    labels = visitor.ask("GET", stack.url("/pam/v1/labels"), headers=bearer).json()["labels"]
    assert labels["Mountain"] == {"count": 1}
    asked = json.dumps({"labels": ["Mountain"]}).encode()
    assert visitor.ask("POST", stack.url("/pam/v1/download"), asked, bearer).json() == {}
    (bundle,) = ada.json("/api/bundles")
    assert ada.settled(bundle["id"])["photos"] == 1


def test_nothing_else_is_there(stack: Deployment) -> None:
    assert ask(stack, "GET", "/").status == 404
    assert ask(stack, "DELETE", "/pam/v1/labels").status in (401, 404, 405)
    assert ask(stack, "GET", "/api/nothing").status == 404
