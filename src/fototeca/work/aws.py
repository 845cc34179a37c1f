"""Work on AWS: an execution of the state machine for a bundle, a function for what else is long.

Photos that arrive need nothing: S3 itself tells the queue of originals.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fototeca.catalog.protocol import Bundle, Catalog, Import

log = logging.getLogger(__name__)


class AwsWork:
    """See fototeca.work.protocol.Work. Chores are done by fototeca.serverless.chores."""

    def __init__(self, catalog: Catalog, state_machine: str, chores: str) -> None:
        """`state_machine` by its ARN; `chores` is the function that does them."""
        self._catalog = catalog
        self._machine = state_machine
        self._chores = chores

    def arrived(self) -> None:
        pass

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        failed = self._catalog.queue.work(owner).failed
        self._send({"chore": "retry", "owner": owner, "ids": None if ids is None else list(ids)})
        return failed if ids is None else min(failed, len(set(ids)))

    def relabel(self, owner: str) -> int:
        work = self._catalog.queue.work(owner)
        self._send({"chore": "relabel", "owner": owner})
        return work.labelled + work.failed

    def recompute(self) -> None:
        self._send({"chore": "recompute"})

    def bring_in(self, progress: Import) -> None:
        """Go on with an import from a bucket, to its end."""
        self._send({"chore": "import", "owner": progress.owner, "import": progress.id})

    def prepare(self, bundle: Bundle, /) -> None:
        given = {"owner": bundle.owner, "bundle": bundle.id}
        try:
            self._states.start_execution(
                stateMachineArn=self._machine, name=bundle.id, input=json.dumps(given)
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            return

    def cancel(self, bundle: Bundle, /) -> None:
        # arn:aws:states:REGION:ACCOUNT:stateMachine:NAME
        execution = self._machine.replace(":stateMachine:", ":execution:", 1)
        try:
            self._states.stop_execution(executionArn=f"{execution}:{bundle.id}")
        except self._states.exceptions.ExecutionDoesNotExist:
            return

    def _send(self, chore: dict[str, object]) -> None:
        # Lambda keeps it until it is done, or was tried three times.
        self._functions.invoke(
            FunctionName=self._chores, InvocationType="Event", Payload=json.dumps(chore)
        )

    @cached_property
    def _states(self) -> Any:
        import boto3

        return boto3.client("stepfunctions")

    @cached_property
    def _functions(self) -> Any:
        import boto3

        return boto3.client("lambda")
