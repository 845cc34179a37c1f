"""The domain's values as catalogs keep them: instants as integers, the rest as JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from fototeca.label_settings import LabelSettings
from fototeca.photos import CorrectionChange, Exif, Selection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
USED_AT_STEP = 60_000_000
"""Microseconds: a token's last use is kept to the minute, so that reading writes little."""
REFUSALS = 100
"""Kept of one import: enough to see what is wrong; the count goes on."""
MODES = ("any", "all", "none")


def new_id() -> str:
    """A random identifier: 16 hex digits."""
    return secrets.token_hex(8)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970; a naive time counts as if it were UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Aware, UTC."""
    return EPOCH + micros * MICROSECOND


def wall_clock_micros(instant: datetime) -> int:
    """Microseconds since 1970 on the wall clock of the time's own zone."""
    return to_micros(instant.replace(tzinfo=None))


def ratio_of(size: tuple[int, int]) -> int:
    """Hundredths of (width, height), upright, as layouts have it."""
    width, height = size
    return max(1, round(100 * width / height))


def raw_id(id: str) -> bytes | None:
    """A photo id's 32 bytes; None for what can be no id."""
    try:
        raw = bytes.fromhex(id)
    except ValueError:
        return None
    return raw if len(raw) == 32 else None


def undo_of(changes: Mapping[str, CorrectionChange]) -> dict[CorrectionChange, frozenset[str]]:
    """Of each change that changes anything, the photos that it is for."""
    ids: dict[CorrectionChange, set[str]] = {}
    for id, change in changes.items():
        if change:
            ids.setdefault(change, set()).add(id)
    return {change: frozenset(each) for change, each in ids.items()}


def exif_from(text: str) -> Exif:
    known: dict[str, Any] = json.loads(text)
    if "taken_at" in known:
        known["taken_at"] = datetime.fromisoformat(known["taken_at"])
    return Exif(**known)


def exif_text(exif: Exif) -> str:
    known: dict[str, Any] = {}
    for name in (f.name for f in fields(exif)):
        value = getattr(exif, name)
        if value is not None:
            known[name] = value.isoformat() if isinstance(value, datetime) else value
    return json.dumps(known, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a bundle was asked for by."""

    selection: Selection
    name: str = ""
    left_out: int = 0


def asked_from(text: str) -> Asked:
    kept = json.loads(text)
    selection = Selection(**{mode: frozenset(kept[mode]) for mode in MODES})
    return Asked(selection, kept.get("name", ""), kept.get("left_out", 0))


def asked_text(asked: Asked) -> str:
    kept: dict[str, Any] = {mode: sorted(getattr(asked.selection, mode)) for mode in MODES}
    if asked.name:
        kept["name"] = asked.name
    if asked.left_out:
        kept["left_out"] = asked.left_out
    return json.dumps(kept, ensure_ascii=False)


def settings_from(text: str) -> LabelSettings:
    kept = json.loads(text)
    return LabelSettings(
        sureness=kept.get("sureness", 0.0),
        thresholds=kept.get("thresholds", {}),
        hidden=frozenset(kept.get("hidden", ())),
        renames=kept.get("renames", {}),
    )


def settings_text(settings: LabelSettings) -> str:
    kept = {
        "sureness": settings.sureness,
        "thresholds": dict(settings.thresholds),
        "hidden": sorted(settings.hidden),
        "renames": dict(settings.renames),
    }
    return json.dumps(kept, ensure_ascii=False, sort_keys=True)
