"""How tests find their way about the page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from fototeca import samples

HEAD = 120
"""Pixels at the window's top that stay over the grid."""
UNDER_THE_HEAD = """head => {
    const [tile] = [...document.querySelectorAll(".tile")]
        .map((tile) => [tile, tile.getBoundingClientRect()])
        .find(([, { bottom }]) => bottom > head + 1);
    return tile.querySelector(".tile-open").ariaLabel;
}"""


def sample(name: str) -> Path:
    (path,) = (path for path in samples.photos() if path.name == name)
    return path


def choose_files(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(files)


def visit(page: Page, name: str = "") -> None:
    origin = "/".join(page.url.split("/")[:3])
    page.goto(f"{origin}/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def tiles(page: Page) -> Locator:
    return page.locator(".tile-open")


def facet(page: Page, name: str) -> Locator:
    return page.locator(".facet").filter(has_text=re.compile(f"^{name}"))


def follow(page: Page, name: str) -> None:
    """Go to another page of the application without loading it anew."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    if name != "Photos":  # Which has another heading while there are none.
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
