"""The web application, driven as a photographer would: from the set-up link to the zip."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from fototeca import samples
from fototeca.app import open_library
from fototeca.settings import Settings
from tests.api.conftest import EMAIL, PASSWORD, Served
from tests.browser.conftest import Account
from tests.browser.looking import choose_files, facet, follow, sample, tiles, visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]


def test_the_main_job(page: Page, setup_link: str, tmp_path: Path) -> None:
    page.goto(setup_link)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill("another")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("The two passwords differ.")).to_be_visible()
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Drop your photos here")).to_be_visible()

    choose_files(page, *samples.photos())
    expect(page.locator(".tile img")).to_have_count(12)
    visit(page, "work")
    expect(page.get_by_text("Everything is labelled: 12 photos")).to_be_visible()
    visit(page)

    facet(page, "Animal").locator(".facet-main").click()
    expect(tiles(page)).to_have_count(2)
    assert page.url.endswith("/?all=Animal")
    facet(page, "Cat").hover()
    facet(page, "Cat").get_by_role("button", name="Leave out Cat").click()
    expect(tiles(page)).to_have_count(1)
    page.reload()
    expect(tiles(page)).to_have_count(1)

    page.get_by_role("button", name=re.compile(r"Download 1 photo \(")).click()
    page.get_by_role("button", name="Show downloads").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Save zip")).click()
    saved = tmp_path / "bundle.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["two-dogs.jpg", "fototeca-manifest.json"]
        assert archive.read("two-dogs.jpg") == sample("two-dogs.jpg").read_bytes()


def test_any_of_two_labels_is_more_than_all_of_them(page: Page, filled: Account) -> None:
    filled.sign_in(page)
    visit(page, "?all=Cat&all=Flower")
    expect(page.get_by_text("No photos match")).to_be_visible()
    page.get_by_role("button", name="Any", exact=True).click()
    expect(tiles(page)).to_have_count(3)
    assert "any=Cat&any=Flower" in page.url


def test_a_picture_that_a_busy_server_refused_is_asked_for_again(
    page: Page, filled: Account
) -> None:
    refused: set[str] = set()

    def busy(route: Route) -> None:
        refused.add(route.request.url)
        route.fulfill(status=503)

    page.route("**/renditions/grid", busy)
    filled.sign_in(page)
    expect(page.locator(".tile-name").filter(has_text="cat.jpg")).to_be_visible()
    page.unroute("**/renditions/grid")
    expect(page.locator(".tile img")).to_have_count(12)
    expect(page.locator(".tile-name")).to_have_count(0)
    assert len(refused) == 12


def test_labels_are_selected_with_the_token_editor_alone(page: Page, filled: Account) -> None:
    filled.sign_in(page)
    editor = page.get_by_label("Selection of photos")
    editor.fill("None of = ")
    page.get_by_role("option", name=re.compile("^Nature")).click()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"\?none=Nature$"))
    expect(page.get_by_role("button", name="Clear", exact=True)).to_be_visible()
    editor.fill("coff")
    editor.press("Enter")
    expect(tiles(page)).to_have_count(1)
    assert page.url.endswith("?none=Nature&q=coff")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(tiles(page)).to_have_count(12)


def test_what_is_typed_is_part_of_a_name_whatever_it_begins_with(
    page: Page, filled: Account
) -> None:
    filled.sign_in(page)
    box = page.get_by_role("combobox", name="Selection of photos")
    box.fill("!:cat")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=%21%3Acat$"))
    expect(page.get_by_text("No photos match")).to_be_visible()


def test_a_selection_is_found_by_alias_listed_as_a_tree_and_hidden(
    page: Page, account: Account
) -> None:
    account.fill()
    account.sign_in(page)
    follow(page, "Labels")
    page.get_by_label("Find a label").fill("kitt")
    expect(page.get_by_role("row", name=re.compile("Choose Cat"))).to_contain_text("Kitten")
    page.get_by_label("Find a label").fill("")
    page.get_by_role("button", name="As a tree").click()
    expect(page.get_by_role("link", name="Cat", exact=True)).to_have_count(0)
    page.get_by_role("row", name=re.compile("Animal")).get_by_role("button").first.click()
    page.get_by_role("row", name=re.compile("Pet")).get_by_role("button").first.click()
    expect(page.get_by_role("link", name="Cat", exact=True)).to_be_visible()

    page.get_by_role("button", name="Name", exact=True).click()
    labels = account.client.get("/api/labels").json()
    expect(page.get_by_role("rowheader")).to_have_text(sorted(each["name"] for each in labels))
    page.get_by_role("button", name="Hide: Pet").click()
    expect(page.get_by_role("link", name="Pet", exact=True)).to_have_count(0)
    page.get_by_text("Hidden ones too").click()
    page.get_by_role("button", name="Show: Pet").click()
    page.get_by_text("Hidden ones too").click()
    expect(page.get_by_role("button", name="Hide: Pet")).to_be_visible()

    page.get_by_role("checkbox", name="Choose Cat").check()
    page.get_by_role("checkbox", name="Choose Flower").check()
    page.get_by_role("button", name="Photos with any").click()
    expect(tiles(page)).to_have_count(3)


def test_labels_are_corrected_and_undone(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    tiles(page).click()
    dialog = page.get_by_role("dialog", name="cat.jpg")
    dialog.get_by_role("button", name="Add a label").click()
    dialog.get_by_role("combobox").fill("Grandma's tiger")
    dialog.get_by_role("combobox").press("Enter")
    expect(dialog.get_by_role("link", name="Grandma's tiger")).to_be_visible()
    dialog.get_by_role("button", name="Remove Animal").click()
    expect(dialog.get_by_role("link", name="Cat")).to_have_count(0)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("link", name="Animal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(facet(page, "Grandma's tiger")).to_contain_text("1")


def test_undo_keeps_what_the_owner_had_said_before(page: Page, account: Account) -> None:
    cat, _ = account.send(sample("cat.jpg"), sample("two-dogs.jpg"))
    account.client.patch(f"/api/photos/{cat}/labels", json={"add": ["Madrid", "Tiger"]})
    account.sign_in(page)
    page.get_by_role("button", name="Open cat.jpg").click()
    dialog = page.get_by_role("dialog", name="cat.jpg")
    # Its parent takes it along; so it comes back with it.
    for removed in ("Madrid", "Animal"):
        dialog.get_by_role("button", name=f"Remove {removed}").click()
        expect(dialog.get_by_role("link", name=removed)).to_have_count(0)
        dialog.get_by_role("button", name="Undo").click()
        expect(dialog.get_by_role("link", name=removed)).to_be_visible()
        expect(dialog.get_by_role("listitem").filter(has_text="by you")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Labels", exact=True).click()
    page.get_by_role("menuitem", name="Add a label").click()
    page.get_by_role("combobox", name="Add a label").fill("Madr")
    expect(page.get_by_role("option", name="Madrid")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(facet(page, "Madrid")).to_contain_text("2")
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)
    expect(facet(page, "Madr")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(facet(page, "Madrid")).to_contain_text("1")
    assert account.client.get("/api/photos?any=Madrid").json()["photos"][0]["id"] == cat


def test_many_photos_are_corrected_at_once_and_undone(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "two-dogs.jpg", "coffee.jpg")))
    account.sign_in(page)
    expect(facet(page, "Animal")).to_contain_text("2")

    def correct(what: str, label: str) -> None:
        page.keyboard.press("Control+a")
        page.get_by_role("button", name="Labels", exact=True).click()
        page.get_by_role("menuitem", name=what).click()
        page.get_by_role("combobox", name=what).fill(label)
        page.get_by_role("combobox", name=what).press("Enter")

    correct("Add a label", "Madrid")
    expect(page.get_by_text("3 photos changed.")).to_be_visible()
    expect(facet(page, "Madrid")).to_contain_text("3")
    with page.expect_response("**/api/photos/labels"):
        correct("Remove a label", "Animal")
    expect(facet(page, "Animal")).to_have_count(0)
    page.get_by_role("button", name="Undo").first.click()
    expect(facet(page, "Animal")).to_contain_text("2")


def test_photos_are_chosen_by_keyboard_trashed_and_restored(page: Page, account: Account) -> None:
    account.send(*(sample(name) for name in ("cat.jpg", "brook.jpg", "coffee.jpg")))
    account.sign_in(page)
    expect(page.locator(".tile img")).to_have_count(3)
    tiles(page).first.focus()
    page.keyboard.press("Shift+End")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 chosen")).to_have_count(0)
    tiles(page).first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(1)
    follow(page, "Trash")
    expect(tiles(page)).to_have_count(2)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    follow(page, "Photos")
    expect(tiles(page)).to_have_count(3)


def test_chosen_photos_are_downloaded_alone(page: Page, filled: Account, tmp_path: Path) -> None:
    filled.sign_in(page)
    page.get_by_role("checkbox", name="Choose cat.jpg").click()
    page.get_by_role("checkbox", name="Choose brook.jpg").click()
    page.get_by_role("button", name=re.compile(r"Download 2 photos \(.*kB\)")).click()
    page.get_by_role("button", name="Show downloads").first.click()
    card = page.get_by_role("listitem").filter(has_text="2 photos").first
    expect(card).to_contain_text(re.compile(r"Ready · Expires in (24|23) h"))
    with page.expect_download() as download:
        card.get_by_role("link", name=re.compile("Save zip")).click()
    download.value.save_as(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "two.zip") as archive:
        assert sorted(archive.namelist())[:2] == ["brook.jpg", "cat.jpg"]
    card.get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_what_expires_is_gone_at_that_moment(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"))
    account.client.post("/api/bundles", json={}).raise_for_status()
    page.clock.install()
    account.sign_in(page)
    follow(page, "Downloads")
    save = page.get_by_role("link", name=re.compile("Save zip"))
    expect(save).to_be_visible()
    (bundle,) = account.client.get("/api/bundles").json()
    expired = [bundle | {"state": "expired"}]  # A day cannot be waited for.
    page.route("**/api/bundles", lambda route: route.fulfill(json=expired))
    page.clock.fast_forward("24:00:02")
    expect(save).to_have_count(0)
    expect(page.get_by_role("listitem").get_by_text("Expired")).to_be_visible()


def test_what_has_expired_is_prepared_again_if_a_selection_says_what_it_was(
    page: Page, account: Account
) -> None:
    account.send(sample("cat.jpg"), sample("coffee.jpg"))
    (cat,) = account.client.get("/api/photos", params={"all": "Cat"}).json()["photos"]
    for wanted in ({"all": ["Cat"], "q": "ca"}, {"ids": [cat["id"]]}):
        account.client.post("/api/bundles", json=wanted).raise_for_status()
    expired = [each | {"state": "expired"} for each in account.client.get("/api/bundles").json()]
    page.route(
        "**/api/bundles",
        lambda route: (
            route.fulfill(json=expired) if route.request.method == "GET" else route.continue_()
        ),
    )
    account.sign_in(page)
    follow(page, "Downloads")
    expect(page.get_by_role("listitem").get_by_text("Expired")).to_have_count(2)
    with page.expect_response(lambda answer: answer.request.method == "POST") as asked:
        page.get_by_role("button", name="Prepare again").click()
    made = asked.value.json()
    assert (made["selection"]["all"], made["q"], made["photos"]) == (["Cat"], "ca", 1)


def test_all_but_one_of_a_search_are_downloaded_by_what_they_are(
    page: Page, filled: Account
) -> None:
    filled.sign_in(page)
    visit(page, "?q=da")
    expect(page.get_by_role("button", name=re.compile(r"Download 3 photos \("))).to_be_visible()
    page.keyboard.press("Control+a")
    page.get_by_role("checkbox", name="Choose dahlia.jpg").click()
    with page.expect_request(lambda request: request.method == "POST") as asked:
        page.get_by_role("button", name=re.compile(r"Download 2 photos \(")).click()
    body = asked.value.post_data_json
    assert body is not None
    assert (body["q"], len(body["without"]), "ids" in body) == ("da", 1, False)
    answer = asked.value.response()
    assert answer is not None
    assert answer.json()["photos"] == 2


def test_fingers_choose_by_a_long_press(page: Page, filled: Account) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    try:
        phone = filled.sign_in(context.new_page())
        expect(phone.locator(".tile img").first).to_be_visible()
        expect(phone.get_by_label("Selection of photos")).to_be_visible()
        tile = tiles(phone).nth(1)
        box = tile.bounding_box()
        assert box is not None
        finger = {"x": box["x"] + 20, "y": box["y"] + 20}
        touch = context.new_cdp_session(phone)
        begin = {"type": "touchStart", "touchPoints": [finger]}
        touch.send("Input.dispatchTouchEvent", begin)
        expect(phone.get_by_text("1 chosen")).to_be_visible()
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        tiles(phone).first.tap()
        expect(phone.get_by_text("2 chosen")).to_be_visible()
        phone.get_by_role("button", name="Choose none").tap()
        tiles(phone).first.tap()
        expect(phone.get_by_role("dialog")).to_be_visible()
    finally:
        context.close()


def test_who_signs_out_is_out_and_a_wrong_password_is_said(page: Page, account: Account) -> None:
    account.sign_in(page)
    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill("wrong password")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_text("The address or the password is wrong.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", name="Drop your photos here")).to_be_visible()


def test_a_session_that_ended_asks_to_sign_in(page: Page, account: Account) -> None:
    account.sign_in(page)
    page.context.clear_cookies()
    # If it is there: what the page asked as it opened may have been refused already.
    page.evaluate("""() => document.querySelector('a[href="/trash"]')?.click()""")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_every_tab_is_of_the_account_that_signed_in_last(
    page: Page, account: Account, served: Served
) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    expect(tiles(page)).to_have_count(1)
    with open_library(Settings(library=served.library)) as library:
        library.identity.add_account("other@example.com", PASSWORD)
    another = page.context.new_page()
    another.goto(account.address)
    another.get_by_role("button", name="Account").click()
    another.get_by_role("menuitem", name="Sign out").click()
    another.get_by_label("Email").fill("other@example.com")
    another.get_by_label("Password").fill(PASSWORD)
    another.get_by_label("Password").press("Enter")
    expect(another.get_by_text("Drop your photos here")).to_be_visible()
    expect(page.get_by_role("button", name="Account: other@example.com")).to_be_visible()
    expect(page.get_by_text("Drop your photos here")).to_be_visible()
    expect(tiles(page)).to_have_count(0)
