"""Tidying up: ends what is past its time. Every place does it, by threads or every hour."""

from __future__ import annotations

from datetime import timedelta

from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import Catalog
from fototeca.photos import now
from fototeca.vault.protocol import Vault


def tidy(catalog: Catalog, vault: Vault, bundling: Bundling, trash_lifetime: timedelta) -> None:
    """Bundles and sessions that expired, photos that lay in the trash long enough.

    Raises VaultUnavailable: what has bytes in the vault waits until they can be deleted.
    """
    catalog.accounts.end_expired_sessions(now())
    vault.check()
    bundling.expire()
    while due := catalog.photos.purgeable(now() - trash_lifetime):
        purged = [catalog.photos.purge(owner, id, vault.delete_original) for owner, id in due]
        if not any(purged):
            return
