"""Measures the ranges of the network's activations over photos: `python -m models.calibrate`.

Writes models/ranges.json. The photos are needed only here: they may not be handed on, their ranges
may, so the int8 model is built from weights and ranges alone and is the same everywhere.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import helper
from PIL import Image

from models import graph
from models.network import CROP, Network, network
from models.weights import published, read

RANGES = Path(__file__).with_name("ranges.json")
PHOTOS = 200
SEED = 20261123


def choose(data: Path) -> list[Path]:
    """Photos of natural.csv and scenes.csv, half of each, always the same ones."""
    chosen = random.Random(SEED)  # noqa: S311
    paths: list[Path] = []
    for table in ("natural.csv", "scenes.csv"):
        with (data / table).open(newline="", encoding="utf-8") as file:
            names = sorted(row["path"] for row in csv.DictReader(file) if row["path"] != "path")
        paths += [data / name for name in chosen.sample(names, PHOTOS // 2)]
    return paths


def middle(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """As the weights' publisher evaluated them, [side, side, 3]."""
    width, height = image.size
    square = CROP * min(width, height)
    left, top = (width - square) / 2, (height - square) / 2
    box = (left, top, left + square, top + square)
    small = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box=box)
    return np.asarray(small, np.uint8)


def measure(paths: list[Path], net: Network) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each activation: the mean over the photos of each one's own.

    The extremes of all photos would be set by a few odd ones and cost every other one precision.
    """
    model = graph.in_float(net)
    names = graph.activations(net)
    known = {output.name for output in model.graph.output}
    for name in names:
        if name not in known:
            model.graph.output.append(helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    seen = []
    for path in paths:
        with Image.open(path) as image:
            values = session.run(names, {"pixels": middle(image, net.side)[np.newaxis]})
        seen.append([(value.min(), value.max()) for value in values])
    lowest, highest = np.mean(seen, axis=0).T
    return {
        name: (min(0.0, round(float(low), 4)), round(float(high), 4))
        for name, low, high in zip(names, lowest, highest, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    ranges = measure(choose(parser.parse_args().data), network(read(published())))
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in ranges.items())
    RANGES.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
