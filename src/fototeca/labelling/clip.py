"""A CLIP or SigLIP model in the folder layout that Immich's exported models have.

    config.json                       of OpenCLIP: embed_dim, text_cfg.context_length, ...
    visual/model.onnx                 pixels -> embedding
    visual/preprocess_cfg.json        size, mean, std, interpolation, resize_mode
    textual/model.onnx                token ids -> embedding
    textual/tokenizer.json            of Hugging Face's tokenizers
    textual/tokenizer_config.json     pad_token
    fototeca.json                     optional: SHA-256 of the files, logit_scale, logit_bias

Needs the extra `clip` (tokenizers). Sources: Radford et al. 2021 (CLIP), Zhai et al. 2023 (SigLIP).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from fototeca.labelling.protocol import ModelError

Floats = NDArray[np.float32]

FILES = (
    "config.json",
    "visual/model.onnx",
    "visual/preprocess_cfg.json",
    "textual/model.onnx",
    "textual/tokenizer.json",
    "textual/tokenizer_config.json",
)
PINS = "fototeca.json"
CLIP_SCALE = 100.0
SIGLIP_SCALE, SIGLIP_BIAS = 117.33, -12.93
"""What SigLIP's published base model was trained to; the folder's fototeca.json may say others."""
INTERPOLATIONS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
}
TYPES: dict[str, type[np.generic]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float16)": np.float16,
}
"""Of the models' inputs."""


class ClipModel:
    """Embeds pictures and texts. Safe to use from several threads."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises ModelError."""
        pinned, pins = read_pins(folder)
        small, sessions, digests = {}, {}, []
        for name in FILES:
            data, sha256 = _verified(folder, name, pins)
            digests.append(sha256)
            if name.endswith(".onnx"):
                sessions[name] = _session(data, name, threads)
            else:
                small[name] = data
        self._visual, self._textual = sessions["visual/model.onnx"], sessions["textual/model.onnx"]
        config = _object(small, "config.json")
        self._preprocess = _Preprocess(_object(small, "visual/preprocess_cfg.json"))
        self._tokenize = _Tokenizer(small, config)
        self.name = re.sub(r"[^a-z0-9.-]+", "-", folder.resolve().name.lower()).strip("-") or "clip"
        self.version = hashlib.sha256(repr(digests).encode()).hexdigest()
        """Another one where any of the files differs."""
        self.side = self._preprocess.side
        """Pixels: the short side that a picture should have."""
        self.sigmoid = "init_logit_bias" in config
        """Trained with a sigmoid loss (SigLIP): a score is a probability of its own."""
        try:
            self.scale = float(
                pinned.get("logit_scale", SIGLIP_SCALE if self.sigmoid else CLIP_SCALE)
            )
            self.bias = float(pinned.get("logit_bias", SIGLIP_BIAS if self.sigmoid else 0.0))
        except (TypeError, ValueError) as error:
            raise ModelError(f"{PINS}: logit_scale or logit_bias is no number") from error

    def image(self, image: Image.Image) -> Floats:
        """The embedding of an upright RGB picture, [dimensions], of length 1."""
        pixels = self._preprocess(image)[np.newaxis]
        embedding: Floats = _unit(self._run(self._visual, pixels))[0]
        return embedding

    def texts(self, texts: Sequence[str]) -> Floats:
        """The embeddings of texts, [texts, dimensions], each of length 1."""
        # One by one: exported text models often take no other batch.
        found = [self._run(self._textual, self._tokenize(text))[0] for text in texts]
        return _unit(np.array(found, np.float32))

    def _run(self, session: onnxruntime.InferenceSession, value: NDArray[Any]) -> Floats:
        given = session.get_inputs()[0]
        value = value.astype(TYPES.get(given.type, value.dtype))
        try:
            (answer,) = session.run([session.get_outputs()[0].name], {given.name: value})
        except Exception as error:  # the runtime raises its own, of no common class
            raise ModelError(f"the model cannot be run: {error}") from error
        return np.asarray(answer, np.float32)


class _Preprocess:
    """Makes pixels as the model was trained on, by OpenCLIP's preprocess_cfg."""

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            size = config["size"]
            height, width = size if isinstance(size, list) else (size, size)
            self._size = int(width), int(height)
            self._mean = np.array(config["mean"], np.float32).reshape(3, 1, 1)
            self._spread = np.array(config["std"], np.float32).reshape(3, 1, 1)
            self._resampling = INTERPOLATIONS[config.get("interpolation", "bicubic")]
            self._mode = config.get("resize_mode", "shortest")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"preprocess_cfg.json is not understood: {error}") from error
        if self._mode not in ("shortest", "squash") or not 0 < min(self._size) <= 2048:
            raise ModelError(f"preprocess_cfg.json asks for {self._mode} to {self._size}")
        self.side = max(self._size)

    def __call__(self, image: Image.Image) -> Floats:
        """[3, height, width]."""
        width, height = self._size
        box = (0.0, 0.0, float(image.width), float(image.height))
        if self._mode == "shortest":
            # The middle with the input's own proportions: resizing and cutting in one step.
            scale = min(image.width / width, image.height / height)
            left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
            box = (left, top, left + scale * width, top + scale * height)
        small = image.convert("RGB").resize((width, height), self._resampling, box=box)
        planes = np.asarray(small, np.float32).transpose(2, 0, 1) / 255
        return np.asarray((planes - self._mean) / self._spread, np.float32)


class _Tokenizer:
    def __init__(self, files: Mapping[str, bytes], config: dict[str, Any]) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ModelError("install the extra `clip` for this: fototeca[clip]") from error
        text = config.get("text_cfg", {})
        pad = _object(files, "textual/tokenizer_config.json").get("pad_token", "<pad>")
        pad = pad.get("content", "") if isinstance(pad, dict) else str(pad)
        try:
            self._length = int(text.get("context_length", 77))
            self._tokenizer = Tokenizer.from_str(files["textual/tokenizer.json"].decode())
            self._tokenizer.enable_truncation(self._length)
            self._tokenizer.enable_padding(
                length=self._length, pad_token=pad, pad_id=self._tokenizer.token_to_id(pad) or 0
            )
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"tokenizer.json is not understood: {error}") from error
        self._plain = text.get("tokenizer_kwargs", {}).get("clean") == "canonicalize"

    def __call__(self, text: str) -> NDArray[np.int64]:
        """Token ids, [1, context length]."""
        text = " ".join(text.split())
        if self._plain:
            # As SigLIP was trained: lower case, no punctuation.
            text = re.sub(r"[^\w\s]", "", text).lower()
        return np.array([self._tokenizer.encode(text).ids], np.int64)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not np.isfinite(length).all() or not length.all():
        raise ModelError("the model gives embeddings without a direction")
    return np.asarray(vectors / length, np.float32)


def read_pins(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What fototeca.json has, and the SHA-256 by file among it; empty without one.

    Raises ModelError.
    """
    try:
        kept = {PINS: (folder / PINS).read_bytes()}
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise ModelError(f"{PINS} cannot be read: {error.strerror}") from error
    document = _object(kept, PINS)
    pins = document.get("sha256", {})
    if not isinstance(pins, dict):
        raise ModelError(f"{PINS}: sha256 is no JSON object")
    return document, pins


def _object(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """The JSON object that a file is."""
    try:
        document = json.loads(files[name])
    except ValueError as error:
        raise ModelError(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ModelError(f"{name} is no JSON object")
    return document


def _verified(folder: Path, name: str, pins: Mapping[str, str]) -> tuple[bytes, str]:
    """A file and its SHA-256."""
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if pins.get(name, sha256) != sha256:
        raise ModelError(f"{name} is not the one that was pinned: another SHA-256")
    return data, sha256


def _session(data: bytes, name: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own, of no common class
        raise ModelError(f"{name} is no model that can be run: {error}") from error


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
