"""EfficientNet-Lite as a list of layers: convolutions with their batch norms folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.weights import Arrays, WeightsError

SIDE = 224
"""Pixels: the width and height of Lite0's input."""
CROP = 0.875
"""Of the short side: the middle that the publisher of the weights evaluated them on."""
CLASSES = 1000
FEATURES = 1280

# The stride of each stage's first block. A stage is the blocks of one width; their number, widths
# and kernels follow from the weights.
# Source: Tan et al., EfficientNet-Lite (tensorflow/tpu, efficientnet/lite), the same as B0's.
STRIDES = (1, 2, 2, 2, 1, 2, 1)
EPSILON = 1e-3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """Convolution with TensorFlow's SAME padding, and what follows it."""

    name: str
    weight: Floats
    """[out, in / groups, kernel, kernel]"""
    bias: Floats
    """[out]"""
    stride: int = 1
    groups: int = 1
    activated: bool = True
    """ReLU6 follows."""
    adds: str | None = None
    """The layer whose output is added to this one's: the block's shortcut."""


@dataclass(frozen=True)
class Network:
    """The layers in the order they run; each takes the one before. Then mean, dense, softmax."""

    layers: tuple[Convolution, ...]
    dense_weight: Floats
    """[classes, features]"""
    dense_bias: Floats
    """[classes]"""
    side: int
    """Pixels: the width and height of the input."""


def fold(conv: Floats, norm: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """The convolution's weight and bias with the batch norm after it folded in.

    Only element by element, in float64, rounded once: the same bits on every machine.
    """
    factor = norm["weight"].astype(np.float64) / np.sqrt(
        norm["running_var"].astype(np.float64) + EPSILON
    )
    weight = conv.astype(np.float64) * factor[:, None, None, None]
    bias = norm["bias"].astype(np.float64) - norm["running_mean"].astype(np.float64) * factor
    return weight.astype(np.float32), bias.astype(np.float32)


class _Reader:
    """Hands out the arrays by name, each once."""

    def __init__(self, arrays: Arrays) -> None:
        self.left = dict(arrays)

    def take(self, name: str) -> Floats:
        if name not in self.left:
            raise WeightsError(f"the weights have no {name}")
        return self.left.pop(name)

    def folded(self, conv: str, norm: str) -> tuple[Floats, Floats]:
        parts = ("weight", "bias", "running_mean", "running_var")
        self.left.pop(f"{norm}.num_batches_tracked", None)
        return fold(self.take(f"{conv}.weight"), {p: self.take(f"{norm}.{p}") for p in parts})


def network(arrays: Arrays, side: int = SIDE) -> Network:
    """The network of these weights, for pictures of this side.

    Raises WeightsError unless they are exactly its own.
    """
    reader = _Reader(arrays)
    layers = [Convolution("stem", *reader.folded("_conv_stem", "_bn0"), stride=2)]
    for number, stride in enumerate(_strides(arrays)):
        layers += _block(reader, number, stride, layers[-1])
    layers.append(Convolution("head", *reader.folded("_conv_head", "_bn1")))
    weight, bias = reader.take("_fc.weight"), reader.take("_fc.bias")
    if reader.left:
        raise WeightsError(f"the weights have more than the network: {sorted(reader.left)}")
    if weight.shape != (CLASSES, FEATURES) or bias.shape != (CLASSES,):
        raise WeightsError(f"the last layer is {weight.shape}, not {(CLASSES, FEATURES)}")
    return Network(tuple(layers), weight, bias, side)


def _strides(arrays: Arrays) -> list[int]:
    """Of each block's filter."""
    widths: list[int] = []
    while (name := f"_blocks.{len(widths)}._project_conv.weight") in arrays:
        widths.append(len(arrays[name]))
    starts = [n for n, width in enumerate(widths) if n == 0 or width != widths[n - 1]]
    if len(starts) != len(STRIDES):
        raise WeightsError(f"the weights have {len(starts)} stages, not {len(STRIDES)}")
    first = dict(zip(starts, STRIDES, strict=True))
    return [first.get(number, 1) for number in range(len(widths))]


def _block(reader: _Reader, number: int, stride: int, before: Convolution) -> list[Convolution]:
    """An inverted residual: widen, filter each channel alone, narrow, add what came in."""
    old, new = f"_blocks.{number}.", f"block{number}."
    layers = []
    if f"{old}_expand_conv.weight" in reader.left:
        layers.append(
            Convolution(f"{new}widen", *reader.folded(f"{old}_expand_conv", f"{old}_bn0"))
        )
    weight, bias = reader.folded(f"{old}_depthwise_conv", f"{old}_bn1")
    layers.append(Convolution(f"{new}filter", weight, bias, stride, groups=len(weight)))
    weight, bias = reader.folded(f"{old}_project_conv", f"{old}_bn2")
    adds = before.name if stride == 1 and len(weight) == len(before.weight) else None
    layers.append(Convolution(f"{new}narrow", weight, bias, activated=False, adds=adds))
    return layers
