"""Buckets that photos are imported from: ours or others', read by the permission we were given."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fototeca.bucket_imports import Found, Listing, SourceRefused
from fototeca.vault.s3.keys import inbox_key
from fototeca.vault.s3.objects import Objects, Refused, answered, s3_client

FORBIDDEN = ("AccessDenied", "AllAccessDisabled")


class S3Buckets:
    """See fototeca.bucket_imports.Buckets."""

    def __init__(self, client: Any = None, inbox_bucket: str | None = None) -> None:
        """`inbox_bucket`: where objects are copied to by S3 itself; None where nobody looks."""
        self._client = client or s3_client()
        self._inbox = inbox_bucket

    @property
    def copies(self) -> bool:
        return self._inbox is not None

    def list(self, bucket: str, prefix: str, after: str | None, limit: int) -> Listing:
        with _answered(bucket):
            said = self._client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, StartAfter=after or "", MaxKeys=limit
            )
        found = [Found(entry["Key"], entry["Size"]) for entry in said.get("Contents", [])]
        return Listing(found, whole=not said.get("IsTruncated", False))

    def sha256(self, bucket: str, key: str) -> str | None:
        with _answered(key, of_object=True):
            said = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        known = said.get("ChecksumSHA256")
        if known is None or said.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
            return None
        return base64.b64decode(known).hex()

    def read(self, bucket: str, found: Found) -> Iterator[bytes]:
        with _answered(found.key, of_object=True):
            yield from Objects(self._client, bucket).read(found.key, 0, found.size)

    def copy_to_inbox(self, bucket: str, key: str, owner: str, folder: str) -> None:
        assert self._inbox is not None
        with _answered(key, of_object=True):
            self._client.copy_object(
                Bucket=self._inbox,
                Key=inbox_key(owner, key.rpartition("/")[2], folder),
                CopySource={"Bucket": bucket, "Key": key},
                # Nothing but the bytes: others' tags would need one more permission.
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
            )


@contextmanager
def _answered(name: str, *, of_object: bool = False) -> Iterator[None]:
    """Raises SourceRefused for what we may not read: the same whether it is there or not.

    `of_object`: also for whatever else is asked wrongly of that object alone. One that is encrypted
    with a key of its owner's is answered with 400, for ever.
    """
    try:
        with answered(name):
            yield
    except Refused as error:
        if error.status == 403 or error.code in FORBIDDEN:
            raise SourceRefused("it may not be read") from error
        if error.code in ("NoSuchBucket", "InvalidBucketName"):
            raise SourceRefused("not a bucket that may be imported") from error
        if of_object and 400 <= error.status < 500 and error.status != 429:
            raise SourceRefused(f"S3 does not give it out ({error.code})") from error
        raise
