"""Writes the network as an ONNX graph: in float32, or in int8 with measured activation ranges.

Both take `pixels` (uint8, [batch, 224, 224, 3], RGB) and give `probabilities` (float32, [batch,
1000], softmax) and `features` (float32, [batch, 1280], the mean of the head's output); with a scene
head `scenes` as well (float32, [batch, scenes], one probability for each, whatever the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.logistic import Head
from models.network import CLASSES, FEATURES, Convolution, Floats, Network

OPSET = 19
IR_VERSION = 9
# (x - 127) / 128 is what dequantizing with these gives: the input costs no arithmetic of its own.
PIXEL_SCALE, PIXEL_ZERO = 1 / 128, 127
WEIGHT_LIMIT = 127
# Source: onnxruntime, "Quantize ONNX models": symmetric weights, one scale a channel.
# Half of what an int32 holds, so that adding the products to a bias cannot overflow.
BIAS_LIMIT = 2.0**30

Ranges = Mapping[str, tuple[float, float]]
"""(lowest, highest) value by the name of the tensor."""


def activations(net: Network) -> list[str]:
    """The tensors whose ranges `quantized` needs."""
    sums = [f"{layer.name}.sum" for layer in net.layers if layer.adds]
    return [layer.name for layer in net.layers] + sums + ["features"]


class _Graph:
    """Nodes and constants, collected in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def pixels(self) -> str:
        """Normalised, [batch, 3, 224, 224]."""
        self.node("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
        scale = self.constant("pixels.scale", np.float32(PIXEL_SCALE))
        zero = self.constant("pixels.zero", np.uint8(PIXEL_ZERO))
        return self.node("DequantizeLinear", ["planes", scale, zero], "input")

    def convolution(self, layer: Convolution, source: str, weight: str, bias: str) -> str:
        kernel = layer.weight.shape[2]
        return self.node(
            "Conv",
            [source, weight, bias],
            f"{layer.name}.conv",
            kernel_shape=[kernel, kernel],
            strides=[layer.stride, layer.stride],
            group=layer.groups,
            auto_pad="SAME_UPPER",
        )

    def means(self, head: str) -> str:
        self.node("GlobalAveragePool", [head], "means")
        return self.node("Flatten", ["means"], "features")

    def model(self, side: int, features: str, head: Head | None) -> onnx.ModelProto:
        """The checked model. Raises onnx.checker.ValidationError."""
        self.node("Softmax", ["logits"], "probabilities", axis=1)
        outputs = {"probabilities": CLASSES, "features": FEATURES}
        if head is not None:
            weight = self.constant("scenes.weight", head.weight)
            bias = self.constant("scenes.bias", head.bias)
            self.node("Gemm", [features, weight, bias], "scenes.odds", transB=1)
            self.node("Sigmoid", ["scenes.odds"], "scenes")
            outputs["scenes"] = len(head.bias)
        graph = helper.make_graph(
            self.nodes,
            "efficientnet-lite",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", side, side, 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", length])
                for name, length in outputs.items()
            ],
            self.constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="fototeca",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def in_float(net: Network, head: Head | None = None) -> onnx.ModelProto:
    """The network as published, in float32: to measure ranges, and to judge the int8 one."""
    graph = _Graph()
    source = graph.pixels()
    lowest, highest = (graph.constant(f"relu{n}", np.float32(n)) for n in (0, 6))
    for layer in net.layers:
        weight = graph.constant(f"{layer.name}.weight", layer.weight)
        bias = graph.constant(f"{layer.name}.bias", layer.bias)
        source = graph.convolution(layer, source, weight, bias)
        if layer.activated:
            source = graph.node("Clip", [source, lowest, highest], layer.name)
        else:
            source = graph.node("Identity", [source], layer.name)
        if layer.adds:
            source = graph.node("Add", [source, _output(net, layer.adds)], f"{layer.name}.sum")
    features = graph.means(source)
    weight = graph.constant("dense.weight", net.dense_weight)
    bias = graph.constant("dense.bias", net.dense_bias)
    graph.node("Gemm", [features, weight, bias], "logits", transB=1)
    return graph.model(net.side, features, head)


def quantized(net: Network, ranges: Ranges, head: Head | None = None) -> onnx.ModelProto:
    """The network in int8: activations uint8 in `ranges`, weights symmetric, one scale a channel.

    Written as QuantizeLinear/DequantizeLinear pairs, which runtimes fuse into integer kernels.
    ReLU6 needs no node of its own: the ranges start at 0 and end at 6 or below, and quantizing
    saturates. The scene head stays in float32: it costs nothing beside the rest.
    Raises KeyError for a range that is missing.
    """
    graph = _Graph()
    writer = _Quantizer(graph, ranges)
    source, scale = graph.pixels(), np.float32(PIXEL_SCALE)
    for layer in net.layers:
        weight, bias = writer.weights(layer.name, layer.weight, layer.bias, scale)
        graph.convolution(layer, source, weight, bias)
        source, scale = writer.activation(f"{layer.name}.conv", layer.name)
        if layer.adds:
            shortcut = _output(net, layer.adds) + ".value"
            graph.node("Add", [source, shortcut], f"{layer.name}.add")
            source, scale = writer.activation(f"{layer.name}.add", f"{layer.name}.sum")
    features, scale = writer.activation(graph.means(source), "features")
    weight, bias = writer.weights("dense", net.dense_weight, net.dense_bias, scale)
    graph.node("Gemm", [features, weight, bias], "logits", transB=1)
    return graph.model(net.side, features, head)


def _output(net: Network, name: str) -> str:
    """The tensor that carries a layer's output, its own shortcut added."""
    layer = next(layer for layer in net.layers if layer.name == name)
    return f"{name}.sum" if layer.adds else name


class _Quantizer:
    """Writes the pairs, and the constants they need."""

    def __init__(self, graph: _Graph, ranges: Ranges) -> None:
        self.graph = graph
        self.ranges = ranges

    def activation(self, source: str, name: str) -> tuple[str, np.float32]:
        """Through uint8 and back: the tensor `{name}.value`, and its scale."""
        lowest, highest = self.ranges[name]
        scale = np.float32((max(highest, 0.0) - min(lowest, 0.0)) / 255)
        zero = np.uint8(np.clip(np.rint(-min(lowest, 0.0) / np.float64(scale)), 0, 255))
        parameters = [
            self.graph.constant(f"{name}.scale", scale),
            self.graph.constant(f"{name}.zero", zero),
        ]
        self.graph.node("QuantizeLinear", [source, *parameters], f"{name}.quantized")
        self.graph.node("DequantizeLinear", [f"{name}.quantized", *parameters], f"{name}.value")
        return f"{name}.value", scale

    def weights(
        self, name: str, weight: Floats, bias: Floats, input_scale: np.float32
    ) -> tuple[str, str]:
        """Weight (int8) and bias (int32, in the scale of the products), dequantized."""
        step = np.abs(weight).reshape(len(weight), -1).max(axis=1) / np.float64(WEIGHT_LIMIT)
        # A channel that is all but dead has its output in its bias: keep that within 32 bits.
        step = np.maximum(step, np.abs(bias.astype(np.float64)) / BIAS_LIMIT / input_scale)
        scale = step.astype(np.float32)
        wide = scale.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))
        small = np.clip(np.rint(weight.astype(np.float64) / wide), -WEIGHT_LIMIT, WEIGHT_LIMIT)
        products = scale * input_scale
        large = np.rint(bias.astype(np.float64) / products)
        return (
            self._channels(f"{name}.weight", small.astype(np.int8), scale),
            self._channels(f"{name}.bias", large.astype(np.int32), products),
        )

    def _channels(self, name: str, values: NDArray[Any], scale: Floats) -> str:
        zero = np.zeros(len(values), values.dtype)
        inputs = [
            self.graph.constant(f"{name}.quantized", values),
            self.graph.constant(f"{name}.scale", scale),
            self.graph.constant(f"{name}.zero", zero),
        ]
        return self.graph.node("DequantizeLinear", inputs, name, axis=0)


def parts(model: onnx.ModelProto) -> Iterator[bytes]:
    """What the model means, in a form that does not depend on how ONNX serialises it."""
    for node in model.graph.node:
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        line = (node.op_type, list(node.input), list(node.output), sorted(settings.items()))
        yield repr(line).encode()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        values = numpy_helper.to_array(tensor)
        little = values.astype(values.dtype.newbyteorder("<"))
        yield repr((tensor.name, little.dtype.str, little.shape)).encode()
        yield little.tobytes()
