"""The bundled model beside a ViT-B/32 of random weights, the size of what peers label by."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fototeca.labelling.bundled import BUNDLED
from fototeca.labelling.onnx import session_of

SIDE, PATCH, WIDTH, HEADS, LAYERS, EMBEDDED = 224, 32, 768, 12, 12, 512
SECONDS = 4.0
THREADS = 2
TARGET = 10.0


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self._random.normal(0, 0.02, shape).astype(np.float32))

    def linear(self, source: str, inputs: int, outputs: int) -> str:
        product = self.node("MatMul", source, self.weights(inputs, outputs))
        return self.node("Add", product, self.weights(outputs))

    def norm(self, source: str) -> str:
        return self.node(
            "LayerNormalization", source, self.weights(WIDTH), self.weights(WIDTH), axis=-1
        )


def vision_transformer() -> onnx.ModelProto:
    """The picture's half of CLIP ViT-B/32 (Radford et al. 2021): 87 million weights, at random."""
    graph = _Graph()
    patches = (SIDE // PATCH) ** 2
    tokens = patches + 1
    cut = graph.node(
        "Conv",
        "image",
        graph.weights(WIDTH, 3, PATCH, PATCH),
        kernel_shape=[PATCH, PATCH],
        strides=[PATCH, PATCH],
    )
    flat = graph.node("Reshape", cut, graph.constant(np.array([1, WIDTH, patches])))
    x = graph.node("Transpose", flat, perm=[0, 2, 1])
    x = graph.node("Concat", graph.weights(1, 1, WIDTH), x, axis=1)
    x = graph.norm(graph.node("Add", x, graph.weights(1, tokens, WIDTH)))
    split = graph.constant(np.array([1, tokens, HEADS, WIDTH // HEADS]))
    joined = graph.constant(np.array([1, tokens, WIDTH]))
    scale = graph.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
    slope = graph.constant(np.array(1.702, np.float32))
    for _ in range(LAYERS):
        seen = graph.norm(x)
        query, key, value = (
            graph.node("Reshape", graph.linear(seen, WIDTH, WIDTH), split) for _ in range(3)
        )
        query = graph.node("Transpose", query, perm=[0, 2, 1, 3])
        key = graph.node("Transpose", key, perm=[0, 2, 3, 1])
        value = graph.node("Transpose", value, perm=[0, 2, 1, 3])
        scores = graph.node("Mul", graph.node("MatMul", query, key), scale)
        mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
        mixed = graph.node("Reshape", graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        x = graph.node("Add", x, graph.linear(mixed, WIDTH, WIDTH))
        wide = graph.linear(graph.norm(x), WIDTH, 4 * WIDTH)
        gate = graph.node("Sigmoid", graph.node("Mul", wide, slope))
        x = graph.node("Add", x, graph.linear(graph.node("Mul", wide, gate), 4 * WIDTH, WIDTH))
    first = graph.node("Gather", x, graph.constant(np.array(0)), axis=1)
    graph.nodes.append(
        helper.make_node(
            "MatMul", [graph.norm(first), graph.weights(WIDTH, EMBEDDED)], ["embedding"]
        )
    )
    made = helper.make_graph(
        graph.nodes,
        "vit-b-32",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, EMBEDDED])],
        graph.constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def rate(session: onnxruntime.InferenceSession, picture: NDArray[np.generic]) -> float:
    """Pictures a second, one at a time."""
    given = {session.get_inputs()[0].name: picture}
    session.run(None, given)
    done, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        session.run(None, given)
        done += 1
    return done / seconds


def peer_rate() -> float:
    """Pictures a second of the ViT-B/32."""
    picture = np.random.default_rng(0).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    model = vision_transformer().SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return rate(session, picture)


def main() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    ours = rate(session_of(BUNDLED.read_bytes(), THREADS), picture)
    theirs = peer_rate()
    print(f"Models: target {TARGET:.0f} times the rate of ViT-B/32 (random weights), 2 threads")
    print(f"  bundled             {ours:7.1f} pictures/s")
    print(f"  ViT-B/32, float32   {theirs:7.1f} pictures/s")
    print(f"  ratio               {ours / theirs:7.1f}\n")


if __name__ == "__main__":
    main()
