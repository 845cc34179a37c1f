"""The function of every hour and of chores: who goes on, how long, and what is sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deploy.aws.costs import LISTED, LOOKED_AT
from fototeca.app import Library
from fototeca.bucket_imports import BucketImports, Found, Listing
from fototeca.catalog.protocol.bundles import Bundle
from fototeca.catalog.protocol.photos import Outcome
from fototeca.catalog.protocol.queue import Failed, Labelled
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.imports import Importing
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Detection, Selection, now
from fototeca.serverless import bundles, chores, housekeeping, inbox, left_over, messages
from fototeca.settings import Settings
from fototeca.vault.protocol import VaultUnavailable
from fototeca.vault.s3 import S3Vault
from tests.conftest import MakeJpeg, new_buckets

pytestmark = pytest.mark.xdist_group("seaweed")


@dataclass
class Cloud:
    """What SQS and Lambda are asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    under_way: int = 0
    """Messages in every queue."""
    put_aside: list[dict[str, str]] = field(default_factory=list)
    executions: dict[str, str] = field(default_factory=dict)
    """Of the state machine: how each stands, by its name."""

    class exceptions:
        class ExecutionAlreadyExists(Exception):
            pass

    def start_execution(self, *, name: str, **_: Any) -> None:
        """As Step Functions does it: the name of one that has ended cannot be used again."""
        if self.executions.setdefault(name, "RUNNING") != "RUNNING":
            raise self.exceptions.ExecutionAlreadyExists

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        _, place, name = executionArn.rsplit(":", 2)
        assert place == "bundles"
        return {"status": self.executions[name]}

    def told(self, queue: str) -> list[str]:
        """Keys of objects that a queue was told of."""
        return [
            created.key
            for name, parameters in self.asked
            if name == "send_message_batch" and parameters["QueueUrl"] == queue
            for entry in parameters["Entries"]
            for created in messages.created(json.loads(entry["MessageBody"]))
        ]

    @property
    def sent(self) -> list[str]:
        """Photos that the queue of originals was told of."""
        return [key.rpartition("/")[2] for key in self.told("originals")]

    @property
    def called(self) -> list[dict[str, Any]]:
        """The chores that go on in another invocation."""
        return [
            json.loads(parameters["Payload"]) for name, parameters in self.asked if name == "invoke"
        ]

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        names = left_over.UNDER_WAY
        return {"Attributes": dict.fromkeys(names, str(self.under_way))}

    def receive_message(self, **_: Any) -> dict[str, Any]:
        """Some, and the same again until they are deleted."""
        return {"Messages": self.put_aside[:10]} if self.put_aside else {}

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:
        self.put_aside = [each for each in self.put_aside if each["ReceiptHandle"] != ReceiptHandle]

    def __getattr__(self, name: str) -> Any:
        def asked(**parameters: Any) -> dict[str, Any]:
            self.asked.append((name, parameters))
            return {}

        return asked


@dataclass
class Context:
    """An invocation with so much time left."""

    seconds: float = 600
    aws_request_id: str = "7e57"
    function_name: str = "housekeeping"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Empty:
    """A bucket in which nothing is, and how often that was looked at."""

    copies = True

    def __init__(self) -> None:
        self.looks = 0

    def list(self, bucket: str, prefix: str, after: str | None, limit: int) -> Listing:
        self.looks += 1
        return Listing([], whole=True)

    def sha256(self, bucket: str, key: str) -> str | None:
        raise AssertionError

    def read(self, bucket: str, found: Found) -> Iterator[bytes]:
        raise AssertionError

    def copy_to_inbox(self, bucket: str, key: str, owner: str, folder: str) -> None:
        raise AssertionError


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    for module in (chores, left_over):
        monkeypatch.setattr(module, "client", lambda _service: cloud)
    monkeypatch.setenv("FOTOTECA_ORIGINALS_QUEUE", "originals")
    monkeypatch.setenv("FOTOTECA_ORIGINALS_FAILED_QUEUE", "failed")
    monkeypatch.setenv("FOTOTECA_INBOX_QUEUE", "inbox")
    monkeypatch.setenv("FOTOTECA_STATE_MACHINE", "arn:aws:states:r:1:stateMachine:bundles")
    return cloud


@pytest.fixture
def library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: Cloud, seaweed: Any
) -> Iterator[Library]:
    taxonomy = Taxonomy.load()
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", taxonomy)
    vault = S3Vault(*new_buckets(seaweed), seaweed)
    with Library(Settings(library=tmp_path), taxonomy, catalog, vault, None) as opened:
        for module in (bundles, chores, housekeeping, inbox, left_over):
            monkeypatch.setattr(module, "library", lambda: opened)
        bundles.building.cache_clear()
        yield opened


@pytest.fixture
def owner(library: Library) -> str:
    return library.catalog.accounts.add("dan@example.com", "hash", now()).id


@pytest.fixture
def bucket(library: Library) -> Empty:
    """Where imports are from."""
    empty = Empty()
    imports = BucketImports(library.catalog, library.vault, library.ingest, empty, ["pics"], 1)
    library.__dict__["imports"] = Importing(
        library.catalog, library.ingest, (), 1, lambda: None, imports, lambda _import: None
    )
    return empty


def hourly() -> None:
    housekeeping.handler({}, Context())


def test_an_hour_without_work_asks_s3_what_the_costs_say(
    library: Library, owner: str, seaweed: Any
) -> None:
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    seaweed.meta.events.register("before-call.s3", note)
    try:
        hourly()
    finally:
        seaweed.meta.events.unregister("before-call.s3", note)
    listed = asked.count("ListObjectsV2")
    assert (listed, len(asked) - listed) == (LISTED, LOOKED_AT)


def test_what_is_no_chore_is_an_error_that_lambda_tells_of(library: Library) -> None:
    for event in ({"chore": "dance"}, {"chore": "relabel"}, {"chore": "import", "owner": "o"}):
        with pytest.raises(ValueError, match="no chore"):
            housekeeping.handler(event, Context())


def test_an_import_that_somebody_is_at_is_left_to_them(
    library: Library, owner: str, bucket: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = library.catalog.imports
    started = imports.start(owner, "s3://pics/x", now() - timedelta(hours=2))
    imports.advance(started, "x/1", [Outcome.ADDED])
    hourly()
    assert bucket.looks == 0
    # A quarter of an hour later whoever was at it is not any more.
    monkeypatch.setattr("fototeca.imports.now", lambda: now() + timedelta(minutes=16))
    hourly()
    ended = imports.get(owner, started.id)
    assert ended is not None
    assert (bucket.looks, ended.state) == (1, "finished")


def test_an_import_of_a_machine_that_has_left_it_ends(library: Library, owner: str) -> None:
    imports = library.catalog.imports
    killed = imports.start(owner, "/photos/holiday", now() - timedelta(hours=1))
    hourly()
    ended = imports.get(owner, killed.id)
    assert ended is not None
    assert "import it again" in (ended.failure or "")


def test_an_import_whose_message_was_lost_is_brought_in(
    library: Library, owner: str, bucket: Empty
) -> None:
    imports = library.catalog.imports
    imports.start(owner, "s3://pics/x", now() - timedelta(hours=1))
    fresh = imports.start(owner, "s3://pics/y", now())
    hourly()
    assert [each.id for each in imports.running()] == [fresh.id]


@pytest.fixture
def labelled(library: Library, owner: str, make_jpeg: MakeJpeg) -> list[str]:
    """Five photos, newest first."""
    queue = library.catalog.queue
    for number in range(5):
        with library.vault.stage() as staged:
            staged.write(make_jpeg(number))
            library.ingest.add(owner, staged, f"{number}.jpg")
    seen = (Detection("Lake", 0.9, "test@1"),)
    for claim in queue.claim("w-0", 9, now() + timedelta(minutes=1)):
        queue.settle("w-0", [Labelled(owner, claim.photo.id, seen, "test@1")])
    return [photo.id for photo in library.catalog.photos.page(owner, Selection()).photos]


def run(cloud: Cloud, chore: dict[str, Any], seconds: float = 0) -> int:
    """A chore through all its invocations, each with so much time; how many there are."""
    housekeeping.handler(chore, Context(seconds))
    done = 1
    while cloud.called[done - 1 :]:
        housekeeping.handler(cloud.called[done - 1], Context(seconds))
        done += 1
    return done


def test_labelling_again_goes_on_in_other_invocations(
    library: Library,
    owner: str,
    cloud: Cloud,
    labelled: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "PAGE", 2)
    assert run(cloud, {"chore": "relabel", "owner": owner}) == 3
    assert cloud.sent == labelled
    relabelling = library.catalog.queue.relabelling(owner)
    assert relabelling is not None
    assert (relabelling.total, relabelling.done) == (5, 0)


def test_trying_again_goes_on_in_other_invocations(
    library: Library,
    owner: str,
    cloud: Cloud,
    labelled: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "PAGE", 2)
    queue = library.catalog.queue
    queue.relabel(owner)
    for claim in queue.claim("w-0", 3, now() + timedelta(minutes=1)):
        queue.settle("w-0", [Failed(owner, claim.photo.id, "broken")])
    failed = {
        photo.id for photo in library.catalog.photos.page(owner, Selection(), state="failed").photos
    }
    assert run(cloud, {"chore": "retry", "owner": owner, "ids": None}) == 2
    assert (len(cloud.sent), set(cloud.sent)) == (3, failed)
    assert queue.work(owner).failed == 0


def test_purging_stops_when_the_time_is_over_and_goes_on_in_an_hour(
    library: Library, owner: str, labelled: list[str]
) -> None:
    library.catalog.photos.trash(owner, labelled, now() - timedelta(days=31))

    def in_trash() -> int:
        return library.catalog.photos.page(owner, Selection(), trashed=True).total

    class Short(Context):
        """An invocation that has time for two photos."""

        def get_remaining_time_in_millis(self) -> int:
            return 600_000 if in_trash() > 3 else 0

    housekeeping.handler({}, Short())
    assert in_trash() == 3
    hourly()
    assert in_trash() == 0


def put_aside(cloud: Cloud, body: object) -> str:
    """A message that was; its receipt."""
    receipt = f"r{len(cloud.put_aside)}"
    cloud.put_aside.append(
        {"MessageId": receipt, "ReceiptHandle": receipt, "Body": json.dumps(body)}
    )
    return receipt


def test_an_original_that_was_put_aside_is_taken_over_once_its_account_is_there(
    library: Library, owner: str, cloud: Cloud, labelled: list[str]
) -> None:
    lost = f"originals/{owner}/{'a' * 64}"
    stranger = f"originals/{'f' * 16}/{'b' * 64}"
    known = f"originals/{owner}/{labelled[0]}"
    put_aside(cloud, messages.as_created(lost))
    left = [
        put_aside(cloud, body)
        for body in (
            messages.as_created(stranger),
            messages.as_created(known),
            messages.as_created("originals/../x"),
            {"Records": [{"eventName": "ObjectCreated:Put"}]},
            {"Records": "none"},
            ["nonsense"],
        )
    ]
    hourly()
    assert cloud.told("originals") == [lost]
    assert [message["MessageId"] for message in cloud.put_aside] == left


def test_what_still_lies_in_the_inbox_is_sent_again(
    library: Library, owner: str, cloud: Cloud, seaweed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(library.vault, S3Vault)
    bucket = library.vault.photos.bucket
    mine = ["inbox/dan@example.com/Año 1+1/50% of.jpg", f"inbox/{owner}/x.jpg"]
    for key in (*mine, "inbox/nobody@example.com/x.jpg", "inbox/dan@example.com/folder/"):
        seaweed.put_object(Bucket=bucket, Key=key, Body=b"x")
    hourly()
    assert cloud.told("inbox") == []  # they may be on their way
    monkeypatch.setattr(left_over, "now", lambda: now() + timedelta(hours=2))
    cloud.under_way = 1
    hourly()
    assert cloud.told("inbox") == []
    cloud.under_way = 0
    hourly()
    assert sorted(cloud.told("inbox")) == sorted(mine)


def test_what_cannot_leave_the_inbox_is_not_sent_again_until_it_is_put_there_anew(
    library: Library, owner: str, cloud: Cloud, seaweed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(library.vault, S3Vault)
    mine, bucket = f"inbox/{owner}/2024/x.jpg", library.vault.photos.bucket
    seaweed.put_object(Bucket=bucket, Key=mine, Body=b"x", StorageClass="GLACIER")
    monkeypatch.setattr(left_over, "now", lambda: now() + timedelta(hours=2))
    library.catalog.notices.add(owner, "inbox-stuck", "2024/x.jpg", "x.jpg cannot leave the inbox")
    hourly()
    assert cloud.told("inbox") == []
    (notice,) = library.catalog.notices.of(owner)
    came = notice.at
    while came <= notice.at:  # S3 keeps whole seconds
        seaweed.put_object(Bucket=bucket, Key=mine, Body=b"x")
        came = seaweed.head_object(Bucket=bucket, Key=mine)["LastModified"]
    hourly()
    assert cloud.told("inbox") == [mine]


def planned(library: Library, owner: str) -> Bundle:
    """A bundle whose upload has begun."""
    bundle = library.bundles.request(owner, Selection())
    bundles.plan({"owner": owner, "bundle": bundle.id}, Context())
    return bundle


@contextmanager
def refusing(client: Any, bundle: Bundle) -> Iterator[None]:
    """S3 cannot be reached to abort the upload of this bundle."""

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if bundle.id in params["url_path"]:
            raise EndpointConnectionError(endpoint_url="s3")

    client.meta.events.register("before-call.s3.AbortMultipartUpload", refuse)
    try:
        yield
    finally:
        client.meta.events.unregister("before-call.s3.AbortMultipartUpload", refuse)


def state_of(library: Library, bundle: Bundle) -> str:
    found = library.catalog.bundles.get(bundle.owner, bundle.id)
    assert found is not None
    return found.state


def uploads(library: Library) -> list[str]:
    """Of archives, that have begun and not ended."""
    assert isinstance(library.vault, S3Vault)
    working = library.vault.working
    said = working.client.list_multipart_uploads(Bucket=working.bucket)
    return [each["Key"] for each in said.get("Uploads", [])]


def test_a_bundle_whose_execution_did_not_start_is_started_and_one_under_way_is_left_alone(
    library: Library, owner: str, cloud: Cloud, labelled: list[str]
) -> None:
    bundle = library.bundles.request(owner, Selection())
    under_way = planned(library, owner)
    cloud.executions[under_way.id] = "RUNNING"
    hourly()
    assert cloud.executions == {bundle.id: "RUNNING", under_way.id: "RUNNING"}
    assert state_of(library, bundle) == state_of(library, under_way) == "preparing"
    assert len(uploads(library)) == 1


@pytest.mark.parametrize("ended", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_bundle_that_nobody_builds_any_more_fails_and_is_told_of(
    library: Library, owner: str, cloud: Cloud, labelled: list[str], ended: str
) -> None:
    """What cleans up after an execution did not start, or failed."""
    bundle = planned(library, owner)
    cloud.executions[bundle.id] = ended
    hourly()
    assert state_of(library, bundle) == "failed"
    assert uploads(library) == []
    (notice,) = library.catalog.notices.of(owner)
    assert (notice.kind, notice.subject) == ("bundle-failed", bundle.id)


def test_a_bundle_fails_at_once_and_what_could_not_be_cleaned_up_then_is_later(
    library: Library, owner: str, labelled: list[str], seaweed: Any
) -> None:
    stuck, other = planned(library, owner), planned(library, owner)

    with refusing(seaweed, stuck):
        for bundle in (stuck, other):
            with suppress(VaultUnavailable):
                bundles.abort({"owner": owner, "bundle": bundle.id}, Context())
            assert state_of(library, bundle) == "failed"
        assert len(uploads(library)) == 1
        with pytest.raises(RuntimeError):
            hourly()
    hourly()
    assert uploads(library) == []


@pytest.mark.parametrize("number", [0, 1])
def test_an_expired_bundle_that_cannot_be_cleaned_up_keeps_no_other_from_it(
    library: Library,
    owner: str,
    labelled: list[str],
    seaweed: Any,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    both = [planned(library, owner), planned(library, owner)]
    monkeypatch.setattr("fototeca.bundling.bundles.now", lambda: now() + timedelta(days=2))
    with refusing(seaweed, both[number]), pytest.raises(VaultUnavailable):
        library.bundles.expire()
    assert len(uploads(library)) == 1
