"""Takes README's pictures with the sample photos: `make screenshots`."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.web import FLAGS, add_account, serving, signed_in
from fototeca import samples

EMAIL = "lucia@example.org"
DOCS = Path(__file__).parents[1] / "docs"
WIDE = {"width": 1280, "height": 800}
PHOTO = {"width": 1080, "height": 680}
"""Smaller, since a photo's own detail is most of the file."""
PHONE = {"width": 390, "height": 844}


def fill(page: Page, address: str) -> None:
    """The samples, looked at."""
    for path in samples.photos():
        page.request.post(
            f"{address}/api/photos?name={path.name}",
            data=path.read_bytes(),
            headers={"origin": address},
        )
    while page.request.get(f"{address}/api/work").json()["waiting"]:
        page.wait_for_timeout(200)


def keep(page: Page, name: str) -> None:
    """256 colours, dithered, look the same on a page and are a third of the size."""
    page.wait_for_timeout(800)  # Pictures decode, and what fades in is there.
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MEDIANCUT).save(DOCS / name, optimize=True)


def take(browser: Browser, address: str) -> None:
    page = signed_in(browser, address, EMAIL)
    fill(page, address)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.goto(f"{address}/?any=Animal&any=Flower&any=Mountain&any=Sky")
    page.locator(".tile img").nth(5).wait_for()
    keep(page, "gallery.png")
    page.set_viewport_size(PHOTO)  # type: ignore[arg-type]
    page.get_by_role("button", name="Open picos-de-europa.jpg").click()
    page.get_by_role("dialog").get_by_role("button", name="Add a label").wait_for()
    page.mouse.move(0, 0)
    keep(page, "photo.png")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    page.goto(address)
    page.locator(".tile img").nth(8).wait_for()
    keep(page, "phone.png")


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("screenshots need chromium", file=sys.stderr)
        return 1
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as made:
        library = Path(made) / "library"
        add_account(library, EMAIL)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with serving(library) as address:
            take(browser, address)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
