"""The CRC-32 of a whole archive, from those of its entries: no photo is read for it."""

from __future__ import annotations

from isal import isal_zlib

from fototeca.bundling.layout import central_header, end_records, local_header
from fototeca.bundling.reader import P, PlacedEntries

POLYNOMIAL = 0xEDB88320
"""CRC-32's, its bits reversed, as zip has it: the highest bit of a number is x to the 0."""
ONE = 1 << 31


def archive_crc32(entries: PlacedEntries[P]) -> int:
    """What a reader of all the archive's bytes would get, if every body has its entry's CRC-32."""
    crc32 = 0
    for entry in entries.from_offset(0):
        crc32 = isal_zlib.crc32(local_header(entry), crc32)
        crc32 = joined(crc32, entry.crc32, entry.size)
    for entry in entries.from_directory_offset(0):
        crc32 = isal_zlib.crc32(central_header(entry, entry.offset), crc32)
    records = end_records(entries.count, entries.directory_start, entries.directory_size)
    return isal_zlib.crc32(records, crc32)


def joined(first: int, second: int, size: int) -> int:
    """The CRC-32 of two byte strings together, from each one's and the second's size.

    As zlib's crc32_combine, which Python does not have: bytes behind others multiply the CRC of
    these by x to the number of bits.
    """
    power, k = ONE, 3
    while size:
        if size & 1:
            power = _times(POWERS[k % 32], power)
        size >>= 1
        k += 1
    return _times(power, first) ^ second


def _times(a: int, b: int) -> int:
    """The product of two polynomials, modulo CRC-32's."""
    product = 0
    bit = ONE
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = b >> 1 ^ POLYNOMIAL if b & 1 else b >> 1
    return product


def _powers() -> list[int]:
    """x to the 2 to the k; they begin again after 32, since x to the 2 to the 32 is x."""
    powers = [ONE >> 1]
    for _ in range(31):
        powers.append(_times(powers[-1], powers[-1]))
    return powers


POWERS = _powers()
