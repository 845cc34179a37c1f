"""Large bundles: 2 GB really built, 100,000 photos planned."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fototeca.bundling.bundles import Bundling
from fototeca.bundling.parts import PART, BuildingInParts
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import BundleState
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.photos import Exif, Photo, Probe, Selection, now
from fototeca.vault.protocol import CHUNK, Stored
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.keys import original_key
from tests.conftest import S3_STORES
from tests.s3.conftest import AddPhoto

pytestmark = pytest.mark.slow


class Opened(io.RawIOBase):
    """A working file, as other libraries read files."""

    def __init__(self, vault: S3Vault, name: str, size: int) -> None:
        self._vault, self._name, self._size = vault, name, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        stop = min(self._position + len(buffer), self._size)
        done = 0
        for chunk in self._vault.read_working(self._name, self._position, stop):
            buffer[done : done + len(chunk)] = chunk
            done += len(chunk)
        self._position += done
        return done


@pytest.mark.parametrize("s3", S3_STORES[:1], indirect=True)
def test_two_gigabytes_are_built(
    s3: Any, catalog: Catalog, vault: S3Vault, bundling: Bundling, owner: str, add: AddPhoto
) -> None:
    photo = add(0, padding=199_000_000)
    # The store copies it itself. These ids are of no bytes, but a bundle trusts what is stored.
    for number in range(1, 11):
        other = replace(photo, id=f"{number:064x}", name=f"IMG_{number:04}.jpg")
        source = {"Bucket": vault.photos.bucket, "Key": original_key(owner, photo.id)}
        s3.copy_object(
            Bucket=source["Bucket"], Key=original_key(owner, other.id), CopySource=source
        )
        catalog.photos.add(other)
    bundle = bundling.request(owner, Selection())
    building = BuildingInParts(catalog, vault, bundling)
    parts = building.plan(owner, bundle.id)
    assert parts == 33
    for part in range(parts, 0, -1):
        building.build(owner, bundle.id, part)
    made = building.complete(owner, bundle.id)
    assert made is not None
    assert made.archive_size is not None
    assert made.archive_size > 2_180_000_000
    # S3's CRC-32 of it all was compared. By another's eyes: its directory, and where parts meet.
    file = io.BufferedReader(Opened(vault, f"{made.id}.zip", made.archive_size), 8 << 20)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        assert len(entries) == 12
        for entry in (entries[0], entries[10], entries[11]):
            with archive.open(entry) as body:
                while body.read(8 << 20):
                    pass


class Described:
    """A vault that knows how large originals are, and has none of them: bytes are zeros."""

    signer = None
    max_parts = 10_000

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.working: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.written: dict[int, tuple[int, int]] = {}

    @property
    def assembly(self) -> Described:
        return self

    def stored(self, owner: str, ids: Sequence[str]) -> list[Stored | None]:
        return [Stored(self.sizes[id]) for id in ids]

    def read_original(self, owner: str, id: str, start: int, stop: int) -> Iterator[bytes]:
        for first in range(start, stop, CHUNK):
            yield bytes(min(CHUNK, stop - first))

    def keep_working(self, name: str, chunks: Iterable[bytes]) -> None:
        self.working[name] = b"".join(chunks)

    def read_working(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        yield self.working[name][start:stop]

    def restore(self, owner: str, ids: Sequence[str]) -> list[str]:
        return []

    def begin(self, name: str, media_type: str) -> str:
        self.uploads.append(name)
        return f"upload {len(self.uploads)}"

    def put_part(self, name: str, upload: str, number: int, data: bytearray, crc32: int) -> None:
        self.written[number] = len(data), crc32


def test_a_hundred_thousand_photos_are_planned_and_any_part_built_alone(
    catalog: SqliteCatalog, owner: str
) -> None:
    """30 GB: every part's place is known, and the parts with the ends of everything are right."""
    at, probe = now(), Probe("image/jpeg", 4000, 3000, 1, Exif())
    sums = {size: zlib.crc32(bytes(size)) for size in range(290_000, 310_000, 1000)}
    made = Photo(owner, "", "", 0, 0, probe, at)
    sizes = {}
    with catalog.database.write():
        for number in range(100_000):
            id, size = f"{number:064x}", 290_000 + number % 20 * 1000
            sizes[id] = size
            catalog.photos.add(replace(made, id=id, name="IMG.jpg", size=size, crc32=sums[size]))
    vault: Any = Described(sizes)
    bundling = Bundling(catalog, vault, timedelta(hours=24))
    building = BuildingInParts(catalog, vault, bundling)
    bundle = bundling.request(owner, Selection())
    parts = building.plan(owner, bundle.id)
    planned = catalog.bundles.get(owner, bundle.id)
    assert planned is not None
    assert planned.archive_size is not None
    assert 29.9e9 < planned.archive_size < 30.1e9
    assert parts == planned.parts == -(-planned.archive_size // PART)
    last = planned.archive_size - (parts - 1) * PART
    for part in (1, parts // 2, parts):
        building.build(owner, bundle.id, part)
        size, crc32 = vault.written[part]
        assert size == (last if part == parts else PART)
        expected = 0
        start = (part - 1) * PART
        for chunk in bundling.read(planned, start, start + size):
            expected = zlib.crc32(chunk, expected)
        assert crc32 == expected
    # The first photos, the directory and its end, as a reader finds them.
    assert b"".join(bundling.read(planned, 0, 4)) == b"PK\3\4"
    end = b"".join(bundling.read(planned, planned.archive_size - 98, planned.archive_size))
    assert end[:4] == b"PK\6\6"
    assert int.from_bytes(end[32:40], "little") == 100_001
    assert planned.state is BundleState.PREPARING
