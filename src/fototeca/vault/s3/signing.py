"""URLs that S3 itself answers, signed for one object, one method and a few minutes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from fototeca.photos import now
from fototeca.vault.protocol import SignedRequest
from fototeca.vault.s3.keys import inbox_key, original_key, working_key
from fototeca.vault.s3.objects import Objects

TIERED = "INTELLIGENT_TIERING"
NAME = "name"
"""Metadata of an original: its name, percent-encoded as UTF-8, since headers are ASCII."""
MAX_METADATA = 1500
"""Characters of the encoded name: all metadata together may have 2 KB."""
# What the bytes of a photo's address are, they stay.
FOREVER = "private, max-age=31536000, immutable"


class S3Signer:
    """See fototeca.vault.protocol.Signer."""

    def __init__(self, photos: Objects, working: Objects) -> None:
        self._photos = photos
        self._working = working

    def put_original(
        self,
        owner: str,
        id: str,
        *,
        name: str,
        size: int,
        media_type: str,
        replace: bool,
        lifetime: timedelta,
    ) -> SignedRequest:
        headers = {
            "content-type": media_type,
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(id)).decode(),
            "x-amz-storage-class": TIERED,
            f"x-amz-meta-{NAME}": encoded_name(name),
            **({} if replace else {"if-none-match": "*"}),
        }
        url = self._signed(
            self._photos,
            "put_object",
            original_key(owner, id),
            lifetime,
            ContentType=media_type,
            ContentLength=size,
            ChecksumSHA256=headers["x-amz-checksum-sha256"],
            StorageClass=TIERED,
            Metadata={NAME: headers[f"x-amz-meta-{NAME}"]},
            **({} if replace else {"IfNoneMatch": "*"}),
        )
        return SignedRequest(url, headers, now() + lifetime)

    def put_inbox(self, owner: str, name: str, media_type: str, lifetime: timedelta) -> str:
        key = inbox_key(owner, name)
        return self._signed(self._photos, "put_object", key, lifetime, ContentType=media_type)

    def original(
        self, owner: str, id: str, *, media_type: str, disposition: str, lifetime: timedelta
    ) -> str:
        return self._read(
            self._photos,
            original_key(owner, id),
            lifetime,
            ResponseContentType=media_type,
            ResponseContentDisposition=disposition,
            ResponseCacheControl=FOREVER,
        )

    def working(self, name: str, *, media_type: str, disposition: str, lifetime: timedelta) -> str:
        return self._read(
            self._working,
            working_key(name),
            lifetime,
            ResponseContentType=media_type,
            ResponseContentDisposition=disposition,
            ResponseCacheControl="private, no-cache",
        )

    def _read(self, objects: Objects, key: str, lifetime: timedelta, **answer: str) -> str:
        return self._signed(objects, "get_object", key, lifetime, **answer)

    def _signed(
        self, objects: Objects, operation: str, key: str, lifetime: timedelta, **more: Any
    ) -> str:
        url: str = objects.client.generate_presigned_url(
            operation,
            Params={"Bucket": objects.bucket, "Key": key, **more},
            ExpiresIn=max(1, int(lifetime.total_seconds())),
        )
        return url


def encoded_name(name: str) -> str:
    """As metadata: ASCII, never cut within a character."""
    while len(text := quote(name, safe="")) > MAX_METADATA:
        name = name[: len(name) - 1 - (len(text) - MAX_METADATA) // 12]
    return text


def name_in(metadata: Mapping[str, str]) -> str | None:
    name = metadata.get(NAME)
    return None if name is None else unquote(name)
