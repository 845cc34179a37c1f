"""How messages of a queue are given back: when they come again, and how often."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import pytest

from fototeca.photos import now
from fototeca.serverless import RECEIVES, label, messages
from fototeca.serverless.messages import (
    Created,
    Message,
    Refused,
    TooEarly,
    as_created,
    created,
    each,
)


@dataclass
class Context:
    aws_request_id: str = "7e57"
    function_name: str = "label"
    milliseconds: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Sqs:
    """The queue that messages are of."""

    pauses: list[int] = field(default_factory=list)
    """Seconds after which messages come again that were given back."""
    held: dict[str, int] = field(default_factory=dict)
    """Seconds that messages are nobody else's, by their receipts."""

    def change_message_visibility(self, *, VisibilityTimeout: int, **_: Any) -> None:
        self.pauses.append(VisibilityTimeout)

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> None:
        self.held |= {each["ReceiptHandle"]: each["VisibilityTimeout"] for each in Entries}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    sqs = Sqs()
    monkeypatch.setattr(messages, "client", lambda _service: sqs)
    monkeypatch.setattr(messages, "_address", lambda arn: arn)
    return sqs


@pytest.fixture
def pauses(sqs: Sqs) -> list[int]:
    return sqs.pauses


def record(times: int, body: str = "{}") -> dict[str, Any]:
    """Of a message that was received so often."""
    return {
        "messageId": body,
        "receiptHandle": body,
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(times)},
        "eventSourceARN": "arn:q",
    }


def received(times: int, error: Exception) -> Message:
    """A message that was received so often, whose handling ends so."""
    handled: list[Message] = []

    def handle(message: Message) -> None:
        handled.append(message)
        raise error

    answer = each({"Records": [record(times)]}, Context(), handle)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "{}"}]}
    return handled[0]


@pytest.mark.parametrize("error", [TooEarly(), RuntimeError("broken")])
def test_each_try_comes_later_than_the_one_before(pauses: list[int], error: Exception) -> None:
    tries = [received(times, error) for times in range(1, RECEIVES + 1)]
    assert [message.received for message in tries] == list(range(1, RECEIVES + 1))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5, messages.LONGEST_PAUSE)
    # Busy batches may take half of the tries: who records an original still has the time for it.
    assert sum(pauses[: RECEIVES // 2]) > label.RECORDED.total_seconds()


def test_what_is_refused_is_put_aside_at_once(pauses: list[int]) -> None:
    received(1, Refused("nonsense"))
    assert pauses == [0]


def test_what_a_function_that_is_killed_had_comes_again_soon_after_its_time(sqs: Sqs) -> None:
    """And not earlier: until then it may be at work, and what it claimed is its own."""
    bodies = ['{"a": 1}', '{"a": 2}']

    def handle(_message: Message) -> None:
        assert sqs.held == dict.fromkeys(bodies, 120 + messages.ENDED)
        raise SystemExit

    with pytest.raises(SystemExit):
        each({"Records": [record(1, body) for body in bodies]}, Context(), handle)
    assert 0 < messages.ENDED <= 30


def test_a_queue_that_does_not_answer_holds_up_no_message(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "change_message_visibility_batch", None)
    monkeypatch.setattr(sqs, "change_message_visibility", None)
    bodies = ["no JSON", '{"b": 2}']
    handled: list[Message] = []
    answer = each({"Records": [record(1, body) for body in bodies]}, Context(), handled.append)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "no JSON"}]}
    assert [message.body for message in handled] == [{"b": 2}]


def test_who_was_left_over_before_comes_first(sqs: Sqs) -> None:
    """Of slow photos a batch takes longer than its function: the same would be left each time."""
    handled: list[int] = []
    context = Context()

    def handle(message: Message) -> None:
        handled.append(message.received)
        context.milliseconds = 0

    times = (1, 7, 2)
    answer = each({"Records": [record(n, f'{{"n": {n}}}') for n in times]}, context, handle)
    assert handled == [7]
    left = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    assert (left, sqs.pauses) == (['{"n": 2}', '{"n": 1}'], [0, 0])


def created_by(*records: Any) -> list[Created]:
    return list(created({"Records": list(records)}))


@pytest.mark.parametrize(
    "key",
    [
        "originals/o/a b.jpg",
        "inbox/dan@example.com/100% + Año/über & alles=1.JPG",
        "inbox/dan@example.com/写真\u3000\U0001f4f7.heic",
        "inbox/dan@example.com/%2B%20.jpg",
        "inbox/dan@example.com/new\nline.jpg",
    ],
)
def test_a_key_comes_out_as_it_was_put(key: str) -> None:
    # As Java's URLEncoder does it, which S3 uses; and a message of ours.
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote_plus(key)}}}
    assert [each.key for each in created_by(record)] == [key]
    assert [each.key for each in created(as_created(key))] == [key]


def test_times_without_a_zone_are_times_all_the_same() -> None:
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}}
    for time in ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00"):
        (found,) = created_by({**record, "eventTime": time})
        assert found.at is not None
        assert found.at < now()


def test_what_did_not_create_an_object_tells_of_none() -> None:
    assert list(created({"Service": "Amazon S3", "Event": "s3:TestEvent"})) == []
    gone = {"eventName": "ObjectRemoved:DeleteMarkerCreated", "s3": {"object": {"key": "k"}}}
    assert created_by(gone) == []


@pytest.mark.parametrize(
    "record",
    [
        "text",
        None,
        ["list"],
        {"eventName": "ObjectCreated:Put"},
        {"eventName": "ObjectCreated:Put", "s3": None},
        {"eventName": "ObjectCreated:Put", "s3": {"object": {}}},
        {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": 7}}},
        {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "%FF%FE"}}},
        {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}, "eventTime": "noon"},
        {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}, "eventTime": 0},
    ],
)
def test_nonsense_is_refused_and_not_tried_again(record: Any) -> None:
    with pytest.raises(Refused):
        created_by(record)


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '"text"', "null", "NaN", "{}"])
def test_a_body_that_is_no_event_is_put_aside_and_the_others_are_handled(
    pauses: list[int], body: str
) -> None:
    handled: list[str] = []

    def handle(message: Message) -> None:
        handled.extend(each.key for each in created(message.body))

    good = json.dumps(as_created("k"))
    batch = {"Records": [record(1, body), *(record(1, good) for _ in range(50))]}
    answer = each(batch, Context(), handle)
    assert answer == {"batchItemFailures": [{"itemIdentifier": body}]}
    assert (handled, pauses) == (["k"] * 50, [0])
