"""Imports from a bucket that is made up here: how much at once, what is allowed, what is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fototeca.app import Library
from fototeca.bucket_imports import BucketImports, Found, Listing, SourceRefused
from fototeca.catalog.protocol.imports import ImportState
from fototeca.imports import Importing
from fototeca.photos import now


class Bucket:
    """A bucket of so many objects, whose copies take until as many are made at the same time."""

    copies = True

    def __init__(self, objects: int = 0, together: int = 1) -> None:
        self._keys = [f"{number:05}.jpg" for number in range(objects)]
        self._together = threading.Barrier(together, timeout=300)
        self._counting = threading.Lock()
        self.copied = 0

    def list(self, bucket: str, prefix: str, after: str | None, limit: int) -> Listing:
        found = [Found(key, 100) for key in self._keys if key > (after or "")]
        return Listing(found[:limit], whole=len(found) <= limit)

    def sha256(self, bucket: str, key: str) -> str | None:
        return None

    def read(self, bucket: str, found: Found) -> Iterator[bytes]:
        raise AssertionError

    def copy_to_inbox(self, bucket: str, key: str, owner: str, folder: str) -> None:
        self._together.wait()
        with self._counting:
            self.copied += 1


def imports_of(library: Library, bucket: Bucket, *allowed: str) -> BucketImports:
    return BucketImports(library.catalog, library.vault, library.ingest, bucket, allowed, 2)


def test_a_step_copies_few_and_many_at_once(library: Library, owner: str) -> None:
    """A function has a minute left for it."""
    bucket = Bucket(objects=256, together=8)
    started = library.catalog.imports.start(owner, "s3://pics", now())
    assert imports_of(library, bucket, "pics").step(started)
    assert bucket.copied == 200


def test_one_that_is_ended_between_two_steps_says_so(library: Library, owner: str) -> None:
    bucket = Bucket(objects=1000)
    buckets = imports_of(library, bucket, "pics")
    # It is told to stop when its first step is done.
    imports = Importing(library.catalog, library.ingest, (), 2, lambda: imports.stop(), buckets)
    started = imports.start(owner, "s3://pics")
    imports.close(timeout=300)
    ended = library.catalog.imports.get(owner, started.id)
    assert ended is not None
    assert ended.state is ImportState.FAILED
    assert ended.found == bucket.copied == 200


@pytest.mark.parametrize("allowed", ["pics/alice", "pics/alice/", "s3://pics/alice"])
def test_what_is_allowed_by_a_prefix_is_a_folder(library: Library, allowed: str) -> None:
    imports = imports_of(library, Bucket(), allowed)
    imports.check("s3://pics/alice/2024/")
    for other in ("alice-private/", "alice", "", "bob/"):
        with pytest.raises(SourceRefused):
            imports.check(f"s3://pics/{other}")
