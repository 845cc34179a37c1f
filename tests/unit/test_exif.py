"""Exif: believed as far as it makes sense; exiftool is the judge on real cameras' files."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from fototeca.imaging.exif import exif_from_tags
from fototeca.imaging.limits import Limits
from fototeca.imaging.probe import probe
from fototeca.photos import Exif

MakeJpeg = Callable[..., bytes]


def read(tmp_path: Path, data: bytes) -> Exif:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    return probe(path, Limits()).exif


def test_what_the_camera_wrote(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    exif = read(
        tmp_path,
        make_jpeg(
            exif={
                "Make": "Acme\0\0", "Model": "A  1", "DateTimeOriginal": "2024:05:01 10:00:01",
                "SubsecTimeOriginal": "25", "OffsetTimeOriginal": "+02:00", "FNumber": 2.8,
                "ExposureTime": 0.01, "ISOSpeedRatings": 400, "FocalLength": 50.0,
            },
            gps={
                "GPSLatitudeRef": "S", "GPSLatitude": (10.0, 30.0, 0.0),
                "GPSLongitudeRef": "E", "GPSLongitude": (20.0, 15.0, 0.0),
            },
        ),
    )  # fmt: skip
    assert exif.taken_at == datetime(2024, 5, 1, 10, 0, 1, 250_000, timezone(timedelta(hours=2)))
    assert (exif.camera_make, exif.camera_model) == ("Acme", "A 1")
    assert (exif.f_number, exif.iso, exif.focal_length) == (2.8, 400, 50.0)
    assert exif.exposure_time == pytest.approx(0.01)
    assert (exif.latitude, exif.longitude) == (-10.5, 20.25)


def test_a_photo_without_exif_has_none(tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    assert read(tmp_path, make_jpeg()) == Exif()


@pytest.mark.parametrize(
    "text",
    ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 10:00:00", "1700:01:01 00:00:00",
     "2098:01:01 00:00:00", "yesterday", ""],
)  # fmt: skip
def test_a_date_that_cannot_be_is_none(text: str) -> None:
    assert exif_from_tags({"DateTimeOriginal": text}).taken_at is None


def test_a_worse_date_serves_where_the_better_is_missing() -> None:
    tags = {"DateTimeOriginal": "0000:00:00 00:00:00", "DateTime": "2020:01:02 03:04:05"}
    assert exif_from_tags(tags).taken_at == datetime(2020, 1, 2, 3, 4, 5)


def test_the_satellites_tell_the_offset_when_the_camera_does_not() -> None:
    tags = {
        "DateTimeOriginal": "2024:05:01 10:00:40",
        "GPSDateStamp": "2024:05:01",
        "GPSTimeStamp": (4.0, 30.0, 0.0),
    }
    taken = exif_from_tags(tags).taken_at
    assert taken is not None
    assert taken.utcoffset() == timedelta(hours=5, minutes=30)
    naive = datetime(2024, 5, 1, 10, 0, 40)
    tags["GPSTimeStamp"] = (4.0, 37.0, 0.0)  # an old fix: seven minutes from any quarter
    assert exif_from_tags(tags).taken_at == naive
    tags["GPSTimeStamp"] = (4294967295.0, 0.0, 0.0)  # all ones: more than a C integer
    assert exif_from_tags(tags).taken_at == naive


@pytest.mark.parametrize(
    "gps",
    [
        {"GPSLatitude": (0, 0, 0), "GPSLongitude": (0, 0, 0)},
        {"GPSLatitude": (91, 0, 0), "GPSLongitude": (10, 0, 0)},
        {"GPSLatitude": (float("nan"), 0, 0), "GPSLongitude": (10, 0, 0)},
        {"GPSLatitude": (1, 2), "GPSLongitude": (10, 0, 0)},
        {"GPSLatitude": "north", "GPSLongitude": 7},
    ],
)
def test_a_place_that_cannot_be_is_none(gps: dict[str, object]) -> None:
    exif = exif_from_tags(gps)
    assert (exif.latitude, exif.longitude) == (None, None)


values = st.one_of(
    st.none(), st.text(), st.binary(), st.integers(), st.floats(),
    st.tuples(st.integers(), st.integers()), st.lists(st.floats()),
)  # fmt: skip
names = st.sampled_from(
    ["DateTimeOriginal", "OffsetTimeOriginal", "SubsecTimeOriginal", "Make", "Model", "FNumber",
     "ExposureTime", "ISOSpeedRatings", "GPSLatitude", "GPSLongitude", "GPSAltitude",
     "GPSDateStamp", "GPSTimeStamp", "FocalLength", "LensModel"]
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(names, values))
def test_any_tags_can_be_read(tags: dict[str, object]) -> None:
    exif = exif_from_tags(tags)
    for text in (exif.camera_make, exif.camera_model, exif.lens):
        assert text is None or (0 < len(text) <= 200 and text.isprintable())


NUMBERS = {
    "GPSLatitude": "latitude", "GPSLongitude": "longitude", "ExposureTime": "exposure_time",
    "FNumber": "f_number", "FocalLength": "focal_length", "ISO": "iso", "GPSAltitude": "altitude",
}  # fmt: skip
"""exiftool's names, and ours. Of Exif alone: it also composes some from makers' notes."""


def test_exiftool_agrees_on_real_cameras(shared_data: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    wanted = [*NUMBERS, "DateTimeOriginal", "OffsetTimeOriginal", "Make", "Model", "Orientation",
              "GPSLatitudeRef", "GPSLongitudeRef", "GPSAltitudeRef"]  # fmt: skip
    judged = json.loads(
        subprocess.run(
            ["exiftool", "-json", "-n", *(f"-EXIF:{name}" for name in wanted),
             shared_data / "camera"],
            check=True,
            capture_output=True,
        ).stdout
    )  # fmt: skip
    assert len(judged) > 15
    for each in judged:
        probed = probe(Path(each["SourceFile"]), Limits())
        exif = probed.exif
        if "DateTimeOriginal" in each:
            assert exif.taken_at is not None
            assert exif.taken_at.strftime("%Y:%m:%d %H:%M:%S") == each["DateTimeOriginal"][:19]
        if "OffsetTimeOriginal" in each:
            assert exif.taken_at is not None
            assert exif.taken_at.strftime("%z") == each["OffsetTimeOriginal"].replace(":", "")
        assert probed.orientation == (each.get("Orientation") or 1)
        for name, ours in (("Make", exif.camera_make), ("Model", exif.camera_model)):
            said = each.get(name)
            assert ours == (" ".join(str(said).split()) if said else None), each["SourceFile"]
        signs = {
            "GPSLatitude": -1 if each.get("GPSLatitudeRef") == "S" else 1,
            "GPSLongitude": -1 if each.get("GPSLongitudeRef") == "W" else 1,
            "GPSAltitude": -1 if each.get("GPSAltitudeRef") == 1 else 1,
        }
        for name, field in NUMBERS.items():
            said, found = each.get(name), getattr(exif, field)
            missing = not isinstance(said, (int, float)) or (said == 0 and name != "GPSAltitude")
            if missing or (name == "GPSAltitude" and exif.latitude is None):
                assert found is None, (each["SourceFile"], name)
            else:
                expected = pytest.approx(abs(said) * signs.get(name, 1), rel=1e-4)
                assert found == expected, (each["SourceFile"], name)


def test_times_in_utc_stay_in_utc() -> None:
    tags = {"DateTimeOriginal": "2024:05:01 10:00:00", "OffsetTimeOriginal": "+00:00"}
    assert exif_from_tags(tags).taken_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("offset", ["   :  ", "+99:00", "+02:75", "02:00", "", "\0"])
def test_an_offset_that_cannot_be_leaves_the_time_naive(offset: str) -> None:
    tags = {"DateTimeOriginal": "2024:05:01 10:00:00", "OffsetTimeOriginal": offset}
    assert exif_from_tags(tags).taken_at == datetime(2024, 5, 1, 10)


def test_zero_is_not_known() -> None:
    tags = {"FNumber": 0.0, "FocalLength": 0, "ExposureTime": 0, "ISOSpeedRatings": 0}
    assert exif_from_tags(tags) == Exif()


def test_depth_below_the_sea_is_negative() -> None:
    tags = {
        "GPSLatitude": (1, 0, 0), "GPSLongitude": (2, 0, 0),
        "GPSAltitude": 12.5, "GPSAltitudeRef": b"\x01",
    }  # fmt: skip
    assert exif_from_tags(tags).altitude == -12.5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_kind_of_file_carries_exif(tmp_path: Path, kind: str) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Acme"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:01 10:00:00"
    tags.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (10, 30, 0), 3: "W", 4: (20, 15, 0)})
    path = tmp_path / "photo"
    Image.new("RGB", (64, 48)).save(path, kind, exif=tags)
    exif = probe(path, Limits()).exif
    assert (exif.camera_make, exif.taken_at) == ("Acme", datetime(2024, 5, 1, 10))
    assert (exif.latitude, exif.longitude) == (10.5, -20.25)


def test_tiff_carries_exif(tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    path = tmp_path / "photo.tif"
    Image.new("RGB", (64, 48)).save(path)  # Pillow writes no sub-directories into a TIFF
    subprocess.run(
        ["exiftool", "-q", "-Make=Acme", "-DateTimeOriginal=2024:05:01 10:00:00",
         "-GPSLatitude=10.5", "-GPSLatitudeRef=S", "-GPSLongitude=20.25", "-GPSLongitudeRef=E",
         path],
        check=True,
    )  # fmt: skip
    exif = probe(path, Limits()).exif
    assert (exif.camera_make, exif.taken_at) == ("Acme", datetime(2024, 5, 1, 10))
    assert (exif.latitude, exif.longitude) == (-10.5, 20.25)


def test_heic_carries_exif(shared_data: Path) -> None:
    exif = probe(shared_data / "broken" / "me_heic_IMG_2927.HEIC", Limits()).exif
    assert exif.taken_at is not None
    assert exif.taken_at.utcoffset() == timedelta(hours=-4)
    assert exif.camera_make == "Apple"


def test_a_block_that_pillow_gives_up_on_is_read_all_the_same(shared_data: Path) -> None:
    exif = probe(shared_data / "broken" / "pillow_invalid-exif.jpg", Limits()).exif
    assert exif.taken_at == datetime(2017, 3, 13, 23, 3, 9)
