"""Uploads in the browser by way of a proxy: what it answers in the server's place, or never."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.api.conftest import until
from tests.between import Answer, Between, BreakOff, Rule, Silence, between
from tests.browser.conftest import Account
from tests.browser.looking import choose_files, follow, sample

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-proxies")]
SIGN_IN = Answer(200, b"<h1>Welcome to the hotel</h1>", "content-type: text/html\r\n")


@pytest.fixture
def proxy(account: Account) -> Iterator[Between]:
    with between(account.address) as proxy:
        yield proxy


@pytest.fixture
def uploads(page: Page, account: Account, proxy: Between) -> Page:
    """The page of uploads, as it is beyond the proxy."""
    replace(account, address=proxy.address).sign_in(page)
    follow(page, "Upload")
    return page


def to_puts(act: Answer | Silence | BreakOff) -> Rule:
    return lambda method, _: act if method == "PUT" else None


def photos(account: Account) -> int:
    total: int = account.client.get("/api/photos").json()["total"]
    return total


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Answer(429), "The server is busy."),
        (Answer(500, b"Internal Server Error"), "The server answered 500."),
        (Answer(503, b"<h1>Maintenance</h1>"), "The server is busy."),
        (BreakOff(), "The connection broke off."),
        (SIGN_IN, "The connection broke off."),
    ],
    ids=["429", "500", "503", "broken off", "another's page"],
)
def test_what_passes_is_waited_for_and_says_why(
    uploads: Page, account: Account, proxy: Between, act: Answer | BreakOff, said: str
) -> None:
    proxy.rule = to_puts(act)
    choose_files(uploads, sample("cat.jpg"), sample("brook.jpg"))
    row = uploads.get_by_role("row").filter(has_text="brook.jpg")
    expect(row).to_contain_text(f"Trying again soon: {said}")
    expect(uploads.get_by_text(re.compile(f"kB · {said} Trying again soon$"))).to_be_visible()
    expect(uploads.get_by_text("0 added").first).to_be_visible()
    assert photos(account) == 0
    proxy.rule = lambda *_: None
    expect(uploads.get_by_text("2 added").first).to_be_visible()
    expect(row).not_to_contain_text(said)
    assert photos(account) == 2


@pytest.mark.parametrize("unread", [False, True])
def test_what_is_too_large_for_a_proxy_is_refused_at_once(
    uploads: Page, account: Account, proxy: Between, unread: bool
) -> None:
    proxy.rule = to_puts(Answer(413, b"<h1>413 Request Entity Too Large</h1>", unread=unread))
    choose_files(uploads, sample("cat.jpg"))
    row = uploads.get_by_role("row").filter(has_text="cat.jpg")
    expect(row).to_contain_text("Refused: This is too large for the server.")
    expect(uploads.get_by_text("0 added, 1 refused").first).to_be_visible()
    assert proxy.puts() == 1
    assert photos(account) == 0


def test_what_is_never_answered_is_sent_again(
    uploads: Page, account: Account, proxy: Between
) -> None:
    uploads.clock.install()
    proxy.rule = to_puts(Silence())
    choose_files(uploads, sample("cat.jpg"))
    row = uploads.get_by_role("row").filter(has_text="cat.jpg")
    expect(row).to_contain_text("100%")
    proxy.rule = lambda *_: None
    uploads.clock.fast_forward("02:01")
    expect(uploads.get_by_text("1 added").first).to_be_visible()
    assert proxy.puts() == 2
    assert photos(account) == 1


@pytest.mark.parametrize("act", [Silence(), Answer(500), SIGN_IN], ids=["silence", "500", "page"])
def test_a_question_that_has_no_answer_is_asked_again(
    uploads: Page, proxy: Between, act: Answer | Silence
) -> None:
    uploads.clock.install()
    proxy.rule = lambda method, path: act if (method, path) == ("POST", "/api/uploads") else None
    choose_files(uploads, sample("cat.jpg"))
    row = uploads.get_by_role("row").filter(has_text="cat.jpg")
    until(lambda: "POST /api/uploads" in proxy.seen or None, "asked")
    expect(row).to_contain_text("Checking" if isinstance(act, Silence) else "Trying again soon")
    proxy.rule = lambda *_: None
    uploads.clock.fast_forward("02:01")
    expect(uploads.get_by_text("1 added").first).to_be_visible()


def test_a_page_that_was_not_loaded_yet_comes_with_the_server(
    page: Page, account: Account, proxy: Between
) -> None:
    replace(account, address=proxy.address).sign_in(page)
    proxy.rule = lambda *_: BreakOff()
    page.get_by_role("link", name="Labels", exact=True).click()
    expect(page.get_by_text("The server cannot be reached. Trying again")).to_be_visible()
    proxy.rule = lambda *_: None
    expect(page.get_by_role("heading", level=1, name="Labels")).to_be_visible()
