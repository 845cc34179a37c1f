"""The adapters of each port: every contract test runs against all of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fototeca.catalog.dynamodb import DynamoCatalog
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.vault.folder import FolderVault
from fototeca.vault.protocol import Vault
from fototeca.vault.s3 import S3Vault
from tests.conftest import S3_STORES, new_buckets
from tests.contract.dynamodb import connect, make_table, ministack

OpenCatalog = Callable[[], Catalog]
NewCatalog = Callable[[], OpenCatalog]
Tried = Callable[[int], settings]


@pytest.fixture(scope="session")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a DynamoDB for this process's tests."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield connect(url)


@pytest.fixture(params=["sqlite", "dynamodb"])
def new_catalog(request: pytest.FixtureRequest, tmp_path: Path) -> NewCatalog:
    """Each call makes an empty catalog, and gives what opens it."""
    taxonomy = Taxonomy.load()
    if request.param == "sqlite":
        numbers = count()

        def in_sqlite() -> OpenCatalog:
            path = tmp_path / f"catalog-{next(numbers)}.sqlite3"
            return lambda: SqliteCatalog(path, taxonomy)

        return in_sqlite
    client = request.getfixturevalue("dynamodb")

    def in_dynamodb() -> OpenCatalog:
        table = make_table(client)
        return lambda: DynamoCatalog(table, taxonomy, client)

    return in_dynamodb


@pytest.fixture
def open_catalog(new_catalog: NewCatalog) -> OpenCatalog:
    """Opens the same catalog as often as it is called, as several processes would."""
    return new_catalog()


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """Hypothesis's settings for a test that tries this many examples; fewer by a network."""
    share = 1 if request.node.callspec.params["new_catalog"] == "sqlite" else 8
    return lambda examples: settings(max_examples=examples // share, deadline=None)


@pytest.fixture
def catalog(open_catalog: OpenCatalog) -> Iterator[Catalog]:
    catalog = open_catalog()
    yield catalog
    catalog.close()


@pytest.fixture(params=["folder", *S3_STORES])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    if request.param == "folder":
        return FolderVault.make(tmp_path / "vault")
    client = request.getfixturevalue(request.param)
    return S3Vault(*new_buckets(client), client)


@pytest.fixture(params=["folder", *S3_STORES])
def vanished(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """A vault that is not there any more: an unmounted disk, a bucket that is not found."""
    if request.param == "folder":
        vault = FolderVault.make(tmp_path / "vault")
        (tmp_path / "vault").rename(tmp_path / "unplugged")
        (tmp_path / "vault").mkdir()
        return vault
    client = request.getfixturevalue(request.param)
    return S3Vault(f"photos-{secrets.token_hex(8)}", f"working-{secrets.token_hex(8)}", client)
