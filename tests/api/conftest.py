"""A real server in a process of its own, and HTTP clients: as browsers, as scripts."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from fototeca import samples
from fototeca.app import open_library
from fototeca.settings import Settings
from tests.ports import free_port

EMAIL = "dan@example.com"
PASSWORD = "correct horse battery"
FOTOTECA = Path(sys.executable).with_name("fototeca")


@dataclass
class Served:
    """A running `fototeca serve` and its library."""

    process: subprocess.Popen[str]
    address: str
    setup_token: str
    library: Path
    log: Path
    """What it wrote to standard error."""
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.Client:
        """A browser without cookies yet, or a script with these headers."""
        client = httpx.Client(base_url=self.address, headers=headers, timeout=60)
        self.clients.append(client)
        return client

    def with_token(self, secret: str) -> httpx.Client:
        return self.client(authorization=f"Bearer {secret}")

    def set_up(self) -> httpx.Client:
        """A browser that used the set-up link."""
        client = self.client()
        answer = client.post(
            "/api/session/setup",
            json={"token": self.setup_token, "email": EMAIL, "password": PASSWORD},
        )
        assert answer.status_code == 204, answer.text
        return client

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx.Client:
        client = self.client()
        answer = client.post("/api/session", json={"email": email, "password": password})
        assert answer.status_code == 204, answer.text
        return client

    def add_account(self, email: str, password: str = PASSWORD) -> httpx.Client:
        """A browser signed in to another account, made by the command line."""
        subprocess.run(
            [FOTOTECA, "--library", self.library, "user", "add", email, "--password-stdin"],
            input=password,
            text=True,
            check=True,
            capture_output=True,
        )
        return self.sign_in(email, password)

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.process.terminate()
        try:
            self.process.communicate(timeout=300)
        finally:
            self.process.kill()


Serve = Callable[..., Served]


def launch(folder: Path, under: Sequence[str] = (), **settings: str) -> Served:
    """`launch(folder, bundle_hours="1")`: with settings as environment variables give them.

    `under` is a program that runs it, with its arguments.
    """
    log = folder.with_suffix(".log")
    port = free_port() if "public_url" in settings else 0  # else it says its own
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*under, FOTOTECA, "--library", folder, "serve", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "FOTOTECA_THREADS": "2",
                "FOTOTECA_INBOX_SECONDS": "0.2",
                **{f"FOTOTECA_{name.upper()}": value for name, value in settings.items()},
            },
        )
    assert process.stdout is not None
    address = re.search(r"http\S+", process.stdout.readline())
    by_password = settings.get("password_sign_in") != "false"
    link = re.search(r"#setup=(\S+)", process.stdout.readline()) if by_password else None
    if not address or bool(link) is not by_password:
        process.kill()
        raise AssertionError(log.read_text())
    local = f"http://127.0.0.1:{port}" if port else address[0]
    return Served(process, local, link[1] if link else "", folder, log)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(max_file_bytes="1000")` starts a server on an empty library."""
    started: list[Served] = []

    def start(**settings: str) -> Served:
        started.append(launch(tmp_path / f"library{len(started)}", **settings))
        return started[-1]

    yield start
    for served in started:
        served.stop()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose first account has the sample photos, labelled; tests leave them alone."""
    served = launch(tmp_path_factory.mktemp("filled") / "library")
    owner = served.set_up()
    for path in samples.photos():
        upload(owner, path.read_bytes(), path.name)
    labelled(owner)
    yield served
    served.stop()


@pytest.fixture(scope="session")
def session(filled: Served) -> str:
    """The cookie of one session of its account: passwords take a quarter of a second."""
    return filled.sign_in().cookies["fototeca_session"]


@pytest.fixture
def owner(filled: Served, session: str) -> httpx.Client:
    """Who owns the sample photos, signed in as a browser is."""
    client = filled.client()
    client.cookies.set("fototeca_session", session)
    return client


@dataclass(frozen=True)
class Member:
    """Somebody of a server that has others, and shows nothing of them."""

    served: Served
    email: str

    def sign_in(self) -> httpx.Client:
        return self.served.sign_in(self.email)


@pytest.fixture(scope="session")
def everyones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that tests share, each as somebody else: `join`."""
    served = launch(tmp_path_factory.mktemp("everyones") / "library")
    yield served
    served.stop()


@pytest.fixture
def join(everyones: Served) -> Callable[[], Member]:
    """`join()` is somebody new, without photos."""

    def join() -> Member:
        email = f"{secrets.token_hex(8)}@example.com"
        with open_library(Settings(library=everyones.library)) as library:
            library.identity.add_account(email, PASSWORD)
        return Member(everyones, email)

    return join


@pytest.fixture
def member(join: Callable[[], Member]) -> Member:
    return join()


@pytest.fixture
def token(owner: httpx.Client) -> str:
    """The secret of an API token of theirs."""
    return add_token(owner)


def add_token(owner: httpx.Client, read_only: bool = False) -> str:
    answer = owner.post("/api/tokens", json={"name": "a script", "read_only": read_only})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


def plan(client: httpx.Client, data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    """The answer to the announcement of one photo."""
    wanted = {"name": name, "size": len(data), "sha256": sha256(data).hexdigest()}
    answer = client.post("/api/uploads", json=[wanted])
    assert answer.status_code == 200, answer.text
    [planned] = answer.json()
    assert planned["id"] == wanted["sha256"]
    found: dict[str, Any] = planned
    return found


def upload(client: httpx.Client, data: bytes, name: str = "photo.jpg") -> str:
    """Announce a photo, PUT its bytes, and give its id."""
    planned = plan(client, data, name)
    if planned["state"] != "duplicate":
        where = planned["upload"]
        answer = client.put(where["url"], content=data, headers=where["headers"])
        assert answer.status_code == 201, answer.text
    found: str = planned["id"]
    return found


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` gives, once it gives something; a test's time limit is the only haste."""
    for _ in range(1200):
        if (result := found()) is not None:
            return result
        time.sleep(0.1)
    raise AssertionError(f"never {what}")


def labelled(client: httpx.Client) -> dict[str, Any]:
    """The work's state, once nothing waits."""

    def done() -> dict[str, Any] | None:
        work: dict[str, Any] = client.get("/api/work").json()
        return None if work["waiting"] else work

    found: dict[str, Any] = until(done, "labelled")
    return found


def bundled(client: httpx.Client, **selection: Any) -> dict[str, Any]:
    """A bundle of the selection, ready."""
    answer = client.post("/api/bundles", json=selection)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]

    def done() -> dict[str, Any] | None:
        bundle: dict[str, Any] = client.get(place).json()
        return None if bundle["state"] == "preparing" else bundle

    found: dict[str, Any] = until(done, "prepared")
    assert found["state"] == "ready", found
    return found


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document (RFC 9457) that the answer must be."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["type"]
    return document
