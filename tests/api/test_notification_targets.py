"""Notification targets over HTTP: added, tested, told by the server, and never shown whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import (
    Serve,
    Served,
    add_token,
    bundled,
    is_problem,
    labelled,
    until,
    upload,
)
from tests.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

pytestmark = pytest.mark.xdist_group("api")

TARGETS = "/api/notification-targets"
SECRET = "hunter2-of-the-hook"


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(notify_inside="true")


def url_of(web: WebReceiver) -> str:
    return f"ntfy://dan:{SECRET}@127.0.0.1:{web.port}/{SECRET}"


def add(client: httpx.Client, url: str) -> str:
    answer = client.post(TARGETS, json={"url": url})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def test_a_ready_bundle_comes_by_mail_and_web_hook(
    served: Served, web: WebReceiver, mail: MailReceiver
) -> None:
    dan = served.set_up()
    add(dan, url_of(web))
    add(dan, f"mailto://127.0.0.1:{mail.port}/dan@example.com/?from=fototeca@example.com")
    upload(dan, samples.photos()[0].read_bytes())
    labelled(dan)
    bundle = bundled(dan)
    until(lambda: (web.texts and mail.mails) or None, "told")
    link = f"{served.address}/bundles/{bundle['id']}"
    assert link in web.texts[0]
    assert link in mail.mails[0].get_body().get_content()
    # The link is to the page, which asks to sign in; the archive itself needs that, too.
    assert served.client().get(link).headers["content-type"].startswith("text/html")
    is_problem(served.client().get(f"/api/bundles/{bundle['id']}/archive"), 401)

    def all_told() -> list[dict[str, Any]] | None:
        targets: list[dict[str, Any]] = dan.get(TARGETS).json()["targets"]
        return targets if all(each["told_at"] for each in targets) else None

    told = until(all_told, "recorded")
    assert [each["failure"] for each in told] == [None, None]
    assert all(each["confirmed"] for each in told)


def test_a_test_says_what_happened(served: Served, web: WebReceiver) -> None:
    dan = served.set_up()
    id = add(dan, url_of(web))
    assert dan.post(f"{TARGETS}/{id}/test").json() == {"sent": True, "failure": None}
    assert web.received[0]["title"] == "Fototeca: a test"
    web.status = 403
    answer = dan.post(f"{TARGETS}/{id}/test")
    assert answer.status_code == 200
    assert answer.json() == {"sent": False, "failure": "it answered 403 Forbidden"}

    def refused() -> httpx.Response | None:
        answer = dan.post(f"{TARGETS}/{id}/test")
        return answer if answer.status_code == 429 else None

    slowed = until(refused, "slowed down")
    is_problem(slowed, 429)
    assert int(slowed.headers["retry-after"]) >= 1


def test_a_removed_target_is_told_nothing_more(served: Served, web: WebReceiver) -> None:
    dan = served.set_up()
    id = add(dan, url_of(web))
    kept = add(dan, f"{url_of(web)}-kept")
    assert dan.delete(f"{TARGETS}/{id}").status_code == 204
    is_problem(dan.delete(f"{TARGETS}/{id}"), 404)
    is_problem(dan.post(f"{TARGETS}/{id}/test"), 404)
    assert [each["id"] for each in dan.get(TARGETS).json()["targets"]] == [kept]
    upload(dan, samples.photos()[0].read_bytes())
    bundled(dan)
    until(lambda: web.received or None, "told")
    assert {each["topic"] for each in web.received} == {f"{SECRET}-kept"}


def test_no_secret_comes_back_or_is_logged(served: Served, web: WebReceiver) -> None:
    dan = served.set_up()
    answer = dan.post(TARGETS, json={"url": url_of(web)})
    id = answer.json()["id"]
    web.status = 500
    texts = [
        answer.text,
        dan.get(TARGETS).text,
        dan.post(f"{TARGETS}/{id}/test").text,
        dan.post(TARGETS, json={"url": f"fcm://{SECRET}"}).text,
        dan.post(TARGETS, json={"url": f"tgram://{SECRET}"}).text,
        dan.post(TARGETS, json={"url": [SECRET]}).text,
    ]
    upload(dan, samples.photos()[0].read_bytes())
    bundled(dan)
    until(lambda: dan.get(TARGETS).json()["targets"][0]["failure"], "failed")
    texts += [dan.get(TARGETS).text, dan.get("/api/notices").text]
    served.stop()
    texts.append(served.log.read_text())
    assert "was not told: it answered 500" in texts[-1]
    for text in texts:
        assert SECRET not in text


# Before the refusals: whoever was refused six times must wait.
def test_by_default_nothing_inside_is_told(owner: httpx.Client, web: WebReceiver) -> None:
    id = add(owner, url_of(web))
    answer = owner.post(f"{TARGETS}/{id}/test").json()
    assert owner.delete(f"{TARGETS}/{id}").status_code == 204
    assert not answer["sent"]
    assert "FOTOTECA_NOTIFY_INSIDE" in answer["failure"]
    assert web.tries == 0


@pytest.mark.parametrize(
    "url",
    [
        "dbus://",
        "file:///etc/passwd",
        "nothing",
        "ntfy://",
        "x" * 2001,
        "ntfy://\0x/y",
    ],
)
def test_what_cannot_be_told_is_422(owner: httpx.Client, url: str) -> None:
    assert is_problem(owner.post(TARGETS, json={"url": url}), 422)
    assert owner.get(TARGETS).json() == {"service": "apprise", "targets": []}


def test_a_token_may_add_one_unless_it_may_only_read(served: Served, web: WebReceiver) -> None:
    dan = served.set_up()
    writer = served.with_token(add_token(dan))
    reader = served.with_token(add_token(dan, read_only=True))
    id = add(writer, url_of(web))
    assert [each["id"] for each in reader.get(TARGETS).json()["targets"]] == [id]
    is_problem(reader.post(TARGETS, json={"url": url_of(web)}), 403)
    is_problem(reader.post(f"{TARGETS}/{id}/test"), 403)
    is_problem(reader.delete(f"{TARGETS}/{id}"), 403)
    assert web.tries == 0
