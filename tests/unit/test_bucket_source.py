"""What S3 answers about an object to be imported: a refusal of that one, or worth another try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from fototeca.bucket_imports import Found, SourceRefused
from fototeca.vault.protocol import OriginalArchived, OriginalMissing, VaultUnavailable
from fototeca.vault.s3.source import S3Buckets

Ask = Callable[[S3Buckets], Any]


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber


ASKED: dict[str, Ask] = {
    "head_object": lambda source: source.sha256("pics", "a.jpg"),
    "get_object": lambda source: list(source.read("pics", Found("a.jpg", 5))),
    "copy_object": lambda source: source.copy_to_inbox("pics", "a.jpg", "0" * 16, "f"),
}
ANSWERS: list[tuple[str, int, type[Exception]]] = [
    ("400", 400, SourceRefused),  # encrypted with a key of its owner's (SSE-C), asked by HEAD
    ("InvalidRequest", 400, SourceRefused),
    ("KMS.DisabledException", 400, SourceRefused),
    ("AccessDenied", 403, SourceRefused),
    ("InvalidObjectState", 403, OriginalArchived),
    ("NoSuchKey", 404, OriginalMissing),
    ("SlowDown", 503, VaultUnavailable),
    ("TooManyRequests", 429, VaultUnavailable),
    ("InternalError", 500, VaultUnavailable),
]


@pytest.mark.parametrize("operation", ASKED)
@pytest.mark.parametrize(("code", "status", "raised"), ANSWERS)
def test_what_is_wrong_with_one_object_is_a_refusal_of_it(
    client: Any,
    stubber: Stubber,
    operation: str,
    code: str,
    status: int,
    raised: type[Exception],
) -> None:
    stubber.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(raised):
        ASKED[operation](S3Buckets(client, "inbox"))


def test_a_bucket_that_asks_too_fast_or_badly_is_no_refusal(client: Any, stubber: Stubber) -> None:
    stubber.add_client_error("list_objects_v2", "ExpiredToken", http_status_code=400)
    with pytest.raises(VaultUnavailable):
        S3Buckets(client).list("pics", "", None, 10)
