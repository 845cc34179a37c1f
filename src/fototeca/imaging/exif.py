"""Exif: what the camera wrote, believed only as far as it makes sense (Exif 3.0, CIPA DC-008)."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import exifread
from PIL import ExifTags, Image

from fototeca.photos import Exif

TEXT_LENGTH = 200
DATE_TIME = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")
FIRST_PHOTOGRAPH = 1826
HEAD = 1 << 17
"""Bytes at a file's beginning in which an Exif block must start to be looked for again."""

EXIFREAD_NAMES = {
    "GPSDate": "GPSDateStamp",
    "SubSecTime": "SubsecTime",
    "SubSecTimeOriginal": "SubsecTimeOriginal",
    "SubSecTimeDigitized": "SubsecTimeDigitized",
}
"""What exifread names otherwise than Pillow."""

Tags = dict[str, Any]

# It warns of every odd tag; a photo says what is wrong by its reason, or by what is missing.
logging.getLogger("exifread").setLevel(logging.CRITICAL)


def read_orientation(image: Image.Image) -> int:
    """Exif orientation, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        value = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1
    return value if 1 <= value <= 8 else 1


def read_exif(image: Image.Image, path: Path) -> Exif:
    """What can be read and believed; never raises for what the file has in it."""
    tags = _pillow_tags(image)
    # The first thing that is lost where a directory is damaged is when the photo was taken.
    if "DateTimeOriginal" not in tags and _has_exif_block(path):
        tags = {**_exifread_tags(path), **tags}
    return exif_from_tags(tags)


def exif_from_tags(tags: Mapping[str, Any]) -> Exif:
    """Exif from tags by their names in the standard; GPS tags by theirs."""
    return Exif(
        taken_at=_taken_at(tags),
        camera_make=_text(tags.get("Make")),
        camera_model=_text(tags.get("Model")),
        lens=_text(tags.get("LensModel")),
        exposure_time=_positive(tags.get("ExposureTime"), 100_000),
        f_number=_positive(tags.get("FNumber"), 1000),
        iso=_integer(tags.get("ISOSpeedRatings")),
        focal_length=_positive(tags.get("FocalLength"), 100_000),
        **_position(tags),
    )


def _pillow_tags(image: Image.Image) -> Tags:
    tags: Tags = {}
    try:
        exif = image.getexif()
        directories = [
            (exif, ExifTags.TAGS),
            (exif.get_ifd(ExifTags.IFD.Exif), ExifTags.TAGS),
            (exif.get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPSTAGS),
        ]
    except Exception:
        # Corrupt blocks raise nearly anything: SyntaxError, struct.error, IndexError, TypeError.
        return {}
    for directory, names in directories:
        for tag in directory:
            name = names.get(tag)
            try:
                if name is not None:
                    tags.setdefault(name, directory[tag])
            except Exception:  # noqa: S112 - one bad tag costs that tag
                continue
    return tags


def _has_exif_block(path: Path) -> bool:
    with path.open("rb") as file:
        return b"Exif\x00\x00" in file.read(HEAD)


def _exifread_tags(path: Path) -> Tags:
    """By exifread, which reads some blocks that Pillow gives up on."""
    try:
        with path.open("rb") as file:
            found = exifread.process_file(file, details=False)
    except Exception:
        return {}
    tags: Tags = {}
    for name, value in found.items():
        directory, _, tag = name.partition(" ")
        if directory not in ("Image", "EXIF", "GPS"):
            continue
        values = getattr(value, "values", None)
        if isinstance(values, list) and len(values) == 1:
            values = values[0]
        tags.setdefault(EXIFREAD_NAMES.get(tag, tag), values)
    return tags


def _taken_at(tags: Mapping[str, Any]) -> datetime | None:
    for date_tag, subsecond_tag, offset_tag in (
        ("DateTimeOriginal", "SubsecTimeOriginal", "OffsetTimeOriginal"),
        ("DateTimeDigitized", "SubsecTimeDigitized", "OffsetTimeDigitized"),
        ("DateTime", "SubsecTime", "OffsetTime"),
    ):
        taken = _date_time(_text(tags.get(date_tag)), _text(tags.get(subsecond_tag)))
        if taken is None:
            continue
        zone = _zone(_text(tags.get(offset_tag))) or _zone_by_gps(taken, tags)
        return taken if zone is None else taken.replace(tzinfo=zone)
    return None


def _date_time(text: str | None, subsecond: str | None) -> datetime | None:
    match = DATE_TIME.match(text or "")
    if match is None:
        return None
    try:
        taken = datetime(*map(int, match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    if subsecond and subsecond.isascii() and subsecond.isdigit():
        taken = taken.replace(microsecond=int(f"{subsecond:0<6}"[:6]))
    tomorrow = datetime.now() + timedelta(days=1)
    return taken if taken.year >= FIRST_PHOTOGRAPH and taken <= tomorrow else None


def _zone(text: str | None) -> timezone | None:
    if text == "Z":
        return UTC
    match = OFFSET.match(text or "")
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    return timezone(offset) if abs(offset) <= timedelta(hours=14) else None


def _zone_by_gps(taken: datetime, tags: Mapping[str, Any]) -> timezone | None:
    """The offset between the camera's clock and the satellites', to the quarter of an hour.

    None when the two are too far from any quarter to be the same moment: an old fix.
    """
    day, clock = _text(tags.get("GPSDateStamp")), tags.get("GPSTimeStamp")
    parts = _numbers(clock)
    match = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)", day or "")
    if match is None or len(parts) != 3:
        return None
    try:
        moment = datetime.combine(
            date(*map(int, match.groups())),
            time(int(parts[0]), int(parts[1]), min(59, int(parts[2]))),
        )
    except (ValueError, OverflowError):
        return None
    quarter = timedelta(minutes=15)
    difference = taken - moment
    offset = round(difference / quarter) * quarter
    if abs(difference - offset) > timedelta(minutes=3) or abs(offset) > timedelta(hours=14):
        return None
    return timezone(offset) if offset else UTC


def _position(tags: Mapping[str, Any]) -> dict[str, float | None]:
    latitude = _degrees(tags.get("GPSLatitude"), tags.get("GPSLatitudeRef"), "S", 90)
    longitude = _degrees(tags.get("GPSLongitude"), tags.get("GPSLongitudeRef"), "W", 180)
    # 0, 0 is what cameras without a fix write; nobody lives there.
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return {"latitude": None, "longitude": None, "altitude": None}
    altitude = _number(tags.get("GPSAltitude"), 0, 100_000)
    below = tags.get("GPSAltitudeRef") in (1, b"\x01", [1])
    return {
        "latitude": latitude,
        "longitude": longitude,
        "altitude": -altitude if altitude is not None and below else altitude,
    }


def _degrees(value: Any, reference: Any, negative: str, limit: int) -> float | None:
    parts = _numbers(value)
    if len(parts) != 3 or any(part < 0 for part in parts):
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    if degrees > limit:
        return None
    return round(-degrees if (_text(reference) or "").upper() == negative else degrees, 7)


def _numbers(value: Any) -> list[float]:
    try:
        numbers = [_float(part) for part in value]
    except TypeError:
        return []
    return [number for number in numbers if number is not None]


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _number(value: Any, low: float, high: float) -> float | None:
    number = _float(value[0] if isinstance(value, (tuple, list)) and value else value)
    return number if number is not None and low <= number <= high else None


def _positive(value: Any, high: float) -> float | None:
    """0 is what cameras write for what they do not know: a lens without contacts, for one."""
    return _number(value, 0, high) or None


def _integer(value: Any) -> int | None:
    number = _number(value, 1, 100_000_000)
    return None if number is None else int(number)


def _text(value: Any) -> str | None:
    """Printable text of limited length; None for what is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        return None
    printable = "".join(c if c.isprintable() else " " for c in value.split("\0")[0])
    return " ".join(printable.split())[:TEXT_LENGTH] or None
