"""The grid and the photo view hold on to what is there: the place, the choice, the notices."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Account, watched
from tests.browser.looking import HEAD, facet, follow, hold, sample, tiles, under_the_head, visit
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]

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


def test_what_comes_after_all_were_chosen_is_not_chosen(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(3)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    (later,) = account.send(sample("two-dogs.jpg"))
    expect(page.locator(".tile img")).to_have_count(4)
    expect(page.get_by_text("3 chosen")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Choose two-dogs.jpg")).not_to_be_checked()
    page.get_by_role("button", name=re.compile(r"Download 3 photos \(")).click()
    expect(page.get_by_text(re.compile("download is being prepared"))).to_be_visible()
    (bundle,) = account.client.get("/api/bundles").json()
    assert bundle["photos"] == 3

    # Also where all are still being listed, which takes a while with very many.
    page.keyboard.press("Control+a")
    page.get_by_role("checkbox", name="Choose two-dogs.jpg").click()
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.get_by_text("3 photos moved to the trash")).to_be_visible()
    (left,) = account.client.get("/api/photos").json()["photos"]
    assert left["id"] == later


def test_what_is_shown_is_chosen_at_once_and_all_of_it_by_its_own_selection(
    page: Page, account: Account
) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    page.clock.install()
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(3)
    expect(facet(page, "Cat")).to_be_visible()
    # The photos of another selection are not here yet: these are not all of it.
    page.route("**/api/photos/layout?*", hold)
    facet(page, "Cat").locator(".facet-main").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.unroute("**/api/photos/layout?*")
    expect(tiles(page)).to_have_count(1)
    assert account.client.get("/api/photos").json()["total"] == 3
    facet(page, "Cat").locator(".facet-main").click()
    expect(tiles(page)).to_have_count(3)

    # However long ago they were asked for, nothing is waited for to choose them.
    page.clock.fast_forward(11_000)
    page.route("**/api/photos?*", hold)
    tiles(page).first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Delete")
    expect(page.get_by_text("2 photos moved to the trash")).to_be_visible()
    page.unroute("**/api/photos?*")
    expect(tiles(page)).to_have_count(1)


def test_what_is_chosen_while_others_are_deleted_stays_chosen(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    page.get_by_role("checkbox", name="Choose cat.jpg").click()
    expect(page.get_by_text("1 chosen")).to_be_visible()
    page.route("**/api/photos/trash", hold)
    with page.expect_request("**/api/photos/trash"):
        page.keyboard.press("Delete")
    page.get_by_role("checkbox", name="Choose brook.jpg").click()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.unroute("**/api/photos/trash")
    expect(tiles(page)).to_have_count(2)
    expect(page.get_by_text("1 chosen")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Choose brook.jpg")).to_be_checked()


def test_who_closes_a_photo_that_is_being_deleted_has_closed_it(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"), sample("brook.jpg"))
    account.sign_in(page)
    tiles(page).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    page.route("**/api/photos/trash", hold)
    with page.expect_request("**/api/photos/trash"):
        page.keyboard.press("Delete")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.unroute("**/api/photos/trash")
    expect(tiles(page)).to_have_count(1)
    expect(dialog).to_have_count(0)


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
    name = under_the_head(page)

    page.set_viewport_size({"width": 1300, "height": 500})
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])
    page.set_viewport_size({"width": 1000, "height": 500})
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])
    # It is the newest: all others move on.
    newest = {"DateTimeOriginal": "2037:01:01 10:00:00"}
    grid = page.get_by_role("group", name="Photos, by date")
    twelve = grid.get_attribute("style") or ""
    account.send(("newest.jpg", make_jpeg(9, size=(900, 300), exif=newest)))
    expect(grid).not_to_have_attribute("style", twelve)
    page.wait_for_function(IS_UNDER_IT, arg=[name, HEAD])

    page.get_by_role("button", name=name, exact=True).focus()
    scrolled = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("before => Math.abs(scrollY - before) < 2", arg=scrolled)
    facet(page, "Nature").locator(".facet-main").click()
    page.wait_for_function("() => scrollY === 0")


def test_the_keyboard_and_a_range_stay_with_their_photos(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    account.send(*((f"old-{number}.jpg", make_jpeg(number)) for number in range(9)))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(9)
    names = page.locator(".tile-open").evaluate_all("all => all.map((each) => each.ariaLabel)")
    newest = {"DateTimeOriginal": "2037:01:01 10:00:00"}

    tiles(page).nth(2).focus()
    account.send(*((f"new-{number}.jpg", make_jpeg(20 + number, exif=newest)) for number in (1, 2)))
    expect(tiles(page).nth(4)).to_have_accessible_name(names[2])
    expect(tiles(page).nth(4)).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    account.send(("new-3.jpg", make_jpeg(23, exif=newest)))
    expect(tiles(page).nth(6)).to_have_accessible_name(names[3])
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    checked = page.locator(".tile[data-chosen=true] .tile-open")
    assert checked.evaluate_all("all => all.map((each) => each.ariaLabel)") == names[2:5]

    # A range without a beginning is one photo, not all from the newest on.
    page.keyboard.press("Escape")
    tiles(page).nth(7).click(modifiers=["Shift"])
    expect(page.get_by_text("1 chosen")).to_be_visible()


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


def test_every_press_is_one_photo_on_whatever_comes_meanwhile(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    account.send(*((f"old-{number}.jpg", make_jpeg(number)) for number in range(9)))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(9)
    names = page.locator(".tile-open").evaluate_all("all => all.map((each) => each.ariaLabel)")
    names = [name.removeprefix("Open ") for name in names]
    tiles(page).nth(2).click()
    expect(page.get_by_role("dialog", name=names[2])).to_be_visible()
    page.evaluate(
        """for (let press = 0; press < 4; press += 1) {
            const key = new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true});
            document.querySelector("dialog button").dispatchEvent(key);
        }"""
    )
    expect(page.get_by_role("dialog", name=names[6])).to_be_visible()

    # Newer ones push it on, and it goes on from where it is.
    newest = {"DateTimeOriginal": "2037:01:01 10:00:00"}
    account.send(*((f"new-{number}.jpg", make_jpeg(20 + number, exif=newest)) for number in (1, 2)))
    expect(page.get_by_role("heading", name="(11)", include_hidden=True)).to_be_attached()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name=names[7])).to_be_visible()
    account.client.delete(f"/api/photos/{_id_of(account, names[7])}").raise_for_status()
    expect(page.get_by_role("heading", name="(10)", include_hidden=True)).to_be_attached()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name=names[8])).to_be_visible()


def _id_of(account: Account, name: str) -> str:
    (photo,) = account.client.get("/api/photos", params={"q": name}).json()["photos"]
    return str(photo["id"])


def test_a_key_that_is_held_trashes_one_photo(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    tiles(page).first.click()
    expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog").get_by_text("1 photo moved to the trash")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    untaken = page.evaluate(
        """() => document.querySelector("dialog button").dispatchEvent(new KeyboardEvent(
            "keydown", {key: "Delete", repeat: true, bubbles: true, cancelable: true}))"""
    )
    assert untaken
    assert account.client.get("/api/photos").json()["total"] == 2


def test_alt_with_an_arrow_is_the_browsers(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("brook.jpg"))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(2)
    page.evaluate(
        """window.taken = [];
        addEventListener("keydown", (event) => taken.push(event.defaultPrevented));"""
    )
    tiles(page).first.focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    address = page.url
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_timeout(300)
    assert page.url == address
    assert True not in page.evaluate("taken")


def test_closing_a_menu_keeps_what_is_chosen(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("brook.jpg"))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(2)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    # Also before the menu has got the focus.
    page.get_by_role("button", name="Account").evaluate(
        """(button) => {
            button.click();
            button.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        }"""
    )
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu", name="Account")).to_have_count(0)
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("menu", name="Account")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu", name="Account")).to_have_count(0)
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 chosen")).to_have_count(0)


def test_a_pinch_goes_to_no_other_photo(browser: Browser, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("brook.jpg"))
    with watched(browser, has_touch=True, viewport={"width": 390, "height": 800}) as context:
        page = account.sign_in(context.new_page())
        tiles(page).first.tap()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("img")).to_be_visible()
        name = dialog.get_attribute("aria-label")
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, *places: int) -> None:
            points = [{"x": x, "y": 400, "id": number} for number, x in enumerate(places)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 80)
        touch("touchStart", 80, 320)
        touch("touchMove", 150, 240)
        touch("touchEnd", 150)
        touch("touchEnd")
        page.wait_for_timeout(300)
        assert dialog.get_attribute("aria-label") == name
        touch("touchStart", 300)
        touch("touchMove", 100)
        touch("touchEnd")
        expect(dialog).not_to_have_attribute("aria-label", str(name))
