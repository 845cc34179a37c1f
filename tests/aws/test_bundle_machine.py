"""The state machine of bundles, run by the emulator: order, tries, waiting, cleaning up.

Its steps are rehearsals that note their calls and fail when they are told to, under the permissions
of the real ones, which test_main_job.py has.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.aws.conftest import Rehearsal
from tests.aws.deployment import until

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]


class Machine:
    def __init__(self, rehearsal: Rehearsal) -> None:
        self._arn = rehearsal.outputs["StateMachine"]
        self._states = rehearsal.cloud.client("stepfunctions")
        self._rehearsal = rehearsal

    def start(self, bundle: str) -> str:
        given = json.dumps({"owner": "dan", "bundle": bundle})
        started = self._states.start_execution(stateMachineArn=self._arn, name=bundle, input=given)
        arn: str = started["executionArn"]
        return arn

    def run(self, bundle: str) -> tuple[str, Counter[str]]:
        """How the execution ended, and how often each step was called."""
        arn = self.start(bundle)
        ended = until(lambda: self._ended(arn))
        return ended, self.calls(bundle)

    def stop(self, arn: str) -> None:
        self._states.stop_execution(executionArn=arn)

    def calls(self, bundle: str) -> Counter[str]:
        return self._rehearsal.calls(f"dan/{bundle}")

    def _ended(self, arn: str) -> str | None:
        status: str = self._states.describe_execution(executionArn=arn)["status"]
        return None if status == "RUNNING" else status


@pytest.fixture(scope="module")
def machine(rehearsal: Rehearsal) -> Machine:
    return Machine(rehearsal)


PARTS = {f"part-{number}": 1 for number in range(1, 6)}


def test_every_part_is_built_once_and_joined(machine: Machine) -> None:
    assert machine.run("plain") == ("SUCCEEDED", {"plan": 1, **PARTS, "complete": 1})


def test_a_part_that_fails_twice_is_tried_again_alone(machine: Machine) -> None:
    calls = {"plan": 1, **PARTS, "part-2": 3, "complete": 1}
    assert machine.run("a-part-fails-twice") == ("SUCCEEDED", calls)


def test_a_part_that_goes_on_failing_ends_in_cleaning_up(machine: Machine) -> None:
    ended, calls = machine.run("a-part-fails")
    assert ended == "FAILED"
    assert calls["part-2"] == 4
    assert (calls["abort"], calls["complete"]) == (1, 0)


def test_without_a_plan_it_is_cleaned_up_too(machine: Machine) -> None:
    ended, calls = machine.run("its-plan-fails")
    assert (ended, calls) == ("FAILED", {"plan": 4, "abort": 1})


def test_originals_in_the_archive_are_waited_for(machine: Machine) -> None:
    ended, calls = machine.run("waits-for-the-archive")
    assert (ended, calls) == ("SUCCEEDED", {"plan": 3, **PARTS, "complete": 1})


def test_what_was_stopped_is_cleaned_up(machine: Machine) -> None:
    bundle = "waits-in-vain"
    arn = machine.start(bundle)
    until(lambda: machine.calls(bundle)["plan"] or None)
    machine.stop(arn)
    assert until(lambda: machine.calls(bundle)["abort"] or None) == 1
    assert machine.calls(bundle)["complete"] == 0
