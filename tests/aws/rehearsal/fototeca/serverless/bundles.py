"""Steps that do what their bundle's name asks for, and note that they were called."""

from __future__ import annotations

import json
from typing import Any

from fototeca.serverless.calls import noted  # type: ignore[import-not-found]


def _noted(event: dict[str, Any], step: str) -> int:
    return int(noted(f"{event['owner']}/{event['bundle']}", step))


def plan(event: dict[str, Any], _context: object) -> dict[str, Any]:
    times = _noted(event, "plan")
    if event["bundle"] == "its-plan-fails":
        raise ValueError("no plan")
    if event["bundle"] == "waits-for-the-archive" and times < 3:
        return {"state": "restoring"}
    if event["bundle"] == "waits-in-vain":
        return {"state": "restoring"}
    return {"state": "building", "parts": [1, 2, 3, 4, 5]}


def part(event: dict[str, Any], _context: object) -> dict[str, str]:
    times = _noted(event, f"part-{event['part']}")
    if event["part"] == 2 and event["bundle"] == "a-part-fails-twice" and times < 3:
        raise OSError("a read failed")
    if event["part"] == 2 and event["bundle"] == "a-part-fails":
        raise OSError("a read failed")
    return {"etag": "x" * 100}


def complete(event: dict[str, Any], _context: object) -> None:
    _noted(event, "complete")


def abort(event: dict[str, Any], _context: object) -> None:
    # Of an execution that was stopped, EventBridge tells, with the input as text.
    _noted(json.loads(event["detail"]["input"]) if "detail" in event else event, "abort")
