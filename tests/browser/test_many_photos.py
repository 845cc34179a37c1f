"""More photos than a page of them, and more chosen one by one than a request takes at once."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from fototeca.app import open_library
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.settings import Settings
from tests.api.conftest import Served
from tests.browser.conftest import Account
from tests.browser.looking import under_the_head
from tests.conftest import MakeJpeg
from tests.contract.catalog_world import photo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]

PHOTOS = 3_003
CHOSEN = "3,002"


@pytest.fixture
def crowded(served: Served, account: Account) -> Account:
    """An account with photos that the catalog alone knows."""
    return crowd(served, account, PHOTOS)


def crowd(served: Served, account: Account, photos: int) -> Account:
    owner = account.client.get("/api/session").json()["owner"]
    with open_library(Settings(library=served.library)) as library:
        catalog = library.catalog
        assert isinstance(catalog, SqliteCatalog)
        with catalog.database.write() as connection:
            for number in range(photos):
                catalog.photos.add(photo(owner, number))
            connection.execute("UPDATE photo SET state = 'labelled' WHERE name LIKE 'IMG_%'")
    return account


def choose(page: Page) -> None:
    """All but the newest, one by one."""
    page.locator('[data-at="0"] .tile-open').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+End")
    expect(page.get_by_text(f"{CHOSEN} chosen")).to_be_visible()


def test_thousands_of_chosen_photos_are_bundled_and_trashed(page: Page, crowded: Account) -> None:
    crowded.sign_in(page)
    # The keyboard goes along from end to end, through pages that are not loaded yet.
    page.locator('[data-at="0"] .tile-open').focus()
    page.keyboard.press("End")
    expect(page.locator(f'[data-at="{PHOTOS - 1}"] .tile-open')).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator('[data-at="0"] .tile-open')).to_be_focused()

    choose(page)
    page.get_by_role("button", name=re.compile(f"Download {CHOSEN} photos")).click()
    expect(page.get_by_text(re.compile("download is being prepared"))).to_be_visible()
    (bundle,) = crowded.client.get("/api/bundles").json()
    assert bundle["photos"] == PHOTOS - 1

    # How far it is can be seen on the way, and what was done is undone as a whole.
    page.evaluate("scrollTo(0, 0)")
    choose(page)
    sent: list[Route] = []

    def first(route: Route) -> None:
        sent.append(route)
        if len(sent) == 1:
            route.continue_()

    page.route("**/api/photos/trash", first)
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text(f"1,000 of {CHOSEN} photos")).to_be_visible()
    page.unroute("**/api/photos/trash")
    expect(page.get_by_text(f"{CHOSEN} photos moved to the trash")).to_be_visible()
    expect(page.get_by_text(f"of {CHOSEN} photos")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(f"{CHOSEN} photos restored")).to_be_visible()
    assert crowded.client.get("/api/photos").json()["total"] == PHOTOS


WATCH = """() => {
  window.blank = 0;
  const look = () => {
    const all = [...document.querySelectorAll(".tile")];
    if (all.some((tile) => !tile.querySelector(".tile-open"))) window.blank += 1;
    requestAnimationFrame(look);
  };
  look();
}"""


def slowly(route: Route) -> None:
    time.sleep(0.1)
    route.continue_()


def test_photos_in_view_stay_there_while_others_come(
    page: Page, served: Served, account: Account, make_jpeg: MakeJpeg
) -> None:
    crowd(served, account, 400).sign_in(page)
    day = page.get_by_role("heading", level=2, name="Wednesday, June 10, 2026")
    while not day.count():
        page.evaluate("scrollBy(0, 600)")
        under_the_head(page)
    day.evaluate("(day) => scrollBy(0, day.getBoundingClientRect().top + 50)")
    place = """(name) => [...document.querySelectorAll(".tile-open")]
        .find((tile) => tile.ariaLabel === name)?.getBoundingClientRect().top"""
    name = under_the_head(page)
    top = page.evaluate(place, name)
    at = page.locator(f'.tile:has([aria-label="{name}"])')
    number = int(at.get_attribute("data-at") or 0)
    page.evaluate(WATCH)
    # The answers take a while, as they do from far away.
    page.route("**/api/photos?*", slowly)
    same_day = {"DateTimeOriginal": "2026:06:10 23:59:59"}
    account.send(("a.jpg", make_jpeg(1)), ("b.jpg", make_jpeg(2, exif=same_day)))
    expect(at).to_have_attribute("data-at", str(number + 2))
    assert page.evaluate(place, name) == pytest.approx(top, abs=1)
    assert page.evaluate("window.blank") == 0
