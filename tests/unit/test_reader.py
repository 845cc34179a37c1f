"""Any byte range of an archive, judged by the whole and by other programs that read zip."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototeca.bundling.layout import Entry
from fototeca.bundling.reader import WHOLE, ArchiveBroken, BodyLength, read_archive
from fototeca.catalog.protocol.bundles import Placed
from fototeca.vault.protocol import CHUNK
from tests.unit.archives import TAKEN, Files, Seekable, Zeros, said_by

GIB = 1 << 30


def random_files(lengths: list[int]) -> Files:
    source = random.Random(4)
    return Files(
        (f"{'ñ' * (number % 3)}{number}.jpg", source.randbytes(length))
        for number, length in enumerate(lengths)
    )


MIXED = random_files(
    [0, 1, 20_000, CHUNK, CHUNK + 1, 3 * CHUNK - 5, WHOLE, WHOLE - 1, 0, *[7] * 40, 2 * CHUNK]
)
WHOLE_MIXED = MIXED.whole()
EDGES = sorted(
    {MIXED.directory_start, MIXED.directory_start + MIXED.directory_size, MIXED.size}
    | {row.offset for row in MIXED.rows}
    | {MIXED.directory_start + row.directory_offset for row in MIXED.rows}
)
positions = st.one_of(
    st.integers(0, MIXED.size),
    st.tuples(st.sampled_from(EDGES), st.integers(-60, 60)).map(
        lambda edge: min(max(sum(edge), 0), MIXED.size)
    ),
)


def test_other_programs_find_the_whole_sound(tmp_path: Path) -> None:
    archive = MIXED.write(tmp_path / "x.zip")
    assert archive.stat().st_size == MIXED.size
    with zipfile.ZipFile(archive) as judge:
        assert judge.testzip() is None
        assert [judge.read(name) for name in judge.namelist()] == MIXED.bodies
    said_by("unzip", "-tq", archive)
    said = said_by("7z", "t", archive)
    assert "Everything is Ok" in said
    assert "Warning" not in said


def test_an_archive_of_nothing_is_one() -> None:
    with zipfile.ZipFile(io.BytesIO(Files([]).whole())) as judge:
        assert judge.namelist() == []


@settings(max_examples=300)
@given(positions, positions)
def test_any_range_is_that_part_of_the_whole(one: int, other: int) -> None:
    start, stop = sorted((one, other))
    assert b"".join(MIXED.read(start, stop)) == WHOLE_MIXED[start:stop]


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(1, 400))
def test_parts_made_apart_are_the_whole(lengths: list[int], part: int) -> None:
    """As the parts of a multipart upload are."""
    archive = random_files(lengths)
    parts = [
        b"".join(archive.read(start, min(start + part, archive.size)))
        for start in range(0, archive.size, part)
    ]
    assert all(len(made) == part for made in parts[:-1])
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as judge:
        assert [judge.read(name) for name in judge.namelist()] == archive.bodies


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, MIXED.size + 1)])
def test_what_is_not_in_the_archive_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="no bytes"):
        MIXED.read(start, stop)


def test_small_photos_come_in_large_chunks_and_large_ones_uncopied() -> None:
    small = random_files([20_000] * 500)
    chunks = list(small.read(0, small.size))
    assert min(map(len, chunks[:-1])) > CHUNK - 21_000
    assert max(map(len, chunks)) <= CHUNK

    large = random_files([CHUNK])
    passed_on = large.bodies[0]
    chunks = list(read_archive(large, lambda entry, start, stop: iter([passed_on]), 0, large.size))
    assert any(chunk is passed_on for chunk in chunks)


def test_only_what_is_asked_for_is_read() -> None:
    asked: list[tuple[str, int, int]] = []

    def body(entry: Placed, start: int, stop: int) -> Iterator[bytes]:
        asked.append((entry.name, start, stop))
        return MIXED.body(entry, start, stop)

    large = MIXED.rows[5]
    begin = large.offset + 30 + len(large.name.encode()) + 9
    list(read_archive(MIXED, body, begin + 10, begin + 50))
    list(read_archive(MIXED, body, MIXED.directory_start, MIXED.size))
    assert asked == [(large.name, 10, 50)]


def test_reading_stops_where_the_reader_stops() -> None:
    closed: list[bool] = []

    def body(entry: Placed, start: int, stop: int) -> Iterator[bytes]:
        try:
            yield from MIXED.body(entry, start, stop)
        finally:
            closed.append(True)

    chunks = read_archive(MIXED, body, MIXED.rows[3].offset, MIXED.size)
    next(chunks)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda body: body[:-1], "1 bytes too few"),
        (lambda body: b"", "too few"),
        (lambda body: body + b"xy", "2 bytes too many"),
    ],
)
def test_a_body_of_another_length_is_an_error(spoil: Callable[[bytes], bytes], wrong: str) -> None:
    files = random_files([100, 200, 300])
    got = b""
    chunks = read_archive(
        files, lambda entry, start, stop: iter([spoil(files.bodies[1])]), 150, files.size
    )
    error = None
    try:
        for chunk in chunks:
            got += chunk
    except BodyLength as raised:
        error = str(raised)
    assert error is not None
    assert wrong in error
    assert files.whole()[150:].startswith(got)


def test_an_error_of_the_vault_comes_through() -> None:
    def body(entry: Placed, start: int, stop: int) -> Iterator[bytes]:
        raise FileNotFoundError(entry.name)

    with pytest.raises(FileNotFoundError):
        list(read_archive(MIXED, body, 0, MIXED.size))


@pytest.mark.parametrize("which", [0, 4, -1])
def test_rows_that_are_missing_are_an_error(which: int) -> None:
    files = random_files([10] * 9)
    del files.rows[which]
    for start, stop in [(0, files.directory_start), (files.directory_start, files.size)]:
        with pytest.raises(ArchiveBroken):
            list(files.read(start, stop))


def test_rows_that_were_moved_are_an_error() -> None:
    files = random_files([10] * 3)
    files.rows[1] = replace(files.rows[1], offset=files.rows[1].offset + 1)
    with pytest.raises(ArchiveBroken):
        list(files.read(0, files.directory_start))


def test_seventy_thousand_photos(tmp_path: Path) -> None:
    files = Files((f"IMG_{number}.jpg", f"{number}".encode()) for number in range(70_000))
    archive = files.write(tmp_path / "many.zip")
    with zipfile.ZipFile(archive) as judge:
        assert judge.testzip() is None
        assert judge.read("IMG_69999.jpg") == b"69999"
    whole = archive.read_bytes()
    middle = files.directory_start + files.directory_size // 2
    for start in (files.directory_start - 5, middle, middle + 1, files.size - 150):
        assert b"".join(files.read(start, start + 149)) == whole[start : start + 149]
    said_by("unzip", "-tqq", archive)
    said = said_by("7z", "t", archive)
    assert "Everything is Ok" in said
    assert "Files: 70000\n" in said


@pytest.fixture(scope="module")
def large() -> Zeros:
    """More than 8 GiB: a photo beyond 4 GiB, and others before, at and after that offset."""
    crc32 = zlib.crc32(bytes(1000))
    return Zeros(
        [
            Entry("first.jpg", 1000, crc32, TAKEN),
            Entry("panorama.tif", 5 * GIB, 0, TAKEN),
            Entry("after.jpg", 1000, crc32, TAKEN),
            Entry("filler.tif", 4 * GIB - 2, 0, TAKEN),
            Entry("last.jpg", 1000, crc32, TAKEN),
        ]
    )


def test_beyond_four_gib(large: Zeros, tmp_path: Path) -> None:
    archive = large.write_sparse(tmp_path / "large.zip")
    assert archive.stat().st_size == large.size > 9 * GIB
    assert archive.stat().st_blocks * 512 < GIB
    small = ["first.jpg", "after.jpg", "last.jpg"]
    said_by("unzip", "-tqq", archive, *small)
    assert f"{5 * GIB} bx" in said_by("zipinfo", "-l", archive)
    assert "Everything is Ok" in said_by("7z", "t", archive, *small)
    assert f"Physical Size = {large.size}\n" in said_by("7z", "l", archive)


def test_beyond_four_gib_by_ranges(large: Zeros) -> None:
    with zipfile.ZipFile(Seekable(large)) as judge:
        assert judge.read("last.jpg") == judge.read("after.jpg") == bytes(1000)
        assert judge.getinfo("panorama.tif").file_size == 5 * GIB
        assert judge.getinfo("filler.tif").compress_size == 4 * GIB - 2
        assert judge.getinfo("last.jpg").header_offset == large.rows[4].offset > 2 * 0xFFFFFFFF
    around = large.rows[2].offset
    seen = b"".join(large.read(around - 500, around + 500))
    assert len(seen) == 1000
    assert seen[:500] == bytes(500)
    assert seen[500:504] == b"PK\3\4"


def test_the_bytes_are_the_same_every_time() -> None:
    def digest() -> str:
        files = random_files([5, 50, 500])
        return hashlib.sha256(files.whole()).hexdigest()

    assert digest() == digest()
