"""Writes web/openapi.json: `python -m web.export_openapi`. The client's types are made from it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from fototeca.app import open_library
from fototeca.settings import Settings
from fototeca.web.application import create_app

TARGET = Path(__file__).with_name("openapi.json")


def document() -> str:
    """The API's description as it is now, as text."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_library(Settings(library=Path(folder) / "library")) as library,
    ):
        return json.dumps(create_app(library).openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document())
