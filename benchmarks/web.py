"""The web application in Chromium: queuing 10,000 files, and a gallery of 100,000 photos.

Beside them what Lighthouse says of the gallery with the sample photos, where there is npm.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.catalog import fill
from fototeca import samples
from fototeca.app import open_library
from fototeca.settings import Settings
from fototeca.vault.protocol import Size
from web.build import find_npm

FILES = 10_000
PHOTOS = 100_000
JUMPS = 5
LIGHTHOUSE = "lighthouse@12.8.2"
LIGHTHOUSES = 3
METRICS = {
    "first-contentful-paint": "FCP",
    "largest-contentful-paint": "LCP",
    "total-blocking-time": "TBT",
    "cumulative-layout-shift": "CLS",
    "speed-index": "SI",
}
LARGEST = "largest-contentful-paint-element"
EMAIL, PASSWORD = "bench@example.com", "correct horse battery"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

WATCHING = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const {startTime, duration} of list.getEntries()) {
      const from = Math.max(startTime, window.began ?? Infinity); // What comes before is not ours.
      window.longest = Math.max(window.longest, startTime + duration - from);
    }
  }).observe({type: "longtask"});
  document.addEventListener("change", () => { window.began = performance.now(); }, true);
  document.addEventListener("drop", () => { window.began = performance.now(); }, true);
}"""
LISTED = """(files) => {
  const rows = Number(document.querySelector(".files")?.getAttribute("aria-rowcount") ?? 0);
  return rows === files && performance.now() - window.began;
}"""
PAINTED = """() => {
  const tiles = [...document.querySelectorAll(".tile")].filter((tile) => {
    const {top, bottom} = tile.getBoundingClientRect();
    return bottom > 60 && top < innerHeight;
  });
  return tiles.length > 8
    && tiles.every((tile) => tile.querySelector("img")?.complete)
    && performance.now() - window.began;
}"""


@dataclass(frozen=True, slots=True)
class Queuing:
    """Ten thousand files, picked or dropped as a folder."""

    how: str
    listed: float
    """Milliseconds from the event until every file is a row."""
    longest: float
    """Milliseconds of the longest task of the page's thread, from then until all are hashed."""


@dataclass(frozen=True, slots=True)
class Gallery:
    first: float
    """Milliseconds from the page's beginning to its first screen of photos."""
    jump: float
    """Milliseconds from a press on the scrubber to every picture of another screen."""
    nodes: int
    """The most DOM nodes there were."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run of Lighthouse."""

    scores: dict[str, float]
    """0 to 1, by category."""
    metrics: dict[str, float]
    """What performance is made of: milliseconds, but for the layout's shift."""
    largest: str
    """The element whose paint is the largest contentful one."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server."""
    server = subprocess.Popen(
        [Path(sys.executable).with_name("fototeca"), "--library", folder, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = re.search(r"http\S+", server.stdout.readline())
    assert address is not None
    try:
        yield address[0].rstrip("/")
    finally:
        server.terminate()
        server.wait(timeout=60)


def add_account(library: Path, email: str = EMAIL) -> None:
    with open_library(Settings(library=library)) as opened:
        opened.identity.add_account(email, PASSWORD)


def signed_in(browser: Browser, address: str, email: str = EMAIL) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    answer = page.request.post(
        f"{address}/api/session",
        data={"email": email, "password": PASSWORD},
        headers={"origin": address},
    )
    assert answer.ok, answer.text()
    return page


def queuing(browser: Browser, folder: Path) -> list[Queuing]:
    """The photos are here already: what is measured is the page, not the network."""
    library, photos = folder / "library", folder / "photos"
    photos.mkdir()
    data = samples.photos()[0].read_bytes()
    (folder / "one.jpg").write_bytes(data)
    for number in range(FILES):
        (photos / f"IMG_{number:05}.jpg").hardlink_to(folder / "one.jpg")
    add_account(library)
    rows = []
    with serving(library) as address:
        for how in ("picked", "dropped"):
            page = signed_in(browser, address)
            page.request.post(
                f"{address}/api/photos?name=one.jpg", data=data, headers={"origin": address}
            )
            page.goto(f"{address}/uploads")
            page.get_by_role("heading", level=1).wait_for()
            page.evaluate(WATCHING)
            if how == "picked":
                page.locator("input[webkitdirectory]").set_input_files(photos)
            else:
                drop(page, photos)
            listed = page.wait_for_function(LISTED, arg=FILES).json_value()
            page.get_by_role("heading", name="Upload finished").wait_for()
            rows.append(Queuing(how, listed, page.evaluate("window.longest")))
            page.close()
    return rows


def drop(page: Page, folder: Path) -> None:
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 500, "data": data})


def gallery(browser: Browser, folder: Path) -> Gallery:
    library = folder / "library"
    with open_library(Settings(library=library)) as opened:
        owner = fill(opened.catalog, PHOTOS)  # type: ignore[arg-type]
        account = opened.catalog.accounts.get(owner)
        assert account is not None
        opened.identity.set_password(account, PASSWORD)
    draw(library / "vault" / "renditions" / owner)
    with serving(library) as address:
        page = signed_in(browser, address)
        page.goto(address)
        page.evaluate("window.began = 0")
        first = page.wait_for_function(PAINTED).json_value()
        nodes = [count(page)]
        strip = page.locator(".scrubber").bounding_box()
        assert strip is not None
        jumps = []
        for number in range(JUMPS):
            y = strip["y"] + strip["height"] * (0.5 + 0.07 * number)
            page.evaluate(
                "addEventListener('pointerdown', () => { window.began = performance.now(); }, true)"
            )
            page.mouse.move(strip["x"] + 20, y)
            page.mouse.down()
            page.mouse.up()
            page.wait_for_timeout(50)
            jumps.append(page.wait_for_function(PAINTED).json_value())
            nodes.append(count(page))
        for _ in range(30):
            page.mouse.wheel(0, 4000)
            nodes.append(count(page))
        return Gallery(first, median(jumps), max(nodes))


def count(page: Page) -> int:
    nodes: int = page.evaluate("document.querySelectorAll('*').length")
    return nodes


def draw(renditions: Path) -> None:
    """A picture for every photo: the samples', linked, since a file may have 65,000 names."""
    folder = renditions / "00"
    folder.mkdir(parents=True)
    pictures = []
    for path in samples.photos():
        with Image.open(path) as image:
            image.thumbnail((320, 320))
            pictures.append(renditions / path.name)
            image.convert("RGB").save(pictures[-1], quality=82)
    for key in range(1, PHOTOS + 1):
        name = f"{key.to_bytes(32, 'big').hex()}.{Size.GRID}.jpg"
        (folder / name).hardlink_to(pictures[key % len(pictures)])


def lighthouse(browser: Browser, folder: Path) -> list[Report]:
    """What it says of the gallery on a desktop, run by run; nothing where there is no npm."""
    npm = find_npm()
    if npm is None:
        return []
    library = folder / "library"
    add_account(library)
    with open_library(Settings(library=library)) as opened:
        account = opened.catalog.accounts.by_email(EMAIL)
        assert account is not None
        opened.imports.run(account.id, samples.photos(), lambda _: None)
    with serving(library) as address:
        page = signed_in(browser, address)
        page.goto(address)
        page.locator(".tile img").nth(11).wait_for()
        cookies = "; ".join(
            f"{each.get('name')}={each.get('value')}" for each in page.context.cookies()
        )
        page.close()
        (folder / "headers.json").write_text(json.dumps({"Cookie": cookies}))
        for number in range(LIGHTHOUSES):
            subprocess.run(
                [*npm, "exec", "--yes", LIGHTHOUSE, "--", address, "--preset=desktop", "--quiet",
                 "--output=json", f"--output-path={folder / f'{number}.json'}",
                 "--only-categories=performance,accessibility,best-practices",
                 f"--extra-headers={folder / 'headers.json'}", f"--chrome-flags={' '.join(FLAGS)}"],
                check=True,
                cwd=folder,
                env={**os.environ, "CHROME_PATH": shutil.which("chromium") or ""},
            )  # fmt: skip
    return [
        report_of(json.loads((folder / f"{number}.json").read_text()))
        for number in range(LIGHTHOUSES)
    ]


def report_of(report: dict[str, Any]) -> Report:
    audits = report["audits"]
    return Report(
        scores={name: each["score"] for name, each in report["categories"].items()},
        metrics={name: audits[name]["numericValue"] for name in METRICS},
        largest="".join(re.findall(r'"selector": "([^"]+)"', json.dumps(audits[LARGEST]))[:1]),
    )


def tell(reports: list[Report]) -> None:
    if not reports:
        return
    for name in reports[0].scores:
        print(f"  Lighthouse, {name}: {median(each.scores[name] for each in reports):.2f}")
    for name, short in METRICS.items():
        value = median(each.metrics[name] for each in reports)
        print(f"    {short}: " + (f"{value:.3f}" if short == "CLS" else f"{value:,.0f} ms"))
    print(f"    the largest paint: {' | '.join(sorted({each.largest for each in reports}))}")


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("The web application: not measured, chromium is not installed")
        return
    print(f"The web application: {FILES:,} files queued, {PHOTOS:,} photos shown, in Chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as made:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        folder = Path(made)
        for name in ("queuing", "gallery", "lighthouse"):
            (folder / name).mkdir()
        for row in queuing(browser, folder / "queuing"):
            print(
                f"  a folder {row.how}: listed in {row.listed:,.0f} ms (target 2,000),"
                f" longest task {row.longest:.0f} ms (target 200)"
            )
        shown = gallery(browser, folder / "gallery")
        print(f"  the first screen of photos after {shown.first:,.0f} ms")
        print(
            f"  another after a jump: {shown.jump:,.0f} ms (target 1,000),"
            f" at most {shown.nodes} DOM nodes (target 800)"
        )
        tell(lighthouse(browser, folder / "lighthouse"))
        browser.close()


if __name__ == "__main__":
    main()
