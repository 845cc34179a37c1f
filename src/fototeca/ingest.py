"""Ingest: bytes come in, are checked, made durable and recorded. Then a worker labels them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from isal import isal_zlib

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.photos import Outcome
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe
from fototeca.photos import Photo, Probe, now
from fototeca.vault.protocol import CHUNK, Staged, Vault


class Refused(Exception):
    """Bytes that cannot become a photo. The text says why, for the owner."""


class TooLarge(Refused):
    """More bytes than a photo may have."""


@dataclass(frozen=True, slots=True)
class Ingested:
    outcome: Outcome
    photo: Photo
    """As it is in the catalog: with the name it first came with."""


class Ingest:
    """Takes bytes in for an owner. Safe from several threads and processes at once."""

    def __init__(self, catalog: Catalog, vault: Vault, limits: Limits) -> None:
        self._catalog = catalog
        self._vault = vault
        self.limits = limits

    def add(
        self, owner: str, staged: Staged, name: str, uploaded_at: datetime | None = None
    ) -> Ingested:
        """Keep the staged bytes as a photo; acknowledged, they are durable.

        Raises Refused and VaultFull: then nothing of it stays. CatalogFull and CatalogBusy: no
        photo does, but its bytes may, which the same upload or a check with repair finds again.
        Deleting them could take those of an upload that was recorded meanwhile.
        """
        if staged.size > self.limits.file_bytes:
            raise TooLarge(too_large(self.limits))
        probed = self._probed(staged.path)
        photo = Photo(
            owner=owner,
            id=staged.sha256,
            name=display_name(name),
            size=staged.size,
            crc32=staged.crc32,
            probe=probed,
            uploaded_at=uploaded_at or now(),
        )
        self._vault.keep_original(owner, photo.id, staged)
        outcome = self._catalog.photos.add(photo)
        if self._vault.original_size(owner, photo.id) != photo.size:
            # A purge of the same photo took the bytes before the catalog had it again.
            self._vault.keep_original(owner, photo.id, staged)
        known = self._catalog.photos.get(owner, photo.id) if outcome != Outcome.ADDED else None
        return Ingested(outcome, known or photo)

    def take_over(
        self, owner: str, id: str, path: Path, name: str, uploaded_at: datetime
    ) -> Outcome:
        """Record an original that came into the vault without us; `path` has its bytes.

        Raises Refused for what is no photo, or has other bytes than its id says.
        """
        with path.open("rb", buffering=0) as file:
            size, sha256, crc32 = sums(iter(lambda: file.read(CHUNK), b""))
        if sha256 != id:
            raise Refused("its bytes are not the ones announced")
        if size > self.limits.file_bytes:
            raise TooLarge(too_large(self.limits))
        probed = self._probed(path)
        photo = Photo(owner, id, display_name(name), size, crc32, probed, uploaded_at)
        return self._catalog.photos.add(photo)

    def add_file(self, owner: str, path: Path, name: str | None = None) -> Ingested:
        """Copy a file in; the file stays as it is. Raises as `add` does, and OSError."""
        with path.open("rb", buffering=0) as file, self._vault.stage() as staged:
            before = os.fstat(file.fileno())
            while chunk := file.read(CHUNK):
                staged.write(chunk)
                if staged.size > self.limits.file_bytes:
                    raise TooLarge(too_large(self.limits))
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Refused("is being written: it changed while it was read")
            return self.add(owner, staged, name or path.name)

    def _probed(self, path: Path) -> Probe:
        try:
            return probe(path, self.limits)
        except Unreadable as error:
            raise Refused(str(error)) from error


def sums(chunks: Iterable[bytes]) -> tuple[int, str, int]:
    """Bytes, SHA-256 and CRC-32 of a file, in one reading."""
    size, crc32, digest = 0, 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
        crc32 = isal_zlib.crc32(chunk, crc32)
    return size, digest.hexdigest(), crc32


def too_large(limits: Limits) -> str:
    return f"larger than {limits.file_bytes / 1_000_000:.0f} MB"


def display_name(name: str) -> str:
    """A name from outside as it is shown: its last component, NFC, no control characters.

    Never empty and at most 255 characters. It is shown and written into archives (which make it
    safer still); it never decides a path of ours.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    # Cc, Cf and Cs: control, format (bidirectional overrides) and lone surrogates; but the
    # joiner that holds emoji together is no trick.
    visible = "".join(
        character
        for character in last
        if character == "\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    text = unicodedata.normalize("NFC", visible).strip()
    if len(text) > 255:
        stem, dot, extension = text.rpartition(".")
        keep = 255 - len(extension) - 1
        text = f"{stem[:keep]}.{extension}" if dot and keep > 0 else text[:255].rstrip()
    return text or "photo"
