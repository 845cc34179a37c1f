"""Imports from buckets, in steps: a page is listed and brought in, and how far it came remembered.

Where the vault tells of new objects, S3 itself copies each into the owner's inbox, and no byte
comes through us; elsewhere each is read and ingested like a file. A step may be done twice, and by
two at once: it changes nothing and counts nothing the second time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.imports import Import, ImportState, Refusal
from fototeca.catalog.protocol.photos import Outcome
from fototeca.inbox import is_ignored
from fototeca.ingest import Ingest, Refused, too_large
from fototeca.vault.protocol import OriginalArchived, OriginalMissing, Vault

SOURCE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.S)
SCHEME = "s3://"
LONGEST = 1024
"""Bytes of a key."""
LISTED = 1000
"""Objects that S3 lists at once."""
COPIED, COPIES_AT_ONCE = 200, 32
"""Objects of a step that copies, each two requests: well within the minute that is left for one."""
READ = 64
"""Objects of a step that reads them."""


class SourceRefused(Exception):
    """What is there, if anything, may not be read. The text says of what kind that is."""


@dataclass(frozen=True, slots=True)
class Found:
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    found: Sequence[Found]
    whole: bool
    """There is nothing behind it."""


class Buckets(Protocol):
    """Each raises SourceRefused, OriginalMissing, OriginalArchived, VaultUnavailable."""

    @property
    def copies(self) -> bool:
        """Whether what is put into the inbox is taken from there."""
        ...

    def list(self, bucket: str, prefix: str, after: str | None, limit: int) -> Listing:
        """Objects in the order of their keys, behind `after`."""
        ...

    def sha256(self, bucket: str, key: str) -> str | None:
        """Where S3 has it of the whole object, in hex: then no byte is read for it."""
        ...

    def read(self, bucket: str, found: Found) -> Iterator[bytes]: ...

    def copy_to_inbox(self, bucket: str, key: str, owner: str, folder: str) -> None:
        """Have it copied into the owner's inbox, into a folder of that name."""
        ...


class BucketImports:
    def __init__(
        self,
        catalog: Catalog,
        vault: Vault,
        ingest: Ingest,
        buckets: Buckets,
        allowed: Sequence[str],
        threads: int,
    ) -> None:
        """`allowed`: buckets, or `bucket/prefix` for what is in that folder alone.

        `threads` read at the same time; S3's own copies wait for nothing here.
        """
        self._catalog = catalog
        self._vault = vault
        self._ingest = ingest
        self._buckets = buckets
        # A prefix is a folder: `alice` is not `alice-private`.
        places = [name.removeprefix(SCHEME).partition("/") for name in allowed]
        self._allowed = [
            (bucket, f"{below.rstrip('/')}/" if below else "") for bucket, _, below in places
        ]
        self._threads = threads

    def check(self, source: str) -> None:
        """Raises SourceRefused unless it may be imported and read."""
        bucket, prefix = _parts(source)
        if not any(bucket == name and prefix.startswith(below) for name, below in self._allowed):
            raise SourceRefused("not a bucket that may be imported")
        self._buckets.list(bucket, prefix, None, 1)

    def count(self, source: str, give_up: float) -> int:
        """Objects that an import of it looks at; as many as are counted by then (monotonic)."""
        bucket, prefix = _parts(source)
        after, total = None, 0
        while True:
            page = self._buckets.list(bucket, prefix, after, LISTED)
            total += sum(_is_file(found, prefix) for found in page.found)
            if page.whole or not page.found or time.monotonic() > give_up:
                return total
            after = page.found[-1].key

    def step(self, progress: Import) -> bool:
        """Bring in what comes next. False when nothing more does, and no other is to say so.

        Raises SourceRefused, VaultUnavailable, VaultFull, CatalogFull: nothing of the step counts.
        """
        bucket, prefix = _parts(progress.source)
        copies = self._buckets.copies
        limit, threads = (COPIED, COPIES_AT_ONCE) if copies else (READ, self._threads)
        page = self._buckets.list(bucket, prefix, progress.cursor, limit)
        if not page.found:
            return False
        files = [found for found in page.found if _is_file(found, prefix)]
        take = self._copy if copies else self._read
        with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
            outcomes = list(pool.map(lambda found: take(progress, bucket, prefix, found), files))
        counted = self._catalog.imports.advance(progress, page.found[-1].key, outcomes)
        return not (counted and page.whole)

    def resume(self, started: Import) -> Import:
        """Where an interrupted import of the same source stopped, this one goes on."""
        for earlier in self._catalog.imports.of(started.owner):
            if earlier.id == started.id or earlier.source != started.source:
                continue
            if earlier.state is ImportState.FAILED and earlier.cursor is not None:
                self._catalog.imports.advance(started, earlier.cursor, [])
            break
        return self._catalog.imports.get(started.owner, started.id) or started

    def _copy(self, progress: Import, bucket: str, prefix: str, found: Found) -> Outcome | Refusal:
        name = found.key.removeprefix(prefix).lstrip("/") or found.key
        if found.size > self._ingest.limits.file_bytes:
            return Refusal(name, too_large(self._ingest.limits))
        try:
            id = self._buckets.sha256(bucket, found.key)
            if id is not None and self._catalog.photos.known(progress.owner, [id]):
                return Outcome.DUPLICATE
            # The same place each time, and another for each object.
            place = sha256(found.key.encode()).hexdigest()[:16]
            folder = f"{progress.id}-{place}"
            self._buckets.copy_to_inbox(bucket, found.key, progress.owner, folder)
        except (SourceRefused, OriginalMissing) as error:
            return Refusal(name, why(error))
        return Outcome.ADDED

    def _read(self, progress: Import, bucket: str, prefix: str, found: Found) -> Outcome | Refusal:
        name = found.key.removeprefix(prefix).lstrip("/") or found.key
        if found.size > self._ingest.limits.file_bytes:
            return Refusal(name, too_large(self._ingest.limits))
        try:
            with self._vault.stage() as staged:
                for chunk in self._buckets.read(bucket, found):
                    staged.write(chunk)
                return self._ingest.add(progress.owner, staged, found.key).outcome
        except Refused as error:
            return Refusal(name, str(error))
        except (SourceRefused, OriginalMissing) as error:
            return Refusal(name, why(error))


def _parts(source: str) -> tuple[str, str]:
    """(bucket, prefix). Raises SourceRefused."""
    found = SOURCE.fullmatch(source)
    if found is None:
        raise SourceRefused("not a bucket that may be imported")
    bucket, prefix = found["bucket"], found["prefix"] or ""
    if len(prefix.encode()) > LONGEST:
        raise SourceRefused("longer than any object's key")
    return bucket, prefix


def _is_file(found: Found, prefix: str) -> bool:
    """Not what consoles make as folders, nor what systems leave in them; nothing hidden."""
    path = found.key[len(prefix) :]
    return bool(path.rpartition("/")[2] or found.size) and not is_ignored(path)


def why(error: Exception) -> str:
    """What came of an object that was not read."""
    if isinstance(error, OriginalArchived):
        return "in an archive: restore it there first"
    if isinstance(error, OriginalMissing):
        return "gone meanwhile"
    return str(error)
