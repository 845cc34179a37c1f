"""What nobody is at any more, since its message was lost or put aside, or its execution ended.

Every hour it is sent again, or ended.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fototeca.catalog.protocol.bundles import BundleState
from fototeca.photos import now
from fototeca.serverless.bundles import STOPPED, building
from fototeca.serverless.chores import Chores, send_all
from fototeca.serverless.inbox import LONG, STUCK, account_of
from fototeca.serverless.messages import Refused, as_created, created
from fototeca.serverless.warm import client, library
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.keys import INBOX, original_in
from fototeca.work.aws import Executions

log = logging.getLogger(__name__)

UNDER_WAY = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def go_on_with_bundles() -> None:
    """Bundles whose execution did not start, or ended without them; what of failed ones is left.

    Raises RuntimeError when that went wrong with some: the others are seen to all the same.
    """
    machine = Executions(os.environ["FOTOTECA_STATE_MACHINE"], client("stepfunctions"))
    opened, failed = library(), 0
    for account in opened.catalog.accounts.all():
        for bundle in opened.catalog.bundles.of(account.id):
            try:
                if bundle.state is BundleState.FAILED:
                    opened.bundles.forget(bundle)
                elif bundle.state in (BundleState.PREPARING, BundleState.RESTORING):
                    machine.start(bundle)
                    if machine.is_over(bundle):
                        building().abort(bundle.owner, bundle.id, STOPPED)
            except Exception:
                failed += 1
                log.exception("bundle %s", bundle.id)
    if failed:
        raise RuntimeError(f"{failed} bundles could not be seen to")


def label_waiting(chores: Chores) -> None:
    """Photos that wait in the catalog."""
    if _is_idle(os.environ["FOTOTECA_ORIGINALS_QUEUE"]):
        for account in library().catalog.accounts.all():
            if library().catalog.queue.work(account.id).waiting:
                chores.label_waiting(account.id)


def take_from_inbox(chores: Chores) -> None:
    """Objects that still lie in the inbox: their account, too, may have come after them.

    Not those of which the owner was told that they cannot leave it.
    """
    queue = os.environ["FOTOTECA_INBOX_QUEUE"]
    if _is_idle(queue):
        send_all(queue, (as_created(key) for key in _in_inbox(chores)))


def take_over_put_aside(chores: Chores) -> None:
    """Originals whose messages were put aside, and that are no photos yet but could be."""
    sqs, queue = client("sqs"), os.environ["FOTOTECA_ORIGINALS_FAILED_QUEUE"]
    seen: set[str] = set()
    while chores.has_time:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        new = [message for message in found if message["MessageId"] not in seen]
        if not new:
            return
        for message in new:
            seen.add(message["MessageId"])
            keys = list(_not_taken_over(message))
            if keys:
                send_all(os.environ["FOTOTECA_ORIGINALS_QUEUE"], map(as_created, keys))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def _is_idle(queue: str) -> bool:
    answer = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=list(UNDER_WAY))
    return not any(int(answer["Attributes"][name]) for name in UNDER_WAY)


def _in_inbox(chores: Chores) -> Iterator[str]:
    vault = library().vault
    assert isinstance(vault, S3Vault)
    told: dict[str, Mapping[str, datetime] | None] = {}
    for entry in vault.photos.entries(INBOX):
        if not chores.has_time:
            return
        key, came = entry["Key"], entry["LastModified"]
        name, _, path = key.removeprefix(INBOX).partition("/")
        if key.endswith("/") or now() - came <= LONG:
            continue
        if name not in told:
            told[name] = _stuck_of(name)
        stuck = told[name]
        if stuck is not None and (path not in stuck or stuck[path] < came):
            yield key


def _stuck_of(name: str) -> Mapping[str, datetime] | None:
    """What cannot leave a folder of the inbox, by when that was told; None without an account."""
    account = account_of(name)
    return None if account is None else library().catalog.notices.told(account.id, STUCK)


def _not_taken_over(message: Mapping[str, Any]) -> Iterator[str]:
    catalog = library().catalog
    try:
        for object in created(json.loads(message["Body"])):
            place = original_in(object.key)
            if place is None:
                continue
            owner, id = place
            if catalog.accounts.get(owner) is not None and catalog.photos.get(owner, id) is None:
                yield object.key
    except (Refused, ValueError, AttributeError):
        return  # nonsense: for someone to look at
