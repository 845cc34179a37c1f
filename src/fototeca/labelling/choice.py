"""Which labeller is used: the one place that knows them all."""

from __future__ import annotations

from pathlib import Path

from fototeca.labelling.bundled import bundled_source
from fototeca.labelling.protocol import Labeller, ModelError
from fototeca.labelling.taxonomy import Taxonomy

LABELS = "labels.txt"
"""In an open-vocabulary model's folder: the list that it looks for."""


def knows_texts(name: str) -> bool:
    """Whether this labeller is an Embedder: its photos can be searched by a description."""
    return name.partition(":")[0] == "clip"


def source_of(name: str) -> str | None:
    """The labeller's source, where its record tells without the model being loaded."""
    return bundled_source() if name == "bundled" else None


def open_labeller(name: str, taxonomy: Taxonomy) -> Labeller:
    """`bundled`, `clip:FOLDER` or `rekognition`. Raises ModelError."""
    kind, _, place = name.partition(":")
    if name == "bundled":
        from fototeca.labelling.onnx import OnnxLabeller

        return OnnxLabeller(taxonomy)
    if name == "rekognition":
        from fototeca.labelling.rekognition import RekognitionLabeller

        return RekognitionLabeller(taxonomy)
    if kind == "clip" and place:
        from fototeca.labelling.clip import ClipModel
        from fototeca.labelling.open_vocabulary import (
            OpenVocabularyLabeller,
            of_taxonomy,
            read_labels,
        )

        folder = Path(place).expanduser()
        try:
            listed = (folder / LABELS).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            labels = of_taxonomy(taxonomy)
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{LABELS} cannot be read: {error}") from error
        else:
            labels = read_labels(listed, taxonomy)
        return OpenVocabularyLabeller(ClipModel(folder), taxonomy, labels, folder)
    raise ModelError(f"no labeller {name}: it is bundled, clip:FOLDER or rekognition")
