"""Amazon Rekognition as a labeller. Needs the extra `aws` (boto3) and AWS credentials.

Source: Amazon Rekognition API Reference, DetectLabels.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from PIL import Image

from fototeca.imaging.limits import Unreadable
from fototeca.labelling.protocol import FLOOR, LabellerUnavailable, ModelError
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Detection

SIDE = 1024
"""Pixels: more than this shows the service nothing new, and costs time to send."""
LONGEST = 4096
"""Pixels of what is sent; the service takes 10,000."""
SHORTEST = 80
"""Pixels of either side: the service refuses less."""
QUALITY = 85
"""Of the JPEG that is sent: far below the 5 MB that the service takes in a request."""
VERSION = "3.0"
"""Of its label model, until its first answer says so itself."""
ATTEMPTS = 8
# All other parameters are always the same: one that is not valid is the picture.
OF_THE_PICTURE = {
    "ImageTooLargeException",
    "InvalidImageFormatException",
    "InvalidParameterException",
}


class RekognitionLabeller:
    """Implements Labeller. What is sent is a rendition, never the original."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Region, credentials and endpoint are AWS's usual environment. Raises ModelError."""
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ModelError("install the extra `aws` for this: fototeca[aws]") from error
        try:
            self._client = boto3.client(
                "rekognition",
                # Backs off by how often it is throttled, for all threads together.
                config=Config(retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS}),
            )
        except BotoCoreError as error:
            raise ModelError(f"Rekognition cannot be used: {error}") from error
        self._taxonomy = taxonomy
        self._version = VERSION
        self.input_side = SIDE

    @property
    def source(self) -> str:
        return source_of(self._version)

    def label(self, image: Image.Image) -> list[Detection]:
        """See `Labeller.label`."""
        from botocore.exceptions import BotoCoreError, ClientError

        picture = image.copy()
        picture.thumbnail((LONGEST, LONGEST))
        if min(picture.size) < SHORTEST:
            # What is outside of a picture is black.
            wide, high = (max(side, SHORTEST) for side in picture.size)
            picture = picture.crop((0, 0, wide, high))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=QUALITY)
        try:
            answer = self._client.detect_labels(
                Image={"Bytes": out.getvalue()}, MinConfidence=100 * FLOOR
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in OF_THE_PICTURE:
                raise Unreadable(f"Rekognition refused it: {code}") from error
            raise LabellerUnavailable(f"Rekognition answers {code or error}") from error
        except BotoCoreError as error:
            raise LabellerUnavailable(f"Rekognition cannot be reached: {error}") from error
        self._version = version_of(answer)
        return detections(answer, self._taxonomy)


class Recorded:
    """Answers of DetectLabels that were kept: a line of JSON each, `{"path", "answer"}`.

    A photo is known by the end of its path, so that a folder of photos can be moved; where several
    have its name, by as much of the path as tells them apart.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        """Raises ModelError."""
        self._answers: dict[str, dict[tuple[str, ...], Mapping[str, Any]]] = {}
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except OSError as error:
            raise ModelError(f"{path.name} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ModelError(f"{path.name} is not UTF-8") from error
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                kept = json.loads(line)
                detections(kept["answer"], taxonomy)
                recorded = Path(kept["path"])
                self._answers.setdefault(recorded.name, {})[recorded.parts] = kept["answer"]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ModelError(f"{path.name}, line {number}: no recorded answer") from error
        self._taxonomy = taxonomy
        versions = {
            version_of(answer) for known in self._answers.values() for answer in known.values()
        }
        self.source = source_of(max(versions, default=VERSION))

    def of(self, photo: Path) -> list[Detection]:
        """Raises LookupError where no answer was kept."""
        known = self._answers.get(photo.name)
        if known is None:
            raise LookupError("no recorded answer")
        shared = {parts: _shared_end(parts, photo.parts) for parts in known}
        longest = max(shared.values())
        found = [parts for parts, length in shared.items() if length == longest]
        if len(found) > 1:
            raise LookupError(f"{len(found)} recorded answers, and nothing tells which")
        return detections(known[found[0]], self._taxonomy)


def _shared_end(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of their last parts are the same."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def version_of(answer: Mapping[str, Any]) -> str:
    """Of the model, as an answer of DetectLabels tells it."""
    found = re.fullmatch(r"[0-9.]{1,20}", str(answer.get("LabelModelVersion", "")))
    return found[0] if found else VERSION


def source_of(version: str) -> str:
    return f"rekognition@{version}"


def detections(answer: Mapping[str, Any], taxonomy: Taxonomy) -> list[Detection]:
    """An answer of DetectLabels in our labels, surest first, parents as sure as their kinds.

    A label, alias or parent that the taxonomy knows gets its name there, any other keeps its own.
    """
    source = source_of(version_of(answer))
    stated: dict[str, float] = {}
    alone: dict[str, float] = {}
    confidences: dict[str, float] = {}
    for label in answer.get("Labels", ()):
        confidence = float(label["Confidence"]) / 100
        others = [str(each["Name"]) for each in label.get("Aliases", ())]
        name = _named(str(label["Name"]), others, taxonomy)
        parents = {_named(str(each["Name"]), (), taxonomy) for each in label.get("Parents", ())}
        above = taxonomy.ancestors(name)
        for each in {name, *parents, *above}:
            confidences[each] = max(confidence, confidences.get(each, 0.0))
        for each in parents - above - {name}:  # a kind of it, though the taxonomy does not know
            alone[each] = max(confidence, alone.get(each, 0.0))
        stated[name] = max(confidence, stated.get(name, 0.0))
    for name, confidence in stated.items():
        # The service gives a parent the confidence of its surest kind: only another is its own.
        kinds = taxonomy.descendants(name) & stated.keys()
        if confidence != max((stated[kind] for kind in kinds), default=None):
            alone[name] = max(confidence, alone.get(name, 0.0))
    found = [
        Detection(name, min(confidence, 1.0), source, min(alone.get(name, 0.0), 1.0), summed=0.0)
        for name, confidence in confidences.items()
        if confidence >= FLOOR
    ]
    return sorted(found, key=lambda detection: (-detection.confidence, detection.label))


def _named(name: str, aliases: Iterable[str], taxonomy: Taxonomy) -> str:
    for text in (name, *aliases):
        known = taxonomy.find(text)
        if known is not None:
            return known.name
    return name
