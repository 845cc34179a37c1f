"""`python -m benchmarks.functions`: how the functions on AWS start and run, as Lambda calls them.

On this machine's processor and Python, with the code of their packages alone; the emulator answers
for S3 and DynamoDB, so that what is measured is ours.
"""

from __future__ import annotations

import statistics
import zipfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.aws.package import CORE, HERE, LABELLING, Package, build
from fototeca import samples
from fototeca.catalog.dynamodb import DynamoCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import now
from tests.aws.emulator import Emulator, emulator
from tests.aws.runtime import arrived, prepared, requested, started

STARTS = 3
CALLS = 20
MB = 1 << 20


def photos(cloud: Emulator) -> list[str]:
    """Keys of originals that no function has seen."""
    owner = DynamoCatalog("catalog", Taxonomy.load(), cloud.client("dynamodb")).accounts.add(
        None, None, now()
    )
    s3, keys = cloud.client("s3"), []
    for number in range(STARTS * (CALLS + 1)):
        data = samples.photos()[0].read_bytes() + number.to_bytes(4, "big")
        key = f"originals/{owner.id}/{sha256(data).hexdigest()}"
        s3.put_object(Bucket="photos", Key=key, Body=data, Metadata={"name": "a.jpg"})
        keys.append(key)
    return keys


def measure(
    folder: Path, handler: str, environment: dict[str, str], events: list[dict[str, Any]]
) -> None:
    colds, warms, peaks = [], [], []
    for start in range(STARTS):
        mine = events[start::STARTS]
        with started(folder, handler, environment) as function:
            first = function.call(mine[0]).seconds
            colds.append(function.ready_after + first)
            warms += [function.call(event).seconds for event in mine[1:]]
            peaks.append(function.peak)
    cold, warm = min(colds), statistics.median(warms)
    print(f"| {handler} | {cold:.2f} s | {1000 * warm:.0f} ms | {max(peaks) / MB:.0f} MB |")


def unpacked(package: Package, into: Path) -> Path:
    folder = into / package.name
    with zipfile.ZipFile(build(package, target=HERE)) as archive:
        archive.extractall(folder)
    return folder


def main() -> None:
    print("| function | cold: started and answered | warm | memory at most |")
    print("| --- | --- | --- | --- |")
    with TemporaryDirectory() as place, emulator(Path(place), guarded=False) as cloud:
        environment = prepared(cloud)
        core, labelling = unpacked(CORE, Path(place)), unpacked(LABELLING, Path(place))
        often = STARTS * (CALLS + 1)
        nobodys = {"owner": "0" * 16, "bundle": "1" * 16, "part": 1}
        measure(labelling, "label.handler", environment, [arrived(key) for key in photos(cloud)])
        measure(core, "inbox.handler", environment, [arrived("inbox/x/")] * often)
        for step in ("plan", "part", "complete", "abort"):
            measure(core, f"bundles.{step}", environment, [nobodys] * often)
        measure(core, "housekeeping.handler", environment, [{"chore": "recompute"}] * often)
        measure(core, "api.handler", environment, [requested("/api/session/options")] * often)


if __name__ == "__main__":
    main()
