"""Tidying up: ends what is past its time. Every place does it, by threads or every hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import Catalog
from fototeca.photos import now
from fototeca.vault.protocol import Vault

TOLD = timedelta(days=90)
"""How long notices, and what came of imports, are kept."""


def tidy(
    catalog: Catalog,
    vault: Vault,
    bundling: Bundling,
    trash_lifetime: timedelta,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Sessions and bundles that expired, old notices and imports, photos that lay in the trash long
    enough.

    Of the photos it leaves the rest for the next time once `goes_on` says no. Raises
    VaultUnavailable: what has bytes in the vault waits until they can be deleted.
    """
    catalog.accounts.end_expired_sessions(now())
    catalog.notices.forget(now() - TOLD)
    catalog.imports.forget(now() - TOLD)
    vault.check()
    bundling.expire()
    for owner, id in catalog.photos.purgeable(now() - trash_lifetime):
        if not goes_on():
            return
        catalog.photos.purge(owner, id, vault.delete_original)
