"""The function of every hour and of chores, on a library in a folder: who goes on, how long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fototeca.app import Library, open_library
from fototeca.bucket_imports import BucketImports, Found, Listing
from fototeca.catalog.protocol import Failed, Labelled
from fototeca.imports import Importing
from fototeca.photos import Detection, Selection, now
from fototeca.serverless import chores, housekeeping
from fototeca.settings import Settings
from tests.conftest import MakeJpeg


@dataclass
class Cloud:
    """What SQS and Lambda are asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    under_way: int = 0
    """Messages in every queue."""

    @property
    def sent(self) -> list[str]:
        """Photos that the queue of originals was told of."""
        return [
            json.loads(entry["MessageBody"])["Records"][0]["s3"]["object"]["key"].rpartition("/")[2]
            for name, parameters in self.asked
            if name == "send_message_batch"
            for entry in parameters["Entries"]
        ]

    @property
    def called(self) -> list[dict[str, Any]]:
        """The chores that go on in another invocation."""
        return [
            json.loads(parameters["Payload"]) for name, parameters in self.asked if name == "invoke"
        ]

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        names = housekeeping.UNDER_WAY
        return {"Attributes": dict.fromkeys(names, str(self.under_way))}

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
    for module in (chores, housekeeping):
        monkeypatch.setattr(module, "client", lambda _service: cloud)
    monkeypatch.setenv("FOTOTECA_ORIGINALS_QUEUE", "originals")
    return cloud


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> Iterator[Library]:
    with open_library(Settings(library=tmp_path / "library")) as opened:
        for module in (chores, housekeeping):
            monkeypatch.setattr(module, "library", lambda: opened)
        yield opened


@pytest.fixture
def owner(library: Library) -> str:
    return library.local_account().id


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


def test_what_is_no_chore_is_an_error_that_lambda_tells_of(library: Library) -> None:
    for event in ({"chore": "dance"}, {"chore": "relabel"}, {"chore": "import", "owner": "o"}):
        with pytest.raises(ValueError, match="no chore"):
            housekeeping.handler(event, Context())


def test_an_import_that_somebody_is_at_is_left_to_them(
    library: Library, owner: str, bucket: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = library.catalog.imports
    started = imports.start(owner, "s3://pics/x", now() - timedelta(hours=2))
    imports.advance(started, "x/1", found=1, added=1, restored=0, duplicate=0, refusals=[])
    hourly()
    assert bucket.looks == 0
    # A quarter of an hour later whoever was at it is not any more.
    monkeypatch.setattr(housekeeping, "now", lambda: now() + timedelta(minutes=16))
    hourly()
    ended = imports.get(owner, started.id)
    assert ended is not None
    assert (bucket.looks, ended.state) == (1, "finished")


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

    class Short(Context):
        """An invocation that has time for two photos."""

        looks = 0

        def get_remaining_time_in_millis(self) -> int:
            self.looks += 1
            return 600_000 if self.looks <= 2 else 0

    housekeeping.handler({}, Short())
    left = library.catalog.photos.page(owner, Selection(), trashed=True).total
    assert left == 3
    hourly()
    assert library.catalog.photos.page(owner, Selection(), trashed=True).total == 0
