"""`python -m benchmarks.functions`: how the functions on AWS start and run, as Lambda calls them.

On this machine's processor and Python, with the code of their packages alone; the emulator answers
for S3 and DynamoDB, so that what is measured is ours. It needs what `make test` installs.
"""

from __future__ import annotations

import statistics
import zipfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.aws.package import CORE, HERE, LABELLING, Package, build, unzipped
from fototeca import samples
from fototeca.bundling.bundles import Bundling
from fototeca.bundling.parts import BuildingInParts
from fototeca.catalog.dynamodb import DynamoCatalog
from fototeca.imaging.limits import Limits
from fototeca.ingest import Ingest
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection, now
from fototeca.vault.s3 import S3Vault
from tests.aws.emulator import Emulator, emulator
from tests.aws.runtime import arrived, prepared, requested, started

STARTS = 3
CALLS = 20
OFTEN = STARTS * (CALLS + 1)
IN_A_BUNDLE = 20
"""Photos."""
MB = 1 << 20


def photo(number: int) -> bytes:
    """One that nobody has: what follows a JPEG's end is no part of the picture."""
    return samples.photos()[0].read_bytes() + number.to_bytes(4, "big")


class Place:
    """An account's photos in the emulator, before any function has seen them."""

    def __init__(self, cloud: Emulator) -> None:
        self._s3 = cloud.client("s3")
        self._catalog = DynamoCatalog("catalog", Taxonomy.load(), cloud.client("dynamodb"))
        self._vault = S3Vault("photos", "working", self._s3)
        self._bundling = Bundling(self._catalog, self._vault, timedelta(days=1))
        self._owner = self._catalog.accounts.add(None, None, now()).id

    def originals(self) -> list[dict[str, Any]]:
        keys = []
        for number in range(OFTEN):
            data = photo(number)
            keys.append(f"originals/{self._owner}/{sha256(data).hexdigest()}")
            self._put(keys[-1], data, {"name": "a.jpg"})
        return [arrived(key) for key in keys]

    def inbox(self) -> list[dict[str, Any]]:
        keys = [f"inbox/{self._owner}/{number}.jpg" for number in range(OFTEN)]
        for number, key in enumerate(keys):
            self._put(key, photo(OFTEN + number))
        return [arrived(key) for key in keys]

    def bundles(self) -> list[dict[str, Any]]:
        """Of the first photos that are asked for, each to be built."""
        ingest = Ingest(self._catalog, self._vault, Limits())
        ids = []
        for number in range(IN_A_BUNDLE):
            with self._vault.stage() as staged:
                staged.write(photo(2 * OFTEN + number))
                ids.append(ingest.add(self._owner, staged, f"{number}.jpg").photo.id)
        frozen = (self._bundling.request(self._owner, Selection(), ids) for _ in range(OFTEN))
        return [{"owner": self._owner, "bundle": bundle.id, "part": 1} for bundle in frozen]

    def planned(self) -> list[dict[str, Any]]:
        """Bundles whose upload was begun."""
        building = BuildingInParts(self._catalog, self._vault, self._bundling)
        events = self.bundles()
        for event in events:
            building.plan(event["owner"], event["bundle"])
        return events

    def _put(self, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        self._s3.put_object(Bucket="photos", Key=key, Body=data, Metadata=dict(metadata or {}))


def measure(
    what: str,
    folder: Path,
    handler: str,
    environment: dict[str, str],
    events: list[dict[str, Any]],
) -> None:
    """A row: by the clock, and of a processor alone, which others' load changes little."""
    colds, warms, peaks = [], [], []
    for start in range(STARTS):
        mine = events[start::STARTS]
        with started(folder, handler, environment) as function:
            first = function.call(mine[0]).seconds
            colds.append((function.ready_after + first, function.processor))
            begun = function.processor
            calls = [function.call(event).seconds for event in mine[1:]]
            used = (function.processor - begun) / len(calls)
            warms.append((statistics.median(calls), used))
            peaks.append(function.peak)
    (cold, starting), (warm, using) = min(colds), min(warms)
    print(
        f"| {what} | {cold:.2f} s, {starting:.2f} s | {1000 * warm:.0f} ms, "
        f"{1000 * using:.0f} ms | {max(peaks) / MB:.0f} MB |",
        flush=True,
    )


def unpacked(package: Package, into: Path) -> Path:
    folder = into / package.name
    with zipfile.ZipFile(build(package, target=HERE)) as archive:
        archive.extractall(folder)
    return folder


def weigh(package: Package) -> None:
    """What Lambda gets."""
    path = build(package)
    size, files = path.stat().st_size / 1e6, unzipped(path) / 1e6
    print(f"{package.name}: {size:.0f} MB zipped, {files:.0f} MB unzipped", flush=True)


def main() -> None:
    weigh(LABELLING)
    weigh(CORE)
    print()
    print("| function | cold: by the clock, of a processor | warm | memory at most |")
    print("| --- | --- | --- | --- |")
    with TemporaryDirectory() as folder, emulator(Path(folder), guarded=False) as cloud:
        environment = prepared(cloud)
        core, labelling = unpacked(CORE, Path(folder)), unpacked(LABELLING, Path(folder))
        place = Place(cloud)
        for what, handler, events in calls(place):
            code = labelling if handler == "label.handler" else core
            measure(what, code, handler, environment, events)


def calls(place: Place) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    size = f"a photo of {len(photo(0)) / MB:.1f} MB"
    yield f"Label, {size}", "label.handler", place.originals()
    yield f"Inbox, {size}", "inbox.handler", place.inbox()
    built = place.bundles()
    yield f"Plan, a bundle of {IN_A_BUNDLE} photos", "bundles.plan", built
    yield f"Part, its only one ({IN_A_BUNDLE * len(photo(0)) / MB:.1f} MB)", "bundles.part", built
    yield "Complete", "bundles.complete", built
    yield "Abort, of a bundle that was planned", "bundles.abort", place.planned()
    nothing = [{"chore": "recompute"}] * OFTEN
    yield "Housekeeping, nothing to do", "housekeeping.handler", nothing
    yield "Api, the ways to sign in", "api.handler", [requested("/api/session/options")] * OFTEN


if __name__ == "__main__":
    main()
