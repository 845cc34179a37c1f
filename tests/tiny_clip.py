"""A CLIP model of three dimensions that knows red, green and blue: real files, real scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

SIDE, LENGTH = 8, 12
WORDS = ["<pad>", "<unk>", "red", "green", "blue"]
VECTORS = [(0, 0, 0), (0.1, 0.1, 0.1), (1, 0, 0), (0, 1, 0), (0, 0, 1)]


def write(folder: Path, *, siglip: bool = False, tokens: Any = TensorProto.INT32) -> Path:
    """The folder, with a model whose picture embedding is the mean colour."""
    for name in ("visual", "textual"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _save(
        folder / "visual/model.onnx",
        [helper.make_node("GlobalAveragePool", ["image"], ["mean"]), _flat("mean")],
        helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE]),
        {},
    )
    _save(
        folder / "textual/model.onnx",
        [
            helper.make_node("Gather", ["table", "text"], ["words"]),
            helper.make_node("ReduceSum", ["words", "axes"], ["sum"], keepdims=0),
            _flat("sum"),
        ],
        helper.make_tensor_value_info("text", tokens, [1, LENGTH]),
        {"table": np.array(VECTORS, np.float32), "axes": np.array([1], np.int64)},
    )
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    (folder / "textual/tokenizer.json").write_text(tokenizer.to_str())
    (folder / "textual/tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>"}))
    text: dict[str, Any] = {"context_length": LENGTH}
    if siglip:
        text["tokenizer_kwargs"] = {"clean": "canonicalize"}
    config = {"embed_dim": 3, "text_cfg": text} | ({"init_logit_bias": -10} if siglip else {})
    (folder / "config.json").write_text(json.dumps(config))
    preprocess = {
        "size": [SIDE, SIDE],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "squash" if siglip else "shortest",
    }
    (folder / "visual/preprocess_cfg.json").write_text(json.dumps(preprocess))
    return folder


def _flat(source: str) -> onnx.NodeProto:
    return helper.make_node("Flatten", [source], ["embedding"])


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    given: onnx.ValueInfoProto,
    constants: dict[str, np.ndarray[Any, Any]],
) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [given],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
