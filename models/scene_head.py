"""The scene head as it is kept: names and biases in plain JSON, weights as float16 in base64."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from models.logistic import Head
from models.network import FEATURES

FILE = Path(__file__).with_name("scenes.json")


def read(path: Path = FILE) -> tuple[tuple[str, ...], Head]:
    """The labels in the order of the head's output, and the head."""
    kept = json.loads(path.read_bytes())
    weight = np.frombuffer(base64.b64decode(kept["weight"]), dtype="<f2").astype(np.float32)
    bias = np.array([*kept["bias"].values()], dtype=np.float32)
    return tuple(kept["bias"]), Head(weight.reshape(len(bias), FEATURES), bias)


def write(labels: tuple[str, ...], head: Head, path: Path = FILE) -> None:
    """`read` gives what was written, the weights rounded to 11 bits."""
    bias = {name: round(float(value), 5) for name, value in zip(labels, head.bias, strict=True)}
    weight = base64.b64encode(head.weight.astype("<f2").tobytes()).decode()
    path.write_text(json.dumps({"bias": bias, "weight": weight}, indent=1) + "\n", "utf-8")
