"""How messages of a queue are given back: when they come again, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from fototeca.serverless import RECEIVES, label, messages
from fototeca.serverless.messages import Message, Refused, TooEarly, each


@dataclass
class Context:
    aws_request_id: str = "7e57"
    function_name: str = "label"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seconds after which messages come again."""
    found: list[int] = []

    class Sqs:
        def change_message_visibility(self, *, VisibilityTimeout: int, **_: Any) -> None:
            found.append(VisibilityTimeout)

    monkeypatch.setattr(messages, "client", lambda _service: Sqs())
    monkeypatch.setattr(messages, "_address", lambda arn: arn)
    return found


def received(times: int, error: Exception) -> Message:
    """A message that was received so often, whose handling ends so."""
    record = {
        "messageId": "1",
        "receiptHandle": "r",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": str(times)},
        "eventSourceARN": "arn:q",
    }
    handled: list[Message] = []

    def handle(message: Message) -> None:
        handled.append(message)
        raise error

    answer = each({"Records": [record]}, Context(), handle)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    return handled[0]


@pytest.mark.parametrize("error", [TooEarly(), RuntimeError("broken")])
def test_each_try_comes_later_than_the_one_before(pauses: list[int], error: Exception) -> None:
    tries = [received(times, error) for times in range(1, RECEIVES + 1)]
    assert [message.last for message in tries] == [False] * (RECEIVES - 1) + [True]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5, messages.LONGEST_PAUSE)
    # Busy batches may take half of the tries: who records an original still has the time for it.
    assert sum(pauses[: RECEIVES // 2]) > label.RECORDED.total_seconds()


def test_what_is_refused_is_put_aside_at_once(pauses: list[int]) -> None:
    received(1, Refused("nonsense"))
    assert pauses == [0]
