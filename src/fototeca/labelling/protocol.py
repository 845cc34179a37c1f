"""The labeller port: a picture in, the labels seen in it out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fototeca.photos import Detection

FLOOR = 0.02
"""Detections below this confidence are not kept: no threshold is ever set that low."""


class ModelError(Exception):
    """The model is missing, is not the one that was built, or does not fit the taxonomy."""


class LabellerUnavailable(Exception):
    """It cannot answer now, and why. No photo is to blame, and each can be tried again."""


class Labeller(Protocol):
    """Sees labels in pictures. Its methods may be called from several threads at once."""

    @property
    def source(self) -> str:
        """The model and its version as `name@version`: the source of its detections."""
        ...

    @property
    def input_side(self) -> int:
        """Pixels: the short side that a picture should have at least. More is not seen."""
        ...

    def label(self, image: Image.Image) -> list[Detection]:
        """What is seen, surest first: every label of at least FLOOR, parents included.

        `image` is RGB and upright. A label's confidence counts what was seen of its kinds.
        Raises LabellerUnavailable, and Unreadable for a picture that it never takes.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """A labeller whose pictures can be searched by text: both lie in one space.

    Embeddings are float32, [dimensions], of length 1: their product says how alike two are.
    """

    @property
    def embedding_source(self) -> str:
        """The model and its version: embeddings of two sources cannot be compared."""
        ...

    def embed(self, image: Image.Image) -> NDArray[np.float32]:
        """Of a picture as `Labeller.label` takes it."""
        ...

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Of a description."""
        ...

    def label_embedding(self, embedding: NDArray[np.float32]) -> list[Detection]:
        """What `Labeller.label` says of the picture that this was made of."""
        ...
