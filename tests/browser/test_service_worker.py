"""What the service worker keeps: this release's application, and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Account

pytestmark = pytest.mark.browser
KEPT = """async () => {
  const cache = await caches.open("fototeca-1");
  const keys = await cache.keys();
  const page = await (await cache.match("/")).text();
  return [page, ...keys.map(({ url }) => new URL(url).pathname)];
}
"""


@pytest.fixture
def controlled(page: Page, account: Account) -> Page:
    """A page whose requests go by way of the worker."""
    account.sign_in(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def test_only_the_application_is_kept_for_when_there_is_no_connection(
    controlled: Page, account: Account
) -> None:
    page = controlled
    for other in ("health", "icon.svg", "manifest.webmanifest"):
        page.goto(f"{account.address}/{other}")
    page.goto(account.address)
    kept = page.evaluate(KEPT)[0]
    assert '<div id="app">' in kept
    page.goto(f"{account.address}/health")
    page.context.set_offline(True)
    page.goto(f"{account.address}/labels")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()


def test_a_new_release_takes_the_place_of_the_one_before(
    controlled: Page, account: Account
) -> None:
    page = controlled
    page.evaluate(
        """async () => {
          const cache = await caches.open("fototeca-1");
          await cache.put("/", new Response("an older page"));
          await cache.put("/assets/older-0123.js", new Response("older();"));
        }"""
    )
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    text, *paths = page.evaluate(KEPT)
    assert '<div id="app">' in text
    assert "/assets/older-0123.js" not in paths
    # What is kept of this one stays when it is loaded again.
    page.evaluate(
        """async () => {
          const cache = await caches.open("fototeca-1");
          await cache.put("/assets/this-0123.js", new Response("these();"));
        }"""
    )
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "/assets/this-0123.js" in page.evaluate(KEPT)
