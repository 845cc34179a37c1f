"""More photos are chosen one by one than a request takes at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from fototeca.app import open_library
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.settings import Settings
from tests.api.conftest import Served
from tests.browser.conftest import Account
from tests.contract.catalog_world import photo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-page")]

PHOTOS = 10_003
CHOSEN = "10,002"


@pytest.fixture
def crowded(served: Served, account: Account) -> Account:
    """An account with photos that the catalog alone knows."""
    owner = account.client.get("/api/session").json()["owner"]
    with open_library(Settings(library=served.library)) as library:
        catalog = library.catalog
        assert isinstance(catalog, SqliteCatalog)
        with catalog.database.write() as connection:
            for number in range(PHOTOS):
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


def test_ten_thousand_chosen_photos_are_bundled_and_trashed(page: Page, crowded: Account) -> None:
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
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text(re.compile(rf"^\d,000 of {CHOSEN} photos"))).to_be_visible()
    expect(page.get_by_text(f"{CHOSEN} photos moved to the trash")).to_be_visible()
    expect(page.get_by_text(f"of {CHOSEN} photos")).to_have_count(0)
    assert sum(url.endswith("/api/photos/trash") for url in requests) == 11
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(f"{CHOSEN} photos restored")).to_be_visible()
    assert crowded.client.get("/api/photos").json()["total"] == PHOTOS
