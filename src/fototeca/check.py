"""Checks a library: is everything there and unchanged? With repair, mends what can be mended.

Nothing is ever deleted because it looks needless: an original without a row is taken in again, and
one that is damaged is set aside.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.photos import Outcome
from fototeca.imaging.decoding import VIEW_SIDE
from fototeca.imaging.develop import develop
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import sniff
from fototeca.ingest import Ingest, Refused, sums
from fototeca.photos import Photo, State
from fototeca.vault.protocol import OriginalMissing, Size, Vault

EVERY = 100
"""Photos between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Problem:
    text: str
    repaired: bool = False


@dataclass(slots=True)
class Report:
    photos: int = 0
    bytes: int = 0
    """Read and compared with their SHA-256."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether all is well by now."""
        return all(problem.repaired for problem in self.problems)


class Checking:
    """Looks at the catalog, at every original and at the renditions. Safe while photos come in."""

    def __init__(self, catalog: Catalog, vault: Vault, ingest: Ingest, limits: Limits) -> None:
        self._catalog = catalog
        self._vault = vault
        self._ingest = ingest
        self._limits = limits

    def check(
        self,
        *,
        repair: bool = False,
        read_bytes: bool = False,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Report:
        """`read_bytes`: also read every original and compare its SHA-256 and CRC-32."""
        report = Report()
        report.problems += self._of_catalog(repair)
        for photo in self._catalog.photos.all():
            problem = self._of_original(photo, report, repair, read_bytes)
            if problem is None and photo.state is State.LABELLED:
                problem = self.of_renditions(photo, repair, read_bytes)
            if problem is not None and self._still_known(photo):
                report.problems.append(problem)
            report.photos += 1
            if report.photos % EVERY == 0:
                on_progress(report.photos)
        report.problems += self._of_orphans(repair)
        return report

    def _of_catalog(self, repair: bool) -> Iterator[Problem]:
        found = self._catalog.check(repair)
        left = self._catalog.check(repair=False) if repair and found else found
        for text in found:
            yield Problem(text, repaired=text not in left)
        for text in left:
            if text not in found:
                yield Problem(text)

    def _of_original(
        self, photo: Photo, report: Report, repair: bool, read_bytes: bool
    ) -> Problem | None:
        size = self._vault.original_size(photo.owner, photo.id)
        if size is None:
            return Problem(
                f"{_named(photo)}: its original is missing: import it again, or restore a backup"
            )
        if not read_bytes and size == photo.size:
            return None
        try:
            _, sha256, crc32 = sums(self._vault.read_original(photo.owner, photo.id, 0, size))
        except OriginalMissing:
            return None  # it was purged while it was read
        report.bytes += size
        if sha256 != photo.id:
            return self._damaged(photo, size, repair)
        if (size, crc32) != (photo.size, photo.crc32):
            if repair:
                self._catalog.photos.measured(photo.owner, photo.id, size, crc32)
            return Problem(f"{_named(photo)}: the catalog has a wrong size or CRC-32 of it", repair)
        return None

    def _damaged(self, photo: Photo, size: int, repair: bool) -> Problem | None:
        text = f"{_named(photo)}: its original is damaged"
        if not repair:
            return Problem(f"{text}: import it again after check --repair, or restore a backup")
        # A second reading: what is damaged may be the memory it was read into.
        _, sha256, _ = sums(self._vault.read_original(photo.owner, photo.id, 0, size))
        if sha256 == photo.id:
            return Problem(f"{text} at one reading and sound at the next: is the machine in order?")
        aside = f"damaged-{photo.owner}-{photo.id}"
        chunks = self._vault.read_original(photo.owner, photo.id, 0, size)
        self._vault.keep_working(aside, chunks)
        # The renditions were made while it was whole, and go with the original: keep them.
        renditions = {
            each: jpeg
            for each in Size
            if (jpeg := self._vault.rendition(photo.owner, photo.id, each)) is not None
        }
        self._vault.delete_original(photo.owner, photo.id)
        for each, jpeg in renditions.items():
            self._vault.keep_rendition(photo.owner, photo.id, each, jpeg)
        return Problem(
            f"{text}: set aside as vault/working/{aside}: import it again, or restore a backup"
        )

    def of_renditions(self, photo: Photo, repair: bool, read_bytes: bool) -> Problem | None:
        """Whether a labelled photo's renditions are there; with `repair`, made again.

        `read_bytes`: also the large ones, not only those of the grid.
        """
        wanted = [Size.GRID]
        if read_bytes and _needs_view(photo):
            wanted.append(Size.VIEW)
        bad = [size for size in wanted if not self._is_whole(photo, size)]
        if not bad:
            return None
        text = f"{_named(photo)}: no {' and '.join(bad)} rendition"
        if not repair:
            return Problem(text)
        try:
            with self._vault.local_original(photo.owner, photo.id) as path:
                developed = develop(path, photo.probe, self._limits)
        except (Unreadable, OriginalMissing) as error:
            return Problem(f"{text}, and none can be made: {error}")
        self._vault.keep_rendition(photo.owner, photo.id, Size.GRID, developed.grid)
        if developed.view is not None:
            self._vault.keep_rendition(photo.owner, photo.id, Size.VIEW, developed.view)
        return Problem(text, repaired=True)

    def _is_whole(self, photo: Photo, size: Size) -> bool:
        """Renditions are not synced: a power cut can leave one empty or torn."""
        jpeg = self._vault.rendition(photo.owner, photo.id, size)
        return jpeg is not None and jpeg[:2] == b"\xff\xd8" and jpeg[-2:] == b"\xff\xd9"

    def _of_orphans(self, repair: bool) -> Iterator[Problem]:
        """Originals that the catalog does not know."""
        suspects = [
            (owner, id)
            for owner, id, _ in self._vault.originals()
            if self._catalog.photos.get(owner, id) is None
        ]
        for owner, id in suspects:
            # Looked at again after the rest: one may have been on its way in.
            if self._catalog.photos.get(owner, id) is None:
                problem = self._orphan(owner, id, repair)
                if problem is not None:
                    yield problem

    def _orphan(self, owner: str, id: str, repair: bool) -> Problem | None:
        text = f"original {id}: the catalog has no photo of it"
        if self._catalog.accounts.get(owner) is None:
            return Problem(f"{text}, and no account {owner}")
        if not repair:
            return Problem(text)
        try:
            with self._vault.local_original(owner, id) as path:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != id:
                        return Problem(f"{text}, and it is damaged")
                extension = mimetypes.guess_extension(sniff(path)) or ".jpg"
                outcome = self._ingest.add_file(owner, path, f"recovered-{id[:12]}{extension}")
        except (Refused, Unreadable) as error:
            return Problem(f"{text}, and it is no photo: {error}")
        except OriginalMissing:
            return None
        if outcome.outcome is not Outcome.ADDED:
            return None  # it was on its way in
        return Problem(text, repaired=True)

    def _still_known(self, photo: Photo) -> bool:
        """False for a photo that was purged while it was looked at."""
        return self._catalog.photos.get(photo.owner, photo.id) is not None


def _named(photo: Photo) -> str:
    return f"photo {photo.id} ({photo.name})"


def _needs_view(photo: Photo) -> bool:
    """Whether there must be a view rendition; a small upright JPEG may be its own view."""
    probe = photo.probe
    small = max(probe.width, probe.height) <= VIEW_SIDE
    return not (probe.media_type == "image/jpeg" and probe.orientation == 1 and small)
