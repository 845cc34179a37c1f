"""How messages of a queue are given back: when they come again, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from fototeca.serverless import RECEIVES, label, messages
from fototeca.serverless.messages import Message, Refused, TooEarly, each


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
    handled: list[Message] = []
    assert each({"Records": [record(1)]}, Context(), handled.append) == {"batchItemFailures": []}
    assert len(handled) == 1


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
