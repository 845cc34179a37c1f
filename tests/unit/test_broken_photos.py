"""Broken and odd files: each is a photo or a reason; no other exception, no hang, no flood."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fototeca.imaging.develop import develop
from fototeca.imaging.isolation import decoder
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe
from tests.conftest import SHARED_DATA, jpeg

LIMITS = Limits()
MEGABYTE = 1 << 20
WILD = [
    path.relative_to(SHARED_DATA).as_posix()
    for folder in ("broken", "camera")
    if SHARED_DATA.is_dir()
    for path in sorted((SHARED_DATA / folder).iterdir())
]

# Measured in a process of its own: a peak is a peak since the process began.
PEAK = """
import json, sys
from pathlib import Path
from fototeca.imaging.develop import develop
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe
answers = []
for path in map(Path, sys.argv[2:]):
    try:
        probed = probe(path, Limits())
        if sys.argv[1] == "develop":
            develop(path, probed, Limits())
        answers.append("photo")
    except Unreadable as error:
        answers.append(str(error))
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM:"):
        print(json.dumps([int(line.split()[1]) * 1024, answers]))
"""


def peak(what: str, *paths: Path) -> tuple[int, list[str]]:
    """(bytes of memory at most, `photo` or the reason for each) of probing or developing files."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc: the peak memory cannot be told")
    answer = subprocess.run(
        [sys.executable, "-c", PEAK, what, *paths], check=True, capture_output=True, text=True
    ).stdout
    memory, answers = json.loads(answer)
    return memory, answers


def reason(path: Path) -> str:
    """Why it is no photo; empty when it is one, and then it has all that a photo has."""
    try:
        probed = probe(path, LIMITS)
        developed = develop(path, probed, LIMITS)
    except Unreadable as error:
        return str(error) or pytest.fail("a reason without words")
    with Image.open(io.BytesIO(developed.grid), formats=["JPEG"]) as grid:
        grid.load()
        assert grid.height <= 320
        # A pixel more or less is rounding: of a few pixels, that is any proportion.
        width, height = probed.upright_size
        assert abs(grid.width - grid.height * width / height) <= 1 + width / height
    assert developed.image.mode == "RGB"
    assert (developed.view is None) or developed.view.startswith(b"\xff\xd8")
    return ""


@pytest.mark.parametrize("name", WILD or ["none"])
def test_a_file_from_the_wild_is_a_photo_or_a_reason(shared_data: Path, name: str) -> None:
    why = reason(shared_data / name)
    if name.startswith("camera/"):
        assert not why


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("photoview_gif.gif", "a GIF"),
        ("photoview_bmp.bmp", "BMP"),
        ("photoview_file.pdf", "PDF"),
        ("photoview_jpegxl.jxl", "JPEG XL"),
        ("pillow_decompression_bomb.gif", "a GIF"),
        ("pillow_crash-4fb027452e6988530aa5dabee76eecacb3b79f8a.j2k", "JPEG 2000"),
        ("pillow_broken.png", "damaged"),
        ("me_webp_Animation_Lossy.webp", ""),
        ("me_heic_cheers_1440x960.heic", ""),
        ("pillow_frozenpond.mpo", ""),
        ("pillow_rot0mir0.avif", ""),
    ],
)
def test_the_reason_fits(shared_data: Path, name: str, said: str) -> None:
    why = reason(shared_data / "broken" / name)
    assert said in why
    assert bool(said) == bool(why)


def test_broken_files_take_no_more_memory_than_photos(shared_data: Path) -> None:
    memory, answers = peak("develop", *sorted((shared_data / "broken").iterdir()))
    assert memory < 300 * MEGABYTE
    assert 60 < answers.count("photo") < len(answers)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, after_pixels: bytes = b"") -> bytes:
    """A black RGB picture, quickly; chunks may follow its pixels."""
    packer = zlib.compressobj(1)
    row = bytes(1 + width * 3)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", pixels), after_pixels,
         chunk(b"IEND", b"")]
    )  # fmt: skip


def test_a_probe_decodes_no_pixels(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png(8000, 6000))  # 144 MB of pixels
    memory, answers = peak("probe", path)
    assert answers == ["photo"]
    assert memory < 80 * MEGABYTE


def test_exif_after_the_pixels_of_a_png_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0110] = "A1"
    path = tmp_path / "late.png"
    path.write_bytes(png(40, 30, after_pixels=chunk(b"eXIf", exif.tobytes()[6:])))
    probed = probe(path, LIMITS)
    assert (probed.orientation, probed.exif.camera_model) == (6, "A1")


def test_small_files_that_claim_much_cost_little(tmp_path: Path) -> None:
    """Each is few bytes and claims 196 million pixels."""
    size = struct.pack("<I", 14_099)[:3]
    webp = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + size + size
    webp += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    frame = bytearray(jpeg(1, size=(64, 64)))
    at = frame.index(b"\xff\xc0") + 5
    frame[at : at + 4] = struct.pack(">HH", 14_000, 14_000)
    claims = {
        "a.webp": b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp,
        "b.jpg": bytes(frame),
        "c.png": b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 14_000, 14_000, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b""),
    }
    for name, data in claims.items():
        (tmp_path / name).write_bytes(data)
    memory, answers = peak("develop", *(tmp_path / name for name in claims))
    # libjpeg takes what is missing before an end mark as grey.
    assert [answer == "photo" for answer in answers] == [False, True, False]
    assert memory < 100 * MEGABYTE


def many_scans(progressive: bool, scans: int) -> bytes:
    """A JPEG whose last scan is repeated: few bytes, every time over all its pixels."""
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "JPEG", progressive=progressive)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + b"\xff\xd9"


def test_a_small_jpeg_of_many_scans_is_decoded_apart_within_the_time(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    path.write_bytes(many_scans(progressive=True, scans=200_000))
    probed = probe(path, LIMITS)
    with pytest.raises(Unreadable, match="longer than"):
        develop(path, probed, Limits(decode_seconds=0.5))


def scan_by_scan(colour: tuple[int, int, int], size: tuple[int, int], scans: int) -> bytes:
    """A sequential JPEG with one component a scan: three grey ones under one frame (T.81, B.2)."""
    planes = []
    for value in Image.new("RGB", (1, 1), colour).convert("YCbCr").tobytes():
        out = io.BytesIO()
        Image.new("L", size, value).save(out, "JPEG")
        planes.append(out.getvalue())
    frame, scan = planes[0].index(b"\xff\xc0"), planes[0].index(b"\xff\xda")
    head = planes[0][:frame] + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, size[1], size[0], 3)
    head += b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    tables = planes[0][frame + 2 + 11 : scan]
    bodies = [
        b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, number, 0, 0, 63, 0)
        + plane[plane.index(b"\xff\xda") + 10 : -2]
        for number, plane in enumerate(planes, 1)
    ]  # fmt: skip
    return head + tables + b"".join(bodies) + bodies[2] * scans + b"\xff\xd9"


def test_a_sequential_jpeg_of_many_scans_is_decoded_apart(tmp_path: Path) -> None:
    decoder.end()
    path = tmp_path / "scans.jpg"
    path.write_bytes(scan_by_scan((200, 60, 90), (64, 48), scans=0))
    image = develop(path, probe(path, LIMITS), LIMITS).image
    assert image.getpixel((9, 9)) == pytest.approx((200, 60, 90), abs=3)
    assert decoder.pid is None  # small, and of few scans
    for size, scans in (((64, 48), 100), ((1600, 1200), 0)):
        decoder.end()
        path.write_bytes(scan_by_scan((200, 60, 90), size, scans))
        develop(path, probe(path, LIMITS), LIMITS)
        assert decoder.pid is not None


def test_usual_jpegs_are_decoded_here(tmp_path: Path) -> None:
    decoder.end()
    size = (640, 480)
    for name, data in {
        "baseline": jpeg(1, size=size),
        "large": jpeg(1, size=(3000, 2000)),
        "progressive": jpeg(1, size=size, progressive=True),
        "optimized": jpeg(1, size=size, optimize=True),
        "grey": jpeg(1, size=size, mode="L"),
        "cmyk": jpeg(1, size=size, mode="CMYK"),
        "restarts": jpeg(1, size=size, restart_marker_rows=1),
    }.items():
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(data)
        develop(path, probe(path, LIMITS), LIMITS)
        assert decoder.pid is None, name


def test_large_progressive_jpegs_are_decoded_apart(tmp_path: Path) -> None:
    decoder.end()
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(1, size=(1600, 1200), progressive=True))
    develop(path, probe(path, LIMITS), LIMITS)
    assert decoder.pid is not None


def test_a_strip_is_a_photo(tmp_path: Path) -> None:
    for number, size in enumerate(((60_000, 511), (3, 40_000))):
        path = tmp_path / f"{number}.png"
        path.write_bytes(png(*size))
        assert reason(path) == ""


SMALL = jpeg(3, size=(48, 32), exif={"Make": "Acme", "DateTimeOriginal": "2024:05:01 10:00:00"})


def test_cut_anywhere_it_is_a_photo_or_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    for length in range(len(SMALL)):
        path.write_bytes(SMALL[:length])
        # What is lost may be the end mark alone: then every pixel is there.
        assert reason(path) or length >= len(SMALL) - 16


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_anywhere_is_a_photo_or_a_reason(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Acme"
    Image.open(io.BytesIO(SMALL)).save(out, kind, exif=exif)
    content = bytearray(out.getvalue())
    places = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        content[place] = value
    path = tmp_path / "damaged"
    path.write_bytes(content)
    reason(path)
