"""Nothing crosses owners, nobody is nobody, and what may only read changes nothing.

Every operation of the OpenAPI document is tried, so that a new one is tried too.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import (
    EMAIL,
    PASSWORD,
    Member,
    Serve,
    add_token,
    bundled,
    is_problem,
    labelled,
    launch,
    until,
    upload,
)
from tests.api.openapi import CHANGING, Document, Operation, send

pytestmark = pytest.mark.xdist_group("api-owners")

PUBLIC = {
    "POST /api/session",
    "POST /api/session/setup",
    "GET /api/session/options",
    "GET /api/session/oidc",
    "GET /api/session/oidc/callback",
    "PUT /api/uploads/{ticket}",
    "PUT /pam/v1/uploads/{ticket}",
    "GET /health",
    "GET /metrics",
}
"""What needs no credentials: signing in, URLs that authorise themselves, what operators watch."""
OTHER = "eve@example.com"
LABEL = "Dan's secret place"
TOPIC = "what-dan-is-told"


class World:
    """A server with two accounts; the first has one of everything, the second nothing."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.source.mkdir()
        shutil.copy(samples.photos()[1], self.source / "dans-import.jpg")
        self.served = launch(folder / "library", import_roots=json.dumps([str(self.source)]))
        self.first = self.served.set_up()
        photo = upload(self.first, samples.photos()[0].read_bytes(), "dans-photo.jpg")
        broken = upload(self.first, samples.photos()[2].read_bytes(), "dans-trash.jpg")
        labelled(self.first)
        self.first.patch(f"/api/photos/{photo}/labels", json={"add": [LABEL]})
        bundle = bundled(self.first, any=[LABEL])["id"]
        self.first.delete(f"/api/photos/{broken}")
        answer = self.first.post("/api/imports", json={"source": str(self.source)})
        assert answer.status_code == 202, answer.text
        place = answer.headers["location"]
        until(lambda: self.first.get(place).json()["finished_at"], "imported")
        labelled(self.first)
        add_token(self.first)
        target = self.first.post(
            "/api/notification-targets", json={"url": f"json://dans-hook.invalid/{TOPIC}"}
        )
        assert target.status_code == 201, target.text
        self.ids: dict[str, str] = {
            "photos": photo,
            "bundles": bundle,
            "imports": place.rpartition("/")[2],
            "notification-targets": target.json()["id"],
            "tokens": self.first.get("/api/tokens").json()[0]["id"],
        }
        self.notices = [notice["id"] for notice in self.first.get("/api/notices").json()]
        assert self.notices
        self.second = self.served.add_account(OTHER)
        self.second_token = add_token(self.second)
        self.document = Document(self.first)
        self.marks = {*self.ids.values(), broken, EMAIL, LABEL, TOPIC, "dans-", str(self.source)}
        """Text by which anything of the first owner's is known."""

    def paths(self, operation: Operation) -> list[str]:
        """The operation's path with the first owner's ids; one for each choice of the others."""
        choices: list[list[tuple[str, str]]] = []
        for parameter in operation.parameters:
            name, schema = parameter["name"], parameter["schema"]
            if "$ref" in schema:
                key = schema["$ref"].rpartition("/")[2]
                schema = self.document.content["components"]["schemas"][key]
            if name == "id":
                values = [self.ids[operation.path.split("/")[2]]]
            elif name in ("name", "label"):
                values = [LABEL]
            elif name == "ticket":
                values = ["no.ticket"]
            else:
                values = schema["enum"]
            choices.append([(name, value) for value in values])
        found = []
        for chosen in product(*choices):
            path = operation.path
            for name, value in chosen:
                path = path.replace(f"{{{name}}}", value)
            found.append(path)
        return found

    def body(self, operation: Operation) -> dict[str, Any]:
        """A body with the first owner's ids wherever one fits."""
        notices = operation.path.startswith("/api/notices")
        known = {
            "ids": self.notices if notices else [self.ids["photos"]],
            "sha256": self.ids["photos"],
            "email": OTHER,
        }
        return self.document.body(operation, known)

    def everything(self) -> dict[str, Any]:
        """All that the first owner can see."""
        found: dict[str, Any] = {}
        for operation in self.document.operations():
            if operation.method == "GET" and not operation.public:
                for path in self.paths(operation):
                    answer = send(self.first, operation, path)
                    found[path] = (answer.status_code, answer.read())
        found.pop("/api/tokens")  # says when each was used last
        # One row of numbers for the events of all owners.
        found.pop("/api/changes")
        session = json.loads(found.pop("/api/session")[1])
        del session["sequence"]
        return {**found, "session": session}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("owners"))
    yield world
    world.served.stop()


def test_what_needs_no_credentials_is_a_short_list(world: World) -> None:
    operations = world.document.operations()
    assert {str(each) for each in operations if each.public} == PUBLIC
    assert len(operations) > 40


def test_every_other_operation_needs_credentials(world: World) -> None:
    strangers = [
        world.served.client(),
        world.served.client(cookie="fototeca_session=nonsense"),
        world.served.client(authorization="Bearer nonsense"),
        world.served.client(authorization="Basic ZGFuOmRhbg=="),
    ]
    for operation in world.document.operations():
        if not operation.public:
            for stranger, path in product(strangers, world.paths(operation)):
                answer = send(stranger, operation, path, **world.body(operation))
                is_problem(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer", operation


@pytest.mark.parametrize("by", ["session", "token"])
def test_another_owner_sees_and_changes_nothing(world: World, by: str) -> None:
    before = world.everything()
    for operation in world.document.operations():
        if operation.public:
            continue
        for path in world.paths(operation):
            # A new session for each: some end it.
            client = (
                world.served.sign_in(OTHER)
                if by == "session"
                else world.served.with_token(world.second_token)
            )
            body = world.body(operation)
            answer = send(client, operation, path, **body)
            assert answer.status_code < 500, (operation, answer.text)
            sent = f"{path} {json.dumps(body.get('json'))}"
            for mark in world.marks:
                assert mark in sent or mark not in answer.text, (operation, mark)
            if "{id}" in operation.path:
                wanted = {403, 404} if by == "token" and "tokens" in path else {404}
                assert answer.status_code in wanted, operation
                is_problem(answer, answer.status_code)
            if operation.method == "GET":
                head = client.head(path)
                assert head.status_code in (answer.status_code, 405), operation
            if operation.path == "/api/uploads":
                # That someone else has these bytes is not told.
                assert answer.json()[0]["state"] == "upload"
            if "Changed" in json.dumps(operation.description["responses"]):
                assert answer.json() == {"photos": 0}, operation
    assert world.everything() == before
    assert world.second.get("/api/photos").json()["total"] == 0
    assert world.second.get("/api/bundles").json() == []
    assert world.second.get("/api/labels").json() == []


def test_a_token_that_may_only_read_changes_nothing(world: World) -> None:
    reader = world.served.with_token(add_token(world.first, read_only=True))
    before = world.everything()
    changing = 0
    for operation in world.document.operations():
        if operation.public:
            continue
        for path in world.paths(operation):
            answer = send(reader, operation, path, **world.body(operation))
            if operation.method in CHANGING:
                changing += 1
                is_problem(answer, 403)
            else:
                assert answer.status_code in (200, 404), operation
    assert changing > 15
    assert world.everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "origin": "the server"},
    ],
    ids=str,
)
def test_another_sites_page_changes_nothing(world: World, headers: dict[str, str]) -> None:
    own = {
        name: world.served.address if value == "the server" else value
        for name, value in headers.items()
    }
    before = world.everything()
    victim = world.served.sign_in()
    for operation in world.document.operations():
        if operation.method in CHANGING and "{ticket}" not in operation.path:
            for path in world.paths(operation):
                body = world.body(operation)
                body["headers"] = {**body.get("headers", {}), **own}
                document = is_problem(send(victim, operation, path, **body), 403)
                assert document["detail"] == "a cross-site request", operation
    assert victim.get("/api/session").json()["email"] == EMAIL
    assert world.everything() == before


def test_the_own_page_and_a_script_may(world: World) -> None:
    for headers in (
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": world.served.address},
    ):
        answer = world.served.sign_in().post("/api/work/retry", json={}, headers=headers)
        assert answer.status_code == 200, headers


def test_behind_a_proxy_the_public_address_is_the_own(serve: Serve) -> None:
    """Over plain HTTP browsers send Origin alone, and a proxy may send its own Host."""
    owner = serve(public_url="http://photos.example").set_up()
    answer = owner.post("/api/work/retry", json={}, headers={"origin": "http://photos.example"})
    assert answer.status_code == 200
    is_problem(
        owner.post("/api/work/retry", json={}, headers={"origin": "http://other.example"}), 403
    )


def test_the_set_up_link_works_once(serve: Serve) -> None:
    served = serve()
    wanted = {"email": EMAIL, "password": PASSWORD}
    stranger = served.client()
    for wrong in ("", "0" * 40, served.setup_token[:-1], "é" * 40):
        is_problem(stranger.post("/api/session/setup", json={"token": wrong, **wanted}), 403)
    for unfit in (
        {"email": "no address", "password": PASSWORD},
        {"email": EMAIL, "password": "short"},
        {"email": EMAIL, "password": "x" * 1025},
    ):
        answer = stranger.post("/api/session/setup", json={"token": served.setup_token, **unfit})
        assert is_problem(answer, 422)["detail"]
    served.set_up()
    again = {"token": served.setup_token, "email": OTHER, "password": "another password"}
    is_problem(stranger.post("/api/session/setup", json=again), 403)
    is_problem(stranger.get("/api/session"), 401)
    assert served.sign_in().get("/api/session").json()["email"] == EMAIL


def test_guessing_passwords_is_slowed_down(serve: Serve) -> None:
    served = serve()
    served.set_up()
    guesser = served.client()

    def guess(email: str = EMAIL) -> httpx.Response:
        wrong = {"email": email, "password": "a wrong password"}
        return guesser.post("/api/session", json=wrong)

    first = is_problem(guess(), 401)
    # Whether there is such an account is not told.
    assert is_problem(guess("nobody@example.com"), 401) == first
    for _ in range(3):
        is_problem(guess(), 401)
    # Each wait is twice the one before, so some guess comes too early on any machine.
    refused = until(lambda: answer if (answer := guess()).status_code == 429 else None, "slowed")
    is_problem(refused, 429)
    wait = int(refused.headers["retry-after"])
    assert wait >= 1
    time.sleep(wait)
    served.sign_in()


def test_guessing_all_at_once_gains_nothing(serve: Serve) -> None:
    served = serve()
    served.set_up()

    def guess(number: int) -> int:
        wrong = {"email": EMAIL, "password": f"wrong password {number}"}
        return served.client().post("/api/session", json=wrong).status_code

    with ThreadPoolExecutor(40) as guessers:
        answers = list(guessers.map(guess, range(40)))
    assert set(answers) == {401, 429}
    # Five, and as each further wait is twice as long, few more however long it took.
    assert answers.count(401) < 15


def test_a_new_password_ends_other_sessions(serve: Serve) -> None:
    served = serve()
    here = served.set_up()
    elsewhere = served.sign_in()
    stolen = served.client(cookie=f"fototeca_session={here.cookies['fototeca_session']}")
    script = served.with_token(add_token(here))
    wrong = {"current": "a wrong password", "new": "another password"}
    is_problem(here.post("/api/session/password", json=wrong), 403)
    is_problem(here.post("/api/session/password", json={"current": PASSWORD, "new": "short"}), 422)
    assert elsewhere.get("/api/session").status_code == 200
    right = {"current": PASSWORD, "new": "another password"}
    assert here.post("/api/session/password", json=right).status_code == 204
    assert here.get("/api/session").status_code == 200
    is_problem(elsewhere.get("/api/session"), 401)
    is_problem(stolen.get("/api/session"), 401)
    answer = served.client().post("/api/session", json={"email": EMAIL, "password": PASSWORD})
    is_problem(answer, 401)
    served.sign_in(EMAIL, "another password")
    # Tokens are other secrets, revoked one by one.
    assert script.get("/api/photos").status_code == 200


def test_signing_out_ends_the_session_itself(member: Member) -> None:
    browser = member.sign_in()
    kept = member.served.client(cookie=f"fototeca_session={browser.cookies['fototeca_session']}")
    assert kept.get("/api/session").status_code == 200
    assert browser.delete("/api/session").status_code == 204
    assert "fototeca_session" not in browser.cookies
    is_problem(kept.get("/api/session"), 401)


def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    answer = world.first.post("/api/tokens", json={"name": "lost"})
    made = answer.json()
    script = world.served.with_token(made["secret"])
    assert script.get("/api/photos").status_code == 200
    assert made["secret"] not in world.first.get("/api/tokens").text
    # A token makes no tokens, revokes none, and changes no password.
    is_problem(script.post("/api/tokens", json={"name": "more"}), 403)
    is_problem(script.delete(f"/api/tokens/{made['id']}"), 403)
    passwords = {"current": PASSWORD, "new": "another password"}
    is_problem(script.post("/api/session/password", json=passwords), 403)
    is_problem(script.delete("/api/session"), 403)
    assert world.first.delete(f"/api/tokens/{made['id']}").status_code == 204
    is_problem(script.get("/api/photos"), 401)


def test_the_cookie_is_kept_from_scripts_and_other_sites(serve: Serve) -> None:
    served = serve(public_url="https://photos.example")
    answer = served.client().post(
        "/api/session/setup",
        json={"token": served.setup_token, "email": EMAIL, "password": PASSWORD},
    )
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
