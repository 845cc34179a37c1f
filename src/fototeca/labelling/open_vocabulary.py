"""Labels from a list that anyone can edit, by a model that knows what texts and pictures share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fototeca.labelling.clip import ClipModel, Floats, probability
from fototeca.labelling.protocol import FLOOR, ModelError
from fototeca.labelling.taxonomy import LONGEST, Taxonomy, new_name
from fototeca.photos import Detection

TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of {} in the distance.",
    "a close-up photo of a {}.",
    "a holiday photo with {}.",
)
"""An ensemble of prompts is surer than one (Radford et al. 2021, 3.1.4)."""
BACKGROUND = ("a photo.", "a picture.", "a photo of something.", "an unlabelled photo.")
"""What any picture resembles: a label must resemble it more."""
MARGIN = 4.0
"""By how many units of log odds it must, to be as likely as not; calibration may say otherwise."""
CALIBRATION = "calibration.json"
MOST = 10_000
"""Labels on a list."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label to look for, and how to say it in prompts."""

    name: str
    words: tuple[str, ...]


def read_labels(text: str, taxonomy: Taxonomy) -> list[Wanted]:
    """A list of labels: one a line, `Name` or `Name: words, other words`; `#` begins a comment.

    Of lines for the same name, whatever its case, the last one counts. Raises ModelError.
    """
    found: dict[str, Wanted] = {}
    for line in text.splitlines():
        name, _, words = line.partition("#")[0].partition(":")
        if not name.strip():
            continue
        try:
            name = new_name(name)
        except ValueError as error:
            raise ModelError(f"the list has {name[:LONGEST]!r}: {error}") from error
        label = taxonomy.find(name)
        known = label.name if label else name
        said = tuple(each.strip() for each in words.split(",") if each.strip())
        found[known.casefold()] = Wanted(known, said or (name.lower(),))
    if not found:
        raise ModelError("the list of labels is empty")
    if len(found) > MOST:
        raise ModelError(f"the list has more than {MOST:,} labels")
    return list(found.values())


def of_taxonomy(taxonomy: Taxonomy) -> list[Wanted]:
    """Every label of the taxonomy: the list of who has none."""
    return [Wanted(name, (name.lower(),)) for name in taxonomy.labels]


class OpenVocabularyLabeller:
    """Implements Labeller and Embedder."""

    def __init__(
        self, model: ClipModel, taxonomy: Taxonomy, labels: Sequence[Wanted], folder: Path
    ) -> None:
        """`folder`: where text embeddings are kept, and where calibration.json may be.

        Raises ModelError.
        """
        self._model = model
        self._taxonomy = taxonomy
        self._names = [label.name for label in labels]
        self._calibration = _read_calibration(folder / CALIBRATION)
        recipe = json.dumps(
            [model.version, TEMPLATES, BACKGROUND, [[each.name, each.words] for each in labels]]
        )
        key = hashlib.sha256(recipe.encode()).hexdigest()
        self._texts, self._background = _cached(folder / f"texts-{key[:16]}.npz", model, labels)
        scores = json.dumps([key, model.scale, model.bias, self._calibration], sort_keys=True)
        scored = hashlib.sha256(scores.encode()).hexdigest()
        self.source = f"{model.name}@{int(scored[:8], 16)}"
        self.embedding_source = f"{model.name}@{int(model.version[:8], 16)}"
        self.input_side = model.side

    def label(self, image: Image.Image) -> list[Detection]:
        """See `Labeller.label`."""
        return self.label_embedding(self._model.image(image))

    def embed(self, image: Image.Image) -> Floats:
        """See `Embedder.embed`."""
        return self._model.image(image)

    def embed_text(self, text: str) -> Floats:
        """See `Embedder.embed_text`."""
        embedding: Floats = self._model.texts([text])[0]
        return embedding

    def odds(self, embedding: Floats) -> dict[str, float]:
        """The log odds of each label of the list, by its own prompts and before calibration."""
        similar = self._texts @ embedding
        if self._model.sigmoid:
            odds = self._model.scale * similar + self._model.bias
        else:
            # How much more than any picture: no label takes from another's share, as a softmax
            # over the list would have it, since several can be right.
            usual = float(np.max(self._background @ embedding))
            odds = self._model.scale * (similar - usual) - MARGIN
        return dict(zip(self._names, odds.tolist(), strict=True))

    def label_embedding(self, embedding: Floats) -> list[Detection]:
        """See `Embedder.label_embedding`."""
        alone: dict[str, float] = {}
        confidences: dict[str, float] = {}
        for name, logit in self.odds(embedding).items():
            scale, shift = self._calibration.get(name, (1.0, 0.0))
            alone[name] = confidence = probability(scale * logit + shift)
            for each in (name, *self._taxonomy.ancestors(name)):
                confidences[each] = max(confidence, confidences.get(each, 0.0))
        detections = [
            Detection(name, confidence, self.source, alone.get(name, 0.0), summed=0.0)
            for name, confidence in confidences.items()
            if confidence >= FLOOR
        ]
        return sorted(detections, key=lambda detection: (-detection.confidence, detection.label))


def _cached(path: Path, model: ClipModel, labels: Sequence[Wanted]) -> tuple[Floats, Floats]:
    """The labels' embeddings and the background's, [labels, dimensions], [prompts, dimensions].

    A list of hundreds takes a text model a minute: they are kept by what they were made from.
    """
    try:
        with np.load(path) as kept:
            return np.asarray(kept["texts"]), np.asarray(kept["background"])
    except (OSError, ValueError, KeyError, EOFError):
        pass
    texts = []
    for label in labels:
        prompts = [template.format(word) for word in label.words for template in TEMPLATES]
        mean = model.texts(prompts).mean(axis=0)
        texts.append(mean / np.linalg.norm(mean))
    found = np.array(texts, np.float32), model.texts(BACKGROUND)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, texts=found[0], background=found[1])
    part.replace(path)
    return found


def _read_calibration(path: Path) -> Mapping[str, tuple[float, float]]:
    """By label: scale and shift of its log odds, as `fototeca evaluate --calibrate` writes them."""
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} cannot be read: {error}") from error
    try:
        return {str(name): (float(a), float(b)) for name, (a, b) in kept.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is not understood") from error


def write_calibration(folder: Path, found: Mapping[str, tuple[float, float]]) -> None:
    """In place of what is there for the same labels. Raises ModelError, OSError."""
    kept = {**_read_calibration(folder / CALIBRATION), **found}
    part = folder / f"{CALIBRATION}.part"
    part.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(folder / CALIBRATION)
