"""Labels under other names, hidden, typed and mistyped: as who uses the page meets them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.api.conftest import until
from tests.browser.conftest import Account, watched
from tests.browser.looking import facet, follow, hold, sample, tiles, visit
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]


WITHIN = """([name, right]) =>
    document.querySelector(`[aria-label="${name}"]`)?.getBoundingClientRect().right <= right"""


def put(account: Account, **settings: Any) -> None:
    """Settings, as from another browser, and every photo following them."""
    account.client.put("/api/label-settings", json=settings)

    def followed() -> bool | None:
        return not account.client.get("/api/label-settings").json()["recomputing"] or None

    until(followed, "followed")


def filter_of(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Selection of photos")


def test_a_selected_label_follows_its_new_name_and_says_that_it_is_hidden(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    visit(page, "?all=Cat")
    expect(page.get_by_text("All of = Cat", exact=True)).to_be_visible()
    put(account, renames={"Cat": "Tiger"})
    expect(page.get_by_text("All of = Tiger", exact=True)).to_be_visible()
    expect(facet(page, "Tiger").get_by_role("button").first).to_have_attribute(
        "aria-pressed", "true"
    )
    put(account, hidden=["Cat"])
    expect(page.get_by_text("All of = Cat (hidden)", exact=True)).to_be_visible()
    expect(facet(page, r"Cat \(hidden\)")).to_be_visible()
    expect(tiles(page)).to_have_count(1)
    facet(page, r"Cat \(hidden\)").get_by_role("button").first.click()
    expect(tiles(page)).to_have_count(2)
    expect(facet(page, "Cat")).to_have_count(0)
    filter_of(page).fill("Cat")
    expect(page.get_by_role("option", name=re.compile("All of"))).to_have_count(0)


def test_a_selection_that_is_too_much_is_left_by_showing_everything(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    page.goto(f"{account.address}/?{'&'.join(f'all=L{number}' for number in range(101))}")
    expect(page.get_by_role("alert")).to_contain_text("at most 100")
    page.get_by_role("button", name="Show all photos").click()
    expect(tiles(page)).to_have_count(1)
    # What is typed stays within what the server looks for.
    filter_of(page).fill("x" * 1000)
    filter_of(page).press("Enter")
    expect(page.get_by_text("No photos match")).to_be_visible()
    assert page.url.endswith(f"?q={'x' * 200}")


def test_who_types_a_labels_name_means_the_label(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    expect(facet(page, "Cat")).to_be_visible()
    for text, address in (("kitten", "all=Cat"), ("coff", "all=Cat&q=coff")):
        filter_of(page).fill(text)
        filter_of(page).press("Enter")
        expect(page).to_have_url(re.compile(rf"\?{address}$"))
    visit(page, "?any=Coffee")
    filter_of(page).fill("CAT")
    filter_of(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?any=Coffee&any=Cat$"))
    expect(tiles(page)).to_have_count(2)


def test_a_quick_hand_loses_none_of_what_it_chose(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    expect(facet(page, "Cat")).to_be_visible()
    expect(filter_of(page)).to_be_visible()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 10})
    for text in ("kitten", "coff"):
        filter_of(page).fill(text)
        filter_of(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?all=Cat&q=coff$"))


LATE = """const { fetch } = window;
window.fetch = async (request) => {
  const answer = await fetch(request);
  if (request.url?.includes("/api/labels?")) await new Promise((done) => setTimeout(done, 1500));
  return answer;
};"""


def test_who_types_before_the_labels_are_there_means_them_too(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    page.add_init_script(LATE)
    account.sign_in(page)
    filter_of(page).fill("kitten")
    filter_of(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?all=Cat$"))


def test_labels_that_are_hidden_one_right_after_the_other_are_both_hidden(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    follow(page, "Labels")
    page.route("**/api/label-settings", hold)
    with page.expect_request("**/api/label-settings"):
        page.get_by_role("button", name="Hide: Cat").click()
    page.get_by_role("button", name="Hide: Coffee").click()
    page.unroute("**/api/label-settings")
    for name in ("Cat", "Coffee"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    assert account.client.get("/api/label-settings").json()["hidden"] == ["Cat", "Coffee"]


def test_what_is_typed_while_settings_are_saved_stays(page: Page, account: Account) -> None:
    account.sign_in(page)
    follow(page, "Settings")
    form = page.locator("form").filter(has_text="How sure a label must be")
    form.get_by_role("slider").press("End")
    page.route("**/api/label-settings", hold)
    with page.expect_request("**/api/label-settings"):
        form.get_by_role("button", name="Save").click()
    form.get_by_role("button", name="Add", exact=True).last.press("Enter")
    name = form.get_by_role("combobox", name="Other names New name")
    name.fill("Tiger")
    page.unroute("**/api/label-settings")
    expect(page.get_by_text("Saved. The photos follow.")).to_be_visible()
    expect(form.get_by_role("button", name="Save")).to_be_enabled()
    expect(name).to_have_value("Tiger")


def test_the_keyboard_goes_on_after_each_correction(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    page.get_by_role("button", name="Open cat.jpg").press("Enter")
    dialog = page.get_by_role("dialog", name="cat.jpg")
    add = dialog.get_by_role("button", name="Add a label")
    add.press("Enter")
    # Names that no photo has yet are offered too; an alias is said as its label.
    dialog.get_by_role("combobox").fill("lighth")
    expect(dialog.get_by_role("option", name="Lighthouse")).to_be_visible()
    dialog.get_by_role("combobox").fill("OCEAN")
    dialog.get_by_role("combobox").press("Enter")
    expect(dialog.get_by_role("status")).to_contain_text("Sea added")
    expect(add).to_be_focused()
    dialog.get_by_role("button", name="Remove Sea").press("Enter")
    expect(dialog.get_by_role("status")).to_contain_text("Sea removed")
    expect(add).to_be_focused()
    dialog.get_by_role("button", name="Undo").press("Enter")
    expect(dialog.get_by_role("link", name="Sea")).to_be_visible()
    expect(add).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog")).to_have_attribute("aria-label", re.compile(r"\.jpg$"))


def test_only_a_label_that_photos_have_is_taken_off_many(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.sign_in(page)
    expect(facet(page, "Cat")).to_be_visible()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Labels", exact=True).click()
    page.get_by_role("menuitem", name="Remove a label").click()
    name = page.get_by_role("combobox", name="Remove a label")
    name.fill("Catt")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    name.press("Enter")
    expect(name).to_have_value("Catt")
    name.fill("x" * 10_000)
    expect(name).to_have_value("x" * 100)
    name.fill("kitten")
    name.press("Enter")
    expect(page.get_by_text("2 photos changed.")).to_be_visible()
    expect(facet(page, "Cat")).to_have_count(0)


def test_what_is_wrong_in_the_label_settings_is_said_where_it_is(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    follow(page, "Settings")
    form = page.locator("form").filter(has_text="How sure a label must be")
    add = form.get_by_role("button", name="Add", exact=True)
    add.first.press("Enter")
    threshold = form.get_by_role("combobox", name="Single labels Label")
    expect(threshold).to_be_focused()
    threshold.fill("ocean")
    form.get_by_role("option", name=re.compile("^Sea")).click()
    expect(threshold).to_have_value("Sea")
    add.last.press("Enter")
    expect(form.get_by_role("combobox", name="Other names Label")).to_be_focused()
    page.keyboard.type("Cat")
    page.keyboard.press("Escape")
    wrong = form.get_by_text("A number from 0 to 100")
    for value in ("-5", "1e9", "101", ""):
        form.get_by_role("spinbutton").fill(value)
        form.get_by_role("button", name="Save").click()
        expect(wrong).to_be_visible()
        expect(form.get_by_text("A name is missing")).to_be_visible()
    form.get_by_role("spinbutton").fill("12.5")
    expect(wrong).to_have_count(0)
    name = form.get_by_role("combobox", name="Other names New name")
    name.fill("<script>alert(1)</script>" * 100)
    name.press("Escape")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The photos follow.")).to_be_visible()
    settings = account.client.get("/api/label-settings").json()
    assert settings["thresholds"] == {"Sea": 0.125}
    assert settings["renames"] == {"Cat": ("<script>alert(1)</script>" * 4)}
    page.reload()
    expect(form.get_by_role("spinbutton")).to_have_value("12.5")
    form.get_by_role("button", name="Remove: Cat").press("Enter")
    expect(add.last).to_be_focused()


def test_what_is_there_of_a_failed_photo_is_shown(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    whole = make_jpeg(1, size=(600, 400))
    account.send(("half.jpg", whole[: len(whole) // 2]))
    account.sign_in(page)
    work = account.client.get("/api/work").json() | {"outdated": 7}
    page.route("**/api/work", lambda route: route.fulfill(json=work))
    follow(page, "Labelling")
    picture = page.get_by_role("row", name=re.compile("half.jpg")).locator("img")
    expect(picture).to_have_js_property("naturalWidth", 600)
    # What everything else on the page is about comes before a long list.
    outdated = page.get_by_text("7 photos were labelled by another model").bounding_box()
    failures = page.get_by_role("heading", name=re.compile("^Failed")).bounding_box()
    assert outdated
    assert failures
    assert outdated["y"] < failures["y"]
    page.unroute("**/api/work")
    page.evaluate("localStorage.setItem('fototeca.language', 'de')")
    page.reload()
    expect(page.get_by_role("row", name=re.compile("half.jpg"))).to_contain_text("unvollständig")


def test_what_hides_a_label_is_read_whole_on_the_narrowest_phone(
    browser: Browser, account: Account
) -> None:
    [cat] = account.send(sample("cat.jpg"))
    account.client.patch(
        f"/api/photos/{cat}/labels", json={"add": ["Grandmother's eightieth birthday", "x" * 100]}
    )
    with watched(browser, viewport={"width": 360, "height": 700}, locale="de") as context:
        page = account.sign_in(context.new_page())
        visit(page, "labels")
        for name in ("Cat", "x" * 100):
            button = page.get_by_role("button", name=f"Verbergen: {name}")
            expect(button).to_be_visible()
            page.wait_for_function(WITHIN, arg=[f"Verbergen: {name}", 340])
