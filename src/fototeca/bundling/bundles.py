"""Bundles: photos are frozen when asked for, given their places, and served as one archive."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fototeca.bundling.plan import (
    Plan,
    Rows,
    archive_file,
    manifest_file,
    read_body,
    waiting_file,
)
from fototeca.bundling.reader import read_archive
from fototeca.catalog.protocol import Catalog, CatalogFull
from fototeca.catalog.protocol.bundles import Bundle, BundleGone, BundleState, ClaimLost, Placed
from fototeca.photos import Selection, now
from fototeca.vault.protocol import Vault, VaultFull, VaultUnavailable

log = logging.getLogger(__name__)


class EmptySelection(ValueError):
    """No photo is selected: there is nothing to bundle."""


class NotReady(Exception):
    """The bundle has no archive: it is being prepared, has failed or has expired."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A bundle's archive: of known size, readable from any byte."""

    bundle: Bundle
    size: int
    etag: str
    """SHA-256, hex: a strong validator."""
    modified: datetime
    _bundling: Bundling

    @property
    def filename(self) -> str:
        return f"fototeca-{self.bundle.created_at:%Y-%m-%d}-{self.bundle.id[:6]}.zip"

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) in chunks of about 1 MiB.

        Raises OriginalMissing in the middle when a photo's bytes have vanished: what was sent
        is never taken for the whole, since its size was told before.
        """
        return self._bundling.read(self.bundle, start, stop)

    def url(self, disposition: str, lifetime: timedelta) -> str | None:
        """Where the vault itself serves it, no longer than the bundle lives; None when it is served
        from the originals."""
        return self._bundling.archive_url(self.bundle, disposition, lifetime)


class Bundling:
    def __init__(self, catalog: Catalog, vault: Vault, lifetime: timedelta) -> None:
        self._catalog = catalog
        self._vault = vault
        self._lifetime = lifetime

    def request(
        self,
        owner: str,
        selection: Selection,
        ids: Sequence[str] | None = None,
        *,
        name: str = "",
        without: Collection[str] = (),
        quiet: bool = False,
    ) -> Bundle:
        """Freeze what is selected now; a worker then prepares it. Raises EmptySelection.

        `quiet`: who asks waits for it, and no notice tells what becomes of it.
        """
        asked = now()
        expires = asked + self._lifetime
        bundle = self._catalog.bundles.freeze(
            owner, selection, ids, asked, expires, name=name, without=without, quiet=quiet
        )
        if not bundle.photos:
            self._catalog.bundles.delete(owner, bundle.id)
            raise EmptySelection("no photo is selected")
        return bundle

    def prepare(self, bundle: Bundle) -> Bundle:
        """Make it ready to be served from the originals. May be interrupted and run again."""
        plan = self.lay_out(bundle)
        if plan is not None:
            self._catalog.bundles.ready(bundle, plan.archive_size, plan.etag)
        return self._catalog.bundles.get(bundle.owner, bundle.id) or bundle

    def lay_out(self, bundle: Bundle) -> Plan | None:
        """Give every photo its place in the archive. May be interrupted and run again.

        What cannot be included is skipped and named; a bundle of which nothing is left fails.
        None when there is no layout to go on with: it failed, is gone, or is another's work.
        """
        try:
            return self._lay_out(bundle)
        except ClaimLost:
            log.warning("bundle %s: held up for too long, another goes on with it", bundle.id)
        except BundleGone:
            self._vault.delete_working(manifest_file(bundle))
        except (VaultFull, CatalogFull):
            self._catalog.bundles.fail(bundle, "no room left for its list")
        return None

    def archive(self, bundle: Bundle) -> Archive:
        """Raises NotReady."""
        expired = bundle.expires_at <= now()
        if (
            expired
            or bundle.state is not BundleState.READY
            or bundle.archive_size is None
            or bundle.etag is None
        ):
            raise NotReady("expired" if expired else bundle.state.value)
        return Archive(bundle, bundle.archive_size, bundle.etag, bundle.created_at, self)

    def read(self, bundle: Bundle, start: int, stop: int) -> Iterator[bytes]:
        def body(entry: Placed, first: int, end: int) -> Iterator[bytes]:
            return read_body(self._vault, bundle, entry, first, end)

        return read_archive(Rows(self._catalog, bundle), body, start, stop)

    def archive_url(self, bundle: Bundle, disposition: str, lifetime: timedelta) -> str | None:
        if bundle.upload is None or self._vault.signer is None:
            return None
        return self._vault.signer.working(
            archive_file(bundle),
            media_type="application/zip",
            disposition=disposition,
            lifetime=min(lifetime, bundle.expires_at - now()),
        )

    def delete(self, owner: str, id: str) -> bool:
        bundle = self._catalog.bundles.delete(owner, id)
        if bundle is None:
            return False
        self.forget(bundle)
        return True

    def expire(self) -> None:
        """End the bundles that are past their time. Raises VaultUnavailable at the end."""
        failure: VaultUnavailable | None = None
        for bundle in self._catalog.bundles.expire(now()):
            try:
                self.forget(bundle)
            except VaultUnavailable as error:
                failure = error
        if failure is not None:
            raise failure

    def forget(self, bundle: Bundle) -> None:
        """Delete what it has in the vault: its manifest, its archive or the parts of one."""
        self._vault.delete_working(manifest_file(bundle))
        if self._vault.assembly is not None:
            if bundle.upload is not None:
                self._vault.assembly.abort(archive_file(bundle), bundle.upload)
            for name in (archive_file(bundle), waiting_file(bundle)):
                self._vault.delete_working(name)

    def _lay_out(self, bundle: Bundle) -> Plan | None:
        claim = self._catalog.bundles.begin(bundle)
        if claim is None:
            return None
        plan = Plan(self._catalog, self._vault, bundle, claim)
        # Writing the manifest drives the placing: one pass, whatever the number of photos.
        self._vault.keep_working(manifest_file(bundle), plan.manifest())
        if not plan.photos:
            self._catalog.bundles.fail(bundle, "none of its photos could be read")
            self._vault.delete_working(manifest_file(bundle))
            return None
        plan.place_manifest()
        return plan
