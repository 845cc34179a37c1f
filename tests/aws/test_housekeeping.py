"""The function of every hour and of chores, on a library in a folder: who goes on, how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fototeca.app import Library, open_library
from fototeca.bucket_imports import BucketImports, Found, Listing
from fototeca.imports import Importing
from fototeca.photos import now
from fototeca.serverless import chores, housekeeping
from fototeca.settings import Settings


@dataclass
class Cloud:
    """What SQS and Lambda are asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    under_way: int = 0
    """Messages in every queue."""

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
