"""Probing: the format by the bytes, sizes and limits; whatever is wrong is a reason in words."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe

MakeJpeg = Callable[..., bytes]
LIMITS = Limits()


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def put(folder: Path, data: bytes, name: str = "photo.jpg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
    ],
)
def test_the_format_is_what_the_bytes_are_whatever_the_name(
    tmp_path: Path, kind: str, media_type: str
) -> None:
    data = encoded(Image.new("RGB", (40, 30), "red"), kind)
    probed = probe(put(tmp_path, data, "misnamed.gif"), LIMITS)
    assert (probed.media_type, probed.width, probed.height) == (media_type, 40, 30)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello world", "not an image"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"BM" + bytes(50), "BMP"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04" + bytes(50), "zip"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "video"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"<html><script>alert(1)</script>", "not an image"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    with pytest.raises(Unreadable, match=reason):
        probe(put(tmp_path, data), LIMITS)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(Unreadable, match="over 200 megapixels"):
        probe(put(tmp_path, bomb), LIMITS)


def test_the_pixel_limit_counts(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    path = put(tmp_path, make_jpeg(size=(100, 100)))
    assert probe(path, Limits(pixels=10_000)).width == 100
    with pytest.raises(Unreadable):
        probe(path, Limits(pixels=9_999))


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        probe(tmp_path / "none.jpg", LIMITS)
