"""How tests find their way about the page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from fototeca import samples

HEAD = 120
"""Pixels at the window's top that stay over the grid."""
UNDER_THE_HEAD = """head => {
    const seen = [...document.querySelectorAll(".tile, .grid-day")]
        .map((each) => [each, each.getBoundingClientRect()]);
    const end = document.querySelector(".grid").getBoundingClientRect().bottom;
    const drawn = [head, Math.min(innerHeight, end) - 1].every((y) =>
        seen.some(([, { top, bottom }]) => top <= y + 5 && bottom >= y - 5));
    if (!drawn || document.querySelector(".tile:not(:has(.tile-open))")) return null;
    const [tile] = seen.find(([each, { bottom }]) => each.matches(".tile") && bottom > head + 1);
    return tile.querySelector(".tile-open").ariaLabel;
}"""


def sample(name: str) -> Path:
    (path,) = (path for path in samples.photos() if path.name == name)
    return path


def choose_files(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(files)


def hold(route: Route) -> None:
    """A request is not answered until this route of its page is taken away."""


def visit(page: Page, name: str = "") -> None:
    origin = "/".join(page.url.split("/")[:3])
    page.goto(f"{origin}/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def under_the_head(page: Page) -> str:
    """The name of the photo there, once the grid is drawn where the window is."""
    name: str = page.wait_for_function(UNDER_THE_HEAD, arg=HEAD).json_value()
    return name


def tiles(page: Page) -> Locator:
    return page.locator(".tile-open")


def facet(page: Page, name: str) -> Locator:
    return page.locator(".facet").filter(has_text=re.compile(f"^{name}"))


def follow(page: Page, name: str) -> None:
    """Go to another page of the application without loading it anew."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    if name != "Photos":  # Which has another heading while there are none.
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
