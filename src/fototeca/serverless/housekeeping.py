"""Every hour: what is past its time is ended, and what was left over is taken up again.

Between the hours: chores, as requests ask for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fototeca.serverless import left_over
from fototeca.serverless.chores import Chores
from fototeca.serverless.warm import Context, library
from fototeca.work.tidying import tidy

log = logging.getLogger(__name__)


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
        left_over.go_on_with_bundles,
        _tell,
        lambda: left_over.label_waiting(chores),
        lambda: left_over.take_over_put_aside(chores),
        lambda: left_over.take_from_inbox(chores),
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


def _bring_in_left_over(chores: Chores) -> None:
    """Imports that nobody goes on with any more."""
    for progress in library().imports.left_over():
        chores.bring_in(progress.owner, progress.id)
