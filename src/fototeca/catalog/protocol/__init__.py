"""The catalog port: what every catalog does, whatever it is kept in.

Each method is one transaction. Every one that reads or changes a photo or bundle takes the owner
and sees nothing of another's: to ask for someone else's id is to ask for one that does not exist.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Protocol

from fototeca.catalog.protocol.accounts import Accounts
from fototeca.catalog.protocol.bundles import Bundles
from fototeca.catalog.protocol.events import Events
from fototeca.catalog.protocol.imports import Imports
from fototeca.catalog.protocol.notices import Notices
from fototeca.catalog.protocol.outbox import Outbox, Targets
from fototeca.catalog.protocol.photos import Photos
from fototeca.catalog.protocol.preferences import LabelPreferences
from fototeca.catalog.protocol.queue import Queue


class CatalogFull(OSError):
    """No room for what was to be recorded; nothing of it was."""


class CatalogBusy(OSError):
    """Others were changing the same for too long, or the catalog does not answer.

    What was to be done may be asked for again.
    """

    def __init__(self, text: str) -> None:
        super().__init__(errno.EAGAIN, text)


class BackupElsewhere(NotImplementedError):
    """This catalog is kept by a service that makes its backups; the text says how."""


class Catalog(Protocol):
    """All of it. A catalog is opened by its adapter and closed when the process ends."""

    @property
    def photos(self) -> Photos: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def label_preferences(self) -> LabelPreferences: ...
    @property
    def bundles(self) -> Bundles: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def imports(self) -> Imports: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def events(self) -> Events: ...

    def secret(self, name: str) -> bytes:
        """32 random bytes kept under this name: made at the first call, the same ever after."""
        ...

    def replace_secret(self, name: str) -> bytes:
        """New random bytes under this name."""
        ...

    def backup(self, path: Path) -> None:
        """Write a consistent copy of the catalog to a new file. Raises BackupElsewhere."""
        ...

    def check(self, repair: bool) -> list[str]:
        """What is wrong in the catalog itself (counts, membership, orphaned rows), in words.

        With `repair`, also mends it.
        """
        ...

    def close(self) -> None: ...
