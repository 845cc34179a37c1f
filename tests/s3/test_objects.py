"""What S3 does to its clients: throttles them, breaks off, keeps originals away."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from fototeca.vault.protocol import (
    OriginalArchived,
    OriginalMissing,
    Stored,
    VaultUnavailable,
)
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.objects import s3_client
from fototeca.vault.s3.signing import MAX_METADATA, encoded_name

OWNER, ID, OTHER = "00112233aabbccdd", "ab" * 32, "cd" * 32
PLACE = {
    "region_name": "eu-central-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers, the last one ever after, and notes what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.headers.get("range", ""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def said(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>x</Message></Error>".encode()


def test_what_was_throttled_is_asked_again() -> None:
    with answering((503, said("SlowDown")), (206, b"photo")) as (url, asked):
        vault = S3Vault("photos", "working", s3_client(endpoint_url=url, **PLACE))
        assert b"".join(vault.read_original(OWNER, ID, 0, 5)) == b"photo"
    assert asked == ["bytes=0-4"] * 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", OriginalMissing),
        (416, "InvalidRange", OriginalMissing),
        (403, "InvalidObjectState", OriginalArchived),
        (403, "AccessDenied", VaultUnavailable),
        (404, "NoSuchBucket", VaultUnavailable),
    ],
)
def test_each_refusal_is_what_it_is(status: int, code: str, error: type[Exception]) -> None:
    with answering((status, said(code))) as (url, _):
        vault = S3Vault("photos", "working", s3_client(endpoint_url=url, **PLACE))
        with pytest.raises(error):
            list(vault.read_original(OWNER, ID, 0, 5))


def test_nobody_there_is_no_missing_photo() -> None:
    client = s3_client(endpoint_url="http://127.0.0.1:1", **PLACE)
    vault = S3Vault("photos", "working", client)
    with pytest.raises(VaultUnavailable):
        vault.original_size(OWNER, ID)
    with pytest.raises(VaultUnavailable):
        vault.check()
    with vault.stage() as staged:
        staged.write(b"photo")
        with pytest.raises(VaultUnavailable):
            vault.keep_original(OWNER, staged.sha256, staged)


class BreaksOff(io.BytesIO):
    """Gives some bytes, then nothing in time."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(3 if size is None or size > 3 else size)
        if not data:
            raise ReadTimeoutError(endpoint_url="s3")
        return data


def test_a_read_that_breaks_off_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    client = s3_client(endpoint_url="http://127.0.0.1:1", **PLACE)
    vault = S3Vault("photos", "working", client)
    asked: list[str] = []

    def get_object(*, Range: str, **_: Any) -> dict[str, Any]:
        asked.append(Range)
        start = int(Range.removeprefix("bytes=").partition("-")[0])
        return {"Body": BreaksOff(b"a photograph"[start : start + 5])}

    monkeypatch.setattr(client, "get_object", get_object)
    assert b"".join(vault.read_original(OWNER, ID, 0, 12)) == b"a photograph"
    assert asked == ["bytes=0-11", "bytes=5-11", "bytes=10-11"]

    def silent(**_: Any) -> dict[str, Any]:
        asked.append("")
        return {"Body": BreaksOff(b"")}

    monkeypatch.setattr(client, "get_object", silent)
    asked.clear()
    with pytest.raises(VaultUnavailable, match="breaks off"):
        list(vault.read_original(OWNER, ID, 0, 12))
    assert len(asked) == 5


def test_what_is_in_an_archive_tier_is_fetched_once_and_waited_for() -> None:
    """By what AWS documents of HeadObject and RestoreObject: nothing else has such tiers."""
    client = s3_client(**PLACE)
    vault = S3Vault("photos", "working", client, archive_tiers=True)
    assert vault.assembly is not None
    head = {"Bucket": "photos", "Key": f"originals/{OWNER}/{ID}"}
    tier = {"GlacierJobParameters": {"Tier": "Standard"}}
    size = {"ContentLength": 5}
    deep = {**size, "StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "DEEP_ARCHIVE_ACCESS"}
    glacier = {**size, "StorageClass": "GLACIER"}
    for answer, restores, away in (
        ({**size, "StorageClass": "INTELLIGENT_TIERING"}, None, False),
        (deep, tier, True),
        ({**deep, "Restore": 'ongoing-request="true"'}, None, True),
        (glacier, {"Days": 2, **tier}, True),
        ({**glacier, "Restore": 'ongoing-request="false", expiry-date="x"'}, None, False),
    ):
        with Stubber(client) as stub:
            stub.add_response("head_object", answer, head)
            if restores is not None:
                stub.add_response("restore_object", {}, {**head, "RestoreRequest": restores})
            assert vault.assembly.restore(OWNER, [ID]) == ([ID] if away else [])
            stub.add_response("head_object", answer, head)
            assert vault.stored(OWNER, [ID]) == [Stored(5, archived=away)]
            stub.assert_no_pending_responses()
    with Stubber(client) as stub:
        stub.add_response("head_object", deep, head)
        stub.add_client_error("restore_object", "RestoreAlreadyInProgress", http_status_code=409)
        assert vault.assembly.restore(OWNER, [ID]) == [ID]


def test_without_archive_tiers_nothing_is_asked() -> None:
    client = s3_client(endpoint_url="http://127.0.0.1:1", **PLACE)
    assembly = S3Vault("photos", "working", client).assembly
    assert assembly is not None
    assert assembly.restore(OWNER, [ID, OTHER]) == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_urls_are_of_the_bucket_s_own_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page's policy allows; a global name redirects, which no browser's PUT survives."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    signer = S3Vault("photos", "working", s3_client(**{**PLACE, "region_name": region})).signer
    assert signer is not None
    url = signer.put_inbox(OWNER, "a.jpg", "image/jpeg", timedelta(minutes=5))
    assert url.startswith(f"https://photos.s3.{region}.amazonaws.com/inbox/{OWNER}/")


@pytest.mark.parametrize("name", ["a.jpg", "Año +%/\\\r\n.jpg", "😀" * 255, "", "e\u0301" * 250])
def test_any_name_fits_into_a_header(name: str) -> None:
    text = encoded_name(name)
    assert len(text) <= MAX_METADATA
    assert text.isascii()
    assert text.isprintable()
    assert name.startswith(unquote(text))
    if len(name) < 100:
        assert unquote(text) == name
