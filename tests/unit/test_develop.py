"""Developing: renditions and the labeller's picture, upright, of every kind of file."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw

from fototeca.imaging import isolation
from fototeca.imaging.decoding import Developed
from fototeca.imaging.develop import develop
from fototeca.imaging.isolation import DecoderProcess
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe

MakeJpeg = Callable[..., bytes]
LIMITS = Limits()


def corners(size: tuple[int, int]) -> Image.Image:
    """Red, green, blue and white, clockwise from the upper left."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.rectangle((0, 0, width // 2, height // 2), "red")
    draw.rectangle((width // 2, 0, width, height // 2), "lime")
    draw.rectangle((width // 2, height // 2, width, height), "blue")
    return image


def names(image: Image.Image) -> list[str]:
    """The colours of the corners, clockwise from the upper left."""
    width, height = image.size
    near = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
    found = []
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)):
        pixel = image.convert("RGB").getpixel((int(x * width), int(y * height)))
        assert isinstance(pixel, tuple)
        found.append(
            min(
                near,
                key=lambda name: sum(abs(a - b) for a, b in zip(pixel, near[name], strict=True)),
            )
        )
    return found


UPRIGHT = ["red", "lime", "blue", "white"]


def developed(path: Path, data: bytes, limits: Limits = LIMITS) -> Developed:
    path.write_bytes(data)
    return develop(path, probe(path, limits), limits)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


TURNED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_ends_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    picture = corners((640, 400))
    turn = TURNED[orientation]
    stored = picture if turn is None else picture.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = developed(tmp_path / "a", saved(stored, kind, exif=exif, quality=95))
    for image in (result.image, Image.open(io.BytesIO(result.grid))):
        assert names(image) == UPRIGHT
        assert image.width > image.height
    if result.view is not None:
        assert names(Image.open(io.BytesIO(result.view))) == UPRIGHT
    path = tmp_path / "a"
    assert probe(path, LIMITS).upright_size == (640, 400)


@pytest.mark.parametrize(
    "size", [(4000, 3000), (3000, 4000), (9000, 500), (300, 200), (1, 1), (1, 900)]
)
def test_renditions_fit_and_are_never_enlarged(
    tmp_path: Path, make_jpeg: MakeJpeg, size: tuple[int, int]
) -> None:
    result = developed(tmp_path / "a.jpg", make_jpeg(1, size=size))
    grid = Image.open(io.BytesIO(result.grid))
    assert grid.height <= min(320, size[1])
    assert grid.width <= min(1280, size[0])
    if max(size) > 1600:
        assert result.view is not None
        assert max(Image.open(io.BytesIO(result.view)).size) == 1600
    else:
        assert result.view is None
    assert min(result.image.size) >= min(256, *size)
    assert result.image.mode == "RGB"


def test_renditions_tell_nothing_of_the_place(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    data = make_jpeg(
        1, size=(2000, 1500), exif={"Make": "Acme"},
        gps={"GPSLatitudeRef": "N", "GPSLatitude": (1.0, 2.0, 3.0)},
    )  # fmt: skip
    result = developed(tmp_path / "a.jpg", data)
    assert result.view is not None
    for rendition in (result.grid, result.view):
        assert b"Exif" not in rendition
        assert dict(Image.open(io.BytesIO(rendition)).getexif()) == {}


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_jpegs_of_other_colours(tmp_path: Path, mode: str) -> None:
    result = developed(tmp_path / "a.jpg", saved(corners((600, 400)).convert(mode), "JPEG"))
    assert result.image.mode == "RGB"
    if mode == "CMYK":
        assert result.view is not None  # browsers show CMYK wrongly
        assert names(result.image) == UPRIGHT


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16"])
def test_pngs_of_other_kinds(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        picture = Image.new("I;16", (300, 300), 40_000)
    else:
        picture = corners((300, 300)).convert(mode if mode != "LA" else "L").convert(mode)
    result = developed(tmp_path / "a.png", saved(picture, "PNG"))
    assert result.image.mode == "RGB"
    if mode == "I;16":
        assert result.image.getpixel((5, 5)) == (156, 156, 156)  # 40,000 / 256
    elif mode in ("RGBA", "P"):
        assert names(result.image) == UPRIGHT


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    result = developed(tmp_path / "a.png", saved(Image.new("RGBA", (300, 300)), "PNG"))
    assert result.image.getpixel((5, 5)) == (255, 255, 255)


def matrix_profile(primaries: list[tuple[float, float, float]], gamma: float) -> bytes:
    """An RGB profile of three columns of XYZ (D50) and a gamma (ICC.1:2001-04, 6.3.1.2)."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + b"wide\0" + bytes(79))]
    tags.append((b"wtpt", b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)))
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        tags.append((name, b"XYZ " + bytes(4) + fixed(*column)))
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        curve = struct.pack(">IH", 1, round(gamma * 256))
        tags.append((name, b"curv" + bytes(4) + curve + bytes(2)))
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data
    head = bytes(8) + b"\x02\x10\x00\x00mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += fixed(0.9642, 1.0, 0.8249)
    data = head + bytes(128 - len(head)) + table + body
    return struct.pack(">I", len(data)) + data[4:]


ADOBE_RGB = matrix_profile(
    [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)], 2.2
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_colours_are_brought_to_srgb(tmp_path: Path, kind: str) -> None:
    options: dict[str, object] = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    # Through XYZ by the matrices of Adobe RGB (1998), 4.3.6.1, and IEC 61966-2-1, at D50.
    for colour, expected in (
        ((128, 128, 128), (129, 129, 129)),
        ((150, 100, 100), (167, 100, 100)),
        ((100, 150, 80), (66, 151, 74)),
        ((200, 100, 50), (227, 100, 42)),
    ):
        data = saved(Image.new("RGB", (300, 300), colour), kind, icc_profile=ADOBE_RGB, **options)
        pixel = developed(tmp_path / "a", data).image.getpixel((9, 9))
        assert isinstance(pixel, tuple)
        assert pixel == pytest.approx(expected, abs=2)


def test_a_profile_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"no profile", ADOBE_RGB[:200]):
        data = saved(corners((400, 300)), "JPEG", icc_profile=profile)
        assert names(developed(tmp_path / "a.jpg", data).image) == UPRIGHT


def test_the_first_frame_of_an_animation_is_the_photo(tmp_path: Path) -> None:
    data = saved(
        corners((300, 300)), "WEBP", save_all=True,
        append_images=[Image.new("RGB", (300, 300), "black")], duration=100,
    )  # fmt: skip
    assert names(developed(tmp_path / "a.webp", data).image) == UPRIGHT


def test_progressive_jpegs_small_and_large(tmp_path: Path) -> None:
    for size in ((600, 400), (2400, 1600)):
        data = saved(corners(size), "JPEG", progressive=True)
        assert names(developed(tmp_path / "a.jpg", data).image) == UPRIGHT


def test_a_truncated_photo_says_so(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    data = make_jpeg(1, size=(800, 600))
    with pytest.raises(Unreadable, match="truncated"):
        developed(tmp_path / "a.jpg", data[: len(data) // 2])


def test_heic_is_developed(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "broken" / "me_heic_IMG_2927.HEIC"
    probed = probe(path, LIMITS)
    assert probed.media_type == "image/heic"
    result = develop(path, probed, LIMITS)
    assert result.view is not None
    grid = Image.open(io.BytesIO(result.grid))
    width, height = probed.upright_size
    assert grid.width / grid.height == pytest.approx(width / height, rel=0.02)


def large_png(size: tuple[int, int]) -> bytes:
    return saved(Image.new("RGB", size, "red"), "PNG", compress_level=1)


def test_a_picture_that_needs_too_much_memory_is_refused_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    tight = Limits(decode_memory=300 << 20)
    with pytest.raises(Unreadable):
        developed(tmp_path / "big.png", large_png((12_000, 9_000)), tight)
    small = developed(tmp_path / "small.png", saved(corners((300, 300)), "PNG"), tight)
    assert names(small.image) == UPRIGHT


def test_a_picture_that_takes_too_long_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    data = large_png((6000, 5000))
    with pytest.raises(Unreadable, match="longer than"):
        developed(tmp_path / "slow.png", data, Limits(decode_seconds=0.01))
    assert developed(tmp_path / "slow.png", data).view is not None


@contextmanager
def once_read(path: Path, then: Callable[[], object]) -> Iterator[None]:
    """`path` is a pipe; this is called when the decoder has opened it, and reads on after it."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb"):
            then()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield
    writer.join()
    path.unlink()


def test_a_decoder_that_dies_takes_only_its_photo(tmp_path: Path) -> None:
    path, data = tmp_path / "a.png", saved(corners((300, 300)), "PNG")
    developed(path, data)
    probed, pid = probe(path, LIMITS), running()
    with (
        once_read(path, lambda: os.kill(pid, signal.SIGKILL)),
        pytest.raises(Unreadable, match="ended the decoder"),
    ):
        develop(path, probed, LIMITS)
    assert names(developed(path, data).image) == UPRIGHT


def test_a_decoder_that_was_killed_while_idle_is_started_again(tmp_path: Path) -> None:
    data = saved(corners((300, 300)), "PNG")
    developed(tmp_path / "a.png", data)
    pid = running()
    os.kill(pid, signal.SIGKILL)
    while isolation.decoder.pid == pid:
        time.sleep(0.02)
    assert names(developed(tmp_path / "a.png", data).image) == UPRIGHT


def test_the_decoder_ends_when_idle_and_not_before(tmp_path: Path) -> None:
    path, data = tmp_path / "a.png", saved(corners((300, 300)), "PNG")
    path.write_bytes(data)
    probed = probe(path, LIMITS)
    process = DecoderProcess(idle_seconds=0.1)
    busy: list[int | None] = []

    def look() -> None:
        time.sleep(0.3)
        busy.append(process.pid)

    with once_read(path, look), pytest.raises(Unreadable):
        process.develop(path, probed, LIMITS, 256)
    (pid,) = busy
    assert pid is not None
    gone(pid)
    assert process.pid is None
    path.write_bytes(data)
    assert names(process.develop(path, probed, LIMITS, 256).image) == UPRIGHT
    process.end()


def test_a_stopping_service_lets_the_decoder_finish(tmp_path: Path) -> None:
    # Service managers send SIGTERM to every process of a service, terminals SIGINT.
    data = saved(corners((300, 300)), "PNG")
    developed(tmp_path / "a.png", data)
    pid = running()
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    developed(tmp_path / "a.png", data)
    assert running() == pid


PARENT = """
import sys
from pathlib import Path
from fototeca.imaging.develop import develop
from fototeca.imaging.isolation import decoder
from fototeca.imaging.limits import Limits
from fototeca.imaging.probe import probe
path = Path(sys.argv[1])
develop(path, probe(path, Limits()), Limits())
print(decoder.pid, flush=True)
sys.stdin.read()
"""


def test_the_decoder_does_not_outlive_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved(corners((300, 300)), "PNG"))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    gone(pid)


def test_the_folder_it_works_in_gives_the_decoder_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('code from a folder of photos')")
    data = saved(corners((300, 300)), "PNG")
    isolation.decoder.end()
    monkeypatch.chdir(tmp_path)
    assert names(developed(Path("a.png"), data).image) == UPRIGHT


def test_many_threads_share_one_decoder(tmp_path: Path) -> None:
    sizes = [(300 + 10 * number, 300) for number in range(12)]
    for size in sizes:
        (tmp_path / f"{size[0]}.png").write_bytes(saved(corners(size), "PNG"))

    def width(size: tuple[int, int]) -> int:
        path = tmp_path / f"{size[0]}.png"
        return develop(path, probe(path, LIMITS), LIMITS).image.width

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(width, sizes)) == [size[0] for size in sizes]


def running() -> int:
    """The decoder's process, which is running."""
    pid = isolation.decoder.pid
    assert pid is not None
    return pid


def gone(pid: int) -> None:
    """Wait until a process has ended; it may be a zombie that nobody has asked for yet."""
    while alive(pid):
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        # After the name, which may have spaces and brackets: the state (proc_pid_stat(5)).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc").exists()
