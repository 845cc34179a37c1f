"""The main job through the whole stack, from outside: what a person does, and what may go wrong.

Every function is the real one, under its own permissions; S3, SQS, Lambda, DynamoDB, Step
Functions, SNS and Cognito are the emulator's.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fototeca import samples

if shutil.which("node") is None:
    pytest.skip("Node.js is not installed, and the CDK runs in it", allow_module_level=True)

import boto3

from deploy.aws.smoke import Smoke
from fototeca.photos import Selection, now
from tests.aws.deployment import STACK, Deployment, Person, deployed, until
from tests.cli.conftest import called as run
from tests.cli.test_move import everything
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]
MOUNTAINS = samples.photos()[0]
PART = 64 << 20
AT_ONCE = 4
"""Uploads: for each, the emulator starts another process of the API's function."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def dan(stack: Deployment) -> Person:
    return stack.person()


@pytest.fixture
def fresh(stack: Deployment) -> Person:
    """Somebody with an empty account."""
    return stack.person()


def named(name: str) -> bytes:
    """A sample photo."""
    return next(path for path in samples.photos() if path.name == name).read_bytes()


def padded(number: int, size: int = 16) -> bytes:
    """Photos that look alike and are not the same: what follows a JPEG's end is no picture."""
    return MOUNTAINS.read_bytes() + number.to_bytes(size, "big")


def test_what_the_smoke_test_does_on_aws(
    stack: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    visitor = stack.visitor()
    smoke = Smoke(stack.outputs, visitor, stack.sign_in(visitor))
    for step in smoke.steps.values():
        step()
    smoke.leave()


def test_a_bundle_of_several_parts_arrives_whole_and_is_told_of(
    stack: Deployment, dan: Person
) -> None:
    told = _told(stack, dan)
    photos = [padded(number, 9 << 20) for number in range(8)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ids = list(pool.map(dan.upload, photos, [f"été {number}.JPG" for number in range(8)]))
    dan.labelled(*ids)
    ready = dan.settled(dan.bundle(any=["Mountain"]))
    assert (ready["state"], ready["photos"], ready["skipped_photos"]) == ("ready", 8, [])
    assert ready["parts"] == -(-ready["archive_size"] // PART) == 2
    archive = dan.get(f"/api/bundles/{ready['id']}/archive")
    assert len(archive.body) == ready["archive_size"]
    with zipfile.ZipFile(io.BytesIO(archive.body)) as opened:
        assert opened.testzip() is None
        hashes = {sha256(opened.read(name)).hexdigest() for name in opened.namelist()}
        assert "été 3.JPG" in opened.namelist()
    assert set(ids) < hashes
    kinds = [notice["kind"] for notice in dan.json("/api/notices")]
    assert kinds == ["bundle-ready"]
    (message,) = until(told)
    assert "8 photos" in message["Message"]
    assert stack.outputs["Address"] in message["Message"]
    assert "X-Amz" not in message["Message"]


def _told(stack: Deployment, person: Person) -> Any:
    """What SNS sends to the address that the owner is told at, by a queue with its filter."""
    wanted = {"url": f"mailto:{person.email}"}
    assert person.send("POST", "/api/notification-targets", wanted).status == 201
    sns, sqs = stack.cloud.client("sns"), stack.cloud.client("sqs")
    topic = stack.outputs["NoticesTopic"]
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    (arn,) = (each["SubscriptionArn"] for each in listed if each["Endpoint"] == person.email)
    policy = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"]
    address = sqs.create_queue(QueueName="told")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue["QueueArn"],
    }
    policy_text = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=address, Attributes={"Policy": policy_text})
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue["QueueArn"],
        Attributes={"FilterPolicy": policy},
    )

    def arrived() -> list[dict[str, Any]] | None:
        found = sqs.receive_message(QueueUrl=address).get("Messages")
        return [json.loads(each["Body"]) for each in found] if found else None

    return arrived


def test_a_bundle_whose_original_is_gone_fails_with_its_reason_and_leaves_nothing(
    stack: Deployment, fresh: Person
) -> None:
    photo = fresh.upload(named("cat.jpg"))
    fresh.labelled(photo)
    s3, bucket = stack.cloud.client("s3"), stack.outputs["PhotosBucket"]
    key = f"originals/{stack.account(fresh)}/{photo}"
    s3.delete_object(Bucket=bucket, Key=key)
    failed = fresh.settled(fresh.bundle())
    assert failed["state"] == "failed"
    assert failed["failure"]
    working = stack.outputs["WorkingBucket"]
    assert s3.list_multipart_uploads(Bucket=working).get("Uploads", []) == []
    names = [entry["Key"] for entry in s3.list_objects_v2(Bucket=working).get("Contents", [])]
    assert not any(name.startswith(failed["id"]) for name in names)


def test_a_deleted_bundle_is_cancelled(stack: Deployment, fresh: Person) -> None:
    fresh.labelled(fresh.upload(named("cat.jpg")))
    bundle = fresh.bundle()
    path = f"/api/bundles/{bundle}"
    assert fresh.visitor.ask("DELETE", stack.url(path)).status == 204
    assert fresh.get(path).status == 404
    states = stack.cloud.client("stepfunctions")
    arn = stack.outputs["StateMachine"].replace("stateMachine", "execution")

    def ended() -> str | None:
        status: str = states.describe_execution(executionArn=f"{arn}:{bundle}")["status"]
        return None if status == "RUNNING" else status

    assert until(ended) in ("ABORTED", "SUCCEEDED")
    assert fresh.get(f"{path}/archive").status == 404


def test_the_hourly_look_starts_bundles_and_ends_those_that_nobody_builds(
    stack: Deployment, fresh: Person
) -> None:
    fresh.labelled(fresh.upload(named("cat.jpg")))
    owner, moment = stack.account(fresh), now()
    lost, left = (
        stack.catalog.bundles.freeze(owner, Selection(), None, moment, moment + timedelta(hours=1))
        for _ in range(2)
    )
    # An execution of its name that has ended, and did nothing for it.
    states = stack.cloud.client("stepfunctions")
    ended = states.start_execution(
        stateMachineArn=stack.outputs["StateMachine"],
        name=left.id,
        input=json.dumps({"owner": "0" * 16, "bundle": left.id}),
    )["executionArn"]
    until(lambda: states.describe_execution(executionArn=ended)["status"] != "RUNNING" or None)
    stack.call("housekeeping.handler", {})
    assert fresh.settled(lost.id)["state"] == "ready"
    failed = fresh.settled(left.id)
    assert (failed["state"], failed["failure"]) == ("failed", "building its archive was stopped")


def test_events_that_come_twice_late_and_in_disorder_change_nothing(
    stack: Deployment, fresh: Person
) -> None:
    photo = fresh.upload(named("cat.jpg"), "Katze über alles.JPG")
    fresh.labelled(photo)
    counts = fresh.counts()
    key = f"originals/{stack.account(fresh)}/{photo}"
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2020-01-01T00:00:00.000Z",
        "s3": {"object": {"key": quote(key)}},
    }
    twice = {"Records": [record, {**record, "eventName": "ObjectRemoved:Delete"}, record]}
    stack.send("IntakeOriginals", {"Event": "s3:TestEvent"}, twice, twice)
    fresh.visitor.ask("DELETE", stack.url(f"/api/photos/{photo}"))
    stack.send("IntakeOriginals", twice)
    _drained(stack, "IntakeOriginals")
    assert fresh.json("/api/photos")["total"] == 0
    restored = fresh.visitor.ask("POST", stack.url(f"/api/photos/{photo}/restore"))
    assert restored.json()["name"] == "Katze über alles.JPG"
    assert fresh.counts() == counts
    # Uploaded again after it was put into the trash, it is back.
    fresh.visitor.ask("DELETE", stack.url(f"/api/photos/{photo}"))
    fresh.upload(named("cat.jpg"))
    assert fresh.counts() == counts
    assert stack.catalog.check(repair=False) == []


def test_what_cannot_be_worked_on_is_put_aside_and_holds_up_nothing(
    stack: Deployment, fresh: Person
) -> None:
    owner = stack.account(fresh)
    poison = [f"originals/{'f' * 16}/{'a' * 64}", f"originals/{owner}/../x.jpg"]
    for key in poison:
        stack.put(key, b"whatever")
    text = fresh.upload(b"this is no photo", "notes.jpg")
    fresh.labelled(fresh.upload(named("cat.jpg")))
    put_aside: set[str] = set()

    def all_put_aside() -> bool | None:
        for body in stack.messages("IntakeOriginalsFailed") or ():
            put_aside.update(record["s3"]["object"]["key"] for record in body["Records"])
        return len(put_aside) == 2 or None

    until(all_put_aside)
    assert {key.rpartition("/")[2] for key in poison} == {
        key.rpartition("/")[2] for key in put_aside
    }
    # What is no photo is refused as anywhere, and its owner is told.
    (notice,) = until(lambda: fresh.json("/api/notices") or None)
    assert (notice["kind"], notice["subject"]) == ("inbox-refused", "notes.jpg")
    assert stack.keys(f"originals/{owner}/{text}") == []
    assert fresh.json("/api/photos")["total"] == 1


def test_owners_see_nothing_of_each_other(stack: Deployment, fresh: Person) -> None:
    other = stack.person()
    data = named("two-dogs.jpg")
    photo = fresh.upload(data)
    assert other.get(f"/api/photos/{photo}").status == 404
    other.upload(data)
    other.labelled(photo)
    fresh.labelled(photo)
    assert fresh.counts() == other.counts()
    bundle = fresh.bundle()
    for path in (f"/api/bundles/{bundle}", f"/api/bundles/{bundle}/archive"):
        assert other.get(path).status == 404
    fresh.visitor.ask("DELETE", stack.url(f"/api/photos/{photo}"))
    assert fresh.counts() == {}
    assert other.counts()["Dog"] == 1
    assert fresh.settled(bundle)["state"] == "ready"


def test_counts_are_exact_after_many_uploads_at_once(stack: Deployment, fresh: Person) -> None:
    photos = [path.read_bytes() for path in samples.photos()]
    photos += [padded(number) for number in range(12)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ids = list(pool.map(fresh.upload, photos))
    fresh.labelled(*ids)
    counts = fresh.counts()
    assert counts["Mountain"] >= 13
    for name, count in counts.items():
        assert fresh.json(f"/api/photos?any={quote(name)}&limit=1")["total"] == count
    assert fresh.json("/api/work")["labelled"] == len(ids)
    assert stack.catalog.check(repair=False) == []


def test_everything_is_labelled_again_and_follows_changed_settings(
    stack: Deployment, fresh: Person
) -> None:
    ids = [fresh.upload(path.read_bytes()) for path in samples.photos()[:4]]
    fresh.labelled(*ids)
    counts = fresh.counts()
    assert fresh.send("POST", "/api/work/relabel", {}).json() == {"photos": 4}
    done = until(lambda: _finished(fresh))
    assert (done["total"], done["done"], done["changes"]) == (4, 4, [])
    assert fresh.counts() == counts
    settings = {"renames": {"Mountain": "Alps"}, "sureness": -1}
    assert fresh.send("PUT", "/api/label-settings", settings).status == 200
    until(lambda: fresh.json("/api/label-settings")["recomputing"] is None or None)
    assert fresh.counts()["Alps"] == counts["Mountain"]
    assert sum(fresh.counts().values()) > sum(counts.values())
    assert stack.catalog.check(repair=False) == []


def _finished(person: Person) -> dict[str, Any] | None:
    relabelling: dict[str, Any] | None = person.json("/api/work")["relabelling"]
    return relabelling if relabelling and relabelling["finished_at"] else None


def test_the_inbox_takes_what_is_a_photo_and_says_what_is_not(
    stack: Deployment, fresh: Person, make_jpeg: MakeJpeg
) -> None:
    place = f"inbox/{fresh.email}/Urlaub 2024/"
    photo = make_jpeg(7)
    stack.put(f"{place}über alles & more.JPG", photo)
    stack.put(f"{place}notes.txt", b"no photo")
    stack.put("inbox/nobody@example.com/x.jpg", photo)
    fresh.labelled(sha256(photo).hexdigest())
    (found,) = fresh.json("/api/photos")["photos"]
    assert found["name"] == "über alles & more.JPG"
    (notice,) = until(lambda: fresh.json("/api/notices") or None)
    assert notice["subject"] == "Urlaub 2024/notes.txt"
    (body,) = until(lambda: stack.messages("IntakeInboxFailed"))
    assert body["Records"][0]["s3"]["object"]["key"].startswith("inbox/nobody")
    # Told of first, it leaves then.
    until(lambda: not stack.keys(place) or None)
    assert stack.keys("refused/") == [f"refused/{fresh.email}/Urlaub 2024/notes.txt"]


def test_a_library_moves_to_aws_and_home_again(
    stack: Deployment, fresh: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    library, home = tmp_path / "library", tmp_path / "home"
    names = {"cat.jpg", "two-dogs.jpg", MOUNTAINS.name}
    chosen = [path for path in samples.photos() if path.name in names]
    run("import", "--library", library, *chosen)
    nobody_s = run("move", "--from", library, "--to", f"aws:{STACK}")
    assert (nobody_s.status, "--to-user EMAIL" in nobody_s.err) == (1, True)
    run("user", "add", fresh.email, "--password-stdin", "--library", library, input="a password")
    cat = sha256(named("cat.jpg")).hexdigest()
    run("photos", "label", cat, "--add", "Chelsea", "--remove", "Animal", "--library", library)
    before = everything(run, library)
    for copied in (3, 0):
        report = run("move", "--from", library, "--to", f"aws:{STACK}", "--json").json
        assert (report["photos"], report["copied"], report["differences"]) == (3, copied, [])
    # Who signed in before has the account with the address: the photos are theirs.
    assert fresh.counts()["Chelsea"] == 1
    assert fresh.get(f"/api/photos/{cat}/renditions/grid").status == 200
    answer = run("move", "--from", f"aws:{STACK}", "--to", home, "--user", fresh.email, "--json")
    assert (answer.status, answer.json["differences"]) == (0, [])
    # Photos, the trash and what is known of each; the account is the other one.
    assert everything(run, home)[:3] == before[:3]
    assert stack.catalog.check(repair=False) == []


def test_what_a_table_once_had_is_put_back(
    stack: Deployment, fresh: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    cat, dogs = (fresh.upload(named(name)) for name in ("cat.jpg", "two-dogs.jpg"))
    fresh.labelled(cat, dogs)
    before = fresh.counts()
    _set_back(stack, "As-it-was")
    fresh.send("PATCH", f"/api/photos/{cat}/labels", {"add": ["Chelsea"], "remove": ["Animal"]})
    fresh.visitor.ask("DELETE", stack.url(f"/api/photos/{dogs}"))
    assert fresh.counts() != before
    places = ("--from", f"aws:{STACK},table:As-it-was", "--to", f"aws:{STACK}")
    report = run("move", *places, "--user", fresh.email, "--json")
    assert (report.status, report.json["copied"], report.json["photos"]) == (0, 2, 2)
    assert fresh.counts() == before
    assert stack.catalog.check(repair=False) == []


def _set_back(stack: Deployment, name: str) -> None:
    """A table with what the stack's own has now, as setting it back to this moment makes one."""
    dynamodb, table = stack.cloud.client("dynamodb"), stack.outputs["Table"]
    described = dynamodb.describe_table(TableName=table)["Table"]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        **{part: described[part] for part in ("KeySchema", "AttributeDefinitions")},
    )
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            dynamodb.put_item(TableName=name, Item=item)


def _drained(stack: Deployment, queue: str) -> None:
    sqs, address = stack.cloud.client("sqs"), stack.queue(queue)

    def look() -> bool | None:
        attributes = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["All"])
        counts = attributes["Attributes"]
        waiting = int(counts["ApproximateNumberOfMessages"])
        return (not waiting and not int(counts["ApproximateNumberOfMessagesNotVisible"])) or None

    until(look)
