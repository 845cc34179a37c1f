"""The application's own files: what is kept of them, and what happens where one is missing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

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
def controlled(worked: Page, account: Account) -> Page:
    """A page whose requests go by way of the worker."""
    page = account.sign_in(worked)
    page.wait_for_function("() => navigator.serviceWorker.controller")
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


def test_a_page_comes_with_its_styles_when_the_server_is_back(page: Page, account: Account) -> None:
    account.sign_in(page)
    page.route("**/assets/*.css", lambda route: route.abort())
    page.route("**/api/session", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "/api/session" in request.url):
        page.get_by_role("navigation").get_by_role("link", name="Labels", exact=True).click()
    page.unroute("**/assets/*.css")
    page.unroute("**/api/session")
    expect(page.get_by_role("heading", level=1, name="Labels")).to_be_visible()
    page.wait_for_function(
        """() => {
            const styles = [...document.querySelectorAll("link[rel=stylesheet]")];
            return styles.length > 1 && styles.every(({ sheet }) => sheet);
        }"""
    )


def test_a_file_that_a_new_release_removed_loads_that_release_once(
    page: Page, account: Account
) -> None:
    account.sign_in(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    anew = f"GET {account.address}/trash"

    def until_then(route: Route) -> None:
        if anew in asked:
            route.continue_()
        else:
            route.fulfill(status=404)

    page.route("**/assets/TrashPage-*", until_then)
    page.get_by_role("navigation").get_by_role("link", name="Trash").click()
    expect(page.get_by_role("heading", level=1, name="Trash")).to_be_visible()
    assert asked.count(anew) == 1

    # It does not help each time: then the page says so, and is not loaded again and again.
    page.route("**/assets/LabelsPage-*", lambda route: route.fulfill(status=404))
    page.get_by_role("navigation").get_by_role("link", name="Labels", exact=True).click()
    alert = page.get_by_role("alert").filter(has_text="This page could not be loaded")
    expect(alert.get_by_role("button", name="Reload")).to_be_visible()
    page.wait_for_timeout(500)
    assert f"GET {account.address}/labels" not in asked
