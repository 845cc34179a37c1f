"""Develops an original: decodes it, here or, where that may cost much, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from fototeca.imaging.decoding import Developed, decoded
from fototeca.imaging.isolation import decoder
from fototeca.imaging.jpeg import is_cheap
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.photos import Probe


def develop(path: Path, probe: Probe, limits: Limits, side: int = 256) -> Developed:
    """Decode a probed original at the smallest scale that serves, once.

    The picture's short side is at least `side` pixels where the original's is, strips longer than
    64 times that apart. Raises Unreadable.
    """
    try:
        apart = probe.media_type != "image/jpeg" or not is_cheap(path, probe.width * probe.height)
    except OSError as error:
        raise Unreadable("cannot be read") from error
    if apart:
        return decoder.develop(path, probe, limits, side)
    return decoded(path, probe, side)
