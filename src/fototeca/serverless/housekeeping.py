"""Every hour: what is past its time is ended, and what was left over is taken up again.

Between the hours: chores, as requests ask for them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fototeca.photos import now
from fototeca.serverless.chores import Chores
from fototeca.serverless.warm import Context, client, library
from fototeca.work.tidying import tidy

log = logging.getLogger(__name__)

AT_IT = timedelta(minutes=15)
"""Whoever brings in an import counts something within this time: no function lives longer."""
UNDER_WAY = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def handler(event: Mapping[str, Any], context: Context) -> None:
    chores = Chores(context)
    if "chore" in event:
        chores.run(event)
    else:
        _hourly(chores)


def _hourly(chores: Chores) -> None:
    """Each step whatever became of the others. Raises RuntimeError when one failed."""
    steps: tuple[Callable[[], None], ...]
    steps = (
        _tell,
        _prepare,
        lambda: _label_left_over(chores),
        lambda: _bring_in_left_over(chores),
        chores.recompute,
        # It may take longer than there is time, and goes on in an hour.
        lambda: _tidy(chores),
    )
    failed = 0
    for step in steps:
        try:
            step()
        except Exception:
            failed += 1
            log.exception("a step of housekeeping")
    if failed:
        # An alarm tells of it.
        raise RuntimeError(f"{failed} steps of housekeeping failed")


def _tidy(chores: Chores) -> None:
    opened = library()
    tidy(
        opened.catalog,
        opened.vault,
        opened.bundles,
        opened.settings.trash_lifetime,
        lambda: chores.has_time,
    )


def _tell() -> None:
    """What could not be sent at once."""
    library().telling.tell_failures()
    library().telling.send_due()


def _prepare() -> None:
    """Bundles whose execution could not be started; for the others it changes nothing."""
    for bundle in library().catalog.bundles.preparing():
        library().work.prepare(bundle)


def _bring_in_left_over(chores: Chores) -> None:
    """Imports that nobody goes on with any more."""
    for progress in library().catalog.imports.running():
        if now() - (progress.moved_at or progress.started_at) > AT_IT:
            chores.bring_in(progress.owner, progress.id)


def _label_left_over(chores: Chores) -> None:
    """Photos that wait although no message is under way: theirs were put aside, or never sent."""
    answer = client("sqs").get_queue_attributes(
        QueueUrl=os.environ["FOTOTECA_ORIGINALS_QUEUE"], AttributeNames=list(UNDER_WAY)
    )
    if any(int(answer["Attributes"][name]) for name in UNDER_WAY):
        return
    for account in library().catalog.accounts.all():
        if library().catalog.queue.work(account.id).waiting:
            chores.label_waiting(account.id)
