"""Work on AWS: an execution of the state machine for a bundle, a function for what else is long.

Photos that arrive need nothing: S3 itself tells the queue of originals.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import Bundle
from fototeca.catalog.protocol.imports import Import

NAMED = 3000
"""Photos that a chore names: Lambda keeps no more than 256 KB of a call that nobody waits for."""


class Executions:
    """The state machine's: one for each bundle, named by its id."""

    def __init__(self, machine: str, states: Any) -> None:
        """`machine` by its ARN; `states` is a client of Step Functions."""
        self._machine = machine
        self._states = states

    def start(self, bundle: Bundle) -> None:
        """Unless it was started before."""
        given = {"owner": bundle.owner, "bundle": bundle.id}
        try:
            self._states.start_execution(
                stateMachineArn=self._machine, name=bundle.id, input=json.dumps(given)
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            return

    def stop(self, bundle: Bundle) -> None:
        try:
            self._states.stop_execution(executionArn=self._arn(bundle))
        except self._states.exceptions.ExecutionDoesNotExist:
            return

    def is_over(self, bundle: Bundle) -> bool:
        said = self._states.describe_execution(executionArn=self._arn(bundle))
        return bool(said["status"] != "RUNNING")

    def _arn(self, bundle: Bundle) -> str:
        # arn:aws:states:REGION:ACCOUNT:stateMachine:NAME
        return f"{self._machine.replace(':stateMachine:', ':execution:', 1)}:{bundle.id}"


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
        if ids is None:
            self._send({"chore": "retry", "owner": owner})
            return failed
        for batch in range(0, len(ids), NAMED):
            self._send({"chore": "retry", "owner": owner, "ids": list(ids[batch : batch + NAMED])})
        return min(failed, len(set(ids)))

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
        self._executions.start(bundle)

    def cancel(self, bundle: Bundle, /) -> None:
        self._executions.stop(bundle)

    def _send(self, chore: dict[str, object]) -> None:
        # Lambda keeps it until it is done, or was tried three times.
        self._functions.invoke(
            FunctionName=self._chores, InvocationType="Event", Payload=json.dumps(chore)
        )

    @cached_property
    def _executions(self) -> Executions:
        import boto3

        return Executions(self._machine, boto3.client("stepfunctions"))

    @cached_property
    def _functions(self) -> Any:
        import boto3

        return boto3.client("lambda")
