"""What changes on the server is shown, in any number of tabs, and asked for no more than once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.api.conftest import until
from tests.browser.conftest import Account
from tests.browser.looking import sample, tiles

pytestmark = pytest.mark.browser
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  const state = hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}
"""
"""Chromium without a screen shows every tab, as it says."""
BUSY = """
window.asked = 0;
window.unanswered = 0;
const { fetch } = window;
window.fetch = async (request) => {
  window.unanswered += 1;
  const answer = await fetch(request).finally(() => { window.unanswered -= 1; });
  if (!request.url?.includes("/api/photos/layout")) return answer;
  window.asked += 1;
  await new Promise((done) => setTimeout(done, 1500));
  return answer;
};
window.EventSource = class extends EventTarget {
  readyState = 1;
  constructor() {
    super();
    setInterval(() => this.dispatchEvent(new MessageEvent("photos", { lastEventId: "1" })), 200);
  }
  close() {}
};
"""
"""A large import: five events a second, and a server that takes its time."""


def test_seven_tabs_of_one_browser_are_told(page: Page, account: Account) -> None:
    account.sign_in(page)
    tabs = [page]
    for _ in range(6):
        tabs[-1].evaluate(HIDE, True)
        tabs.append(page.context.new_page())
        if len(tabs) == 2:
            tabs[-1].clock.install()
        tabs[-1].goto(account.address)
        expect(tabs[-1].get_by_role("heading", level=1)).to_be_visible()
    account.send(sample("cat.jpg"))
    expect(tiles(tabs[-1])).to_have_count(1)

    # Nobody sees the second one: it asks what there is to tell, and shows it when it is seen.
    hidden = tabs[1]
    account.client.post("/api/bundles", json={}).raise_for_status()
    expect(
        tabs[-1].get_by_text("Your photo is ready to download.").filter(visible=True).first
    ).to_be_visible()
    said = hidden.get_by_text("Your photo is ready to download.").filter(visible=True).first

    def told() -> bool | None:
        hidden.clock.run_for(2000)  # Less than it is shown for.
        return said.is_visible() or None

    until(told, "told")
    tabs[-1].evaluate(HIDE, True)
    hidden.evaluate(HIDE, False)
    hidden.clock.run_for(2000)
    expect(tiles(hidden)).to_have_count(1)


def test_nothing_is_asked_twice_when_the_page_opens(page: Page, account: Account) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(account.address)))
    account.sign_in(page)
    page.wait_for_timeout(2500)
    assert any(url.startswith("/api/events?after=") for url in asked)
    for path in ("/api/photos/layout", "/api/labels", "/api/notices", "/api/changes"):
        assert len([url for url in asked if url.startswith(path)]) <= 1, path
    # And what came since the page began to ask is told of.
    account.send(sample("cat.jpg"))
    expect(tiles(page)).to_have_count(1)


def test_a_busy_server_is_left_most_of_its_time(page: Page, account: Account) -> None:
    page.clock.install()
    page.add_init_script(BUSY)
    account.sign_in(page)
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=60))

    def asked(milliseconds: int) -> int:
        page.clock.run_for(milliseconds)
        page.wait_for_function("() => !window.unanswered")  # Which takes the machine's own time.
        count: int = page.evaluate("window.asked")
        return count

    # What was under way as the clock was put forward took a minute, and the next waits as long.
    before = asked(0)
    until(lambda: asked(5000) > before or None, "asked again")
    begun = asked(0)
    for _ in range(40):
        last = asked(500)
    assert 1 <= last - begun <= 4
