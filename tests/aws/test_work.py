"""Work on AWS: what the API asks of Lambda fits into a call that Lambda keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import now
from fototeca.work.aws import AwsWork

KEPT = 256 << 10
"""Bytes of an asynchronous call (AWS Lambda, quotas)."""


class Functions:
    """What Lambda is asked."""

    def __init__(self) -> None:
        self.chores: list[dict[str, Any]] = []

    def invoke(self, *, InvocationType: str, Payload: str, **_: Any) -> None:
        assert InvocationType == "Event"
        assert len(Payload) <= KEPT
        self.chores.append(json.loads(Payload))


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    functions = Functions()
    monkeypatch.setattr(boto3, "client", lambda _service: functions)
    return functions


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    yield catalog
    catalog.close()


def test_as_many_photos_as_a_request_may_name_are_tried_again(
    functions: Functions, catalog: SqliteCatalog
) -> None:
    owner = catalog.accounts.add("dan@example.com", "hash", now()).id
    ids = [f"{number:064x}" for number in range(10_000)]
    work = AwsWork(catalog, "arn:aws:states:r:1:stateMachine:bundles", "chores")
    work.retry(owner, ids)
    assert [id for chore in functions.chores for id in chore["ids"]] == ids
    functions.chores.clear()
    work.retry(owner)
    assert functions.chores == [{"chore": "retry", "owner": owner}]
