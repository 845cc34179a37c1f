"""How a JPEG is coded, by its markers: some codings make a small file cost much to decode."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

SCANS = 32
"""A usual progressive JPEG has about ten; each scan goes over every pixel again."""
SMALL_PIXELS = 1_000_000
SMALL_BYTES = 8_000_000
SEQUENTIAL = {0xC0, 0xC1}
"""SOF0 and SOF1: sequential DCT with Huffman coding (ITU-T T.81, table B.1)."""
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA


def is_cheap(path: Path, pixels: int) -> bool:
    """Whether decoding takes time by the pixels alone, and memory by those that come out.

    That is a sequential JPEG with all its components in one scan, which libjpeg decodes row by
    row; and a small one of any coding with few scans. Raises OSError.
    """
    with path.open("rb") as file:
        if _is_one_sequential_scan(file):
            return True
        if pixels > SMALL_PIXELS:
            return False
        file.seek(0)
        data = file.read(SMALL_BYTES + 1)
    # Coded data never has this pair; thumbnails in other segments may add a few.
    return len(data) <= SMALL_BYTES and data.count(b"\xff\xda") <= SCANS


def _is_one_sequential_scan(file: BinaryIO) -> bool:
    """Reads from the first marker to the first scan; False for what does not follow the rules."""
    if file.read(2) != b"\xff\xd8":
        return False
    components = 0
    while True:
        head = file.read(4)
        while len(head) == 4 and head.startswith(b"\xff\xff"):
            head = head[1:] + file.read(1)  # fill bytes may precede a marker
        if len(head) < 4 or head[0] != 0xFF:
            return False
        marker, length = head[1], int.from_bytes(head[2:])
        if marker in FRAMES:
            # Sample precision, height, width, number of components (T.81, B.2.2).
            frame = file.read(length - 2)
            if marker not in SEQUENTIAL or len(frame) < 6 or components:
                return False
            components = frame[5]
        elif marker == START_OF_SCAN:
            return components > 0 and file.read(1) == bytes([components])
        else:
            if length < 2:
                return False
            file.seek(length - 2, 1)
