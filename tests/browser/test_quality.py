"""On every page and under everything that opens: accessible, within its window, in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Account, watched
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-quality")]
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
CLOUDSCAPES = "[class*=awsui_inline-tokens]"
"""Labels chosen in the token editor: named "Value" alone by Cloudscape, which we cannot change."""
WIDTHS = [1440, 390, 360]
PAGES = ("", "labels", "uploads", "bundles", "work", "imports", "trash", "settings")


def violations(page: Page) -> str:
    """What axe finds wrong in either theme, and where; empty for nothing.

    The themes differ in their colours alone.
    """
    if not AXE.exists():
        pytest.skip("axe is not there: npm ci in web/")
    page.evaluate(AXE.read_text())
    found = _violations(page, RULES)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body.awsui-dark-mode")).to_be_visible()
    found += _violations(page, COLOURS)
    page.emulate_media(color_scheme="light")
    expect(page.locator("body.awsui-dark-mode")).to_have_count(0)
    return "\n".join(found)


def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    # What fades has its colours.
    page.wait_for_function(
        "() => document.getAnimations().every(({playState, effect}) =>"
        " playState === 'finished' || effect.getTiming().iterations === Infinity)"
    )
    found: list[dict[str, Any]] = page.evaluate(
        "([rules, exclude]) => axe.run({exclude}, {runOnly: rules}).then(each => each.violations)",
        [rules, CLOUDSCAPES],
    )
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def fits(page: Page) -> None:
    """The page is no wider than any window, from either side, once it has found its place."""
    before = page.viewport_size
    assert before
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for direction in ("rtl", "ltr"):
            page.evaluate("dir => { document.documentElement.dir = dir }", direction)
            page.wait_for_function(
                "most => document.documentElement.scrollWidth <= most", arg=width
            )
    page.set_viewport_size(before)


def listed(found: dict[str, str]) -> str:
    return "\n".join(f"{what}: {wrong}" for what, wrong in found.items() if wrong)


@pytest.fixture(scope="module")
def lively(filled: Account, make_jpeg: MakeJpeg) -> Account:
    """The account with something on every page."""
    whole = make_jpeg(1, size=(600, 400))
    filled.send(("half.jpg", whole[: len(whole) // 2]), ("gone.jpg", make_jpeg(2)))
    client = filled.client
    (gone,) = client.get("/api/photos", params={"q": "gone"}).json()["photos"]
    client.delete(f"/api/photos/{gone['id']}").raise_for_status()
    client.post("/api/bundles", json={"any": ["Cat", "Flower"]}).raise_for_status()
    client.post("/api/tokens", json={"name": "nightly upload"}).raise_for_status()
    client.put(
        "/api/label-settings",
        json={"thresholds": {"Dog": 0.8}, "hidden": ["Pet"], "renames": {"Brook": "Stream"}},
    ).raise_for_status()
    return filled


@pytest.fixture(scope="module")
def pages(browser: Browser, lively: Account) -> Iterator[Page]:
    with watched(browser) as context:
        yield lively.sign_in(context.new_page())


def visit(page: Page, address: str, name: str = "") -> None:
    page.goto(f"{address}/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_no_window_is_too_narrow(
    pages: Page, lively: Account, name: str
) -> None:
    visit(pages, lively.address, name)
    expect(pages.get_by_role("status", name="Loading")).to_have_count(0)
    wrong = violations(pages)
    assert not wrong, wrong
    fits(pages)


def test_the_door_and_an_empty_archive_are_as_good(page: Page, account: Account) -> None:
    found = {}

    def look(name: str) -> None:
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        found[name] = violations(page)
        fits(page)

    page.goto(account.address)
    look("the door")
    page.goto(f"{account.address}/#setup=0123456789")
    expect(page.get_by_label("Password again")).to_be_visible()
    look("the set-up")
    account.sign_in(page)
    for name in PAGES:
        page.goto(f"{account.address}/{name}")
        look(f"the empty {name or 'gallery'}")
    assert not any(found.values()), listed(found)


def test_axe_finds_nothing_in_what_opens(pages: Page, lively: Account) -> None:
    page = pages
    found: dict[str, str] = {}

    def look(what: str) -> None:
        found[what] = violations(page)

    visit(page, lively.address)
    page.get_by_role("button", name="Account").click()
    look("the account's menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Notices").click()
    look("the notices")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    look("the keyboard shortcuts")
    page.keyboard.press("Escape")

    page.get_by_label("Selection of photos").fill("Fl")
    look("the token editor's suggestions")
    visit(page, lively.address, "?any=Cat&any=Flower&none=Dog")
    page.get_by_role("button", name="Any of").first.click()
    look("the token editor")
    page.keyboard.press("Escape")

    visit(page, lively.address)
    tile = page.locator(".tile-open").first
    tile.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 chosen")).to_be_visible()
    look("the bar of what is chosen")
    page.get_by_role("button", name="Labels", exact=True).click()
    page.get_by_role("menuitem", name="Add a label").click()
    expect(page.get_by_role("combobox", name="Add a label")).to_be_visible()
    look("a label for what is chosen")
    page.keyboard.press("Escape")

    visit(page, lively.address)
    tile.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Add a label")).to_be_visible()
    look("the photo view")
    page.get_by_role("dialog").get_by_role("button", name="Add a label").click()
    look("the photo view with a label being added")

    visit(page, lively.address, "settings")
    page.get_by_role("button", name="Create token").click()
    look("a token being made")
    visit(page, lively.address, "work")
    page.get_by_role("button", name="Label all again").click()
    look("labelling again")
    assert not any(found.values()), listed(found)


def test_axe_finds_nothing_on_a_phone(browser: Browser, lively: Account) -> None:
    with watched(browser, viewport={"width": 390, "height": 844}, has_touch=True) as context:
        page = lively.sign_in(context.new_page())
        found = {}
        for name in PAGES:
            visit(page, lively.address, name)
            found[name] = violations(page)
        page.get_by_role("button", name="Open navigation").click()
        expect(page.get_by_role("link", name="Downloads", exact=True)).to_be_visible()
        found["navigation"] = violations(page)
        assert not any(found.values()), listed(found)


SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifted += entry.value;
  }).observe({type: "layout-shift", buffered: true});
}"""


def test_the_first_load_is_small_and_nothing_moves(browser: Browser, lively: Account) -> None:
    page_of_ours = lively.client.get("/").text
    sizes = {
        name: lively.client.get(name).num_bytes_downloaded
        for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page_of_ours)
    }
    assert len(sizes) > 1
    assert sum(sizes.values()) < 160_000, sizes
    with watched(browser) as context:
        context.add_init_script(f"({SHIFTS})()")
        page = lively.sign_in(context.new_page())
        expect(page.locator(".tile img").first).to_be_visible()
        expect(page.get_by_label("Selection of photos")).to_be_visible()
        assert page.evaluate("window.shifted") < 0.01


def test_the_navigation_is_shown_and_hidden(pages: Page, lively: Account) -> None:
    visit(pages, lively.address)
    navigation = pages.get_by_role("navigation")
    expect(navigation).to_be_visible()
    pages.get_by_role("button", name="Close navigation").click()
    expect(navigation).to_have_count(0)
    pages.get_by_role("button", name="Open navigation").click()
    expect(navigation).to_be_visible()


def test_a_menu_is_used_by_keyboard_alone(pages: Page, lively: Account) -> None:
    visit(pages, lively.address)
    button = pages.get_by_role("button", name="Account")
    button.focus()
    pages.keyboard.press("Enter")
    items = pages.get_by_role("menu", name="Account").locator("button")
    expect(items.first).to_be_focused()
    pages.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    pages.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(items.first).to_be_hidden()


def test_it_opens_without_a_connection_and_goes_on_with_one(
    browser: Browser, lively: Account
) -> None:
    with watched(browser, service_workers="allow") as context:
        page = lively.sign_in(context.new_page())
        page.wait_for_function("() => navigator.serviceWorker.controller")
        visit(page, lively.address)  # Now by way of the worker, which keeps what it fetches.
        context.set_offline(True)
        page.reload()
        expect(page.get_by_text("The server cannot be reached")).to_be_visible()
        context.set_offline(False)
        expect(page.locator(".tile img").first).to_be_visible()


def test_it_can_be_installed(pages: Page, lively: Account) -> None:
    visit(pages, lively.address)
    session = pages.context.new_cdp_session(pages)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{lively.address}/manifest.webmanifest"
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Tests' contexts are private windows, which install nothing.
    assert [each["errorId"] for each in errors if each["errorId"] != "in-incognito"] == []


def test_the_keyboard_reaches_a_photo_and_its_focus_is_seen(pages: Page, lively: Account) -> None:
    visit(pages, lively.address)
    expect(pages.locator(".tile-open").first).to_be_visible()
    for _ in range(80):
        pages.keyboard.press("Tab")
        if pages.evaluate("document.activeElement.className") == "tile-open":
            break
    ring = "getComputedStyle(document.activeElement, '::after').borderTopWidth"
    assert pages.evaluate(ring) == "3px"
    pages.keyboard.press("Enter")
    expect(pages.get_by_role("dialog")).to_be_visible()
    pages.keyboard.press("Escape")
    expect(pages.get_by_role("dialog")).to_have_count(0)
    assert pages.evaluate("document.activeElement.className") == "tile-open"
