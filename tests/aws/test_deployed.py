"""The whole stack in the emulator: deployed, its page published, taken away again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

if shutil.which("node") is None:
    pytest.skip("Node.js is not installed, and the CDK runs in it", allow_module_level=True)

import boto3

from deploy.aws.app import make, packaged
from deploy.aws.package import HERE
from deploy.aws.publish import files, outputs_of, publish
from deploy.aws.remove import remains, remove
from tests.aws.emulator import Emulator, emulator

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]
STACK = "Fototeca"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(cloud: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The stack with the functions' real code, made for this machine."""
    assembly = tmp_path_factory.mktemp("assembly")
    make({"email": "dan@example.com"}, packaged(HERE), assembly).synth()
    return cloud.deploy(assembly, STACK)


@pytest.fixture
def aws(cloud: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """boto3's default session talks to the emulator, as it does to an account in a shell."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return cloud


def test_the_page_is_published_with_its_types_the_index_last(
    aws: Emulator, outputs: dict[str, str]
) -> None:
    assert outputs_of(STACK) == outputs
    publish(outputs)
    s3 = aws.client("s3")
    expected = dict(files())
    listed = s3.list_objects_v2(Bucket=outputs["SiteBucket"])["Contents"]
    assert {entry["Key"] for entry in listed} == set(expected)
    assert list(expected)[-1] == "index.html"
    for key, path in expected.items():
        answer = s3.get_object(Bucket=outputs["SiteBucket"], Key=key)
        assert answer["Body"].read() == path.read_bytes()
        named_by_content = key.startswith("assets/")
        assert ("immutable" in answer["CacheControl"]) is named_by_content
    index = s3.head_object(Bucket=outputs["SiteBucket"], Key="index.html")
    assert index["ContentType"] == "text/html; charset=utf-8"
    cloudfront = aws.client("cloudfront")
    made = cloudfront.list_invalidations(DistributionId=outputs["Distribution"])
    assert made["InvalidationList"]["Quantity"] == 1


def test_the_index_is_published_when_what_it_names_is_there(tmp_path: Path) -> None:
    for name in ("built/index.html", "built/icon.svg", "built/assets/z-1f.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [key for key, _ in files(tmp_path)] == ["assets/z-1f.js", "icon.svg", "index.html"]


def test_removal_keeps_the_photos_and_says_where(aws: Emulator, outputs: dict[str, str]) -> None:
    s3 = aws.client("s3")
    for bucket in ("PhotosBucket", "WorkingBucket", "LogsBucket"):
        s3.put_object(Bucket=outputs[bucket], Key="originals/o/1", Body=b"kept?")
    remove(STACK, outputs)
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert {outputs[name] for name in outputs if name.endswith("Bucket")} & left == {
        outputs["PhotosBucket"]
    }
    kept = s3.get_object(Bucket=outputs["PhotosBucket"], Key="originals/o/1")
    assert kept["Body"].read() == b"kept?"
    assert aws.client("dynamodb").describe_table(TableName=outputs["Table"])
    assert aws.client("cognito-idp").describe_user_pool(UserPoolId=outputs["UserPool"])
    assert aws.client("lambda").list_functions()["Functions"] == []
    told = remains(outputs)
    assert all(outputs[name] in told for name in ("PhotosBucket", "Table", "UserPool"))
