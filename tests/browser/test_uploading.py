"""Uploads in the browser: folders, what is refused, and everything that can come between."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, CDPSession, Dialog, Page, expect

from fototeca import samples
from tests.api.conftest import EMAIL, FOTOTECA, PASSWORD, Served, launch
from tests.browser.conftest import ELSEWHERE, Account, watched
from tests.browser.looking import choose_files, follow, hold, sample, tiles
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-uploading")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos, one in a folder within, and what folders have beside photos."""
    root = tmp_path / "Asturias"
    (root / "Peña Ubiña").mkdir(parents=True)
    for name, to in (("cat.jpg", ""), ("brook.jpg", ""), ("coffee.jpg", "Peña Ubiña")):
        shutil.copy(sample(name), root / to / name)
    (root / "notes.txt").write_text("not a photo")
    (root / "empty.jpg").touch()
    (root / "broken.jpg").write_text("no photo at all")
    (root / ".hidden.jpg").write_bytes(sample("dahlia.jpg").read_bytes())
    return root


def row(page: Page, path: str) -> str:
    return page.get_by_role("row").filter(has_text=path).inner_text()


def see_the_folder(page: Page) -> None:
    expect(page.get_by_text("3 added, 3 refused").first).to_be_visible()
    assert "Added" in row(page, "Asturias/Peña Ubiña/coffee.jpg")
    assert "text/plain is no photo" in row(page, "Asturias/notes.txt")
    assert "The file is empty" in row(page, "Asturias/empty.jpg")
    assert "Refused: " in row(page, "Asturias/broken.jpg")
    expect(page.get_by_role("row", name=re.compile("hidden"))).to_have_count(0)


def test_a_folder_is_picked_and_what_is_refused_is_listed_with_its_reason(
    page: Page, account: Account, folder: Path
) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    page.locator("input[webkitdirectory]").set_input_files(folder)
    see_the_folder(page)
    page.get_by_role("button", name="3 refused").click()
    expect(page.locator(".file")).to_have_count(3)
    # What has been mended meanwhile is sent at the next try, the rest refused as before.
    (folder / "broken.jpg").write_bytes(sample("two-dogs.jpg").read_bytes())
    page.get_by_role("button", name="Retry refused").click()
    expect(page.get_by_text(re.compile("3 added, [23] refused|4 added")).first).to_be_visible()
    follow(page, "Photos")
    expect(page.locator(".tile img").nth(2)).to_be_visible()


def test_a_folder_is_dropped_anywhere(page: Page, account: Account, folder: Path) -> None:
    account.sign_in(page)
    drop(page, folder)
    page.get_by_role("button", name="Details").click()
    see_the_folder(page)
    # Dropped once more, what is here is found before anything is sent.
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    drop(page, folder / "cat.jpg", folder / "Peña Ubiña")
    expect(page.get_by_text("0 added, 2 already here").first).to_be_visible()
    assert "PUT" not in sent


def drop(page: Page, *paths: Path) -> None:
    """As from the desktop: the browser itself reads the folders."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "dragOver", "drop"):
        # A drop comes to nothing unless the page has said that it takes it.
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 500, "data": data})
        if kind == "dragOver":
            expect(page.get_by_text("Drop to upload")).to_be_visible()
    expect(page.get_by_text("Drop to upload")).to_have_count(0)


def test_on_a_phone_one_reads_why_a_file_is_refused(
    browser: Browser, account: Account, folder: Path
) -> None:
    notes = folder / "notes.md"
    notes.write_text("not a photo")
    with watched(browser, viewport={"width": 390, "height": 844}, locale="de-DE") as context:
        page = account.sign_in(context.new_page())
        page.goto(f"{account.address}/uploads")
        choose_files(page, notes)
        state = page.get_by_role("row").filter(has_text="text/markdown ist kein Foto")
        expect(state).to_be_visible()
        hidden = (
            "each => each.scrollWidth - each.clientWidth + each.scrollHeight - each.clientHeight"
        )
        assert state.locator(".file-state").evaluate(hidden) == 0
        page.get_by_role("button", name="Navigation öffnen").click()
        page.get_by_role("link", name="Labels", exact=True).click()
        box = page.get_by_role("complementary", name="Hochladen").bounding_box()
        assert box is not None
        assert box["x"] > 0
        assert box["x"] + box["width"] < 390


def test_a_thousand_are_queued_while_only_those_in_view_are_drawn(
    page: Page, account: Account, tmp_path: Path
) -> None:
    account.send(sample("cat.jpg"))
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1200):
        (many / f"{number}.jpg").hardlink_to(_once(tmp_path))
    account.sign_in(page)
    follow(page, "Upload")
    page.locator("input[webkitdirectory]").set_input_files(many)
    expect(page.get_by_text("0 added, 1,200 already here").first).to_be_visible(timeout=500_000)
    assert page.locator(".files").get_attribute("aria-rowcount") == "1200"
    assert page.locator(".file").count() < 40
    assert page.evaluate("document.querySelectorAll('*').length") < 800


def _once(folder: Path) -> Path:
    copy = folder / "cat.jpg"
    if not copy.exists():
        shutil.copy(sample("cat.jpg"), copy)
    return copy


def test_an_upload_is_paused_resumed_and_cancelled(page: Page, account: Account) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    page.route("**/api/uploads/*", hold)
    choose_files(page, *(sample(name) for name in ("cat.jpg", "brook.jpg")))
    expect(page.get_by_text("0 of 2 files")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=False).first).to_be_visible()
    page.unroute("**/api/uploads/*")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("2 added").first).to_be_visible()

    page.route("**/api/uploads/*", hold)
    choose_files(page, sample("coffee.jpg"))
    expect(page.get_by_text("0 of 1 file", exact=False)).to_be_visible()
    page.get_by_role("button", name="Cancel all").click()
    expect(page.get_by_text("1 cancelled").first).to_be_visible()
    assert account.client.get("/api/photos").json()["total"] == 2


def test_what_was_cancelled_while_it_was_sent_is_sent_from_its_beginning(
    page: Page, account: Account
) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    page.route("**/api/uploads/*", hold)
    choose_files(page, sample("cat.jpg"))
    expect(page.get_by_role("row").get_by_text("%")).to_be_visible()
    page.get_by_role("button", name="Cancel all").click()
    expect(page.get_by_text("1 cancelled").first).to_be_visible()
    page.get_by_role("button", name="Retry refused").click()
    expect(page.get_by_text("0 of 1 file", exact=False)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^0 bytes / \d+ kB"))).to_be_visible()
    page.unroute("**/api/uploads/*")
    expect(page.get_by_text("1 added").first).to_be_visible()


SLOW_FOLDERS = """const asEntry = DataTransferItem.prototype.webkitGetAsEntry;
    const slow = new Promise((go) => { window.go = go; });
    DataTransferItem.prototype.webkitGetAsEntry = function () {
        const entry = asEntry.call(this);
        if (!entry.isDirectory) return entry;
        const reader = Object.getPrototypeOf(entry.createReader());
        const read = reader.readEntries;
        reader.readEntries = function (...then) {
            void slow.then(() => read.call(this, ...then));
        };
        return entry;
    };"""
"""Nothing of a folder is read until `go()`."""


def test_cancelling_while_a_folder_is_read_ends_that_too(
    page: Page, account: Account, folder: Path
) -> None:
    page.add_init_script(SLOW_FOLDERS)
    account.sign_in(page)
    follow(page, "Upload")
    drop(page, sample("dahlia.jpg"), folder)
    expect(page.get_by_role("heading", name="Reading folders")).to_be_visible()
    page.get_by_role("button", name="Cancel all").click()
    page.evaluate("go()")
    expect(page.get_by_role("heading", name="Reading folders")).to_have_count(0)
    page.wait_for_timeout(300)
    expect(page.get_by_text("cat.jpg")).to_have_count(0)
    assert account.client.get("/api/photos").json()["total"] <= 1


def test_that_folders_are_read_is_said_and_that_there_was_nothing_in_them(
    page: Page, account: Account, tmp_path: Path
) -> None:
    empty = tmp_path / "empty" / "and empty again"
    empty.mkdir(parents=True)
    (empty / ".hidden.jpg").write_bytes(sample("dahlia.jpg").read_bytes())
    page.add_init_script(SLOW_FOLDERS)
    account.sign_in(page)
    nothing = page.get_by_text("There are no photos in there.")
    for name in ("Upload", "Labels"):
        follow(page, name)
        drop(page, empty.parent)
        reading = page.get_by_text("Reading folders: 0 files found")
        expect(reading).to_be_visible()
        page.evaluate("go()")
        expect(nothing).to_be_visible()
        expect(reading).to_have_count(0)
        page.get_by_role("button", name="Dismiss").click()
        page.reload()


def test_a_file_that_was_changed_after_it_was_chosen_is_refused_as_what_it_is(
    page: Page, account: Account, tmp_path: Path
) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    photos = [tmp_path / "changed.jpg", tmp_path / "gone.jpg"]
    for path, name in zip(photos, ("cat.jpg", "brook.jpg"), strict=True):
        shutil.copy(sample(name), path)
    page.route("**/api/uploads", hold)
    with page.expect_request("**/api/uploads"):
        choose_files(page, *photos)
    photos[0].write_bytes(sample("coffee.jpg").read_bytes())
    os.utime(photos[0], (1, 1))
    photos[1].unlink()
    page.unroute("**/api/uploads")
    expect(page.get_by_text("0 added, 2 refused").first).to_be_visible()
    for path in photos:
        assert "The browser cannot read this file" in row(page, path.name)


def test_a_reload_in_the_middle_loses_nothing(page: Page, account: Account, folder: Path) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    # The largest takes a quarter of a minute.
    with (folder / "brook.jpg").open("ab") as file:
        file.write(bytes(500_000))
    slow = throttled(page, 40_000)
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(page.get_by_text(re.compile("^[12] added"))).to_be_visible()
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]
    slow.detach()
    expect(page.get_by_role("heading", name="Upload", level=1)).to_be_visible()
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(page.get_by_role("heading", name="Upload finished")).to_be_visible()
    outcome = page.get_by_text(re.compile("^[0-2] added, [1-3] already here, 3 refused$"))
    expect(outcome.first).to_be_visible()
    assert account.client.get("/api/photos").json()["total"] == 3


def throttled(page: Page, upload: int) -> CDPSession:
    """So many bytes a second leave the page, until this is detached: no other session ends it."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload},
    )
    return network


def test_who_must_sign_in_again_finds_the_upload_going_on(page: Page, account: Account) -> None:
    account.sign_in(page)
    follow(page, "Upload")
    choose_files(page, sample("cat.jpg"))
    expect(page.get_by_text("1 added").first).to_be_visible()
    page.context.clear_cookies()
    choose_files(page, sample("brook.jpg"), sample("coffee.jpg"))
    expect(page.get_by_text("Sign in and the upload goes on where it stopped.")).to_be_visible()
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_text("2 added").first).to_be_visible()
    assert account.client.get("/api/photos").json()["total"] == 3


def test_without_https_what_is_here_is_found_before_sending_too(
    page: Page, served: Served, account: Account
) -> None:
    account.send(sample("cat.jpg"))
    page.goto(served.address.replace("127.0.0.1", ELSEWHERE))
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.locator(".tile img")).to_be_visible()
    assert not page.evaluate("isSecureContext")
    follow(page, "Upload")
    choose_files(page, sample("cat.jpg"), sample("brook.jpg"))
    expect(page.get_by_text("1 added, 1 already here").first).to_be_visible()


@pytest.mark.crash
def test_a_server_killed_in_the_middle_gets_everything_when_it_is_back(
    page: Page, tmp_path: Path
) -> None:
    first = launch(tmp_path / "library")
    again: subprocess.Popen[bytes] | None = None
    try:
        client = first.set_up()
        Account(first.address, EMAIL, client).sign_in(page)
        follow(page, "Upload")
        slow = throttled(page, 50_000)
        choose_files(page, *samples.photos())
        expect(page.get_by_text(re.compile("^[1-9] added"))).to_be_visible()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        expect(page.get_by_text("Trying again soon").first).to_be_visible()
        port = first.address.rpartition(":")[2]
        again = subprocess.Popen(
            [FOTOTECA, "--library", first.library, "serve", "--port", port],
            stdout=subprocess.DEVNULL,
        )
        slow.detach()
        finished = page.get_by_role("heading", name="Upload finished")
        expect(finished).to_be_visible(timeout=300_000)
        outcome = page.get_by_text(re.compile("^(12 added|[0-9]+ added, [0-9]+ already here)$"))
        expect(outcome.first).to_be_visible()
        photos = client.get("/api/photos").json()["photos"]
        kept = {client.get(f"/api/photos/{each['id']}/original").content for each in photos}
        assert kept == {path.read_bytes() for path in samples.photos()}
    finally:
        first.process.kill()
        if again is not None:
            again.terminate()
            again.wait(timeout=300)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.crash
def test_a_full_disk_holds_the_upload_until_there_is_room(
    page: Page, small_disk: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    served = launch(small_disk / "library")
    try:
        client: httpx.Client = served.set_up()
        Account(served.address, EMAIL, client).sign_in(page)
        follow(page, "Upload")
        paths = [tmp_path / f"{number}.jpg" for number in range(3)]
        for number, path in enumerate(paths):
            path.write_bytes(make_jpeg(number) + bytes([number]) * 1_500_000)
        choose_files(page, *paths)
        expect(page.get_by_text("Nothing is lost: make room on the server")).to_be_visible()
        expect(page.get_by_text("3 added")).to_have_count(0)
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("3 added").first).to_be_visible()
        follow(page, "Photos")
        expect(tiles(page)).to_have_count(3)
    finally:
        served.stop()


def test_photos_are_sent_by_a_page_that_finds_its_worker_no_more(
    page: Page, account: Account
) -> None:
    account.sign_in(page)
    page.route("**/assets/worker-*", lambda route: route.fulfill(status=404))
    choose_files(page, sample("cat.jpg"), sample("brook.jpg"))
    expect(tiles(page)).to_have_count(2)
    follow(page, "Upload")
    choose_files(page, sample("cat.jpg"))
    expect(page.get_by_text("1 already here").first).to_be_visible()
