"""A real library in a temporary folder, with the bundled model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fototeca.app import Library, open_library
from fototeca.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(library=tmp_path / "library", threads=2, inbox_seconds=0.05)


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with open_library(settings) as library:
        yield library


@pytest.fixture
def owner(library: Library) -> str:
    return library.local_account().id
