"""The vault on S3: AWS's own, or one that runs at home (docs/operating.md).

In the photos bucket are `originals/{owner}/{id}`, in INTELLIGENT_TIERING from the PUT on, and
`renditions/{owner}/{id}.{size}.jpg`; working files have a bucket of their own, which may lose what
is older than a day. S3 verifies the SHA-256 of every original, and shows an object only when it has
it whole and durable.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fototeca.vault.protocol import (
    OriginalMissing,
    Size,
    Staged,
    Stored,
)
from fototeca.vault.s3.assembly import S3Assembly, is_archived
from fototeca.vault.s3.keys import ORIGINALS, original_in, original_key, rendition_key, working_key
from fototeca.vault.s3.objects import AT_ONCE, Objects, answered, refused, s3_client
from fototeca.vault.s3.signing import TIERED, S3Signer, name_in
from fototeca.vault.staging import FileStaged, staged_in, sweep

CONFLICTS = 5
"""Times that an original is put while others put or delete it."""


class S3Vault:
    """See fototeca.vault.protocol.Vault. Safe to share between threads."""

    def __init__(
        self,
        photos_bucket: str,
        working_bucket: str,
        client: Any = None,
        *,
        signs: bool = True,
        archive_tiers: bool = False,
    ) -> None:
        """`signs`: who is given a URL can reach the buckets, and new objects are told of.

        `archive_tiers`: originals may be where they must be restored from before they are read.
        """
        sweep()
        self._client = client or s3_client()
        self.photos = Objects(self._client, photos_bucket)
        self.working = Objects(self._client, working_bucket)
        self.signer = S3Signer(self.photos, self.working) if signs else None
        self.assembly = S3Assembly(self.photos, self.working, archive_tiers) if signs else None

    def check(self) -> None:
        """Raises VaultUnavailable unless both buckets are there: else it would look empty."""
        for objects in (self.photos, self.working):
            objects.check()

    def stage(self) -> AbstractContextManager[FileStaged]:
        return staged_in(None)

    def keep_original(self, owner: str, id: str, staged: Staged) -> None:
        key = original_key(owner, id)
        with answered(key):
            for tries in range(CONFLICTS):
                try:
                    with staged.path.open("rb") as file:
                        self._client.put_object(
                            Bucket=self.photos.bucket,
                            Key=key,
                            Body=file,
                            ContentLength=staged.size,
                            StorageClass=TIERED,
                            # S3 compares it with what arrived.
                            ChecksumSHA256=_base64(staged.sha256),
                            IfNoneMatch="*",
                        )
                    return
                except ClientError as error:
                    if refused(error, "412", "PreconditionFailed"):
                        return
                    # Somebody else puts or deletes it right now.
                    conflict = refused(error, "409", "ConditionalRequestConflict")
                    if not conflict or tries == CONFLICTS - 1:
                        raise

    def original_size(self, owner: str, id: str) -> int | None:
        stored = self._stored(owner, id)
        if stored is None:
            self.photos.check()
            return None
        return stored.size

    def stored(self, owner: str, ids: Sequence[str]) -> list[Stored | None]:
        found = list(self._threads.map(lambda id: self._stored(owner, id), ids))
        if None in found:
            self.photos.check()
        return found

    def original_sha256(self, owner: str, id: str) -> str | None:
        said = self.photos.head(original_key(owner, id), ChecksumMode="ENABLED")
        if said is None:
            self.photos.check()
            return None
        known = said.get("ChecksumSHA256")
        if known is not None and said.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            return base64.b64decode(known).hex()
        sha256 = hashlib.sha256()
        for chunk in self.read_original(owner, id, 0, said["ContentLength"]):
            sha256.update(chunk)
        return sha256.hexdigest()

    def name_of(self, owner: str, id: str) -> str | None:
        """The name that an original was put under by a signed URL. Raises OriginalMissing."""
        said = self.photos.head(original_key(owner, id))
        if said is None:
            raise OriginalMissing(id)
        return name_in(said.get("Metadata", {}))

    @contextmanager
    def local_original(self, owner: str, id: str) -> Iterator[Path]:
        size = self.original_size(owner, id)
        if size is None:
            raise OriginalMissing(id)
        with self.stage() as staged:
            for chunk in self.read_original(owner, id, 0, size):
                staged.write(chunk)
            yield staged.path

    def read_original(self, owner: str, id: str, start: int, stop: int) -> Iterator[bytes]:
        return self.photos.read(original_key(owner, id), start, stop)

    def delete_original(self, owner: str, id: str) -> None:
        self.photos.delete(
            original_key(owner, id), *(rendition_key(owner, id, size) for size in Size)
        )

    def originals(self) -> Iterator[tuple[str, str, int]]:
        for key, size in self.photos.listed(ORIGINALS):
            place = original_in(key)
            if place is not None:
                yield *place, size

    def keep_rendition(self, owner: str, id: str, size: Size, jpeg: bytes) -> None:
        # STANDARD: what is smaller than 128 KB is never tiered.
        self.photos.put(rendition_key(owner, id, size), jpeg, ContentType="image/jpeg")

    def rendition(self, owner: str, id: str, size: Size) -> bytes | None:
        try:
            with answered(id):
                said = self._client.get_object(
                    Bucket=self.photos.bucket, Key=rendition_key(owner, id, size)
                )
                return bytes(said["Body"].read())
        except OriginalMissing:
            return None

    def keep_working(self, name: str, chunks: Iterable[bytes]) -> None:
        key = working_key(name)
        with self.stage() as staged:
            for chunk in chunks:
                staged.write(chunk)
            with staged.path.open("rb") as file:
                self.working.put(
                    key, file, ContentLength=staged.size, ChecksumSHA256=_base64(staged.sha256)
                )

    def read_working(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        return self.working.read(working_key(name), start, stop)

    def delete_working(self, name: str) -> None:
        self.working.delete(working_key(name))

    def _stored(self, owner: str, id: str) -> Stored | None:
        """None also when the bucket is not there: HEAD tells no difference."""
        try:
            said = self.photos.head(original_key(owner, id))
        except ValueError:
            return None
        return None if said is None else Stored(said["ContentLength"], is_archived(said))

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3")


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
