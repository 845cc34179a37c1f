"""The CRC-32 of an archive is known without reading a photo."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from fototeca.bundling.checksum import archive_crc32, joined
from fototeca.bundling.layout import Entry
from tests.unit.archives import TAKEN, Files, Zeros


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_strings_together(first: bytes, second: bytes) -> None:
    crc32 = joined(zlib.crc32(first), zlib.crc32(second), len(second))
    assert crc32 == zlib.crc32(first + second)


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_an_archive_s_is_that_of_its_bytes(bodies: list[bytes]) -> None:
    files = Files((f"{number} é.jpg", body) for number, body in enumerate(bodies))
    assert archive_crc32(files) == zlib.crc32(files.whole())


def test_bodies_of_many_megabytes() -> None:
    sizes = [70_000_001, 3, 0, 12_345_678]
    zeros = Zeros(Entry(f"{n}.jpg", n, zlib.crc32(bytes(n)), TAKEN) for n in sizes)
    crc32 = 0
    for chunk in zeros.read(0, zeros.size):
        crc32 = zlib.crc32(chunk, crc32)
    assert archive_crc32(zeros) == crc32
