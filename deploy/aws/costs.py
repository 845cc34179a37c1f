"""What a deployment costs, worked out from the dated prices; `python -m deploy.aws.costs` says.

List prices without taxes. What AWS gives every account each month is left out of idling alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fototeca.cost import GB, Usage, list_prices, on_aws

MONTH = 730
"""Hours."""
PHOTO = 4 << 20
"""Bytes of an original, for examples: a camera's JPEG of 12 megapixels."""
RENDITION = 240 << 10
"""Bytes of a photo's renditions together."""
ROW = 8 << 10
"""Bytes of the catalog for a photo."""
PART = 64 << 20
"""Bytes of a bundle's part."""
WATCHED = 10
"""Metrics that the alarms look at; a test counts them in the template."""
QUEUES = 2
LISTED, LOOKED_AT, ASKED, READ = 1, 2, 3, 22
"""What housekeeping does each hour where nothing is to be done: requests to list and to look at a
bucket, and to queues, and read units; a test counts those of S3."""
LIBRARIES = (1_000, 10_000, 100_000, 1_000_000)
"""Photos."""

Prices = Mapping[str, Any]


def labelling(photos: int, prices: Prices, *, rekognition: bool) -> float:
    """Dollars from the upload to the labels."""
    s3, queues, function = prices["s3"], prices["queues"], prices["lambda"]
    once = on_aws(Usage(photos, 0, 0, 0, 0, 0), prices).once
    develops = function["memory"] * function["seconds"] * function["second"] + function["request"]
    # Asked for before it is signed, for its name and size, and read; a message of its own, sent,
    # received, held and deleted.
    each = 4 * s3["get"] + 4 * queues["request"] + develops
    by = once["labelling by Rekognition"] if rekognition else 0.0
    return float(photos * each + once["uploading"] + by)


def storing(photos: int, prices: Prices) -> dict[str, float]:
    """Dollars a month, by how long originals were not opened."""
    usage = Usage(
        photos=photos,
        originals=photos * PHOTO,
        small=0,
        small_photos=0,
        renditions=photos * RENDITION,
        catalog=photos * ROW,
    )
    backup = usage.catalog / GB * prices["dynamodb"]["backup"]
    return {name: cost + backup for name, cost in on_aws(usage, prices).monthly.items()}


def bundling(size: int, prices: Prices, photos: int | None = None) -> float:
    """Dollars for an archive of `size` bytes that is kept for a day, without its download."""
    s3, function, dynamodb = prices["s3"], prices["lambda"], prices["dynamodb"]
    parts = -(-size // PART)
    photos = size // PHOTO if photos is None else photos
    # A part is read and written at about 60 MB/s by a function of one GB.
    seconds = parts * PART / 60e6
    return float(
        (parts + 2) * s3["put"]
        # Each original is asked for its size, and read.
        + (2 * photos + 2 * parts) * s3["get"]
        + photos * dynamodb["read"]
        + seconds * function["second"]
        + (parts + 3) * function["request"]
        # A part is a child execution: its start and its state.
        + (2 * parts + 6) * prices["states"]["transition"]
        + size / GB * s3["standard"] / 30
    )


def tiering_later(photos: int, prices: Prices) -> float:
    """Dollars, once, for originals that are put in Standard and moved by a rule after a day.

    So does the reference application (aws-doc-sdk-examples, photo-asset-manager); ours are put
    where they stay.
    """
    return float(photos * prices["s3"]["transition"])


def zipping(size: int, prices: Prices) -> float:
    """Dollars for the same archive the reference application's way: one function of 1 GB reads and
    writes it all. It has that memory and 90 seconds, so larger ones fail."""
    s3, function = prices["s3"], prices["lambda"]
    return float(
        size // PHOTO * s3["get"]
        + size / 60e6 * function["second"]
        + function["request"]
        + s3["put"]
        + size / GB * s3["standard"] / 30
    )


def idling(prices: Prices, *, free: bool) -> float:
    """Dollars a month while nobody uses it; `free` takes off what every account is given."""
    function, s3 = prices["lambda"], prices["s3"]
    watching, given = prices["watching"], prices["free"]
    alarms, dashboards = WATCHED, 1
    requests = QUEUES * prices["queues"]["idle"] + MONTH * ASKED
    seconds = MONTH * 0.5
    if free:
        alarms = max(0, alarms - given["alarms"])
        dashboards = max(0, dashboards - given["dashboards"])
        requests = max(0, requests - given["queue_requests"])
        seconds = max(0.0, seconds - given["lambda_seconds"])
    return float(
        alarms * watching["alarm"]
        + dashboards * watching["dashboard"]
        + requests * prices["queues"]["request"]
        + seconds * function["second"]
        + MONTH * function["request"]
        + MONTH * (LISTED * s3["put"] + LOOKED_AT * s3["get"])
        + MONTH * READ * prices["dynamodb"]["read"]
    )


def table(prices: Prices) -> str:
    """Markdown, as docs/deploying-aws.md has it."""
    stored = storing(10_000, prices)
    rows = [
        ("1,000 photos labelled by the bundled model", labelling(1000, prices, rekognition=False)),
        ("1,000 photos labelled by Rekognition", labelling(1000, prices, rekognition=True)),
        *(
            (f"10,000 photos (40 GB) stored for a month, {name}", cost)
            for name, cost in stored.items()
        ),
        (
            "10,000 photos moved there by a rule after a day, as the reference does, once",
            tiering_later(10_000, prices),
        ),
        ("a bundle of 1 GB, kept for a day", bundling(GB, prices)),
        ("a bundle of 1 GB in one function, as the reference does", zipping(GB, prices)),
        ("a bundle of 30 GB, kept for a day", bundling(30 * GB, prices)),
        (
            "a bundle of 100,000 small photos (30 GB), kept for a day",
            bundling(30 * GB, prices, 100_000),
        ),
        ("1 GB downloaded, after the first 100 GB of a month", prices["s3"]["out"]),
        ("a month without use, list prices", idling(prices, free=False)),
        ("a month without use, in an account without other use", idling(prices, free=True)),
    ]
    lines = [f"| what | US dollars, {prices['region']}, {prices['as_of']} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {what} | {_dollars(cost)} |" for what, cost in rows)]) + "\n"


def by_photos(prices: Prices) -> str:
    """Markdown: what libraries of several sizes cost."""
    lines = [
        "| photos of 4 MB | labelled by the bundled model | labelled by Rekognition"
        " | stored, a month: opened within 30 days | not for 30 days | not for 90 days |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for photos in LIBRARIES:
        costs = [
            labelling(photos, prices, rekognition=False),
            labelling(photos, prices, rekognition=True),
            *storing(photos, prices).values(),
        ]
        lines.append(f"| {photos:,} | {' | '.join(_dollars(cost) for cost in costs)} |")
    return "\n".join(lines) + "\n"


def _dollars(cost: float) -> str:
    return f"{cost:,.2f}" if cost >= 0.05 else f"{cost:.4f}"


if __name__ == "__main__":
    print(table(list_prices()), by_photos(list_prices()), sep="\n", end="")
