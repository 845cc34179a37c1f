"""A real server in a process of its own, and Debian's Chromium to look at it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from fototeca import samples
from fototeca.app import open_library
from fototeca.identity.passwords import Passwords
from fototeca.photos import now
from fototeca.settings import Settings
from tests.api.conftest import EMAIL, PASSWORD, Served, launch

ELSEWHERE = "photos.example"
"""This machine by a name that browsers do not trust without https."""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
]  # fmt: skip
PATIENCE = 40_000
"""Milliseconds: machines that test are busy."""
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module: Playwright keeps an event loop running, which others must not meet."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, **options: object) -> Iterator[BrowserContext]:
    """A context whose pages fail their test when they break the policy, or throw.

    Without the service worker: what goes by way of it is not seen by a page's routes.
    """
    problems: list[str] = []
    usual = {"viewport": {"width": 1440, "height": 1000}, "service_workers": "block"}
    context = browser.new_context(**{**usual, **options})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            problems.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield context
    context.close()
    assert problems == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched(browser) as context:
        yield context.new_page()


@pytest.fixture
def worked(browser: Browser) -> Iterator[Page]:
    """A page that has its service worker."""
    with watched(browser, service_workers="allow") as context:
        yield context.new_page()


@dataclass(frozen=True)
class Account:
    """Somebody of a server, who sees nothing of the others."""

    address: str
    email: str
    client: httpx.Client

    def sign_in(self, page: Page) -> Page:
        """The page, at the gallery of this account, in the session that `client` has."""
        for name, value in self.client.cookies.items():
            page.context.add_cookies([{"name": name, "value": value, "url": self.address}])
        page.goto(self.address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    def send(self, *photos: Path | tuple[str, bytes]) -> list[str]:
        """The ids of these photos, sent and looked at."""
        ids = []
        for photo in photos:
            name, data = (photo.name, photo.read_bytes()) if isinstance(photo, Path) else photo
            answer = self.client.post("/api/photos", params={"name": name}, content=data)
            assert answer.status_code == 201, answer.text
            ids.append(answer.json()["id"])
        while self.client.get("/api/work").json()["waiting"]:
            time.sleep(0.1)
        return ids

    def fill(self) -> None:
        self.send(*samples.photos())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for the whole module; `account` keeps its tests apart."""
    folder = tmp_path_factory.mktemp("server")
    server = launch(folder / "library", import_roots=f'["{folder}"]')
    server.set_up()
    yield server
    server.stop()


@cache
def password_hash() -> str:
    """Takes a quarter of a second, as it should, but not once an account."""
    return Passwords().fit(PASSWORD)


@pytest.fixture
def account(served: Served, request: pytest.FixtureRequest) -> Account:
    """An account of this test's own, empty."""
    email = f"a{abs(hash(request.node.nodeid))}@example.com"
    with open_library(Settings(library=served.library)) as library:
        library.catalog.accounts.add(email, password_hash(), now())
    return Account(served.address, email, served.sign_in(email))


@pytest.fixture(scope="module")
def filled(served: Served) -> Account:
    """An account with the samples, for tests that only look."""
    account = Account(served.address, EMAIL, served.sign_in())
    account.fill()
    return account


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[Served]:
    """A server whose library has no account yet."""
    server = launch(tmp_path / "library")
    yield server
    server.stop()


@pytest.fixture
def setup_link(empty_server: Served) -> str:
    """The link that makes the first account."""
    return f"{empty_server.address}/#setup={empty_server.setup_token}"
