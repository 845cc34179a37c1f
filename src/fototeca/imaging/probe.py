"""What an image file says of itself: format by its bytes, size, orientation, Exif. No pixels."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pi_heif
from PIL import Image

from fototeca.imaging.exif import read_exif, read_orientation
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.photos import Probe

pi_heif.register_heif_opener()
# What is wrong with a file is told by its reason. A filter for all threads, once: the context
# manager for it is not for threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Our own limit is checked before any pixel is decoded; Pillow's is a warning at another size.
Image.MAX_IMAGE_PIXELS = None

PILLOW_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
    "image/tiff": "TIFF",
}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
REFUSED = {
    b"GIF8": "a GIF, not a photo",
    b"BM": "a bitmap (BMP): save it as JPEG or PNG",
    b"8BPS": "a Photoshop file: save it as JPEG or PNG",
    b"\xff\x0a": "a JPEG XL file, which cannot be read yet",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL file, which cannot be read yet",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 file, which cannot be read yet",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file, which cannot be read yet",
    b"%PDF": "a PDF, not a photo",
    b"PK\x03\x04": "a zip archive, not a photo",
}
MAX_EXIF = 1 << 20
"""Bytes of a block in a PNG that is worth reading; a JPEG's has 64 KiB at most."""
TURNED_BY_DECODER = {"image/heic", "image/tiff"}
"""Formats whose decoder gives the picture upright already."""


def sniff(path: Path) -> str:
    """The media type, from the first bytes. Raises Unreadable, OSError."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise Unreadable("empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return "image/tiff"
    if head[4:8] == b"ftyp":
        # The major brand, then the compatible ones (ISO/IEC 14496-12, 4.3).
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, 64, 4))}
        if brands & AVIF_BRANDS:
            return "image/avif"
        if brands & HEIF_BRANDS:
            return "image/heic"
        raise Unreadable("a video, not a photo")
    for magic, reason in REFUSED.items():
        if head.startswith(magic):
            raise Unreadable(reason)
    raise Unreadable("not an image")


def probe(path: Path, limits: Limits) -> Probe:
    """Read the file's headers. Raises Unreadable."""
    try:
        media_type = sniff(path)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    with opened(path, media_type) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise Unreadable("has no pixels")
        if width * height > limits.pixels:
            raise Unreadable(f"over {limits.pixels / 1_000_000:.0f} megapixels")
        if media_type == "image/png":
            _find_png_exif(image, path)
        exif = read_exif(image, path)
        orientation = 1 if media_type in TURNED_BY_DECODER else read_orientation(image)
    return Probe(media_type, width, height, orientation, exif)


@contextmanager
def opened(path: Path, media_type: str) -> Iterator[Image.Image]:
    """The file as Pillow sees it, pixels not yet decoded; first frame of several.

    Whatever goes wrong inside is Unreadable: Pillow raises SyntaxError, IndexError, struct.error
    and more on corrupt files.
    """
    try:
        with Image.open(path, formats=[PILLOW_FORMATS[media_type]]) as image:
            yield image
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("needs more memory than a photo may take") from error
    except Exception as error:
        raise Unreadable(damage(error)) from error


def _find_png_exif(image: Image.Image, path: Path) -> None:
    """Put an Exif block that comes after the pixels where Pillow looks for it.

    Pillow itself would decode all pixels to get there. Where there is none, an empty block keeps
    it from trying. (PNG, third edition, 11.3.4.5: eXIf may stand on either side of IDAT.)
    """
    if "exif" in image.info:
        return
    found = b""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf" and length <= MAX_EXIF:
                found = file.read(length)
                break
            if kind == b"IEND":
                break
            file.seek(length + 4, 1)
    if found or "Raw profile type exif" not in image.info:
        image.info["exif"] = found


def damage(error: Exception) -> str:
    """What a decoder's error means to the owner."""
    text = str(error).lower()
    if "truncated" in text or "premature" in text or "unexpected end" in text:
        return "truncated: part of the file is missing"
    return "damaged: its image data cannot be read"
