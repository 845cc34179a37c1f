"""The grid and the photo view hold on to what is there: the place, the choice, the notices."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Account
from tests.browser.looking import facet, follow, sample, tiles, visit
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]

HEAD = 120
"""Pixels at the window's top that stay over the grid."""
UNDER_THE_HEAD = """head => {
    const [tile] = [...document.querySelectorAll(".tile")]
        .map((tile) => [tile, tile.getBoundingClientRect()])
        .find(([, { bottom }]) => bottom > head + 1);
    return tile.querySelector(".tile-open").ariaLabel;
}"""
IS_UNDER_IT = """([name, head]) => {
    const tile = document.querySelector(`.tile-open[aria-label="${name}"]`);
    const box = tile?.getBoundingClientRect();
    return box && box.top <= head + 1 && box.bottom > head - 1;
}"""


def test_the_gallery_stays_while_the_server_fails_and_is_asked_again(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    expect(tiles(page)).to_have_count(1)
    page.route("**/api/photos/layout*", lambda route: route.fulfill(status=500, body="{}"))
    with page.expect_response(re.compile("/api/photos/layout")):
        account.send(("second.jpg", make_jpeg(2)))
    page.wait_for_timeout(300)
    expect(tiles(page)).to_have_count(1, timeout=100)

    page.unroute("**/api/photos/layout*")
    busy = {"retry-after": "1", "content-type": "application/problem+json"}
    page.route(
        "**/api/photos/layout*",
        lambda route: route.fulfill(status=503, headers=busy, body="{}"),
        times=1,
    )
    account.send(("third.jpg", make_jpeg(3)))
    expect(tiles(page)).to_have_count(3)


def test_delete_trashes_what_is_chosen_and_never_restores(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    expect(tiles(page)).to_have_count(3)
    page.route("**/api/photos/trash", lambda route: route.fulfill(status=500, body="{}"))
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(page.get_by_text("The server answered 500")).to_be_visible()
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.unroute("**/api/photos/trash")
    page.keyboard.press("Delete")
    expect(page.get_by_text("3 photos moved to the trash")).to_be_visible()

    follow(page, "Trash")
    expect(tiles(page)).to_have_count(3)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    tiles(page).first.focus()
    page.keyboard.press("Delete")
    page.wait_for_timeout(300)
    trashed = account.client.get("/api/photos", params={"state": "trashed"})
    assert trashed.json()["total"] == 3


def test_who_deletes_in_the_photo_view_sees_it_and_goes_on_to_the_neighbour(
    page: Page, account: Account
) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(3)
    names = page.locator(".tile-open").evaluate_all("all => all.map((each) => each.ariaLabel)")
    first, second, last = (name.removeprefix("Open ") for name in names)
    tiles(page).last.click()
    expect(page.get_by_role("dialog", name=last)).to_be_visible()
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name=second)
    expect(dialog.get_by_text("1 photo moved to the trash")).to_be_visible()
    expect(dialog.get_by_role("button", name="Next photo")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    dialog = page.get_by_role("dialog", name=first)
    expect(dialog.get_by_role("button", name="Next photo")).to_be_visible()
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_text("1 photo restored.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 photo restored.")).to_have_count(1)
    expect(tiles(page)).to_have_count(3)


def test_the_photos_that_are_looked_at_stay_in_their_place(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    account.fill()
    account.sign_in(page)
    page.set_viewport_size({"width": 1000, "height": 500})
    expect(page.locator(".tile img").first).to_be_visible()
    page.evaluate("scrollTo(0, 900)")
    page.wait_for_timeout(300)
    name = page.evaluate(UNDER_THE_HEAD, HEAD)

    page.set_viewport_size({"width": 1300, "height": 500})
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])
    page.set_viewport_size({"width": 1000, "height": 500})
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])
    # It is the newest: all others move on.
    newest = {"DateTimeOriginal": "2037:01:01 10:00:00"}
    account.send(("newest.jpg", make_jpeg(9, size=(900, 300), exif=newest)))
    expect(page.get_by_role("heading", name="(13)")).to_be_attached()
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])

    page.get_by_role("button", name=name, exact=True).focus()
    scrolled = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("before => Math.abs(scrollY - before) < 2", arg=scrolled)
    facet(page, "Nature").locator(".facet-main").click()
    page.wait_for_function("() => scrollY === 0")


def test_the_switch_says_what_the_selection_is(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    visit(page, "?all=Animal")
    page.get_by_role("button", name="Any", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?any=Animal$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?all=Animal$"))
    every = page.get_by_role("button", name="All", exact=True)
    expect(every).to_have_attribute("aria-pressed", "true")


def test_arrows_go_where_they_point_from_right_to_left_too(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("brook.jpg"))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(2)
    page.evaluate("document.documentElement.dir = 'rtl'")
    tiles(page).first.focus()
    page.keyboard.press("ArrowLeft")
    expect(tiles(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Previous photo")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Next photo")).to_be_visible()
