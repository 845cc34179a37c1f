"""Trains the scene head and judges it on photos it never saw: `python -m models.train_scenes`.

Photos in; models/scenes.json and models/scene-photos.csv (each photo used, its SHA-256, its split)
out, and a table of how good it is on the photos held out. Minutes on two cores; what the network
makes of the photos is kept in a cache outside the repository.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fototeca.labelling.calibration import platt
from fototeca.labelling.evaluation import average_precision, calibration, precision_recall_f1
from fototeca.labelling.onnx import session_of
from fototeca.labelling.tensors import pixels
from models import graph, scene_head, weights
from models.build import RANGES, digest
from models.logistic import Floats, Head, fit, sigmoid
from models.network import CROP, SIDE, network
from models.scene_data import NATURAL, SCENES, Known, groups, known, matrix, splits

PHOTOS = Path(__file__).with_name("scene-photos.csv")
PENALTY, BALANCE = 0.05, 0.0
FOLDS = 4
ENOUGH = 12
"""Complete photos with a label from which it is calibrated on complete photos alone."""
PRECISION = 0.8
"""What a default threshold is chosen for."""


class Looked(NamedTuple):
    """What the network makes of the photos."""

    features: Floats
    """[photos, views, 1280]; the first view is the one that the labeller sees."""
    bits: NDArray[np.bool_]
    """Difference hashes, [photos, 64]."""
    sha256: NDArray[np.str_]


class Judged(NamedTuple):
    """The confidence of each label on each photo, [photos, scenes], and what is known of it."""

    confidence: Floats
    truth: Floats
    complete: NDArray[np.bool_]


def views(image: Image.Image, side: int) -> list[NDArray[np.uint8]]:
    """What the labeller sees, its mirror image, and two nearer looks at the middle."""
    width, height = image.size
    found = [pixels(image, side), np.ascontiguousarray(pixels(image, side)[:, ::-1])]
    for share in (1, CROP):
        square = min(width, height) * share
        left, top = (width - square) / 2, (height - square) / 2
        found.append(pixels(image.crop((left, top, left + square, top + square)), side))
    return found


def look(data: Path, photos: list[Known], model: onnx.ModelProto, side: int, cache: Path) -> Looked:
    """Runs a network over every view of the photos, or takes what it made from the cache."""
    key = hashlib.sha256(f"{digest(model)} {[each.path for each in photos]}".encode()).hexdigest()
    kept = cache / f"fototeca-scenes-{key[:16]}.npz"
    if kept.is_file():
        with np.load(kept) as arrays:
            return Looked(*(arrays[name] for name in Looked._fields))
    session = session_of(model.SerializeToString(), threads=1)

    def one(each: Known) -> tuple[Floats, NDArray[np.bool_], str]:
        path = data / each.path
        with Image.open(path) as file:
            file.draft("RGB", (2 * side, 2 * side))
            image = ImageOps.exif_transpose(file).convert("RGB")
        seen = [
            session.run(["features"], {"pixels": v[np.newaxis]})[0][0] for v in views(image, side)
        ]
        small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR), int)
        bits = np.asarray(small[:, 1:] > small[:, :-1]).ravel()
        return np.array(seen), bits, hashlib.sha256(path.read_bytes()).hexdigest()

    with ThreadPoolExecutor(2) as pool:
        features, bits, sha256 = zip(*pool.map(one, photos), strict=True)
    looked = Looked(np.array(features), np.array(bits), np.array(sha256))
    np.savez(kept, **looked._asdict())
    return looked


def train(features: Floats, truth: Floats) -> Head:
    """The head for photos in several views; [photos, views, features], [photos, scenes]."""
    flat = features.reshape(-1, features.shape[-1])
    return fit(flat, np.repeat(truth, features.shape[1], axis=0), PENALTY, BALANCE)


def crossed(features: Floats, truth: Floats, fold: NDArray[np.intp]) -> Floats:
    """Log odds for each photo by a head that has not seen its fold, [photos, scenes]."""
    odds = np.zeros_like(truth)
    for number in range(FOLDS):
        inside = fold == number
        head = train(features[~inside], truth[~inside])
        odds[inside] = head.odds(features[inside, 0])
    return odds


def calibrated(head: Head, odds: Floats, truth: Floats, complete: NDArray[np.bool_]) -> Head:
    """The head with each label's odds made true (Platt, 1999), folded into weight and bias.

    Learnt from odds for photos that were not trained on; from the complete ones where they are
    enough, as what excludes a label is easier to tell apart than what merely lacks it.
    """
    weight, bias = head.weight.copy(), head.bias.copy()
    for label in range(truth.shape[1]):
        told = ~np.isnan(truth[:, label])
        if (truth[told & complete, label] == 1).sum() >= ENOUGH:
            told &= complete
        scale, shift = platt(odds[told, label], truth[told, label])
        weight[label] *= scale
        bias[label] = scale * bias[label] + shift
    return Head(weight, bias)


def threshold(confidence: Floats, truth: Floats) -> float:
    """The lowest from 0.4 on whose labels are right PRECISION of the time; 0.9 at most."""
    for at in np.arange(0.4, 0.9, 0.05):
        on = confidence >= at
        if on.any() and precision_recall_f1(truth == 1, on)[0] >= PRECISION:
            return round(float(at), 2)
    return 0.9


def judge(judged: Judged, thresholds: list[float]) -> None:
    """Prints average precision, precision and recall by label, and the calibration."""
    print("| label | photos with it, without | AP | of complete photos | precision | recall | on |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    every, complete = [], []
    right: list[bool] = []
    confidences: list[float] = []
    for number, label in enumerate(SCENES):
        truth, confidence = judged.truth[:, number], judged.confidence[:, number]
        told = ~np.isnan(truth)
        yes, no = int((truth == 1).sum()), int((truth == 0).sum())
        precision = precisions(truth, confidence, told)
        of_complete = precisions(truth, confidence, told & judged.complete)
        every.append(precision)
        complete.append(of_complete)
        on = confidence[told] >= thresholds[number]
        sure, found, _ = precision_recall_f1(truth[told] == 1, on)
        kept = told & judged.complete & (confidence >= 0.02)
        right += (truth[kept] == 1).tolist()
        confidences += confidence[kept].tolist()
        cells = [f"{yes}, {no}", *(f"{v:.3f}" for v in (precision, of_complete, sure, found))]
        print(f"| {label} | {' | '.join(cells)} | {thresholds[number]:.2f} |")
    error = calibration(right, confidences)
    print(f"macro AP {np.nanmean(every):.3f}, of complete photos {np.nanmean(complete):.3f}")
    print(f"expected calibration error on complete photos {error.expected_error:.4f}")
    for each in error.bins:
        print(f"  {each.start:.1f} {each.count:5d} {each.confidence:.3f} {each.accuracy:.3f}")


def precisions(truth: Floats, confidence: Floats, rows: NDArray[np.bool_]) -> float:
    """The average precision over some rows; NaN where it says nothing."""
    on = truth[rows] == 1
    return average_precision(on, confidence[rows]) if on.any() and not on.all() else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    photos = known(given.data)
    ranges = {name: (low, high) for name, (low, high) in json.loads(RANGES.read_bytes()).items()}
    model = graph.quantized(network(weights.read(weights.published())), ranges)
    looked = look(given.data, photos, model, SIDE, given.cache)
    group = groups(looked.features[:, 0], looked.bits)
    split = np.array(splits(photos, group))
    truth, complete = matrix(photos), np.array([each.complete for each in photos])
    rows = split == "train"
    fold = np.array([hashlib.sha256(photos[n].path.encode()).digest()[1] % FOLDS for n in group])
    head = train(looked.features[rows], truth[rows])
    odds = crossed(looked.features[rows], truth[rows], fold[rows])
    scene_head.write(SCENES, calibrated(head, odds, truth[rows], complete[rows]))
    head = scene_head.read()[1]
    with PHOTOS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "sha256", "split"])
        writer.writerows(
            (each.path, sha256, name)
            for each, sha256, name in zip(photos, looked.sha256, split, strict=True)
            if name != "unused"
        )
    # Thresholds are chosen on photos that were trained on, by heads that had not seen them.
    one = calibrated(
        Head(np.ones((len(SCENES), 1), np.float32), np.zeros(len(SCENES), np.float32)),
        odds,
        truth[rows],
        complete[rows],
    )
    sure = sigmoid(odds * one.weight[:, 0] + one.bias)
    thresholds = []
    for number in range(len(SCENES)):
        told = ~np.isnan(truth[rows, number])
        if (truth[rows][told & complete[rows], number] == 1).sum() >= ENOUGH:
            told &= complete[rows]
        thresholds.append(threshold(sure[told, number], truth[rows][told, number]))
    held = split == "held-out"
    confidence = sigmoid(head.odds(looked.features[:, 0]))
    source = np.array([each.source for each in photos])
    for name, some in (("held out", held), ("hand-labelled", source == "hand")):
        print(f"\n{name}: {some.sum()} photos; trained on {rows.sum()}")
        judge(Judged(confidence[some], truth[some], complete[some]), thresholds)
    natural = held & (source == "natural")
    columns = [SCENES.index(label) for label in NATURAL]
    five = [precisions(truth[:, n], confidence[:, n], natural) for n in columns]
    print(
        f"\nnatural scenes, {natural.sum()} photos:",
        dict(zip(NATURAL, np.round(five, 3), strict=True)),
    )
    print(f"macro AP {np.mean(five):.4f}")


if __name__ == "__main__":
    main()
