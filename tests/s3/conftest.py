"""A catalog in SQLite with its photos on S3, in each store that runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.imaging.limits import Limits
from fototeca.ingest import Ingest
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Photo, now
from fototeca.vault.s3 import S3Vault
from tests.conftest import S3_STORES, MakeJpeg, new_buckets

AddPhoto = Callable[..., Photo]

outside = httpx.Client(timeout=60)
"""Who has a signed URL. A store on a busy machine may take longer than httpx waits by itself."""


@pytest.fixture(params=S3_STORES)
def s3(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def vault(s3: Any) -> S3Vault:
    return S3Vault(*new_buckets(s3), s3)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", Taxonomy.load())
    yield catalog
    catalog.close()


@pytest.fixture
def owner(catalog: Catalog) -> str:
    return catalog.accounts.add("dan@example.com", "hash", now()).id


@pytest.fixture
def bundling(catalog: Catalog, vault: S3Vault) -> Bundling:
    return Bundling(catalog, vault, timedelta(hours=24))


@pytest.fixture
def ingest(catalog: Catalog, vault: S3Vault) -> Ingest:
    return Ingest(catalog, vault, Limits())


@pytest.fixture
def add(ingest: Ingest, vault: S3Vault, owner: str, make_jpeg: MakeJpeg) -> AddPhoto:
    """`add(1, padding=7 << 20)`: a photo of this seed, with so many bytes behind the picture."""

    def add(seed: int, padding: int = 0, name: str | None = None) -> Photo:
        with vault.stage() as staged:
            staged.write(make_jpeg(seed))
            staged.write(bytes([seed % 256]) * padding)
            return ingest.add(owner, staged, name or f"IMG_{seed:04}.jpg").photo

    return add
