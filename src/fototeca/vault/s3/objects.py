"""The objects of one bucket, with S3's errors said in the vault's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import IO, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from fototeca.vault.protocol import (
    CHUNK,
    OriginalArchived,
    OriginalMissing,
    UploadGone,
    VaultUnavailable,
)

AT_ONCE = 32
"""Requests under way at the same time, of all threads."""
READ_TRIES = 5
"""Times that a broken read goes on without another byte."""
MISSING = frozenset({"NoSuchKey", "404", "NotFound", "InvalidRange", "416"})
PASSING = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


def s3_client(**place: str) -> Any:
    """A client for the place that AWS's variables name (AWS_ENDPOINT_URL_S3, credentials, region).

    `place`, as boto3 takes it, instead of these. What was throttled or broke off is tried again,
    later each time.
    """
    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": 6},
        max_pool_connections=AT_ONCE,
        connect_timeout=10,
        read_timeout=60,
        # We send the checksum we mean. The default adds one of its own to signed URLs, which their
        # holder would have to compute.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.client("s3", config=config, **place)
    if ".amazonaws." not in client.meta.endpoint_url:
        return client
    # AWS's own: the bucket's regional name, which a new bucket has at once, and which the page's
    # policy allows. The default signs for a global name that redirects for its first hours.
    regional = Config(s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})
    return boto3.client("s3", config=config.merge(regional), **place)


class Refused(VaultUnavailable):
    """S3 answered with an error."""

    def __init__(self, error: ClientError) -> None:
        self.code, self.status = _code(error), _status(error)
        super().__init__(errno.EIO, f"the vault answered {self.code}")


@contextmanager
def answered(name: str) -> Iterator[None]:
    """Raises OriginalMissing, OriginalArchived, UploadGone, VaultUnavailable for what S3 says.

    What it says is told by its code alone: its text, which would be in the log, names the object,
    and so somebody's address where that is in the inbox.
    """
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in MISSING:
            raise OriginalMissing(name) from None
        if code == "InvalidObjectState":
            raise OriginalArchived(name) from None
        if code == "NoSuchUpload":
            raise UploadGone(name) from None
        raise Refused(error) from None
    except BotoCoreError as error:
        said = f"the vault cannot be reached: {type(error).__name__}"
        raise VaultUnavailable(errno.EIO, said) from None


def refused(error: ClientError, *codes: str) -> bool:
    """Whether S3 answered with one of these codes (HEAD and some others have but a status)."""
    return _code(error) in codes or str(_status(error)) in codes


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


class Objects:
    def __init__(self, client: Any, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def check(self) -> None:
        """Raises VaultUnavailable unless the bucket is there."""
        try:
            with answered(self.bucket):
                self.client.head_bucket(Bucket=self.bucket)
        except OriginalMissing as error:
            raise VaultUnavailable(errno.ENOENT, f"no bucket {self.bucket}") from error

    def head(self, key: str, **more: Any) -> dict[str, Any] | None:
        """What S3 says of an object; None when it is not there."""
        try:
            with answered(key):
                said: dict[str, Any] = self.client.head_object(Bucket=self.bucket, Key=key, **more)
                return said
        except OriginalMissing:
            return None

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) in chunks of CHUNK; a connection that breaks is taken up again.

        In memory is one chunk, however slowly they are taken. Raises OriginalMissing.
        """
        tries = 0
        while start < stop:
            begun = start
            with answered(key):
                body = self.client.get_object(
                    Bucket=self.bucket, Key=key, Range=f"bytes={start}-{stop - 1}"
                )["Body"]
            try:
                with closing(body):
                    while chunk := body.read(min(CHUNK, stop - start)):
                        start += len(chunk)
                        yield chunk
                        if start == stop:
                            return
            except PASSING:
                tries = 0 if start > begun else tries + 1
                if tries >= READ_TRIES:
                    said = "the vault breaks off while it is read"
                    raise VaultUnavailable(errno.EIO, said) from None
                continue
            raise OriginalMissing(key)

    def put(self, key: str, body: IO[bytes] | bytes, **more: Any) -> None:
        with answered(key):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def delete_version(self, key: str, said: Mapping[str, Any]) -> None:
        """The object that `head` told of, and none that came in its place since.

        Without versions that is any.
        """
        version = {"VersionId": said["VersionId"]} if "VersionId" in said else {}
        with answered(key):
            self.client.delete_object(Bucket=self.bucket, Key=key, **version)

    def delete(self, *keys: str) -> None:
        """Nothing happens for those that are not there."""
        objects = [{"Key": key} for key in keys]
        with answered(keys[0]):
            said = self.client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
            )
        for error in said.get("Errors", []):
            raise VaultUnavailable(errno.EIO, f"the vault answered {error['Code']}")

    def listed(self, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, bytes) of each object, in the order of their keys."""
        for entry in self.entries(prefix):
            yield entry["Key"], entry["Size"]

    def entries(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Each object as S3 lists it."""
        after: dict[str, str] = {}
        while True:
            with answered(prefix):
                said = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **after)
            yield from said.get("Contents", [])
            if not said.get("IsTruncated"):
                return
            after = {"ContinuationToken": said["NextContinuationToken"]}
