"""The record of the bundled model: what is known of it without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fototeca.labelling.protocol import ModelError

BUNDLED = Path(__file__).with_name("model") / "efficientnet-lite0.onnx"


def bundled_source() -> str:
    """The source of the bundled model's detections. Raises ModelError."""
    return source_in(record_of(BUNDLED))


def source_in(record: dict[str, Any]) -> str:
    return f"{record['name']}@{record['version']}"


def record_of(path: Path) -> dict[str, Any]:
    """The `.json` beside a model. Raises ModelError."""
    try:
        record: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{path.name} was not built: run `python -m models.build` in the source tree"
        ) from None
    except ValueError as error:
        raise ModelError(f"the record of {path.name} cannot be read: {error}") from error
    missing = {"name", "version", "classes", "scenes", "sha256"}.difference(record)
    if missing:
        raise ModelError(f"the record of {path.name} lacks {', '.join(sorted(missing))}")
    return record
