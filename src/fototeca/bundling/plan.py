"""A bundle's plan: its photos get their places in the archive, in one pass, and its manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice

from isal import isal_zlib

from fototeca.bundling.layout import Entry, Layout, central_size, entry_span
from fototeca.bundling.names import MANIFEST, EntryNames
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import Bundle, BundleGone, Member, Placed, Skipped
from fototeca.photos import Photo
from fototeca.vault.protocol import Stored, Vault

BATCH = 500
"""Photos placed in one transaction: progress is seen, and memory stays the same."""


class Plan:
    """One preparation under way: where the next entry goes."""

    def __init__(self, catalog: Catalog, vault: Vault, bundle: Bundle, claim: str) -> None:
        self._catalog = catalog
        self._vault = vault
        self._bundle = bundle
        self._claim = claim
        self.archived: list[str] = []
        """Photos whose originals cannot be read before they were restored."""
        self._names = EntryNames()
        self._layout = Layout()
        self._manifest_size = 0
        self._manifest_crc32 = 0
        self._manifest_sha256 = hashlib.sha256()

    @property
    def photos(self) -> int:
        """Placed so far, the manifest not among them."""
        return self._layout.count

    @property
    def archive_size(self) -> int:
        return self._layout.size

    @property
    def etag(self) -> str:
        return self._layout.etag

    def manifest(self) -> Iterator[bytes]:
        """The manifest's bytes, as UTF-8 JSON. Places every photo as it goes."""
        for part in self._manifest_parts():
            chunk = part.encode()
            self._manifest_size += len(chunk)
            self._manifest_crc32 = isal_zlib.crc32(chunk, self._manifest_crc32)
            self._manifest_sha256.update(chunk)
            yield chunk

    def place_manifest(self) -> None:
        """The manifest is the last entry: only then are its size and sum known."""
        entry = Entry(MANIFEST, self._manifest_size, self._manifest_crc32, self._bundle.created_at)
        self._catalog.bundles.place(self._bundle, self._claim, [self._place(entry, None)], [])

    def _manifest_parts(self) -> Iterator[str]:
        head = {
            "fototeca_manifest": 1,
            "bundle": self._bundle.id,
            "created_at": self._bundle.created_at.isoformat(),
            "selection": {
                name: sorted(getattr(self._bundle.selection, name))
                for name in ("any", "all", "none")
            },
        }
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "photos": [\n'
        skipped: list[Skipped] = []
        separator = ""
        members = self._catalog.bundles.members(self._bundle)
        while batch := list(islice(members, BATCH)):
            placed, newly_skipped, lines = [], [], []
            ids = [member.photo.id for member in batch]
            found = self._vault.stored(self._bundle.owner, ids)
            for member, stored in zip(batch, found, strict=True):
                reason = _unusable(member.photo, stored)
                if reason is not None:
                    photo = member.photo
                    newly_skipped.append(Skipped(photo.id, photo.name, reason))
                    continue
                if stored is not None and stored.archived:
                    self.archived.append(member.photo.id)
                place = self._place(self._entry(member.photo), member.photo.id)
                placed.append(place)
                lines.append(separator + json.dumps(_described(member, place), ensure_ascii=False))
                separator = ",\n"
            self._catalog.bundles.place(self._bundle, self._claim, placed, newly_skipped)
            skipped += newly_skipped
            yield "".join(lines)
        yield (
            "\n], "
            + json.dumps(
                {
                    "skipped": [
                        {"id": skip.id, "name": skip.name, "reason": skip.reason}
                        for skip in skipped
                    ]
                },
                ensure_ascii=False,
            )[1:]
            + "\n"
        )

    def _entry(self, photo: Photo) -> Entry:
        name = self._names.add(photo.name, photo.probe.media_type)
        return Entry(name, photo.size, photo.crc32, photo.taken_at)

    def _place(self, entry: Entry, photo: str | None) -> Placed:
        identity = self._manifest_sha256.digest() if photo is None else bytes.fromhex(photo)
        position = self._layout.count
        offset, directory_offset = self._layout.place(entry, identity)
        return Placed(
            position=position,
            photo=photo,
            name=entry.name,
            size=entry.size,
            crc32=entry.crc32,
            modified=entry.modified,
            offset=offset,
            directory_offset=directory_offset,
        )


class Rows:
    """A laid out bundle's rows as the reader asks for them. Raises BundleGone."""

    def __init__(self, catalog: Catalog, bundle: Bundle) -> None:
        self._catalog = catalog
        self._bundle = bundle
        last = catalog.bundles.last(bundle)
        if last is None:
            raise BundleGone(bundle.id)
        self.count = last.position + 1
        self.directory_start = last.offset + entry_span(last)
        self.directory_size = last.directory_offset + central_size(last, last.offset)

    def from_offset(self, offset: int) -> Iterator[Placed]:
        return self._catalog.bundles.entries_from(self._bundle, offset=offset)

    def from_directory_offset(self, offset: int) -> Iterator[Placed]:
        return self._catalog.bundles.directory_from(self._bundle, offset=offset)


def _unusable(photo: Photo, stored: Stored | None) -> str | None:
    if stored is None:
        return "its original is not in the vault"
    if stored.size != photo.size:
        return f"its original is damaged: {stored.size} of {photo.size} bytes"
    return None


def _described(member: Member, place: Placed) -> dict[str, object]:
    photo = member.photo
    return {
        "id": photo.id,
        "name": place.name,
        "original_name": photo.name,
        "labels": member.labels,
        "taken_at": photo.probe.exif.taken_at and photo.probe.exif.taken_at.isoformat(),
        "uploaded_at": photo.uploaded_at.isoformat(),
        "bytes": photo.size,
    }


def manifest_file(bundle: Bundle) -> str:
    return f"{bundle.id}.manifest.json"


def archive_file(bundle: Bundle) -> str:
    return f"{bundle.id}.zip"


def waiting_file(bundle: Bundle) -> str:
    """The ids of originals that it waits for."""
    return f"{bundle.id}.waiting"


def read_body(
    vault: Vault, bundle: Bundle, entry: Placed, start: int, stop: int
) -> Iterator[bytes]:
    """Bytes [start, stop) of an entry's file. Raises OriginalMissing."""
    if entry.photo is None:
        return vault.read_working(manifest_file(bundle), start, stop)
    return vault.read_original(bundle.owner, entry.photo, start, stop)
