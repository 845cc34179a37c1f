"""Where owners are told, set in the browser; and what the browser itself says when it may."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.receivers import WebReceiver, web_receiver

pytestmark = pytest.mark.browser
SECRET = "hunter2-of-the-hook"

# Chromium without a screen shows no notifications: what it would have shown is kept.
# A phone's lets only the service worker show them.
RECORDING = """
window.asked = 0;
window.Notification = class {
  static permission = sessionStorage.getItem("permission") ?? "default";
  static requestPermission() {
    window.asked += 1;
    sessionStorage.setItem("permission", "granted");
    this.permission = "granted";
    return Promise.resolve("granted");
  }
  constructor(title, { body }) {
    if (window.phone) throw new TypeError("Illegal constructor");
    document.documentElement.dataset.told = `${body} By the page.`;
  }
};
ServiceWorkerRegistration.prototype.showNotification = async (title, { body, data }) => {
  window.shown = data;
  document.documentElement.dataset.told = body;
};
"""
CLICK = """data => {
  const clicked = new ExtendableEvent("notificationclick");
  const done = new Promise((resolve) => {
    clicked.waitUntil = (shown) => shown.catch(() => undefined).then(resolve);
  });
  clicked.notification = { data, close() {} };
  self.dispatchEvent(clicked);
  return done;
}
"""
"""A click that the service worker is told of; it may bring no page to the front without a hand."""


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that is started may tell this machine."""
    monkeypatch.setenv("FOTOTECA_NOTIFY_INSIDE", "true")


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def settings(inside: None, worked: Page, setup_link: str) -> Page:
    """The settings' page of a new account."""
    page = worked
    page.add_init_script(RECORDING)
    page.goto(setup_link)
    page.get_by_label("Email").fill("dan@example.com")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_label("Password again").fill("correct horse battery")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Drop your photos here")).to_be_visible()
    page.goto(f"{origin(page)}/settings")
    return page


def origin(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def test_an_address_from_adding_to_removing_by_keyboard(settings: Page, web: WebReceiver) -> None:
    page = settings
    expect(page.get_by_text("No addresses")).to_be_visible()
    page.get_by_role("button", name="Add an address").press("Enter")
    dialog = page.get_by_role("dialog")
    address = dialog.get_by_label("Address", exact=True)
    expect(address).to_have_value("mailtos://NAME:PASSWORD@SERVER")
    dialog.get_by_label("Service").press("Enter")
    page.get_by_role("option", name="ntfy").click()
    expect(address).to_have_value("ntfys://SERVER/TOPIC")
    address.fill("dbus://")
    address.press("Enter")
    expect(dialog.get_by_text("is no service that may be used here")).to_be_visible()
    address.fill(f"ntfy://dan:{SECRET}@127.0.0.1:{web.port}/{SECRET}")
    address.press("Enter")
    expect(dialog).to_have_count(0)
    shown = f"ntfy://...:****@127.0.0.1:{web.port}/h...k"
    row = page.get_by_role("listitem").filter(has_text=shown)
    expect(row).to_contain_text("Not told anything yet")

    row.get_by_role("button", name=re.compile("Send a test")).press("Enter")
    expect(page.get_by_text("The test message was sent.")).to_be_visible()
    assert web.received[0]["title"] == "Fototeca: a test"
    web.status = 403
    expect(row.get_by_role("button", name=re.compile("Send a test"))).to_be_enabled()
    row.get_by_role("button", name=re.compile("Send a test")).press("Enter")
    expect(page.get_by_text("was not sent: it answered 403 Forbidden")).to_be_visible()
    page.reload()
    expect(row).to_be_visible()
    assert SECRET not in page.content()

    row.get_by_role("button", name=re.compile("Remove")).press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").press("Enter")
    expect(row).to_be_visible()
    row.get_by_role("button", name=re.compile("Remove")).press("Enter")
    dialog.get_by_role("button", name="Remove").press("Enter")
    expect(page.get_by_text("No addresses")).to_be_visible()


def test_the_browser_tells_when_it_was_allowed_to_and_nobody_looks(
    settings: Page, web: WebReceiver
) -> None:
    page = settings
    allow = page.get_by_role("button", name="Notify me in the browser")
    expect(allow).to_be_visible()
    assert page.evaluate("window.asked") == 0
    allow.press("Enter")
    expect(page.get_by_text("Allowed", exact=True)).to_be_visible()
    assert page.evaluate("window.asked") == 1

    def bundled() -> None:
        """Ask for a bundle, as another tab would."""
        page.evaluate(
            """async () => {
              const asked = { method: "POST", headers: { "content-type": "application/json" } };
              await fetch("/api/bundles", { ...asked, body: "{}" });
            }"""
        )

    page.evaluate(
        """async () => {
          const picture = document.createElement("canvas");
          picture.width = picture.height = 64;
          const jpeg = await new Promise((done) => picture.toBlob(done, "image/jpeg"));
          await fetch("/api/photos?name=a.jpg", { method: "POST", body: jpeg });
        }"""
    )
    bundled()
    expect(page.get_by_text("Your photo is ready to download.").first).to_be_visible()
    expect(page.locator("html")).not_to_have_attribute("data-told", re.compile("."))
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    page.evaluate("window.phone = true")
    bundled()
    told = "Your photo is ready to download."
    expect(page.locator("html")).to_have_attribute("data-told", told)

    (worker,) = page.context.service_workers
    worker.evaluate(CLICK, page.evaluate("window.shown"))
    expect(page).to_have_url(re.compile("/bundles/[0-9a-f]+$"))
    expect(page.locator(".bundle").first).to_be_focused()
    assert page.evaluate("window.phone")  # It was not loaded anew.

    page.evaluate("ServiceWorkerContainer.prototype.getRegistration = async () => undefined")
    page.evaluate("window.phone = false")
    bundled()
    expect(page.locator("html")).to_have_attribute("data-told", f"{told} By the page.")


def test_the_link_of_a_message_leads_to_the_downloads(settings: Page) -> None:
    page = settings
    page.goto(f"{origin(page)}/bundles/0123456789abcdef")
    expect(page.get_by_role("heading", name="Downloads", exact=True)).to_be_visible()
    expect(page.get_by_text("This download is no longer here.")).to_be_visible()
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
