"""Messages of a queue, one by one: what fails is given back alone, and soon.

A function that died gives nothing back: its messages come again when it must have ended. After
RECEIVES the queue puts a message aside, where an alarm watches.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from fototeca.serverless.warm import Context, client, seconds_left

log = logging.getLogger(__name__)

PAUSE, LONGEST_PAUSE = 5, 900
"""Seconds before the second try; before each further one twice as many: half an hour in all."""
FOR_ONE = 45.0
"""Seconds that must be left to begin with a message: decoding alone may take 30."""
ENDED = 10
"""Seconds after its time was over, until nobody can take a function for running."""


class Refused(Exception):
    """A message that nothing can be done for. The text says why, for the log."""


class TooEarly(Exception):
    """What the message is about is not whole yet: the next try will do."""


@dataclass(frozen=True, slots=True)
class Message:
    body: dict[str, Any]
    received: int
    """How often, this time included: whatever became of the others."""


@dataclass(frozen=True, slots=True)
class Created:
    """An object that came into a bucket."""

    key: str
    """Decoded."""
    at: datetime | None
    """None for one that was there all along: it is only to be worked on once more."""


def each(
    event: Mapping[str, Any], context: Context, handle: Callable[[Message], None]
) -> dict[str, list[dict[str, str]]]:
    """Handle every message; the answer names those to be tried again (partial batch response)."""
    # Who was left over time and again comes first.
    records = sorted(event["Records"], key=_received, reverse=True)
    _hold(records, context)
    failed = []
    for record in records:
        received = _received(record)
        pause = min(PAUSE * 2 ** (received - 1), LONGEST_PAUSE)
        try:
            if seconds_left(context) < FOR_ONE:
                raise _NoTime
            handle(Message(_body(record), received))
            continue
        except _NoTime:
            log.info("no time left for a message: given back")
            pause = 0
        except Refused as error:
            log.error("refused: %s", error)
            pause = 0
        except TooEarly:
            log.info("too early for a message: given back")
        except Exception:
            log.exception("a message failed, the time no. %d", received)
        _give_back(record, pause)
        failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def created(body: Mapping[str, Any]) -> Iterator[Created]:
    """The objects that an S3 event tells of. A test event tells of none. Raises Refused."""
    if body.get("Event") == "s3:TestEvent":
        return
    records = body.get("Records")
    if not isinstance(records, list):
        raise Refused("no event of S3")
    for record in records:
        try:
            if not str(record.get("eventName", "")).startswith("ObjectCreated:"):
                continue
            key = unquote_plus(record["s3"]["object"]["key"], errors="strict")
            at = record.get("eventTime")
            yield Created(key, None if at is None else datetime.fromisoformat(at).astimezone(UTC))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Refused(f"an event of S3 without a key: {type(error).__name__}") from error


def as_created(key: str) -> dict[str, Any]:
    """The body of a message that has an object worked on once more."""
    object = {"key": quote_plus(key, safe="/")}
    return {"Records": [{"eventName": "ObjectCreated:Again", "s3": {"object": object}}]}


class _NoTime(Exception):
    pass


def _body(record: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(record["body"])
    except ValueError as error:
        raise Refused("a message that is no JSON") from error
    if not isinstance(body, dict):
        raise Refused("a message that is no object")
    return body


def _received(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _hold(records: Sequence[Mapping[str, Any]], context: Context) -> None:
    """Nobody else gets them while this function runs; soon after, where it was ended by force.

    The queue's own time is several times as long: messages may wait for Lambda to have room.
    """
    seconds = math.ceil(seconds_left(context)) + ENDED
    entries = [
        {"Id": str(number), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": seconds}
        for number, record in enumerate(records)
    ]
    try:
        client("sqs").change_message_visibility_batch(
            QueueUrl=_address(records[0]["eventSourceARN"]), Entries=entries
        )
    except Exception:
        log.exception("messages stay as long as their queue says")


def _give_back(record: Mapping[str, Any], pause: int) -> None:
    """To be received again after the pause. Where the queue does not hear it, when this ends."""
    try:
        client("sqs").change_message_visibility(
            QueueUrl=_address(record["eventSourceARN"]),
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=pause,
        )
    except Exception:
        log.exception("giving a message back")


@cache
def _address(arn: str) -> str:
    address: str = client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    return address
