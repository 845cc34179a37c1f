"""The labeller that comes with the package: EfficientNet-Lite0 and a scene head."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from fototeca.labelling.bundled import BUNDLED, record_of, source_in
from fototeca.labelling.protocol import FLOOR, ModelError
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.labelling.tensors import SHORT_SIDE, pixels
from fototeca.photos import Detection


class Answer(NamedTuple):
    """What the model itself says of a picture."""

    probabilities: NDArray[np.float32]
    """By class, [classes]; together 1."""
    features: NDArray[np.float32]
    """[1280]"""
    scenes: NDArray[np.float32]
    """The probability of each scene label, [scenes]."""


class OnnxLabeller:
    """Labels pictures by the probabilities of classes and scenes, rolled up a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, path: Path = BUNDLED, threads: int = 1) -> None:
        """`path` is an ONNX file with its record, a `.json` of the same name, beside it.

        `threads` are used for one picture; callers that label several at once want 1.
        Raises ModelError.
        """
        record = record_of(path)
        if record["classes"] != len(taxonomy.classes):
            raise ModelError(f"{path.name} has classes that the taxonomy does not know")
        self._scenes: list[str] = record["scenes"]
        if unknown := set(self._scenes) - taxonomy.labels.keys():
            raise ModelError(f"{path.name} has scenes unknown to the taxonomy: {sorted(unknown)}")
        self.source = source_in(record)
        self.input_side = SHORT_SIDE
        self._taxonomy = taxonomy
        self._session = session_of(_verified(path, str(record["sha256"])), threads)

    def label(self, image: Image.Image) -> list[Detection]:
        """See `Labeller.label`."""
        answer = self.run(image)
        scenes = dict(zip(self._scenes, answer.scenes.tolist(), strict=True))
        detections = self._taxonomy.roll_up(answer.probabilities, scenes, self.source, FLOOR)
        return sorted(detections, key=lambda detection: (-detection.confidence, detection.label))

    def run(self, image: Image.Image) -> Answer:
        """The model's own answer for a picture."""
        batch = pixels(image)[np.newaxis]
        answers = self._session.run(list(Answer._fields), {"pixels": batch})
        return Answer(*(np.asarray(each)[0] for each in answers))


def _verified(path: Path, sha256: str) -> bytes:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(model).hexdigest()
    if digest != sha256:
        raise ModelError(f"{path.name} is damaged: its SHA-256 is {digest}, not {sha256}")
    return model


def session_of(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    """The fastest session that computes exactly, of a model with `pixels` and `features`.

    Processors of the x86 family without VNNI add products of 8-bit numbers in 16 bits, which can
    overflow; the runtime has a way around that is exact and slower. Where both give the
    same bits nothing overflows, and the fast one is right: so labels are the same on every machine.
    Source: onnxruntime, "Quantize ONNX models", "When and why do I need to try U8U8?".
    """
    fast, exact = _open(model, threads, exact=False), _open(model, threads, exact=True)
    shape = (1, *fast.get_inputs()[0].shape[1:])
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    answers = [session.run(["features"], {"pixels": noise})[0] for session in (fast, exact)]
    return fast if np.array_equal(*answers) else exact


def _open(model: bytes, threads: int, exact: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: a server that labels nothing uses no processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", "1" if exact else "0")
    # The arena never gives memory back; without it each run frees what it took.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=["CPUExecutionProvider"]
    )
