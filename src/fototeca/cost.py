"""What a library takes on disk, and what the same would cost on AWS at list prices."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from fototeca.app import CATALOG, Library

PRICES = Path(__file__).with_name("aws-prices.toml")
GB = 1 << 30
MONITORED = 128 * 1024
"""Bytes: smaller objects are not tiered and not monitored."""
RENDITIONS = 2
"""Objects a photo, beside its original."""
WRITES = 70
"""DynamoDB's units for a photo with eleven labels, added, taken and settled: decision 13."""


@dataclass(frozen=True, slots=True)
class Usage:
    photos: int
    originals: int
    """Bytes; so are those below."""
    small: int
    """Of originals under 128 KB."""
    small_photos: int
    renditions: int
    catalog: int


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars."""

    region: str
    as_of: date
    monthly: Mapping[str, float]
    """For storage, by how long the originals were not opened."""
    once: Mapping[str, float]
    """For bringing the photos in, and for labelling them by either model."""


def measure(library: Library) -> Usage:
    """What the library takes, trash included."""
    sizes = [size for _, _, size in library.vault.originals()]
    small = [size for size in sizes if size < MONITORED]
    return Usage(
        photos=len(sizes),
        originals=sum(sizes),
        small=sum(small),
        small_photos=len(small),
        renditions=_size((library.root / "vault" / "renditions").rglob("*.jpg")),
        catalog=_size(library.root.glob(f"{CATALOG}*")),
    )


def on_aws(usage: Usage, prices: Mapping[str, Any]) -> Cost:
    """The same photos there. `prices` is aws-prices.toml as read."""
    s3 = prices["s3"]
    fixed = (
        usage.small / GB * s3["frequent"]
        + (usage.photos - usage.small_photos) * s3["monitoring"]
        + usage.renditions / GB * s3["standard"]
        + usage.catalog / GB * prices["dynamodb"]["storage"]
    )
    tiered = (usage.originals - usage.small) / GB
    function = prices["lambda"]
    return Cost(
        region=prices["region"],
        as_of=prices["as_of"],
        monthly={
            "opened within 30 days": fixed + tiered * s3["frequent"],
            "not opened for 30 days": fixed + tiered * s3["infrequent"],
            "not opened for 90 days": fixed + tiered * s3["archive_instant"],
        },
        once={
            "uploading": usage.photos
            * ((1 + RENDITIONS) * s3["put"] + WRITES * prices["dynamodb"]["write"]),
            "labelling by the bundled model": usage.photos
            * (function["memory"] * function["seconds"] * function["second"] + function["request"]),
            "labelling by Rekognition": _by_tiers(usage.photos, prices["rekognition"]["tiers"]),
        },
    )


def list_prices() -> dict[str, Any]:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


def _by_tiers(count: int, tiers: Iterable[tuple[int, float]]) -> float:
    """The price of so many: each tier is (up to how many in all, dollars each); 0 is no end."""
    total, done = 0.0, 0
    for stop, price in tiers:
        inside = (min(count, stop) if stop else count) - done
        if inside <= 0:
            break
        total += inside * price
        done += inside
    return total


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
