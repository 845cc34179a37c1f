"""Each function under AWS's own runtime client, with the code of its package alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.aws.package import CORE, HERE, LABELLING, Package, build
from tests.aws.emulator import Emulator, emulator, unpacked
from tests.aws.runtime import prepared, requested, started

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]
Code = Callable[[Package], Path]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("emulator"), guarded=False) as running:
        yield running


@pytest.fixture(scope="module")
def environment(cloud: Emulator) -> dict[str, str]:
    return prepared(cloud)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The folder of a package's code."""
    return lambda package: unpacked(build(package, target=HERE), tmp_path_factory.getbasetemp())


TEST_EVENT = {
    "Records": [
        {
            "messageId": "1",
            "receiptHandle": "1",
            "body": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        }
    ]
}
NOBODY_S = {"owner": "0" * 16, "bundle": "1" * 16, "part": 1}


@pytest.mark.parametrize(
    ("package", "handler", "event", "answer"),
    [
        (LABELLING, "label.handler", TEST_EVENT, {"batchItemFailures": []}),
        (CORE, "inbox.handler", TEST_EVENT, {"batchItemFailures": []}),
        (CORE, "bundles.plan", NOBODY_S, {"state": "building", "parts": []}),
        (CORE, "bundles.part", NOBODY_S, None),
        (CORE, "bundles.complete", NOBODY_S, None),
        (CORE, "bundles.abort", NOBODY_S, None),
        (CORE, "housekeeping.handler", {"chore": "recompute"}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_function_starts_and_answers_twice(
    environment: dict[str, str],
    code: Code,
    package: Package,
    handler: str,
    event: dict[str, Any],
    answer: Any,
) -> None:
    with started(code(package), handler, environment) as function:
        for _ in range(2):
            assert function.call(event).answer == answer


def test_the_api_answers_as_the_gateway_takes_it(environment: dict[str, str], code: Code) -> None:
    with started(code(CORE), "api.handler", environment) as function:
        options = function.call(requested("/api/session/options")).answer
        assert (options["statusCode"], options["isBase64Encoded"]) == (200, False)
        assert json.loads(options["body"])["oidc"] is None
        assert options["headers"]["cache-control"] == "no-store"
        stranger = function.call(requested("/api/photos", {"cookie": "fototeca_session=x"})).answer
        assert stranger["statusCode"] == 401
        assert stranger["headers"]["content-type"] == "application/problem+json"
        well = function.call(requested("/health")).answer
        assert json.loads(well["body"])["status"] == "ok"
