"""The steps of the state machine that builds a bundle's archive. Each may run twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from fototeca.bundling.parts import BuildingInParts
from fototeca.serverless.warm import Context, library

log = logging.getLogger(__name__)

STOPPED = "building its archive was stopped"


def plan(event: Mapping[str, Any], _context: Context) -> dict[str, Any]:
    """Lay the archive out and begin its upload: how many parts there are to build."""
    parts = building().plan(event["owner"], event["bundle"])
    if parts is None:
        return {"state": "restoring"}
    return {"state": "building", "parts": list(range(1, parts + 1))}


def part(event: Mapping[str, Any], _context: Context) -> None:
    building().build(event["owner"], event["bundle"], event["part"])


def complete(event: Mapping[str, Any], _context: Context) -> None:
    """Join the parts and verify the whole; the owner is told."""
    building().complete(event["owner"], event["bundle"])
    _tell()


def abort(event: Mapping[str, Any], _context: Context) -> None:
    """End what failed, or was stopped: then EventBridge tells, with the input as text."""
    reason = "its archive could not be built"
    if "detail" in event:
        event, reason = json.loads(event["detail"]["input"]), STOPPED
    else:
        log.error("a bundle failed: %s", event.get("error", {}).get("Error", "unknown"))
    building().abort(event["owner"], event["bundle"], reason)
    _tell()


def _tell() -> None:
    """At once; what cannot be sent now, housekeeping sends later."""
    try:
        library().telling.send_due()
    except Exception:
        log.exception("telling the owner")


@cache
def building() -> BuildingInParts:
    opened = library()
    return BuildingInParts(opened.catalog, opened.vault, opened.bundles)
