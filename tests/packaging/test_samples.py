"""The sample photos: small, readable, and each with a licence that is written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ExifTags, Image

from fototeca import samples

LICENCES = Path(samples.__file__).with_name("LICENCES.md").read_text()


def test_they_stay_small() -> None:
    sizes = [photo.stat().st_size for photo in samples.photos()]
    assert 10 <= len(sizes) <= 12
    assert max(sizes) <= 150_000
    assert sum(sizes) <= 1_500_000


@pytest.mark.parametrize("photo", samples.photos(), ids=lambda photo: photo.stem)
def test_each_names_its_author_and_licence(photo: Path) -> None:
    with Image.open(photo) as image:
        image.load()
        exif = image.getexif()
    row = next(line for line in LICENCES.splitlines() if line.startswith(f"| {photo.name} |"))
    author, licence = exif[ExifTags.Base.Artist], exif[ExifTags.Base.Copyright]
    assert author in row
    assert f"[{licence.removeprefix(f'{author}, ').split(',')[0]}]" in row
    assert licence.rsplit(maxsplit=1)[1] in LICENCES


def test_no_licence_without_its_photo() -> None:
    rows = [line.split("|")[1].strip() for line in LICENCES.splitlines() if ".jpg |" in line]
    listed = [name for name in rows if name.endswith(".jpg")]
    assert listed == [photo.name for photo in samples.photos()]
