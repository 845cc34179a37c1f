"""The labelling pipeline: files -> stored, renditions, labels, catalog; beside the model alone.

The model alone, fed ready pixels on every core, is the limit: whatever else the pipeline does for
a photo (hash, store durably, decode, renditions, rows) costs the difference. What peers label by, a
ViT-B/32, has only its own rate to show: fed ready pixels, too, and with weights at random.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import models
from fototeca.app import open_library
from fototeca.labelling.onnx import OnnxLabeller
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.samples import photos as sample_photos
from fototeca.settings import Settings

SIZES = {
    "1024x768": ((1024, 768), 600),
    "12 MP": ((4000, 3000), 60),
    "24 MP": ((6000, 4000), 30),
    "48 MP": ((8000, 6000), 16),
}
TARGET_RATE = 100.0
TARGET_OF_VIT = 10.0
TARGET_MEMORY = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    size: str
    photos: int
    rate: float
    """Photos a second, end to end."""
    model_rate: float
    """Photos a second, the model alone."""
    memory: float
    """Peak resident megabytes of the process."""


def write_photos(folder: Path, size: tuple[int, int], count: int) -> None:
    """Distinct JPEGs with the detail of real photos: shifted samples with a little noise."""
    sources = [Image.open(path).convert("RGB").resize(size) for path in sample_photos()[:6]]
    generator = np.random.default_rng(1)
    for number in range(count):
        pixels = np.asarray(sources[number % len(sources)])
        shifted = np.roll(pixels, int(generator.integers(0, size[0])), axis=1).astype(np.int16)
        shifted[::2, ::2] += generator.integers(-6, 7, shifted[::2, ::2].shape, dtype=np.int16)
        image = Image.fromarray(np.clip(shifted, 0, 255).astype(np.uint8))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
        (folder / f"IMG_{number:05}.jpg").write_bytes(out.getvalue())


def model_rate(threads: int, seconds: float = 3.0) -> float:
    """Photos a second that the labeller does on ready pictures of its own input size."""
    labeller = OnnxLabeller(Taxonomy.load())
    side = labeller.input_side
    picture = Image.open(sample_photos()[0]).convert("RGB").resize((side * 4 // 3, side))
    labeller.label(picture)
    end = time.perf_counter() + seconds

    def loop(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            labeller.label(picture)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(loop, range(threads))) / seconds


def measure(folder: Path) -> tuple[int, float, float]:
    """(photos, seconds, peak megabytes) of importing and labelling a folder. Run in a process."""
    with tempfile.TemporaryDirectory() as place:
        settings = Settings(library=Path(place) / "library")
        with open_library(settings) as library:
            owner = library.local_account().id
            library.labeller()
            workers = library.workers()
            start = time.perf_counter()
            workers.start()
            result = library.imports.run(owner, [folder], lambda _: None)
            workers.drain()
            seconds = time.perf_counter() - start
            work = library.catalog.queue.work(owner)
            if result.refused or work.failed or work.labelled != result.found:
                raise SystemExit(f"not every photo was labelled: {result}, {work}")
    return work.labelled, seconds, peak_memory()


def peak_memory() -> float:
    """Megabytes. By /proc, since getrusage's peak begins with that of the process before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no /proc/self/status: the peak memory cannot be told")


def run() -> list[Row]:
    threads = Settings().threads
    rows = []
    for name, (size, count) in SIZES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_photos(folder, size, count)
            alone = model_rate(threads)
            # A process of its own: its peak memory is the pipeline's.
            answer = subprocess.run(
                [sys.executable, "-m", "benchmarks.pipeline", place],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            photos, seconds, peak = int(answer[0]), float(answer[1]), float(answer[2])
        rows.append(Row(name, photos, photos / seconds, alone, peak))
    return rows


def main() -> None:
    if len(sys.argv) > 1:
        print(*measure(Path(sys.argv[1])))
        return
    print(
        f"Pipeline: target {TARGET_RATE:.0f} photos/s of 1024x768 and {TARGET_OF_VIT:.0f} times the"
        f" rate of ViT-B/32, peak memory under {TARGET_MEMORY:.0f} MB"
    )
    peer = models.peer_rate()
    for row in run():
        print(
            f"  {row.size:10} {row.photos:4} photos  {row.rate:6.1f}/s"
            f"   {row.rate / row.model_rate:5.2f} of the model alone ({row.model_rate:.0f}/s),"
            f" {row.rate / peer:5.1f} times ViT-B/32 alone ({peer:.1f}/s)"
            f"   peak {row.memory:4.0f} MB"
        )


if __name__ == "__main__":
    main()
