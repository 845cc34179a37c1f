"""Settings, work, imports and the photo view, each in the browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Browser, Page, expect

from tests.api.conftest import EMAIL, PASSWORD, Served, launch
from tests.browser.conftest import Account, watched
from tests.browser.looking import facet, follow, sample, tiles, visit
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-pages")]
HEADINGS = {
    "Deutsch": ("Einstellungen", "Fotos"),
    "Español": ("Ajustes", "Fotos"),
    "Français": ("Réglages", "Photos"),
    "Italiano": ("Impostazioni", "Foto"),
    "English": ("Settings", "Photos"),
}


ON_ONE_LINE = """([name, width]) => {
    const box = document.querySelector(`[aria-label="${name}"]`)?.getBoundingClientRect();
    return box && box.right < width && box.height < 30;
}"""


def test_a_new_password_holds_from_now_on(page: Page, account: Account, served: Served) -> None:
    account.sign_in(page)
    follow(page, "Settings")
    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password", exact=True).fill("staple battery horse")
    page.get_by_label("New password again").fill("staple battery horse")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("password is wrong")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    served.sign_in(account.email, "staple battery horse")


def test_a_token_is_made_used_and_revoked(page: Page, account: Account, served: Served) -> None:
    account.sign_in(page)
    follow(page, "Settings")
    page.get_by_role("button", name="Create token").click()
    dialog = page.get_by_role("dialog", name="Create token")
    dialog.get_by_label("Name").fill("nightly upload")
    dialog.get_by_text("May only read").click()
    dialog.get_by_role("button", name="Create token").click()
    expect(dialog.get_by_text("it is not shown again")).to_be_visible()
    found = re.search(r"\b[\w-]{30,}\b", dialog.inner_text())
    assert found is not None
    script = served.with_token(found[0])
    assert script.get("/api/photos").status_code == 200
    assert script.post("/api/photos", content=b"").status_code == 403
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("row", name=re.compile("nightly upload"))).to_contain_text("only read")
    revoke = page.get_by_role("button", name="Revoke: nightly upload")
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(ON_ONE_LINE, arg=["Revoke: nightly upload", width])
    revoke.click()
    expect(page.get_by_text("No tokens")).to_be_visible()
    assert script.get("/api/photos").status_code == 401


def test_label_settings_change_what_photos_have(page: Page, account: Account) -> None:
    account.fill()
    account.sign_in(page)
    expect(facet(page, "Coffee")).to_be_visible()
    follow(page, "Settings")
    form = page.locator("form").filter(has_text="How sure a label must be")
    form.get_by_role("slider").press("End")
    form.get_by_role("button", name="Add", exact=True).first.click()
    form.get_by_role("combobox", name="Single labels Label").fill("Cat")
    form.get_by_role("combobox", name="Single labels Label").press("Tab")
    form.get_by_role("spinbutton").fill("100")
    form.get_by_role("button", name="Add", exact=True).last.click()
    form.get_by_role("combobox", name="Other names Label").fill("Coffee")
    form.get_by_role("combobox", name="Other names New name").fill("Breakfast")
    form.get_by_role("combobox", name="Other names New name").press("Tab")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The photos follow.")).to_be_visible()
    follow(page, "Photos")
    expect(facet(page, "Breakfast")).to_contain_text("1")
    expect(facet(page, "Coffee")).to_have_count(0)
    expect(facet(page, "Cat")).to_have_count(0)
    settings = account.client.get("/api/label-settings").json()
    assert settings["sureness"] == 1
    assert settings["thresholds"] == {"Cat": 1.0}


def test_every_language_is_spoken_and_kept(page: Page, account: Account) -> None:
    account.sign_in(page)
    visit(page, "settings")
    for language, (settings, photos) in HEADINGS.items():
        page.locator("form, div").get_by_role("button", name=re.compile(
            "^(Language|Sprache|Idioma|Langue|Lingua)")).first.click()  # fmt: skip
        page.get_by_role("option", name=language).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(settings)
        expect(page.get_by_role("link", name=photos, exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_what_the_server_says_is_said_in_the_language_of_the_page(
    browser: Browser, account: Account
) -> None:
    with watched(browser, locale="de-DE") as context:
        page = context.new_page()
        page.goto(account.address)
        page.get_by_label("E-Mail").fill(account.email)
        page.get_by_label("Passwort").fill("wrong password")
        page.get_by_role("button", name="Anmelden").click()
        expect(page.get_by_text("Adresse oder Passwort ist falsch.")).to_be_visible()
        account.sign_in(page)
        account.send(sample("cat.jpg"))
        account.client.post("/api/bundles", json={}).raise_for_status()
        expect(page.get_by_text("Ein Download ist bereit.").first).to_be_visible()

        full = '{"title": "Insufficient Storage", "detail": "no space left on device"}'
        page.route("**/api/storage", lambda route: route.fulfill(status=507, body=full))
        visit(page, "settings")
        expect(page).to_have_title("Einstellungen · Fototeca")
        expect(page.get_by_role("heading", name="Speicher", exact=True)).to_be_visible()
        expect(page.get_by_text("Der Server hat keinen Platz mehr.")).to_be_visible()
        page.unroute("**/api/storage")
        page.get_by_role("button", name="Erneut versuchen").click()
        expect(page.get_by_text(re.compile("in 1 Foto$"))).to_be_visible()

        page.get_by_label("Aktuelles Passwort").fill("not the password")
        page.get_by_label("Neues Passwort", exact=True).fill("staple battery horse")
        page.get_by_label("Neues Passwort wiederholen").fill("staple battery horse")
        page.get_by_role("button", name="Passwort ändern").click()
        expect(page.get_by_text("Das aktuelle Passwort ist falsch.")).to_be_visible()
        page.goto(f"{account.address}/?q={'x' * 201}")
        expect(page.get_by_role("alert")).to_contain_text("So geht es nicht. (")
        page.get_by_role("button", name="Alle Fotos zeigen").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("1")


def test_every_page_has_a_title_of_its_own(page: Page, account: Account) -> None:
    page.goto(account.address)
    expect(page).to_have_title("Sign in · Fototeca")
    account.sign_in(page)
    for name in (
        "Photos", "Labels", "Upload", "Downloads", "Labelling", "Imports", "Trash", "Settings",
    ):  # fmt: skip
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · Fototeca")


def test_an_address_where_nothing_is_says_so_in_the_page(page: Page, account: Account) -> None:
    account.sign_in(page)
    answer = page.goto(f"{account.address}/no-such-page")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("button", name="Photos").click()
    expect(page).to_have_url(f"{account.address}/")
    assert page.request.get(f"{account.address}/no-such-page").json()["detail"] == "no such page"


def test_the_theme_is_the_systems_until_one_is_chosen(page: Page, account: Account) -> None:
    account.sign_in(page)
    dark = page.locator("body.awsui-dark-mode")
    expect(dark).to_have_count(0)
    page.emulate_media(color_scheme="dark")
    expect(dark).to_have_count(1)
    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitemcheckbox", name="Light").click()
    expect(dark).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(dark).to_have_count(0)


def test_what_fails_is_listed_with_its_reason_and_tried_again(
    page: Page, account: Account, make_jpeg: MakeJpeg
) -> None:
    whole = make_jpeg(1, size=(600, 400))
    account.send(("half.jpg", whole[: len(whole) // 2]), ("third.jpg", whole[: len(whole) // 3]))
    account.sign_in(page)
    follow(page, "Labelling")
    expect(page.get_by_role("row", name=re.compile("half.jpg"))).to_contain_text("truncated")
    busy = account.client.get("/api/work").json()
    busy |= {"failed": 1234, "waiting": 5, "running": 2}
    page.route("**/api/work", lambda route: route.fulfill(json=busy))
    page.reload()
    expect(page.get_by_text("The newest 2 of 1,234")).to_be_visible()
    expect(page.get_by_text("2 in hand")).to_be_visible()
    page.unroute("**/api/work")
    page.reload()
    page.get_by_role("button", name="Retry: half.jpg").click()
    expect(page.get_by_text("1 photo will be tried again.")).to_be_visible()
    with page.expect_response("**/api/work/retry") as tried:
        page.get_by_role("button", name="Retry all").click()
    assert tried.value.json()["photos"] in (1, 2)
    expect(page.get_by_role("row", name=re.compile("third.jpg"))).to_contain_text("truncated")


def test_labelling_again_says_what_changed(page: Page, account: Account) -> None:
    account.send(sample("cat.jpg"))
    account.sign_in(page)
    follow(page, "Labelling")
    page.get_by_role("button", name="Label all again").click()
    page.get_by_role("dialog").get_by_role("button", name="Label all again").click()
    expect(page.get_by_text("1 photo will be labelled again.")).to_be_visible()
    expect(page.get_by_role("heading", name="What labelling again changed")).to_be_visible()
    expect(page.get_by_text("No label changed.")).to_be_visible()


def test_a_folder_of_the_server_is_imported(page: Page, served: Served, account: Account) -> None:
    source = served.library.parent / "source"
    source.mkdir(exist_ok=True)
    shutil.copy(sample("cat.jpg"), source)
    shutil.copy(sample("brook.jpg"), source)
    shutil.copy(sample("coffee.jpg"), source)
    (source / "notes.jpg").write_text("no photo at all")
    trashed, _ = account.send(sample("cat.jpg"), sample("coffee.jpg"))
    account.client.delete(f"/api/photos/{trashed}").raise_for_status()
    account.sign_in(page)
    page.route("**/api/imports", lambda route: route.fulfill(status=507, body="{}"))
    follow(page, "Imports")
    expect(page.get_by_text("The server answered 507.")).to_be_visible()
    expect(page.get_by_text("No imports yet")).to_have_count(0)
    page.unroute("**/api/imports")
    page.get_by_label("Folder or bucket").fill("/etc")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Not a folder that may be imported.")).to_be_visible()
    page.get_by_label("Folder or bucket").fill(str(source))
    page.get_by_role("button", name="Import", exact=True).click()
    row = page.get_by_role("row", name=re.compile("source"))
    expect(row).to_contain_text("Finished")
    # One of them was new and one in the trash, one was here.
    found, added, here = (row.get_by_role("cell").nth(at) for at in (2, 3, 4))
    for cell, number in ((found, "4"), (added, "2"), (here, "1")):
        expect(cell).to_have_text(number)
    row.get_by_role("button", name="1 refused").click()
    refused = page.get_by_role("dialog", name="1 refused")
    expect(refused.get_by_role("listitem")).to_have_text("notes.jpgnot an image")
    page.route("**/api/imports/*", lambda route: route.fulfill(json={"refusals": []}))
    page.reload()  # As of an import that refused more than are kept.
    row.get_by_role("button", name="1 refused").click()
    expect(refused.get_by_role("listitem")).to_have_text("and 1 more")


def test_a_photo_is_looked_at_closely(page: Page, account: Account, make_jpeg: MakeJpeg) -> None:
    exif = {"Make": "Acme Corp.", "Model": "Acme One", "DateTimeOriginal": "2024:05:01 10:00:00",
            "ExposureTime": 0.004, "FNumber": 2.8, "ISOSpeedRatings": 200}  # fmt: skip
    gps = {"GPSLatitudeRef": "N", "GPSLatitude": (43.0, 12.0, 0.0),
           "GPSLongitudeRef": "W", "GPSLongitude": (4.0, 48.0, 0.0)}  # fmt: skip
    data = make_jpeg(7, size=(800, 600), exif=exif, gps=gps)
    account.send(("peak.jpg", data), sample("cat.jpg"), sample("brook.jpg"))
    account.sign_in(page)
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url))
    page.get_by_role("button", name="Open peak.jpg").click()
    photo = page.get_by_role("dialog", name="peak.jpg")
    for text in (
        "CameraAcme One",
        "1/250 s",
        "ISO 200",
        "May 1, 2024, 10:00 AM",
        "43.20000, -4.80000",
    ):
        expect(photo).to_contain_text(text)
    expect(photo.get_by_role("link", name=re.compile("OpenStreetMap"))).to_be_visible()
    assert all(url.startswith(account.address) for url in elsewhere)

    for button in photo.locator(".lightbox-bar .button").all():
        button.hover()
        assert button.evaluate("each => getComputedStyle(each).color") == "rgb(255, 255, 255)"

    picture = photo.locator(".zoomable img")
    page.keyboard.press("+")
    expect(picture).to_have_attribute("style", re.compile(r"scale\(1\.5\)"))
    page.keyboard.press("0")
    picture.dblclick()
    expect(picture).to_have_attribute("style", re.compile(r"scale\(2\.5\)"))
    with page.expect_download() as download:
        photo.get_by_role("link", name="Download original").click()
    assert download.value.path().read_bytes() == data

    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog", name=re.compile("cat.jpg|brook.jpg"))).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(photo).to_be_visible()
    page.keyboard.press("i")
    expect(photo.get_by_role("complementary")).to_have_count(0)
    page.keyboard.press("Delete")
    expect(photo).to_have_count(0)
    page.keyboard.press("Escape")
    expect(tiles(page)).to_have_count(2)
    page.get_by_role("button", name="Undo").first.click()
    expect(tiles(page)).to_have_count(3)


def test_news_come_without_events_too(page: Page, account: Account) -> None:
    page.route("**/api/events?*", lambda route: route.fulfill(status=501, body="{}"))
    account.sign_in(page)
    account.send(sample("cat.jpg"))
    expect(tiles(page)).to_have_count(1)


@pytest.fixture
def provider() -> Iterator[str]:
    with run_server_in_thread(require_nonce=True) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        claims = {"email": EMAIL, "email_verified": True}
        httpx.put(f"{address}/users/{EMAIL}", json=claims).raise_for_status()
        yield address


def test_what_a_provider_refused_is_forgotten_at_the_next_try(page: Page, account: Account) -> None:
    page.goto(f"{account.address}/#sign-in=no-account")
    refused = page.get_by_text("Nobody here has that account.")
    expect(refused).to_be_visible()
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill("wrong password")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_text("The address or the password is wrong.")).to_be_visible()
    expect(refused).to_have_count(0)


def test_signing_in_and_out_by_a_provider(page: Page, tmp_path: Path, provider: str) -> None:
    served = launch(
        tmp_path / "library", oidc_issuer=provider, oidc_client_id="fototeca",
        oidc_client_secret="secret", oidc_name="Acme", oidc_sign_up="true",
        password_sign_in="false",
    )  # fmt: skip
    try:
        page.goto(f"{served.address}/bundles")
        enter = page.get_by_role("link", name="Sign in with Acme")
        expect(enter).to_be_visible()
        expect(page.get_by_label("Email")).to_have_count(0)
        expect(page.get_by_text("set-up link")).to_have_count(0)
        enter.click()
        page.get_by_role("textbox").first.fill(EMAIL)
        page.get_by_role("button", name="Authorize", exact=True).first.click()
        expect(page.get_by_role("heading", name="Downloads", exact=True)).to_be_visible()
        follow(page, "Settings")
        expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
        expect(page.get_by_label("Current password")).to_have_count(0)

        page.get_by_role("button", name="Account").click()
        page.get_by_role("menuitem", name="Sign out").click()
        expect(page).to_have_url(re.compile(f"^{provider}/oauth2/end_session"))
        page.get_by_role("button").first.click()
        expect(enter).to_be_visible()
        assert page.url == f"{served.address}/"
    finally:
        served.stop()
