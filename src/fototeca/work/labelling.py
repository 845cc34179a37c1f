"""Labels one photo: decode, renditions, labels. What every worker does, threads and functions."""

from __future__ import annotations

import logging
from pathlib import Path

from PIL import Image

from fototeca.catalog.protocol import CatalogBusy
from fototeca.catalog.protocol.photos import Embedding
from fototeca.catalog.protocol.queue import Claim, Failed, Labelled
from fototeca.imaging.develop import develop
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.imaging.probe import probe
from fototeca.labelling.protocol import Embedder, Labeller, LabellerUnavailable
from fototeca.photos import Photo
from fototeca.vault.protocol import (
    OriginalArchived,
    OriginalMissing,
    Size,
    Vault,
    VaultFull,
    VaultUnavailable,
)

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""A photo that ended its worker this often is not tried again until the owner says so."""
NOT_ITS_FAULT = (CatalogBusy, LabellerUnavailable, VaultFull, VaultUnavailable)
"""What passes: the photo is to be tried again."""


class PhotoLabelling:
    """Labels one claimed photo: decode, renditions, labels."""

    def __init__(self, vault: Vault, labeller: Labeller, limits: Limits) -> None:
        self._vault = vault
        self._labeller = labeller
        self._limits = limits

    def __call__(self, claim: Claim) -> Labelled | Failed:
        """What came of it. Raises NOT_ITS_FAULT: then it is still to be done."""
        photo = claim.photo
        if claim.attempts >= ATTEMPTS:
            reason = f"decoding it ended the worker {claim.attempts} times"
            return Failed(photo.owner, photo.id, reason)
        try:
            result = self.of_original(claim)
        except NOT_ITS_FAULT:
            raise
        except Exception as error:
            # Whatever a decoder can throw, one photo never blocks the others.
            log.exception("labelling %s", photo.id)
            result = Failed(photo.owner, photo.id, f"unexpected: {type(error).__name__}")
        if isinstance(result, Failed):
            # Read from a disk that goes away meanwhile, a sound photo looks broken.
            self._vault.check()
        return result

    def of_original(self, claim: Claim) -> Labelled | Failed:
        """Of the original in the vault. Raises whatever a decoder can throw, too."""
        photo = claim.photo
        try:
            with self._vault.local_original(photo.owner, photo.id) as path:
                return self.of_file(claim, path)
        except OriginalArchived:
            return self._of_rendition(photo)
        except OriginalMissing:
            return Failed(photo.owner, photo.id, "its original is not in the vault")

    def of_file(self, claim: Claim, path: Path) -> Labelled | Failed:
        """Of an original that is at hand. Raises whatever a decoder can throw, too."""
        try:
            return self._seen(claim.photo, path)
        except Unreadable as error:
            return Failed(claim.photo.owner, claim.photo.id, str(error))

    def _of_rendition(self, photo: Photo) -> Labelled | Failed:
        """While the original takes hours to be read: a model looks at fewer pixels."""
        sizes = (Size.VIEW, Size.GRID)  # a small original is its own view
        found = (self._vault.rendition(photo.owner, photo.id, size) for size in sizes)
        jpeg = next(filter(None, found), None)
        if jpeg is None:
            return Failed(photo.owner, photo.id, "its original is in the archive: restore it first")
        with self._vault.stage() as staged:
            staged.write(jpeg)
            try:
                probed = probe(staged.path, self._limits)
                developed = develop(staged.path, probed, self._limits, self._labeller.input_side)
            except Unreadable as error:
                return Failed(photo.owner, photo.id, str(error))
        return self._labelled(photo, developed.image)

    def _seen(self, photo: Photo, path: Path) -> Labelled:
        """Raises Unreadable."""
        developed = develop(path, photo.probe, self._limits, self._labeller.input_side)
        self._vault.keep_rendition(photo.owner, photo.id, Size.GRID, developed.grid)
        if developed.view is not None:
            self._vault.keep_rendition(photo.owner, photo.id, Size.VIEW, developed.view)
        return self._labelled(photo, developed.image)

    def _labelled(self, photo: Photo, image: Image.Image) -> Labelled:
        if isinstance(self._labeller, Embedder):
            vector = self._labeller.embed(image)
            detections = self._labeller.label_embedding(vector)
            source = self._labeller.embedding_source
            embedding = Embedding(source, tuple(vector.tolist()))
        else:
            detections, embedding = self._labeller.label(image), None
        source = self._labeller.source
        return Labelled(photo.owner, photo.id, tuple(detections), source, embedding)
