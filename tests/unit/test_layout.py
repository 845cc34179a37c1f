"""Every header and size of an archive, judged by other programs that read zip."""

from __future__ import annotations

import zipfile
import zlib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototeca.bundling.layout import (
    Entry,
    Layout,
    archive_size,
    central_header,
    central_size,
    end_records,
    end_size,
    entry_span,
    local_header,
    local_size,
)
from tests.unit.archives import Files, Seekable, Zeros, said_by

LIMIT = 0xFFFFFFFF
TAKEN = datetime(2024, 7, 3, 16, 20, 31)
ZIP64_END = b"PK\6\6"

sizes = st.one_of(
    st.integers(0, 1 << 44), st.sampled_from([0, LIMIT - 1, LIMIT, LIMIT + 1, 1 << 32])
)
moments = st.one_of(
    st.datetimes(), st.datetimes(timezones=st.timezones()), st.just(TAKEN.replace(tzinfo=UTC))
)
entries = st.builds(
    Entry,
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    size=sizes,
    crc32=st.integers(0, LIMIT),
    modified=moments,
)


def entry(name: str = "x.jpg", size: int = 0, modified: datetime = TAKEN, crc32: int = 0) -> Entry:
    return Entry(name, size, crc32, modified)


@given(entries, sizes)
def test_sizes_are_those_of_what_is_built(entry: Entry, offset: int) -> None:
    assert local_size(entry) == len(local_header(entry))
    assert entry_span(entry) == local_size(entry) + entry.size
    assert central_size(entry, offset) == len(central_header(entry, offset))


@given(st.integers(0, 1 << 20), sizes, sizes)
def test_the_end_is_as_long_as_said(count: int, start: int, size: int) -> None:
    records = end_records(count, start, size)
    assert end_size(count, start, size) == len(records)
    assert archive_size(count, start, size) == start + size + len(records)
    assert records.startswith(ZIP64_END) == (count >= 0xFFFF or max(start, size) >= LIMIT)


@pytest.mark.parametrize(
    ("size", "zip64"), [(LIMIT - 1, False), (LIMIT, True), (LIMIT + 1, True), (6 << 30, True)]
)
def test_zip64_for_a_size_exactly_when_it_does_not_fit(size: int, zip64: bool) -> None:
    archive = Zeros([entry("large.jpg", size)])
    with zipfile.ZipFile(Seekable(archive)) as judge:
        (info,) = judge.infolist()
        with judge.open(info) as file:
            assert file.read(1000) == bytes(1000)
    assert info.file_size == info.compress_size == size
    assert info.extract_version == (45 if zip64 else 10)
    # In the local header both sizes, 8 bytes each; the same in the directory.
    assert len(local_header(entry("large.jpg", size))) == 30 + 9 + 9 + 20 * zip64
    assert len(info.extra) == 9 + 20 * zip64


@pytest.mark.parametrize("offset", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_zip64_for_an_offset_exactly_when_it_does_not_fit(offset: int) -> None:
    filler = entry("filler.jpg")
    filler = entry("filler.jpg", offset - local_size(filler))
    archive = Zeros([filler, entry("last.jpg", 5, crc32=zlib.crc32(bytes(5)))])
    with zipfile.ZipFile(Seekable(archive)) as judge:
        first, last = judge.infolist()
        assert judge.read(last) == bytes(5)
    assert last.header_offset == offset
    assert len(last.extra) == 9 + 12 * (offset >= LIMIT)
    assert first.extract_version == 10
    assert last.extract_version == (45 if offset >= LIMIT else 10)


@pytest.mark.parametrize("start", [LIMIT - 1, LIMIT])
def test_zip64_for_the_directorys_offset_exactly_when_it_does_not_fit(start: int) -> None:
    archive = Zeros([entry(size=start - local_size(entry()))])
    assert archive.directory_start == start
    tail = b"".join(archive.read(archive.size - 120, archive.size))
    assert (ZIP64_END in tail) == (start >= LIMIT)
    with zipfile.ZipFile(Seekable(archive)) as judge:
        assert judge.start_dir == start


@pytest.mark.parametrize("count", [65_534, 65_535, 65_536])
def test_zip64_for_the_count_from_65535_on(count: int, tmp_path: Path) -> None:
    archive = Zeros(entry(f"{number}") for number in range(count))
    path = archive.write_sparse(tmp_path / "many.zip")
    assert (ZIP64_END in path.read_bytes()[-120:]) == (count >= 65_535)
    with zipfile.ZipFile(path) as judge:
        assert len(judge.namelist()) == count
    assert f"number of entries: {count}\n" in said_by("zipinfo", "-h", path)


@pytest.mark.parametrize(
    ("modified", "dos"),
    [
        (datetime(2024, 7, 3, 16, 20, 31), (2024, 7, 3, 16, 20, 30)),
        (datetime(2024, 7, 3, 16, 20, 31, tzinfo=UTC), (2024, 7, 3, 16, 20, 30)),
        # By the clock there, whatever the offset.
        (
            datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=9))),
            (2024, 1, 1, 0, 30, 0),
        ),
        (datetime(1955, 3, 4, 5, 6, 7), (1980, 1, 1, 0, 0, 0)),
        (datetime(1979, 12, 31, 23, 59, 59), (1980, 1, 1, 0, 0, 0)),
        (datetime(2107, 12, 31, 23, 59, 59), (2107, 12, 31, 23, 59, 58)),
        (datetime(2400, 1, 1), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_the_dos_time_is_the_clock_where_it_was_taken(
    modified: datetime, dos: tuple[int, ...]
) -> None:
    with zipfile.ZipFile(Seekable(Zeros([entry(modified=modified)]))) as judge:
        assert judge.infolist()[0].date_time == dos


@pytest.mark.parametrize(
    ("modified", "seconds"),
    [
        (datetime(2024, 7, 3, 16, 20, 31), 1720023631),  # naive: taken for UTC
        (datetime(2024, 7, 3, 16, 20, 31, 999_999, UTC), 1720023631),
        (datetime(2024, 7, 3, 16, 20, 31, tzinfo=timezone(timedelta(hours=2))), 1720016431),
        (datetime(1970, 1, 1, 0, 0, 0, 900_000), 0),
        (datetime(2038, 1, 19, 3, 14, 7), 0x7FFFFFFF),
    ],
)
def test_the_extended_timestamp_is_the_instant(
    modified: datetime, seconds: int, tmp_path: Path
) -> None:
    archive = Files([("x.jpg", b"x")], modified).write(tmp_path / "x.zip")
    with zipfile.ZipFile(archive) as judge:
        extra = judge.infolist()[0].extra
    assert extra == b"UT\x05\x00\x01" + seconds.to_bytes(4, "little")
    # unzip sets the file's time by it, whatever the time zone.
    said_by("unzip", "-q", archive, "-d", tmp_path, zone="America/Lima")
    assert int((tmp_path / "x.jpg").stat().st_mtime) == seconds


@pytest.mark.parametrize(
    ("modified", "shown"),
    [
        (datetime(1955, 3, 4, 5, 6, 8), "1980-01-01 00:00:00"),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999), "1980-01-01 00:00:00"),
        (datetime(2038, 1, 19, 3, 14, 8), "2038-01-19 03:14:08"),
    ],
)
def test_an_instant_that_programs_read_differently_is_left_out(
    modified: datetime, shown: str, tmp_path: Path
) -> None:
    archive = Files([("x.jpg", b"x")], modified).write(tmp_path / "x.zip")
    with zipfile.ZipFile(archive) as judge:
        assert judge.infolist()[0].extra == b""
    assert f"Modified = {shown}" in said_by("7z", "l", "-slt", archive)


def test_other_programs_read_names_modes_and_times(tmp_path: Path) -> None:
    names = ["plain.jpg", "été.jpg", "山.jpg", "👨‍👩‍👧.jpg"]
    archive = Files([(name, name.encode()) for name in names]).write(tmp_path / "x.zip")
    with zipfile.ZipFile(archive) as judge:
        assert judge.namelist() == names
        assert [info.flag_bits for info in judge.infolist()] == [0, 0x800, 0x800, 0x800]
        assert {info.external_attr >> 16 for info in judge.infolist()} == {0o100644}
        assert {info.create_system for info in judge.infolist()} == {3}
    said = said_by("zipinfo", "-s", archive)
    assert [line.split()[-1] for line in said.splitlines()[2:-1]] == names
    assert said.count("-rw-r--r--") == len(names)
    said = said_by("7z", "l", "-slt", archive)
    assert [line[7:] for line in said.splitlines() if line.startswith("Path = ")][1:] == names
    assert said.count("Modified = 2024-07-03 16:20:31") == len(names)


def test_the_tag_changes_with_whatever_changes_the_bytes() -> None:
    def tag(*placed: tuple[Entry, bytes]) -> str:
        layout = Layout()
        for one, identity in placed:
            layout.place(one, identity)
        return layout.etag

    base = entry("a.jpg", 5, crc32=7)
    tags = [
        tag(),
        tag((base, b"1")),
        tag((base, b"2")),
        tag((entry("b.jpg", 5, crc32=7), b"1")),
        tag((entry("a.jpg", 6, crc32=7), b"1")),
        tag((entry("a.jpg", 5, crc32=8), b"1")),
        tag((entry("a.jpg", 5, TAKEN + timedelta(seconds=1), 7), b"1")),
        tag((base, b"1"), (entry("b.jpg"), b"")),
        tag((entry("b.jpg"), b""), (base, b"1")),
    ]
    assert len(set(tags)) == len(tags)
    assert tag((base, b"1")) == tags[1]
