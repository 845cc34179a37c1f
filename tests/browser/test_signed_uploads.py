"""Uploads in the browser that go straight to S3: from another origin, by URLs of our signing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from fototeca.app import Library
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.settings import Settings
from fototeca.vault.s3 import S3Vault
from fototeca.web.application import create_app
from fototeca.web.server import bound
from tests.api.conftest import EMAIL, PASSWORD
from tests.browser.conftest import PATIENCE
from tests.browser.looking import choose_files, follow
from tests.conftest import MakeJpeg, new_buckets

# MiniStack answers a browser's questions before its PUT as S3 does by the stack's CORS rule.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("ministack-s3")]


@pytest.fixture
def vault(ministack: Any) -> S3Vault:
    return S3Vault(*new_buckets(ministack), ministack)


@pytest.fixture
def address(vault: S3Vault, tmp_path: Path) -> Iterator[str]:
    """Of the page of a library whose photos are on S3, with one account."""
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    settings = Settings(library=tmp_path)
    with Library(settings, Taxonomy.load(), catalog, vault, None) as library:
        library.identity.add_account(EMAIL, PASSWORD)
        listener = bound("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(create_app(library), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Signed in. The policy that lets it send to the buckets is CloudFront's, which is not here."""
    context = browser.new_context(bypass_csp=True, service_workers="block")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    answer = page.request.post(
        f"{address}/api/session",
        data={"email": EMAIL, "password": PASSWORD},
        headers={"origin": address},
    )
    assert answer.status == 204, answer.text()
    page.goto(address)
    yield page
    context.close()


def files(folder: Path, make_jpeg: MakeJpeg, *seeds: int) -> list[Path]:
    made = []
    for position, seed in enumerate(seeds):
        path = folder / f"Año {position}.jpg"
        path.write_bytes(make_jpeg(seed))
        made.append(path)
    return made


def test_what_s3_took_is_added_and_what_it_had_is_not(
    page: Page, vault: S3Vault, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    choose_files(page, *files(tmp_path, make_jpeg, 1, 2, 1))
    expect(page.get_by_text("2 added, 1 already here").first).to_be_visible()
    kept = list(vault.originals())
    assert len(kept) == 2
    names = {vault.name_of(owner, id) for owner, id, _ in kept}
    assert "Año 1.jpg" in names


def test_an_address_that_is_too_old_is_asked_for_again_and_a_refusal_has_its_reason(
    page: Page, vault: S3Vault, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    """By answers that S3 documents."""
    old, wrong = files(tmp_path, make_jpeg, 3, 4)
    tries: list[str] = []

    def answer(route: Route) -> None:
        sent = route.request
        if sent.method != "PUT":
            route.continue_()
            return
        told = sent.headers["x-amz-meta-name"]
        tries.append(told)
        code, text = "AccessDenied", "Request has expired"
        if told.endswith("1.jpg"):
            code, text = "BadDigest", "The SHA256 you specified did not match"
        elif tries.count(told) > 1:
            route.continue_()
            return
        route.fulfill(
            status=403 if code == "AccessDenied" else 400,
            headers={"access-control-allow-origin": "*"},
            content_type="application/xml",
            body=f"<Error><Code>{code}</Code><Message>{text}</Message></Error>",
        )

    page.route(f"**/{vault.photos.bucket}/**", answer)
    choose_files(page, old, wrong)
    expect(page.get_by_text("1 added, 1 refused").first).to_be_visible()
    assert sorted(tries) == ["A%C3%B1o%200.jpg", "A%C3%B1o%200.jpg", "A%C3%B1o%201.jpg"]
    follow(page, "Upload")
    page.get_by_role("button", name="1 refused").click()
    expect(page.get_by_text("The SHA256 you specified did not match.").first).to_be_visible()
    assert len(list(vault.originals())) == 1
