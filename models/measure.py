"""Measures the float32 and the int8 model over photos: `python -m models.measure`.

Prints the table of docs/decisions/0002-bundled-model.md: time a photo, and how often photos whose
dataset says one thing get the label for it.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.labelling.onnx import session_of
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.labelling.tensors import pixels
from fototeca.photos import Correction
from models import graph
from models.build import model_from
from models.network import network
from models.weights import published, read

TAXONOMY = Taxonomy.load()
RULES = LabelRules(
    TAXONOMY,
    {name: label.threshold for name, label in TAXONOMY.labels.items()},
    LabelSettings(),
)
# (table, dataset, the dataset's word, our label)
JUDGED = (
    ("scenes", "cats_dogs", "Cat", "Cat"),
    ("scenes", "cats_dogs", "Dog", "Dog"),
    ("scenes", "flower_photos", "Daisy", "Flower"),
    ("scenes", "food_ccmix", "Food", "Food"),
    ("scenes", "intel", "Mountain", "Landscape"),
    ("scenes", "intel", "Sea", "Sea"),
    ("scenes", "sun_cmu", "Garden", "Garden"),
    ("scenes", "sun_cmu", "Waterfall", "Waterfall"),
    ("hand", "", "Mountain", "Mountain"),
    ("hand", "", "Building", "Building"),
    ("cars", "", "Car", "Car"),
)
TIMED = 150


class Row(NamedTuple):
    """A photo of one line of the table, and its pixels."""

    line: int
    right: bool
    image: NDArray[np.uint8]


def photos(data: Path) -> list[Row]:
    """The photos that JUDGED is about, right or wrong for each of its lines."""
    found = []
    for line, (table, dataset, word, _) in enumerate(JUDGED):
        with (data / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("dataset", "") == dataset:
                    with Image.open(data / row["path"]) as image:
                        upright = ImageOps.exif_transpose(image)
                        right = word in row["labels"].split("|")
                        found.append(Row(line, right, pixels(upright)))
    return found


def milliseconds(model: onnx.ModelProto, threads: int, rows: list[Row]) -> float:
    """The median over photos, one at a time."""
    run, times = session_of(model.SerializeToString(), threads).run, []
    for row in rows[: TIMED + 10]:
        start = time.perf_counter()
        run(None, {"pixels": row.image[np.newaxis]})
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[10:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    rows = photos(parser.parse_args().data)
    models = {
        "float32": graph.in_float(network(read(published()))),
        "int8": model_from(published()),
    }
    answers = {}
    for name, model in models.items():
        one, two = (milliseconds(model, threads, rows) for threads in (1, 2))
        print(f"{name}: {one:.1f} ms, 2 threads {two:.1f} ms, {model.ByteSize() / 1e6:.1f} MB")
        run = session_of(model.SerializeToString(), 2).run
        answers[name] = np.concatenate(
            [run(["probabilities"], {"pixels": row.image[np.newaxis]})[0] for row in rows]
        )
    best = [answer.argmax(axis=1) for answer in answers.values()]
    print(f"the same class first: {(best[0] == best[1]).mean():.3f} of {len(rows)} photos")
    print("| photos | label | found, float32 | int8 | among 5 surest classes, float32 | int8 |")
    for line, (table, dataset, word, label) in enumerate(JUDGED):
        right = [index for index, row in enumerate(rows) if row.line == line and row.right]
        cells = [f"{len(right)} {dataset or table} {word}", label]
        cells += [f"{found(answer[right], label):.3f}" for answer in answers.values()]
        cells += [f"{among_five(answer[right], label):.3f}" for answer in answers.values()]
        print(f"| {' | '.join(cells)} |")


def found(answer: NDArray[np.float32], label: str) -> float:
    """The share of photos that the label is on."""
    return statistics.mean(
        label in RULES.labels_on(TAXONOMY.roll_up(row), Correction()) for row in answer
    )


def among_five(answer: NDArray[np.float32], label: str) -> float:
    """The share of photos for which one of the five surest classes is seen as the label."""
    of_label = [
        any(each.label == label and each.confidence > 0 for each in TAXONOMY.roll_up(row))
        for row in np.eye(len(TAXONOMY.classes))
    ]
    five = np.argsort(answer, axis=1)[:, -5:]
    return float(np.asarray(of_label)[five].any(axis=1).mean())


if __name__ == "__main__":
    main()
