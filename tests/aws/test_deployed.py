"""The whole stack in the emulator with what can be chosen of it: published, used, taken away.

What it does without these choices is in test_main_job.py.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

if shutil.which("node") is None:
    pytest.skip("Node.js is not installed, and the CDK runs in it", allow_module_level=True)

import boto3

from deploy.aws.publish import files, outputs_of, publish
from deploy.aws.remove import remains, remove
from fototeca import samples
from tests.aws.deployment import STACK, Deployment, Person, deployed, until
from tests.aws.emulator import Emulator
from tests.aws.proxy import ArchiveTier
from tests.contract.test_rekognition import Endpoint

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]
OTHERS = "old-photos"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(
        tmp_path_factory.mktemp("stack"),
        labeller="rekognition",
        archive_tiers="true",
        import_buckets=OTHERS,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(stack: Deployment) -> dict[str, str]:
    return stack.outputs


@pytest.fixture(scope="module")
def rekognition(stack: Deployment) -> Iterator[Endpoint]:
    service = Endpoint()
    stack.lead("label.handler", AWS_ENDPOINT_URL_REKOGNITION=service.url)
    yield service
    service.server.shutdown()


@pytest.fixture(scope="module")
def dan(stack: Deployment) -> Person:
    return stack.person()


@pytest.fixture(scope="module")
def imported(stack: Deployment, dan: Person, rekognition: Endpoint) -> dict[str, Any]:
    """How an import of three photos and a text ended, from somebody else's bucket."""
    s3 = stack.cloud.client("s3")
    s3.create_bucket(Bucket=OTHERS)
    for path in samples.photos()[:3]:
        s3.put_object(Bucket=OTHERS, Key=f"Año 1/{path.name}", Body=path.read_bytes())
    s3.put_object(Bucket=OTHERS, Key="Año 1/notes.txt", Body=b"no photo")
    asked = dan.send("POST", "/api/imports", {"source": f"s3://{OTHERS}/"})
    assert asked.status == 202, asked.body

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = dan.json(f"/api/imports/{asked.json()['id']}")
        return None if found["state"] == "running" else found

    report = until(ended)
    dan.labelled(*(sha256(path.read_bytes()).hexdigest() for path in samples.photos()[:3]))
    return report


@pytest.fixture
def aws(stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """boto3's default session talks to the emulator, as it does to an account in a shell."""
    for name, value in stack.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return stack.cloud


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


def test_another_s_bucket_is_imported_and_what_is_no_photo_is_refused(
    stack: Deployment, dan: Person, imported: dict[str, Any]
) -> None:
    assert (imported["state"], imported["failure"]) == ("finished", None)
    assert (imported["found"], imported["added"], imported["refused"]) == (4, 4, 0)
    named = {photo["name"] for photo in dan.json("/api/photos")["photos"]}
    assert named == {path.name for path in samples.photos()[:3]}

    def told() -> dict[str, str] | None:
        notices = {notice["kind"]: notice["subject"] for notice in dan.json("/api/notices")}
        return notices if "inbox-refused" in notices else None

    notices = until(told)
    assert set(notices) == {"import-finished", "inbox-refused"}
    assert notices["inbox-refused"].endswith("notes.txt")
    (refused,) = until(lambda: stack.keys("refused/") or None)
    assert refused.endswith("/notes.txt")
    # Told of first, it leaves then.
    until(lambda: not stack.keys("inbox/") or None)


def test_rekognition_labels_what_arrives(
    dan: Person, imported: dict[str, Any], rekognition: Endpoint
) -> None:
    assert imported["state"] == "finished"
    assert len(rekognition.asked) == 3
    assert dan.counts()["Sea"] == 3
    photo = dan.json("/api/photos")["photos"][0]["id"]
    sources = {each["source"] for each in dan.json(f"/api/photos/{photo}")["detections"]}
    assert sources == {"rekognition@3.1"}


def test_a_bundle_waits_for_originals_in_the_archive_tier(
    stack: Deployment, dan: Person, imported: dict[str, Any]
) -> None:
    assert imported["state"] == "finished"
    with ArchiveTier(stack.cloud) as tier:
        stack.lead("bundles.plan", AWS_ENDPOINT_URL_S3=tier.url)
        bundle = dan.bundle(any=["Sea"])

        def restoring() -> bool | None:
            state = dan.json(f"/api/bundles/{bundle}")["state"]
            assert state in ("preparing", "restoring")
            return state == "restoring" or None

        until(restoring)
        assert len(tier.asked) == 3
        tier.thaw()
        ready = dan.settled(bundle)
    assert (ready["state"], ready["photos"], ready["skipped_photos"]) == ("ready", 3, [])
    archive = dan.get(f"/api/bundles/{bundle}/archive").body
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert len(opened.namelist()) == 4


def test_removal_keeps_the_photos_and_says_where(aws: Emulator, outputs: dict[str, str]) -> None:
    s3 = aws.client("s3")
    for bucket in ("PhotosBucket", "WorkingBucket"):
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
    assets = next(name for name in left if name.startswith("cdk-"))
    assert f" {assets} " in told, "what the CDK needed is there, too"
    assert "older versions" in told
