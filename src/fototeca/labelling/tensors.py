"""Turns a picture into the pixels that the labelling model takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 224
"""Pixels: the width and height of what the model sees."""
SHORT_SIDE = 256
"""Pixels: the short side that a picture should have at least."""
LONGEST = 2
"""Of a picture that is longer than so many times its short side, the middle is seen."""


def pixels(image: Image.Image, side: int = SIDE) -> NDArray[np.uint8]:
    """The whole of an RGB image, squashed to a square, [side, side, 3], uint8.

    Scenes lie at the edges, too: the middle alone, as the weights' publisher evaluated it, sees
    fewer of them (docs/decisions/0007-scene-head.md). Cutting and resizing are one step, so a
    panorama of any length costs no more than a square.
    """
    width, height = image.size
    short = min(width, height)
    across, down = min(width, LONGEST * short), min(height, LONGEST * short)
    left, top = (width - across) / 2, (height - down) / 2
    box = (left, top, left + across, top + down)
    small = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box=box)
    return np.asarray(small, dtype=np.uint8)
