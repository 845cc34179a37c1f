"""Archives built in parts: part k is bytes [kP, (k+1)P) of the archive, made alone and anywhere.

Parts are built by whoever is told to, side by side, in any order, each any number of times; what
there is, the vault knows. Steps may be repeated, and do nothing for a bundle that was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from isal import isal_zlib

from fototeca.bundling.bundles import Bundling
from fototeca.bundling.checksum import archive_crc32
from fototeca.bundling.layout import local_size
from fototeca.bundling.plan import Plan, Rows, archive_file, read_body, waiting_file
from fototeca.bundling.reader import ArchiveBroken, read_archive
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import Bundle, BundleGone, BundleState, Placed
from fototeca.vault.protocol import CHUNK, Assembly, OriginalMissing, UploadGone, Vault

PART = 64 << 20
"""Bytes: the size of a part, and about the memory that building one takes."""
PIECE = 8 << 20
"""Bytes read by one request; larger originals are read by several at once."""
AT_ONCE = 16
"""Reads under way for one part."""
LOOK = 2.0
"""Seconds between looks while another lays the same bundle out."""
BATCH = 500
"""Originals asked for at once."""
ZEROS = bytes(CHUNK)


class PartsMissing(Exception):
    """Not every part is there as it must be."""


class BuildingInParts:
    """Builds bundles' archives in a vault that can put them together."""

    def __init__(
        self, catalog: Catalog, vault: Vault, bundling: Bundling, part_size: int = PART
    ) -> None:
        assert vault.assembly is not None
        self._assembly: Assembly = vault.assembly
        self._catalog = catalog
        self._vault = vault
        self._bundling = bundling
        self._part_size = part_size

    def plan(self, owner: str, id: str) -> int | None:
        """The number of parts; None while originals are being restored: then ask again.

        0 when there is nothing to build: the bundle was deleted, or none of it could be read.
        """
        while (bundle := self._catalog.bundles.get(owner, id)) is not None:
            try:
                if bundle.state is BundleState.RESTORING:
                    return self._restored(bundle)
                if bundle.upload is not None or bundle.state is not BundleState.PREPARING:
                    return bundle.parts if bundle.state is BundleState.PREPARING else 0
                plan = self._bundling.lay_out(bundle)
                if plan is not None:
                    return self._laid_out(bundle, plan)
            except BundleGone:
                self._bundling.forget(bundle)
                return 0
            # Somebody who was killed has it still, for up to a minute.
            time.sleep(LOOK)
        return 0

    def build(self, owner: str, id: str, part: int) -> None:
        """Build a part, counted from 1. Raises OriginalMissing, VaultUnavailable, ArchiveBroken."""
        bundle = self._building(owner, id)
        if bundle is None:
            return
        try:
            size = self._size_of_parts(bundle)
            start = (part - 1) * size
            data = self._read(bundle, start, min(start + size, _size(bundle)))
            self._assembly.put_part(
                archive_file(bundle), _upload(bundle), part, data, isal_zlib.crc32(data)
            )
            self._catalog.bundles.built(bundle, part)
        except (BundleGone, UploadGone, OriginalMissing):
            # What was cancelled or failed meanwhile ends quietly, here as in any other part.
            if self._building(owner, id) is not None:
                raise

    def complete(self, owner: str, id: str) -> Bundle | None:
        """Join the parts, verify the whole, and make it ready. None when it is no longer wanted.

        Raises PartsMissing, and ArchiveBroken when a photo's bytes are not what the catalog says:
        no archive is ready that a reader would find broken.
        """
        bundle = self._building(owner, id)
        if bundle is None:
            return None
        name, upload, size = archive_file(bundle), _upload(bundle), _size(bundle)
        try:
            self._verify(bundle, self._assembly.parts(name, upload))
            self._assembly.complete(name, upload)
        except UploadGone:
            # A step before this one may have completed it, and died before it could say so.
            pass
        whole = self._assembly.whole(name)
        try:
            crc32 = archive_crc32(Rows(self._catalog, bundle))
        except BundleGone:
            self._bundling.forget(bundle)
            return None
        if whole is None or whole.size != size:
            if self._building(owner, id) is None:
                return None
            raise PartsMissing("the archive is not there")
        if whole.crc32 not in (None, crc32):
            raise ArchiveBroken("it has not the CRC-32 that its entries make")
        assert bundle.etag is not None
        self._catalog.bundles.ready(bundle, size, bundle.etag)
        made = self._catalog.bundles.get(owner, id)
        if made is not None and made.state is BundleState.READY:  # by us, or by the same step twice
            return made
        self._bundling.forget(bundle)
        return None

    def abort(self, owner: str, id: str, reason: str) -> None:
        """Fail what is not ready, and delete what there is of it."""
        bundle = self._catalog.bundles.get(owner, id)
        if bundle is None:
            return
        self._catalog.bundles.fail(bundle, reason)
        ended = self._catalog.bundles.get(owner, id)
        if ended is not None and ended.state is BundleState.FAILED:
            self._bundling.forget(ended)

    def _laid_out(self, bundle: Bundle, plan: Plan) -> int | None:
        waiting = []
        for start in range(0, len(plan.archived), BATCH):
            batch = plan.archived[start : start + BATCH]
            waiting += self._assembly.restore(bundle.owner, batch)
        if waiting:
            self._vault.keep_working(waiting_file(bundle), _lines(waiting))
            self._catalog.bundles.restoring(bundle, plan.archive_size, plan.etag)
            return None
        return self._begin(bundle, plan.archive_size, plan.etag)

    def _restored(self, bundle: Bundle) -> int | None:
        """Go on if all originals are back. Looks no further than to some that are not."""
        name = waiting_file(bundle)
        file = self._assembly.whole(name)
        if file is None:
            raise OriginalMissing(name)
        ids = b"".join(self._vault.read_working(name, 0, file.size)).decode().split()
        waiting = ids
        while waiting:
            left = self._assembly.restore(bundle.owner, waiting[:BATCH])
            waiting = left + waiting[BATCH:]
            if left:
                if len(waiting) < len(ids):
                    self._vault.keep_working(name, _lines(waiting))
                return None
        assert bundle.etag is not None
        return self._begin(bundle, _size(bundle), bundle.etag)

    def _begin(self, bundle: Bundle, size: int, etag: str) -> int:
        name = archive_file(bundle)
        parts = -(-size // self._part_size_for(size))
        upload = self._assembly.begin(name, "application/zip")
        # Recorded before it is used: whatever happens next, what there is of it can be found. One
        # that is lost right here has no parts, and the vault forgets it by itself.
        try:
            recorded = self._catalog.bundles.building(bundle, size, etag, upload, parts)
        except BundleGone:
            self._assembly.abort(name, upload)
            raise
        if recorded:
            return parts
        self._assembly.abort(name, upload)
        return self.plan(bundle.owner, bundle.id) or 0

    def _part_size_for(self, size: int) -> int:
        """As many bytes as asked for; more where there would be too many parts."""
        least = -(-size // self._assembly.max_parts)
        return max(self._part_size, -(-least // CHUNK) * CHUNK)

    def _size_of_parts(self, bundle: Bundle) -> int:
        size = self._part_size_for(_size(bundle))
        if -(-_size(bundle) // size) != bundle.parts:
            raise PartsMissing("it was planned with parts of another size")
        return size

    def _building(self, owner: str, id: str) -> Bundle | None:
        bundle = self._catalog.bundles.get(owner, id)
        if bundle is None or bundle.state is not BundleState.PREPARING or bundle.upload is None:
            return None
        return bundle

    def _read(self, bundle: Bundle, start: int, stop: int) -> bytearray:
        """These bytes of the archive, in memory once: the headers, then the bodies side by side."""
        data = bytearray(stop - start)
        bodies: list[tuple[Placed, int, int, int]] = []

        def body(entry: Placed, first: int, end: int) -> Iterator[bytes]:
            place = entry.offset + local_size(entry) + first - start
            for begin in range(first, end, PIECE):
                bodies.append((entry, place + begin - first, begin, min(begin + PIECE, end)))
            for begin in range(first, end, CHUNK):
                yield ZEROS[: end - begin]

        position = 0
        for chunk in read_archive(Rows(self._catalog, bundle), body, start, stop):
            data[position : position + len(chunk)] = chunk
            position += len(chunk)

        def fill(piece: tuple[Placed, int, int, int]) -> None:
            entry, place, first, end = piece
            for chunk in read_body(self._vault, bundle, entry, first, end):
                data[place : place + len(chunk)] = chunk
                place += len(chunk)

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="part") as pool:
            for _ in pool.map(fill, bodies):
                pass
        return data

    def _verify(self, bundle: Bundle, sizes: dict[int, int]) -> None:
        size, whole = self._size_of_parts(bundle), _size(bundle)
        for part in range(1, bundle.parts + 1):
            if sizes.get(part) != min(size, whole - (part - 1) * size):
                raise PartsMissing(f"part {part} of {bundle.parts} is not there, or not whole")


def _size(bundle: Bundle) -> int:
    assert bundle.archive_size is not None
    return bundle.archive_size


def _upload(bundle: Bundle) -> str:
    assert bundle.upload is not None
    return bundle.upload


def _lines(ids: list[str]) -> Iterator[bytes]:
    for start in range(0, len(ids), BATCH):
        yield "".join(f"{id}\n" for id in ids[start : start + BATCH]).encode()
