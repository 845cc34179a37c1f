"""Fixtures for tests of every kind: photos made on the spot, and the folder of real ones."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from PIL import ExifTags, Image

# A busy machine is no failure: examples may take as long as they take.
hypothesis.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("patient")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """With -n auto one worker more than processors: a third of the time tests only wait."""
    return (yield) + 1


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

MakeJpeg = Callable[..., bytes]

S3_STORES = [
    pytest.param("seaweed", marks=pytest.mark.xdist_group("seaweed")),
    pytest.param("ministack", marks=pytest.mark.xdist_group("ministack-s3")),
]
"""Fixtures below, each a client of an S3 that runs here; each lies in other places."""


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """SeaweedFS: strict about signatures, checksums, conditions and the sizes of parts."""
    from fototeca.vault.s3.objects import s3_client
    from tests.seaweed import serve

    with serve(tmp_path_factory.mktemp("seaweed")) as store:
        yield s3_client(**store.place)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from fototeca.vault.s3.objects import s3_client
    from tests.aws.emulator import REGION, emulator

    with emulator(tmp_path_factory.mktemp("ministack"), guarded=False) as cloud:
        yield s3_client(
            endpoint_url=cloud.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def new_buckets(client: Any) -> tuple[str, str]:
    """For photos and for working files."""
    names = f"photos-{secrets.token_hex(8)}", f"working-{secrets.token_hex(8)}"
    for name in names:
        client.create_bucket(Bucket=name)
    return names


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos beside the repository; without it the test is skipped."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real photos, ../shared/data, is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def make_jpeg() -> MakeJpeg:
    """`make_jpeg(seed, size=..., exif=..., gps=..., ...)` gives the bytes of a JPEG; see `jpeg`."""
    return jpeg


def jpeg(
    seed: int = 0,
    *,
    size: tuple[int, int] = (64, 48),
    colour: tuple[int, int, int] | None = None,
    mode: str = "RGB",
    quality: int = 85,
    exif: Mapping[str, Any] | None = None,
    gps: Mapping[str, Any] | None = None,
    **save: Any,
) -> bytes:
    """A small JPEG, the same for the same arguments and another for another `seed`.

    It is soft noise drawn with `seed`, or one plain `colour` (then `seed` changes nothing).
    `size` is (width, height); `mode` one of Pillow's that JPEG knows: RGB, L, CMYK.
    `exif` and `gps` give tags by EXIF's names: ``exif={"Orientation": 6, "Make": "Acme",
    "DateTimeOriginal": "2024:05:01 10:00:00"}``. `save` goes to Pillow: ``progressive=True``.
    """
    if colour is not None:
        image = Image.new("RGB", size, colour)
    else:
        noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.convert(mode).save(out, "JPEG", quality=quality, exif=_exif(exif, gps), **save)
    return out.getvalue()


# Tags of the main directory; all others that EXIF names are in its sub-directory.
_MAIN = {"Make", "Model", "Orientation", "DateTime", "Software", "Artist", "ImageDescription"}


def _exif(exif: Mapping[str, Any] | None, gps: Mapping[str, Any] | None) -> Image.Exif:
    tags = Image.Exif()
    for name, value in (exif or {}).items():
        directory = tags if name in _MAIN else tags.get_ifd(ExifTags.IFD.Exif)
        directory[ExifTags.Base[name].value] = value
    for name, value in (gps or {}).items():
        tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS[name].value] = value
    return tags
