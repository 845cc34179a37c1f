"""Live updates: server-sent events, by owner, resumed by Last-Event-ID, ended with the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import Member, Serve, Served, bundled, is_problem, labelled, upload

pytestmark = pytest.mark.xdist_group("api")


@dataclass(frozen=True)
class Event:
    kind: str
    id: int
    data: dict[str, Any]


@contextmanager
def watching(
    client: httpx.Client, params: dict[str, int] | None = None, **headers: str
) -> Iterator[Iterator[Event]]:
    """The events from now on: once inside, the server has begun to watch."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", "/api/events", params=params, headers=named) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] in ("no-cache", "no-store")
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        yield parsed(lines)


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    """By the rules of the HTML standard, 9.2.6, as far as the server uses them."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield Event(fields["event"], int(fields["id"]), json.loads(fields["data"]))
            fields = {}


def first(events: Iterator[Event], kind: str, **data: Any) -> Event:
    """The next event like this; others are passed by."""
    return next(
        event for event in events if event.kind == kind and data.items() <= event.data.items()
    )


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


def test_an_upload_and_a_bundle_are_told_of(member: Member) -> None:
    owner = member.sign_in()
    other = member.sign_in()
    with watching(owner) as events:
        upload(other, samples.photos()[0].read_bytes())
        first(events, "photos")
        first(events, "labels")
        labelled(other)
        bundle = bundled(other)["id"]
        ready = first(events, "bundle", subject=bundle, state="ready")
        assert ready.id > 0


def test_last_event_id_goes_on_without_gap_or_repeat(member: Member) -> None:
    owner = member.sign_in()
    other = member.sign_in()
    with watching(owner) as events:
        upload(other, samples.photos()[0].read_bytes())
        seen = next(events)
    bundle = bundled(other)["id"]  # while nobody watches
    with watching(owner, last_event_id=str(seen.id)) as events:
        after = [next(events)]
        while (after[-1].kind, after[-1].data.get("state")) != ("bundle", "ready"):
            after.append(next(events))
        assert after[-1].data["subject"] == bundle
        ids = [event.id for event in after]
        assert ids == sorted(set(ids))
        assert ids[0] > seen.id


@pytest.mark.parametrize("odd", ["9223372036854775807", "9" * 20, "x", "-1", "١٢", ""])
def test_an_odd_last_event_id_begins_now(member: Member, odd: str) -> None:
    """A number that this library never gave (it was restored, say) must not silence it."""
    owner = member.sign_in()
    other = member.sign_in()
    with owner.stream("GET", "/api/events", headers={b"last-event-id": odd.encode()}) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        upload(other, samples.photos()[0].read_bytes())
        assert first(parsed(lines), "photos").id > 0


def test_nobody_hears_of_anothers_photos(join: Callable[[], Member]) -> None:
    owner, eve = join().sign_in(), join()
    with watching(eve.sign_in(), last_event_id="0") as events:
        photo = upload(owner, samples.photos()[0].read_bytes())
        labelled(owner)
        bundle = bundled(owner)["id"]
        # Her own comes after all of those, and is the first that she hears.
        upload(eve.sign_in(), samples.photos()[1].read_bytes())
        heard = [next(events)]
        while heard[-1].kind != "labels":
            heard.append(next(events))
    text = json.dumps([event.data for event in heard])
    assert photo not in text
    assert bundle not in text
    assert "bundle" not in {event.kind for event in heard}


def test_who_is_nobody_hears_nothing(everyones: Served) -> None:
    is_problem(everyones.client().get("/api/events"), 401)


def test_an_ended_session_hears_no_more(member: Member) -> None:
    owner = member.sign_in()
    other = member.sign_in()
    with watching(owner) as events:
        assert other.post(
            "/api/session/password",
            json={"current": "correct horse battery", "new": "another password"},
        ).is_success
        upload(other, samples.photos()[0].read_bytes())
        # The stream ends; at most what was under way comes before.
        assert "photos" not in [event.kind for event in events]
    is_problem(owner.get("/api/session"), 401)


def test_the_server_ends_though_someone_watches(served: Served) -> None:
    owner = served.set_up()
    with watching(owner) as events:
        served.process.terminate()
        assert list(events) == []
        served.process.communicate(timeout=300)
    assert "Traceback" not in served.log.read_text()


def test_watchers_who_leave_are_forgotten(served: Served) -> None:
    owner = served.set_up()
    for _ in range(50):
        with watching(owner):
            pass
    assert owner.get("/health").status_code == 200
    assert "Traceback" not in served.log.read_text()


def test_who_keeps_no_connection_open_asks_what_changed(served: Served) -> None:
    owner = served.set_up()
    first_answer = owner.get("/api/changes").json()
    assert (first_answer["kinds"], first_answer["live"]) == ([], True)
    after = {"after": first_answer["sequence"]}
    assert owner.get("/api/changes", params=after).json() == first_answer
    upload(owner, samples.photos()[0].read_bytes())
    labelled(owner)
    changes = owner.get("/api/changes", params=after).json()
    assert changes["kinds"] == ["labels", "photos"]
    assert changes["sequence"] > first_answer["sequence"]
    later = {"after": changes["sequence"]}
    assert owner.get("/api/changes", params=later).json() == {**changes, "kinds": []}


def test_an_answer_that_would_be_the_same_is_not_sent_again(served: Served) -> None:
    owner = served.set_up()
    after = {"after": owner.get("/api/session").json()["sequence"]}
    answer = owner.get("/api/changes", params=after)
    assert answer.headers["cache-control"] == "private, no-cache"
    kept = {"if-none-match": answer.headers["etag"]}
    again = owner.get("/api/changes", params=after, headers=kept)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == kept["if-none-match"]
    upload(owner, samples.photos()[0].read_bytes())
    news = owner.get("/api/changes", params=after, headers=kept)
    assert "photos" in news.json()["kinds"]
    # It is who asks that counts: nobody's answer is the same as somebody's.
    is_problem(served.client().get("/api/changes", params=after, headers=kept), 401)


def test_a_stream_begins_where_the_session_was_asked_for(member: Member) -> None:
    owner = member.sign_in()
    upload(owner, samples.photos()[0].read_bytes())
    labelled(owner)
    moment = owner.get("/api/session").json()["sequence"]
    bundle = bundled(owner)["id"]  # before anyone watches
    with watching(owner, params={"after": moment}) as events:
        heard = [next(events)]
        while heard[-1].data.get("state") != "ready":
            heard.append(next(events))
    assert {event.kind for event in heard} <= {"bundle", "notice"}
    assert heard[0].data["subject"] == bundle
    # A browser's second connection has the same address, and says what it has heard.
    last = str(heard[-2].id)
    with watching(owner, params={"after": moment}, last_event_id=last) as events:
        assert next(events) == heard[-1]


def test_where_no_events_are_sent_it_is_said(serve: Serve) -> None:
    served = serve(live_updates="false")
    owner = served.set_up()
    is_problem(owner.get("/api/events"), 404)
    assert owner.get("/api/changes").json()["live"] is False
