"""Archives put together on S3: a multipart upload, whose parts may come in any order and again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from fototeca.vault.protocol import UploadGone, Whole
from fototeca.vault.s3.keys import original_key, working_key
from fototeca.vault.s3.objects import AT_ONCE, Objects, answered, refused

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
PAGE = 1000
"""Parts that S3 lists at once."""


class S3Assembly:
    """See fototeca.vault.protocol.Assembly."""

    max_parts = 10_000

    def __init__(self, photos: Objects, working: Objects, archive_tiers: bool) -> None:
        self._photos = photos
        self._working = working
        self._archive_tiers = archive_tiers

    def begin(self, name: str, media_type: str) -> str:
        key = working_key(name)
        with answered(key):
            said = self._client.create_multipart_upload(
                Bucket=self._working.bucket,
                Key=key,
                ContentType=media_type,
                # Of the whole, however it was cut: what a client will compute of the file.
                ChecksumAlgorithm="CRC32",
                ChecksumType="FULL_OBJECT",
            )
        return str(said["UploadId"])

    def put_part(self, name: str, upload: str, number: int, data: bytearray, crc32: int) -> None:
        with answered(name):
            self._client.upload_part(
                **self._of(name, upload), PartNumber=number, Body=data, ChecksumCRC32=_base64(crc32)
            )

    def parts(self, name: str, upload: str) -> dict[int, int]:
        return {number: part["Size"] for number, part in self._parts(name, upload).items()}

    def complete(self, name: str, upload: str) -> None:
        parts = self._parts(name, upload)
        members = ("PartNumber", "ETag", "ChecksumCRC32")
        listed = [
            {member: part[member] for member in members if member in part}
            for _, part in sorted(parts.items())
        ]
        with answered(name):
            self._client.complete_multipart_upload(
                **self._of(name, upload), MultipartUpload={"Parts": listed}
            )

    def abort(self, name: str, upload: str) -> None:
        try:
            with answered(name):
                self._client.abort_multipart_upload(**self._of(name, upload))
        except UploadGone:
            pass

    def whole(self, name: str) -> Whole | None:
        said = self._working.head(working_key(name), ChecksumMode="ENABLED")
        return None if said is None else Whole(said["ContentLength"], whole_crc32(said))

    def restore(self, owner: str, ids: Sequence[str]) -> list[str]:
        if not self._archive_tiers:
            return []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            away = list(pool.map(lambda id: self._is_away(original_key(owner, id)), ids))
        return [id for id, is_away in zip(ids, away, strict=True) if is_away]

    def _is_away(self, key: str) -> bool:
        """Whether it cannot be read yet; then it is on its way."""
        said = self._photos.head(key)
        if said is None or not is_archived(said):
            return False  # where it is not there, the layout or the reading says so
        if "Restore" in said:
            return True
        # In Intelligent-Tiering it comes back for good; from Glacier, a copy for some days.
        days = {} if said.get("ArchiveStatus") else {"Days": 2}
        with answered(key):
            try:
                self._client.restore_object(
                    Bucket=self._photos.bucket,
                    Key=key,
                    RestoreRequest={**days, "GlacierJobParameters": {"Tier": "Standard"}},
                )
            except ClientError as error:
                if not refused(error, "RestoreAlreadyInProgress"):
                    raise
        return True

    def _parts(self, name: str, upload: str) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        marker = 0
        while True:
            with answered(name):
                said = self._client.list_parts(
                    **self._of(name, upload), MaxParts=PAGE, PartNumberMarker=marker
                )
            for part in said.get("Parts", []):
                found[part["PartNumber"]] = part
            if not said.get("IsTruncated"):
                return found
            marker = said["NextPartNumberMarker"]

    def _of(self, name: str, upload: str) -> dict[str, str]:
        return {"Bucket": self._working.bucket, "Key": working_key(name), "UploadId": upload}

    @property
    def _client(self) -> Any:
        return self._working.client


def is_archived(said: Mapping[str, Any]) -> bool:
    """Whether an object cannot be read; also while it is being restored."""
    if "Restore" in said:
        return 'ongoing-request="true"' in said["Restore"]
    return bool(said.get("ArchiveStatus") or said.get("StorageClass") in ARCHIVED)


def whole_crc32(said: Mapping[str, Any]) -> int | None:
    """The CRC-32 of a whole object, where S3 was sent or asked to compute one."""
    crc32 = said.get("ChecksumCRC32")
    if crc32 is None or said.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    return int.from_bytes(base64.b64decode(crc32), "big")


def _base64(crc32: int) -> str:
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()
