"""Probing and developing: ms a photo beside Pillow's full decode, and the memory.

Two peers: a full decode with one 320 px thumbnail, which is less than developing makes, and a full
decode with what developing makes: the view, the grid and a picture for the labeller. All take turns
on the same files in one process; memory is measured in a process of its own for each kind, on two
threads at once.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fototeca.imaging.decoding import GRID_HEIGHT, GRID_WIDTH, QUALITY, VIEW_SIDE
from fototeca.imaging.develop import develop
from fototeca.imaging.isolation import decoder
from fototeca.imaging.limits import Limits
from fototeca.imaging.probe import probe

SIZES = {
    "1024x768": (1024, 768),
    "12 MP": (4000, 3000),
    "24 MP": (6000, 4000),
    "48 MP": (8000, 6000),
}
CODINGS = ("baseline", "progressive", "PNG")
THREADS = 2
TARGET_MEMORY = 600.0
LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Row:
    size: str
    coding: str
    probe: float
    """Milliseconds a photo, as the three below."""
    develop: float
    thumbnail: float
    same: float
    memory: float
    """Peak resident megabytes of the process and its decoder process together."""


def picture(size: tuple[int, int]) -> Image.Image:
    """Detail at every scale, like a photo's: noise of many sizes added up, and a sensor's grain."""
    generator = np.random.default_rng(1)
    image = Image.new("RGB", size, "grey")
    for cells, share in ((8, 0.5), (64, 0.3), (512, 0.15)):
        noise = generator.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(noise).resize(size, Image.Resampling.BILINEAR)
        image = Image.blend(image, layer, share)
    grain = Image.effect_noise(size, 24)
    return Image.blend(image, Image.merge("RGB", (grain, grain, grain)), 0.3)


def write_photo(path: Path, image: Image.Image, coding: str) -> None:
    if coding == "PNG":
        image.save(path, "PNG", compress_level=1)
    else:
        image.save(path, "JPEG", quality=88, progressive=coding == "progressive")


def thumbnail(path: Path) -> None:
    """The lighter peer: every pixel decoded, then one thumbnail."""
    with Image.open(path) as image:
        image.load()
        image.thumbnail((GRID_WIDTH, GRID_HEIGHT))
        image.save(io.BytesIO(), "JPEG", quality=QUALITY)


def same(path: Path) -> None:
    """The peer that makes the same: every pixel decoded, the view where one is needed, the grid."""
    with Image.open(path) as image:
        image.load()
        if image.format != "JPEG" or max(image.size) > VIEW_SIDE:
            image.thumbnail((VIEW_SIDE, VIEW_SIDE))
            image.save(io.BytesIO(), "JPEG", quality=QUALITY)
        grid = image.copy()
        grid.thumbnail((GRID_WIDTH, GRID_HEIGHT))
        grid.save(io.BytesIO(), "JPEG", quality=QUALITY)
        image.thumbnail((512, 512))


def milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def measure(path: Path) -> tuple[float, float, float, float]:
    """(probe, develop, thumbnail, same) in ms, taking turns; the best, since others only add."""
    probed = probe(path, LIMITS)
    actions: tuple[Callable[[], object], ...] = (
        lambda: probe(path, LIMITS),
        lambda: develop(path, probed, LIMITS),
        lambda: thumbnail(path),
        lambda: same(path),
    )
    develop(path, probed, LIMITS)
    rounds = [
        [milliseconds(action) for action in actions]
        for _ in range(4 if path.stat().st_size > 1_000_000 else 20)
    ]
    probing, developing, one, alike = (min(times) for times in zip(*rounds, strict=True))
    return probing, developing, one, alike


def memory(path: Path) -> float:
    """Peak megabytes of developing on two threads, with the decoder's. Run in a process."""
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda _: develop(path, probe(path, LIMITS), LIMITS), range(6)):
            pass
    processes = ["self"] if decoder.pid is None else ["self", str(decoder.pid)]
    return sum(peak(process) for process in processes)


def peak(process: str) -> float:
    """Megabytes. By /proc, since getrusage's peak begins with that of the process before exec."""
    for line in Path("/proc", process, "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmHWM in /proc: the peak memory cannot be told")


def run() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "photo"
        for size, pixels in SIZES.items():
            image = picture(pixels)
            for coding in CODINGS:
                write_photo(path, image, coding)
                answer = subprocess.run(
                    [sys.executable, "-m", "benchmarks.imaging", str(path)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                rows.append(Row(size, coding, *measure(path), float(answer.stdout)))
    return rows


def main() -> None:
    if len(sys.argv) > 1:
        print(memory(Path(sys.argv[1])))
        return
    print(
        "Imaging: ms for a probe, for develop, and for Pillow with a full decode: a thumbnail"
        f"\n  alone, and the same pictures; peak memory on {THREADS} threads, target under"
        f" {TARGET_MEMORY:.0f} MB"
    )
    for row in run():
        print(
            f"  {row.size:9} {row.coding:12} probe {row.probe:5.2f}   develop {row.develop:6.1f}"
            f"   thumbnail {row.thumbnail:6.1f} ({row.thumbnail / row.develop:4.2f} of it)"
            f"   same {row.same:6.1f} ({row.same / row.develop:4.2f})   peak {row.memory:4.0f} MB"
        )


if __name__ == "__main__":
    main()
