"""Originals that came into the bucket are taken over, developed and labelled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fototeca.catalog.protocol.queue import Claim, Failed, Labelled
from fototeca.ingest import Refused as RefusedBytes
from fototeca.photos import now
from fototeca.serverless.messages import Created, Message, Refused, TooEarly, created, each
from fototeca.serverless.warm import Context, library, seconds_left
from fototeca.vault.protocol import OriginalMissing
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.keys import original_in
from fototeca.work.labelling import NOT_ITS_FAULT, PhotoLabelling

log = logging.getLogger(__name__)

TRIES = 3
"""A photo that ended its function this often is not tried again."""
LAST_RECEIVE = 5
"""Nor one that failed, nobody knows why, when its message came for the fifth time: a minute after
the first. Some of these times may have gone by without a try."""
RECORDED = timedelta(seconds=30)
"""Whoever puts an original without its name (the inbox, an import) records it within this time."""


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    def handle(message: Message) -> None:
        for each_created in created(message.body):
            _Original(each_created, context).label(message.received)

    # A model that is not there is no photo's fault: the function fails, and an alarm tells.
    _labelling()
    return each(event, context, handle)


class _Original:
    """One object under `originals/`, for one invocation."""

    def __init__(self, object: Created, context: Context) -> None:
        """Raises Refused for what is no original of an account that is here."""
        place = original_in(object.key)
        if place is None:
            raise Refused("an object whose key is not an original's")
        self._owner, self._id = place
        self._at = object.at
        # A worker's name has the process before its last hyphen.
        self._worker = f"{context.aws_request_id}-0"
        # What it holds then is free before its message comes again.
        self._ends = now() + timedelta(seconds=seconds_left(context))
        if library().catalog.accounts.get(self._owner) is None:
            raise Refused(f"an original of an account that is not here: {self._owner}")

    def label(self, received: int) -> None:
        """Safe to be done again, and at the same time: who holds the photo has a message for it."""
        if library().catalog.photos.get(self._owner, self._id) is not None:
            self._label(None, received)
            return
        try:
            with library().vault.local_original(self._owner, self._id) as path:
                if self._take_over(path):
                    self._label(path, received)
        except OriginalMissing:
            log.info("photo %s is gone already", self._id)

    def _take_over(self, path: Path) -> bool:
        """Whether it is a photo of the library's now. Raises OriginalMissing, TooEarly."""
        vault = library().vault
        assert isinstance(vault, S3Vault)
        name = vault.name_of(self._owner, self._id)
        if name is None:
            if self._at is not None and now() - self._at < RECORDED:
                raise TooEarly
            name = f"{self._id[:12]}.jpg"
        try:
            library().ingest.take_over(self._owner, self._id, path, name, self._at or now())
        except RefusedBytes as error:
            # As an upload that is refused anywhere: nothing of it stays, and its owner is told.
            vault.delete_original(self._owner, self._id)
            library().catalog.notices.add(self._owner, "inbox-refused", name, f"{name}: {error}")
            return False
        return True

    def _label(self, path: Path | None, received: int) -> None:
        """`path` has its bytes, when they are at hand."""
        queue = library().catalog.queue
        claim = queue.take(self._worker, self._owner, self._id, self._ends)
        if claim is None:  # it does not wait, or somebody is at it
            return
        try:
            result = self._result(claim, path)
        except Exception as error:
            if received < LAST_RECEIVE or isinstance(error, NOT_ITS_FAULT):
                queue.release(self._worker)
                raise
            # The owner is told, and can have it tried again: nobody else needs to look.
            log.exception("labelling %s", self._id)
            result = Failed(self._owner, self._id, f"unexpected: {type(error).__name__}")
        queue.settle(self._worker, [result])

    def _result(self, claim: Claim, path: Path | None) -> Labelled | Failed:
        if claim.attempts >= TRIES:
            reason = f"labelling it ended its function {claim.attempts} times"
            return Failed(self._owner, self._id, reason)
        if path is not None:
            return _labelling().of_file(claim, path)
        return _labelling().of_original(claim)


@cache
def _labelling() -> PhotoLabelling:
    opened = library()
    return PhotoLabelling(opened.vault, opened.labeller(), opened.settings.limits)
