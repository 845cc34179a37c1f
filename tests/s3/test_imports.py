"""Imports from buckets: resumable, counted once, by copies of S3's own or by reading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fototeca import bucket_imports
from fototeca.bucket_imports import BucketImports, SourceRefused
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.imports import Import, ImportState
from fototeca.imports import Importing, ImportRefused
from fototeca.ingest import Ingest
from fototeca.photos import Selection
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.source import S3Buckets
from tests.conftest import MakeJpeg, new_buckets

Open = Callable[..., Importing]


@pytest.fixture
def bucket(s3: Any, make_jpeg: MakeJpeg) -> str:
    """Somebody's: seven photos, one of them twice, and what is none."""
    name, _ = new_buckets(s3)
    for number in range(7):
        key = f"photos/Año {number % 2}/IMG {number}.JPG"
        s3.put_object(Bucket=name, Key=key, Body=make_jpeg(number))
    s3.put_object(Bucket=name, Key="photos/z/again.jpg", Body=make_jpeg(3))
    s3.put_object(Bucket=name, Key="photos/notes.txt", Body=b"no photo")
    s3.put_object(Bucket=name, Key="photos/.hidden/x.jpg", Body=make_jpeg(90))
    s3.put_object(Bucket=name, Key="photos/Thumbs.db", Body=b"x")
    s3.put_object(Bucket=name, Key="photos/folder/", Body=b"")
    s3.put_object(Bucket=name, Key="private/x.jpg", Body=make_jpeg(91))
    return name


@pytest.fixture
def open_imports(catalog: Catalog, vault: S3Vault, ingest: Ingest, s3: Any, bucket: str) -> Open:
    """`open_imports(copies=True)`: handed over, so that the test takes each step itself."""

    def opened(copies: bool, allowed: str | None = None, apart: bool = False) -> Importing:
        buckets = BucketImports(
            catalog,
            vault,
            ingest,
            S3Buckets(s3, vault.photos.bucket if copies else None),
            [allowed or f"{bucket}/photos/"],
            threads=4,
        )
        hand_over = None if apart else lambda _: None
        return Importing(catalog, ingest, [], 2, lambda: None, buckets, hand_over)

    return opened


def finished(imports: Importing, progress: Import) -> Import:
    for _ in range(100):
        if progress.state is not ImportState.RUNNING:
            return progress
        progress = imports.step(progress)
    raise AssertionError("it never ends")


def in_inbox(s3: Any, vault: S3Vault) -> list[str]:
    listed = s3.list_objects_v2(Bucket=vault.photos.bucket, Prefix="inbox/")
    return [each["Key"] for each in listed.get("Contents", [])]


def test_what_is_read_is_ingested(
    open_imports: Open, catalog: Catalog, owner: str, bucket: str
) -> None:
    imports = open_imports(copies=False)
    started = imports.start(owner, f"s3://{bucket}/photos/")
    assert imports.count(started.source, within=60) == 9
    done = finished(imports, started)
    assert (done.state, done.failure) == (ImportState.FINISHED, None)
    assert (done.found, done.added, done.duplicate, done.refused) == (9, 7, 1, 1)
    assert [refusal.name for refusal in done.refusals] == ["notes.txt"]
    names = {photo.name for photo in catalog.photos.page(owner, Selection()).photos}
    # One of the two that are the same gave its name.
    assert names | {"IMG 3.JPG", "again.jpg"} == {f"IMG {n}.JPG" for n in range(7)} | {"again.jpg"}
    (notice,) = catalog.notices.of(owner)
    assert notice.kind == "import-finished"
    # Once more: what is here is only counted.
    again = finished(imports, imports.start(owner, f"s3://{bucket}/photos/"))
    assert (again.found, again.added, again.duplicate) == (9, 0, 8)


def test_what_is_copied_lies_in_the_inbox_once(
    open_imports: Open,
    vault: S3Vault,
    owner: str,
    bucket: str,
    s3: Any,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket_imports, "COPIED", 4)
    imports = open_imports(copies=True)
    started = imports.start(owner, f"s3://{bucket}/photos/")
    assert imports.step(started).found < 9
    # The same step by another, who knows nothing of the first: copies are the same, counts stay.
    once = imports.step(started)
    done = finished(imports, once)
    assert (done.found, done.added) == (9, 9)
    keys = in_inbox(s3, vault)
    assert len(keys) == 9
    assert all(key.startswith(f"inbox/{owner}/{started.id}-") for key in keys)
    names = sorted(key.rpartition("/")[2] for key in keys)
    assert names == sorted([f"IMG {n}.JPG" for n in range(7)] + ["again.jpg", "notes.txt"])
    (first,) = [key for key in keys if key.endswith("IMG 2.JPG")]
    copied = s3.get_object(Bucket=vault.photos.bucket, Key=first)
    assert copied["Body"].read() == make_jpeg(2)
    # Over is over.
    assert imports.step(done) == done


def test_a_photo_whose_key_ends_like_a_folder_s_is_copied_as_a_file(
    open_imports: Open, owner: str, bucket: str, s3: Any, vault: S3Vault, make_jpeg: MakeJpeg
) -> None:
    s3.put_object(Bucket=bucket, Key="photos/odd/", Body=make_jpeg(92))
    imports = open_imports(copies=True)
    done = finished(imports, imports.start(owner, f"s3://{bucket}/photos/odd"))
    assert (done.found, done.added) == (1, 1)
    (key,) = in_inbox(s3, vault)
    assert not key.endswith("/")


def test_two_who_step_at_once_count_once(
    open_imports: Open,
    catalog: Catalog,
    owner: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket_imports, "COPIED", 2)
    imports = open_imports(copies=True)
    started = imports.start(owner, f"s3://{bucket}/photos/")
    both = [threading.Thread(target=finished, args=(imports, started)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    done = catalog.imports.get(owner, started.id)
    assert done is not None
    assert (done.state, done.found, done.added) == (ImportState.FINISHED, 9, 9)
    assert [notice.kind for notice in catalog.notices.of(owner)] == ["import-finished"]


def test_what_s3_knows_the_hash_of_is_not_copied_again(
    open_imports: Open, ingest: Ingest, owner: str, s3: Any, vault: S3Vault, make_jpeg: MakeJpeg
) -> None:
    other, _ = new_buckets(s3)
    with vault.stage() as staged:
        staged.write(make_jpeg(1))
        ingest.add(owner, staged, "known.jpg")
    for number in (1, 2):
        s3.put_object(
            Bucket=other,
            Key=f"{number}.jpg",
            Body=make_jpeg(number),
            ChecksumAlgorithm="SHA256",
        )
    imports = open_imports(copies=True, allowed=other)
    done = finished(imports, imports.start(owner, f"s3://{other}"))
    assert (done.found, done.added, done.duplicate) == (2, 1, 1)
    assert [key.rpartition("/")[2] for key in in_inbox(s3, vault)] == ["2.jpg"]


def test_an_interrupted_import_goes_on_where_it_stopped(
    open_imports: Open,
    catalog: Catalog,
    owner: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket_imports, "READ", 3)
    imports = open_imports(copies=False)
    source = f"s3://{bucket}/photos/"
    first = imports.step(imports.start(owner, source))
    assert first.cursor is not None
    imports.finish(first)  # as at the next start, after a kill
    second = imports.start(owner, source)
    assert second.cursor == first.cursor
    done = finished(imports, second)
    assert first.found + done.found == 9
    assert first.added + done.added == 7
    # The next one looks at everything again.
    assert imports.start(owner, source).cursor is None


def test_a_thread_takes_the_steps_where_nobody_else_does(
    open_imports: Open, catalog: Catalog, owner: str, bucket: str
) -> None:
    imports = open_imports(copies=False, apart=True)
    started = imports.start(owner, f"s3://{bucket}/photos/Año 1/")
    for thread in threading.enumerate():
        if thread.name == "import":
            thread.join()
    done = catalog.imports.get(owner, started.id)
    assert done is not None
    assert (done.state, done.added) == (ImportState.FINISHED, 3)


@pytest.mark.parametrize(
    "source",
    ["s3://{other}/", "s3://{bucket}/private/", "s3://{bucket}", "s3://{bucket}/photo", "s3://",
     "s3://../x", "s3:///etc", "S3://{bucket}/photos/", "s3://{bucket}/photos/../private/\0",
     f"s3://{{bucket}}/photos/{'é' * 512}"],
)  # fmt: skip
def test_only_what_is_allowed_may_be_imported(
    open_imports: Open, catalog: Catalog, owner: str, bucket: str, s3: Any, source: str
) -> None:
    other, _ = new_buckets(s3)
    imports = open_imports(copies=False)
    named = source.format(other=other, bucket=bucket)
    try:
        started = imports.start(owner, named)
    except ImportRefused:
        assert catalog.imports.of(owner) == []
    else:  # a key is not a path: there is nothing that it could climb to
        assert "/../" in named
        assert finished(imports, started).found == 0


def test_a_bucket_that_is_gone_is_refused_and_ends_an_import(
    open_imports: Open, owner: str, bucket: str, s3: Any
) -> None:
    imports = open_imports(copies=False)
    started = imports.start(owner, f"s3://{bucket}/photos/")
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"])
    s3.delete_bucket(Bucket=bucket)
    done = finished(imports, started)
    assert (done.state, done.failure) == (
        ImportState.FAILED,
        "not a bucket that may be imported",
    )
    with pytest.raises(ImportRefused):
        imports.start(owner, f"s3://{bucket}/photos/")


def test_a_source_is_named_as_it_must_be(
    catalog: Catalog, vault: S3Vault, ingest: Ingest, s3: Any, tmp_path: Path
) -> None:
    buckets = BucketImports(catalog, vault, ingest, S3Buckets(s3), [], 1)
    with pytest.raises(SourceRefused):
        buckets.check(str(tmp_path))


def test_counting_ends_in_time_and_starts_nothing(
    open_imports: Open,
    catalog: Catalog,
    owner: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bucket_imports, "LISTED", 4)
    imports = open_imports(copies=True)
    source = f"s3://{bucket}/photos/"
    assert imports.count(source, within=60) == 9
    assert 0 < imports.count(source, within=0) < 9
    with pytest.raises(ImportRefused):
        imports.count(f"s3://{bucket}/private/", within=60)
    assert catalog.imports.of(owner) == []
