"""The page of an evaluation, as a browser shows it from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fototeca.labelling.evaluation import Seen, Truth, evaluate
from fototeca.labelling.report import mistakes, page
from tests.browser.conftest import watched
from tests.conftest import MakeJpeg

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1440, 360])
def test_an_evaluation_fits_its_window(
    browser: Browser, tmp_path: Path, make_jpeg: MakeJpeg, width: int
) -> None:
    labels = ["Sea", "Lighthouse on a rocky headland"]
    one, other = (frozenset([label]) for label in labels)
    seen = [
        Seen(Truth(one, other), {labels[0]: 0.9, labels[1]: 0.8}, other),
        Seen(Truth(other, one), {labels[0]: 0.3, labels[1]: 0.6}, one),
    ]
    shown = [(each, f"{'x' * 90}.jpg", make_jpeg()) for each in mistakes(seen, labels, 9)]
    target = tmp_path / "page.html"
    target.write_text(page("m@1", evaluate(seen, labels), seen, shown, ["Not read: a.jpg: no"]))
    with watched(browser, viewport={"width": width, "height": 800}) as context:
        opened = context.new_page()
        opened.goto(target.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") == width
        broken = "[...document.images].filter(image => !image.naturalWidth).length"
        assert opened.evaluate("document.images.length") == 4
        assert opened.evaluate(broken) == 0
        assert opened.get_by_text("Not read: a.jpg: no").is_visible()
