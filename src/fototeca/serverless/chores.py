"""Work that takes longer than a request, in steps: what is not done in time goes on in the next.

A chore is an event, `{"chore": name, ...}`: Lambda keeps it, and tries it three times in all.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from fototeca.catalog.protocol.imports import ImportState
from fototeca.photos import Selection, State
from fototeca.serverless.messages import as_created
from fototeca.serverless.warm import Context, client, library, seconds_left
from fototeca.vault.s3.keys import original_key

log = logging.getLogger(__name__)

RESERVE = 60.0
"""Seconds kept for ending a step in good order."""
PAGE = 500
AT_ONCE = 10
"""Messages that SQS takes in one request."""


class Chores:
    """The chores of one invocation."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalog = library().catalog

    def run(self, chore: Mapping[str, Any]) -> None:
        """Raises ValueError for what is none."""
        match chore:
            case {"chore": "retry", "owner": str(owner), "ids": list(ids)}:
                self._catalog.queue.retry(owner, ids)
                self._send(owner, ids)
            case {"chore": "retry", "owner": str(owner)}:
                self._send_pages(chore, State.FAILED)
            case {"chore": "relabel", "owner": str(owner)}:
                self._send_pages(chore, None)
            case {"chore": "label-waiting", "owner": str(owner)}:
                self._send_pages(chore, State.WAITING)
            case {"chore": "import", "owner": str(owner), "import": str(id)}:
                self.bring_in(owner, id)
            case {"chore": "recompute"}:
                self.recompute()
            case _:
                raise ValueError("no chore")

    @property
    def has_time(self) -> bool:
        """To begin with something more."""
        return seconds_left(self._context) >= RESERVE

    def label_waiting(self, owner: str) -> None:
        """Have every photo of an owner labelled that waits for it."""
        self.run({"chore": "label-waiting", "owner": owner})

    def recompute(self) -> None:
        while self._catalog.label_preferences.recompute():
            if not self.has_time:
                self._go_on({"chore": "recompute"})
                return

    def bring_in(self, owner: str, id: str) -> None:
        """Bring in what an import from a bucket has left."""
        progress = self._catalog.imports.get(owner, id)
        while progress is not None and progress.state is ImportState.RUNNING:
            if not self.has_time:
                self._go_on({"chore": "import", "owner": owner, "import": id})
                return
            progress = library().imports.step(progress)

    def _send_pages(self, chore: Mapping[str, Any], state: State | None) -> None:
        """Have the photos of an owner that are in this state labelled, a page at a time."""
        owner, cursor, queue = chore["owner"], chore.get("cursor"), self._catalog.queue
        while True:
            page = self._catalog.photos.page(
                owner, Selection(), state=state, cursor=cursor, limit=PAGE
            )
            ids = [photo.id for photo in page.photos]
            if state is State.FAILED:
                queue.retry(owner, ids)
            elif state is None:
                queue.relabel(owner, ids, more=cursor is not None)
            self._send(owner, ids)
            cursor = page.next_cursor
            if cursor is None:
                return
            if not self.has_time:
                self._go_on({**chore, "cursor": cursor})
                return

    def _send(self, owner: str, ids: Iterable[str]) -> None:
        send_all(
            os.environ["FOTOTECA_ORIGINALS_QUEUE"],
            (as_created(original_key(owner, id)) for id in ids),
        )

    def _go_on(self, chore: dict[str, object]) -> None:
        """In another invocation, after this one."""
        client("lambda").invoke(
            FunctionName=self._context.function_name,
            InvocationType="Event",
            Payload=json.dumps(chore),
        )


def send_all(address: str, bodies: Iterable[dict[str, Any]]) -> None:
    for batch in _batches(bodies):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(body)}
            for number, body in enumerate(batch)
        ]
        answer = client("sqs").send_message_batch(QueueUrl=address, Entries=entries)
        if answer.get("Failed"):
            raise OSError(f"{len(answer['Failed'])} messages were not taken")


def _batches(bodies: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(bodies)
    while batch := list(islice(left, AT_ONCE)):
        yield batch
