"""Decodes an original once: its renditions, and the small picture that a labeller looks at."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

from fototeca.imaging.probe import opened
from fototeca.photos import Probe

GRID_HEIGHT = 320
"""Pixels: rows of a justified grid have one height, so it is the height that is bounded."""
GRID_WIDTH = 1280
VIEW_SIDE = 1600
"""Pixels of the longer side."""
QUALITY = 82
LONGEST = 64
"""A strip more than so many times longer than the labeller's side is shrunk beyond that side."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Developed:
    grid: bytes
    """JPEG, at most 320 px high and 1280 px wide."""
    view: bytes | None
    """JPEG, at most 1600 px on its longer side; None when the original is its own view."""
    image: Image.Image
    """RGB, upright, small: for the labeller."""


def decoded(path: Path, probe: Probe, side: int) -> Developed:
    """In this process and thread, without limits of time and memory; see `develop`.

    Raises Unreadable.
    """
    with opened(path, probe.media_type) as image:
        width, height = image.size
        needs_view = not _is_own_view(image, probe)
        grid = (GRID_WIDTH, GRID_HEIGHT)
        if probe.orientation >= 5:
            grid = (GRID_HEIGHT, GRID_WIDTH)
        scale = max(min(grid[0] / width, grid[1] / height), side / min(width, height))
        if needs_view:
            scale = max(scale, VIEW_SIDE / max(width, height))
        if image.format in ("JPEG", "MPO") and scale < 1:
            # libjpeg scales by eighths while it decodes: 3 to 6 times faster, a quarter of memory.
            image.draft(None, (round(width * scale), round(height * scale)))
        image.load()
        picture = _to_srgb(_reduced(image, scale * width / image.width))
    view = None
    base = picture
    if needs_view:
        shown = _fitted(picture, (VIEW_SIDE, VIEW_SIDE), Image.Resampling.BICUBIC)
        view = _jpeg(_turned(shown, probe.orientation))
        # A panorama's view is only a few pixels high: too few for the labeller.
        if min(shown.size) >= min(side, *picture.size):
            base = shown
    scale = max(min(grid[0] / base.width, grid[1] / base.height), side / min(base.size))
    # Means of whole pixels first, once for both: most of a resize's time is in reading its source.
    base = base.reduce(max(1, int(1 / (1.5 * scale))))
    small = _fitted(base, grid, Image.Resampling.HAMMING)
    return Developed(
        grid=_jpeg(_turned(small, probe.orientation)),
        view=view,
        image=_turned(_for_labeller(base, side), probe.orientation),
    )


def _is_own_view(image: Image.Image, probe: Probe) -> bool:
    return (
        probe.media_type == "image/jpeg"
        and probe.orientation == 1
        and image.mode in ("RGB", "L")
        and max(image.size) <= VIEW_SIDE
    )


def _reduced(image: Image.Image, scale: float) -> Image.Image:
    """By whole pixels to twice the scale, so that what follows copies a fraction of the memory."""
    factor = int(0.5 / scale)
    if factor < 2 or image.mode not in ("RGB", "RGBA", "L", "LA", "CMYK"):
        return image
    if "transparency" in image.info:  # one colour that is transparent: means would miss it
        return image
    return image.reduce(factor)


def _to_srgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; transparent parts white; colours brought from the file's profile to sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        # 16 bits; convert("L") would clip them.
        image.info.pop("transparency", None)
        image = image.convert("I").point([value >> 8 for value in range(1 << 16)], "L")
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    elif image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    if profile and not (image.mode == "RGB" and _is_srgb(profile)):
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that cannot be read, or of another kind of pixels
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_srgb(profile: bytes) -> bool:
    # The name in the description, as ASCII or UTF-16: reading the profile costs more than a photo.
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


def _for_labeller(picture: Image.Image, side: int) -> Image.Image:
    short, long = min(picture.size), max(picture.size)
    factor = 1.0
    if short > 2.5 * side:
        factor = 1.5 * side / short
    if long * factor > LONGEST * side:
        factor = LONGEST * side / long
    if factor == 1:
        return picture
    return _scaled(picture, factor, Image.Resampling.BILINEAR)


def _fitted(
    picture: Image.Image, box: tuple[int, int], resampling: Image.Resampling
) -> Image.Image:
    """No larger than this box, (width, height), its proportions kept; never enlarged."""
    factor = min(box[0] / picture.width, box[1] / picture.height)
    if factor >= 1:
        return picture
    return _scaled(picture, factor, resampling)


def _scaled(picture: Image.Image, factor: float, resampling: Image.Resampling) -> Image.Image:
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, resampling, reducing_gap=2.0)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    turn = TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _jpeg(picture: Image.Image) -> bytes:
    """Without metadata: a rendition tells nothing of the place where it was taken."""
    out = io.BytesIO()
    picture.info = {}
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
