"""Opens a library: the one place that chooses the adapters, from the settings."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from fototeca.bundling.bundles import Bundling
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.accounts import Account
from fototeca.catalog.protocol.photos import Embedding
from fototeca.ingest import Ingest
from fototeca.label_settings import Vocabulary
from fototeca.labelling.choice import knows_texts, open_labeller, source_of
from fototeca.labelling.protocol import Embedder, Labeller
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Photo, Selection, now
from fototeca.settings import Settings
from fototeca.vault.folder import FolderVault
from fototeca.vault.protocol import MARKER, Vault

# What not every function on AWS needs is imported where it is chosen: it starts sooner.
if TYPE_CHECKING:
    from fototeca.bucket_imports import BucketImports
    from fototeca.identity import Identity
    from fototeca.imports import Importing
    from fototeca.inbox import Inbox
    from fototeca.notify.protocol import Notifier
    from fototeca.notify.telling import Telling
    from fototeca.work.protocol import Work
    from fototeca.work.threads import Workers

log = logging.getLogger(__name__)

CATALOG = "catalog.sqlite3"
UNFINISHED = "restoring"
"""In the folder of a library while it is restored of a backup."""


class LibraryMissing(Exception):
    """The folder is no library, or part of it has vanished. The text says what to do."""


class LibraryElsewhere(Exception):
    """What works on files of the library was asked of one that has none."""


@dataclass(frozen=True, slots=True)
class LockedFolder:
    """A library's folder, in use by this process."""

    path: Path
    lock: int
    """Descriptor."""


class Library:
    """An open library and all that works on it."""

    def __init__(
        self,
        settings: Settings,
        taxonomy: Taxonomy,
        catalog: Catalog,
        vault: Vault,
        folder: LockedFolder | None,
    ) -> None:
        """`folder` is where the catalog is kept; None for one on AWS."""
        self.settings = settings
        self.taxonomy = taxonomy
        self.catalog = catalog
        self.vault = vault
        self.ingest = Ingest(catalog, vault, settings.limits)
        self.bundles = Bundling(catalog, vault, settings.bundle_lifetime)
        self._folder = folder
        self._workers: Workers | None = None
        self._labeller: Labeller | None = None
        self._notifier: Notifier | None = None
        self._loading = threading.Lock()

    @property
    def place(self) -> str:
        """Where the catalog is, for people."""
        return f"the table {self.settings.table}" if self._folder is None else str(self.root)

    @property
    def root(self) -> Path:
        """The library's folder. Raises LibraryElsewhere for one on AWS."""
        if self._folder is None:
            raise LibraryElsewhere("this needs a library in a folder, and this one is on AWS")
        return self._folder.path

    @cached_property
    def identity(self) -> Identity:
        from fototeca.identity import Identity

        return Identity(self.catalog, self.settings)

    @cached_property
    def imports(self) -> Importing:
        from fototeca.imports import Importing
        from fototeca.work.aws import AwsWork

        return Importing(
            self.catalog,
            self.ingest,
            self.settings.import_roots,
            self.settings.threads + 2,
            self._wake,
            self._bucket_imports(),
            self.work.bring_in if isinstance(self.work, AwsWork) else None,
        )

    def _bucket_imports(self) -> BucketImports | None:
        if not self.settings.import_buckets:
            return None
        from fototeca.bucket_imports import BucketImports
        from fototeca.vault.s3 import S3Vault
        from fototeca.vault.s3.source import S3Buckets

        # Where somebody is told of new objects, S3 copies them into the inbox.
        inbox = None
        if isinstance(self.vault, S3Vault) and self.vault.signer is not None:
            inbox = self.vault.photos.bucket
        return BucketImports(
            self.catalog,
            self.vault,
            self.ingest,
            S3Buckets(inbox_bucket=inbox),
            self.settings.import_buckets,
            self.settings.threads + 2,
        )

    @cached_property
    def inbox(self) -> Inbox:
        from fototeca.inbox import Inbox

        return Inbox(self.root / "inbox", self.root / "refused", self.catalog, self.ingest)

    @cached_property
    def work(self) -> Work:
        if self.settings.state_machine is not None and self.settings.chores_function is not None:
            from fototeca.work.aws import AwsWork

            return AwsWork(self.catalog, self.settings.state_machine, self.settings.chores_function)
        from fototeca.work.threads import ThreadedWork

        return ThreadedWork(self.catalog, self._wake)

    @cached_property
    def telling(self) -> Telling:
        from fototeca.notify.telling import Telling

        return Telling(self.catalog, self.notifier, self.settings.address)

    def labeller(self) -> Labeller:
        """The model, loaded when it is first needed."""
        with self._loading:
            if self._labeller is None:
                self._labeller = open_labeller(self.settings.labeller, self.taxonomy)
            return self._labeller

    def labels_by(self) -> str:
        """The model that labels and its version: the source of detections."""
        if self._labeller is None and (known := source_of(self.settings.labeller)):
            return known
        return self.labeller().source

    def notifier(self) -> Notifier:
        """Opened when somebody is to be told something for the first time."""
        from fototeca.notify.choice import open_notifier

        with self._loading:
            if self._notifier is None:
                self._notifier = open_notifier(self.settings)
            return self._notifier

    def searched(self, owner: str, selection: Selection, text: str, limit: int) -> list[Photo]:
        """The selected photos that a description fits best, by a model that knows texts."""
        if not text.strip() or not knows_texts(self.settings.labeller):
            return []
        labeller = self.labeller()
        assert isinstance(labeller, Embedder)
        vector = tuple(labeller.embed_text(text).tolist())
        to = Embedding(labeller.embedding_source, vector)
        return self.catalog.photos.nearest(owner, selection, to, limit)

    def workers(self) -> Workers:
        """This process's workers, not yet started."""
        from fototeca.work.threads import Workers

        if self._workers is None:
            self._workers = Workers(
                self.catalog,
                self.vault,
                self.bundles,
                self.inbox if self._folder is not None else None,
                self.telling,
                self.imports,
                self.labeller,
                self.settings.limits,
                threads=self.settings.threads,
                inbox_seconds=self.settings.inbox_seconds,
                trash_lifetime=self.settings.trash_lifetime,
            )
        return self._workers

    def vocabulary(self, owner: str) -> Vocabulary:
        """The labels as this owner names them."""

        def used() -> list[str]:
            return [each.name for each in self.catalog.photos.labels(owner, Selection())]

        return Vocabulary(self.taxonomy, self.catalog.label_preferences.get(owner), used)

    def local_account(self) -> Account:
        """The single account, made without credentials in an empty library.

        Raises LookupError when there are several.
        """
        accounts = self.catalog.accounts.all()
        if not accounts:
            return self.catalog.accounts.add(None, None, now())
        if len(accounts) > 1:
            raise LookupError("there are several accounts: say which")
        return accounts[0]

    def _wake(self) -> None:
        if self._workers is not None:
            self._workers.wake()

    def close(self) -> None:
        if "imports" in self.__dict__:
            self.imports.close()
        if self._workers is not None:
            self._workers.stop()
        self.catalog.close()
        if self._folder is not None:
            os.close(self._folder.lock)

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_library(settings: Settings, *, create: bool = True) -> Library:
    """Open the library of the settings; make an empty one where there is nothing yet.

    Raises LibraryMissing, SchemaNewer.
    """
    taxonomy = Taxonomy.load()
    if settings.table is not None:
        from fototeca.catalog.dynamodb import DynamoCatalog

        there = DynamoCatalog(settings.table, taxonomy)
        return Library(settings, taxonomy, there, _vault(settings, None), None)
    root = settings.library.expanduser().resolve()
    _check_folder(root, create, in_bucket=settings.photos_bucket is not None)
    lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        alone = _lock(lock)
        from fototeca.catalog.sqlite import SqliteCatalog

        catalog = SqliteCatalog(root / CATALOG, taxonomy)
        vault = _vault(settings, root)
        library = Library(settings, taxonomy, catalog, vault, LockedFolder(root, lock))
        if alone:
            _recover(library)
    except BaseException:
        os.close(lock)
        raise
    fcntl.flock(lock, fcntl.LOCK_SH)
    return library


def _vault(settings: Settings, root: Path | None) -> Vault:
    if settings.photos_bucket is not None:
        from fototeca.vault.s3 import S3Vault

        return S3Vault(
            settings.photos_bucket,
            # Where no archive is built, the little that is working needs no bucket of its own.
            settings.working_bucket or settings.photos_bucket,
            # Of what came by a signed URL, only functions are told.
            signs=settings.table is not None,
            archive_tiers=settings.archive_tiers,
        )
    assert root is not None  # the settings have no table without a bucket
    return FolderVault(root / "vault")


def _check_folder(root: Path, create: bool, in_bucket: bool) -> None:
    """`in_bucket`: the photos are in a bucket, and the catalog alone is here."""
    marker = root / "vault" / MARKER
    catalog = root / CATALOG
    kept_here = marker.exists() and any((root / "vault" / "originals").iterdir())
    if in_bucket and kept_here:
        raise LibraryMissing(f"{root}: its photos are here, not in a bucket: see `fototeca move`")
    if catalog.exists() and (in_bucket or marker.exists()):
        return
    if catalog.exists():
        raise LibraryMissing(f"{root}: the photos' folder is empty or not mounted ({marker})")
    if (root / UNFINISHED).exists():
        raise LibraryMissing(f"{root}: no library yet: restoring it was interrupted, do it again")
    if kept_here:
        raise LibraryMissing(f"{root}: photos are there but {CATALOG} is not: restore a backup")
    if not create:
        raise LibraryMissing(f"{root}: no library here")
    others = root.exists() and [
        path for path in root.iterdir() if path.name not in {"lock", "vault", "inbox"}
    ]
    if others and not marker.exists():
        raise LibraryMissing(f"{root}: not empty, and not a library")
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    if not in_bucket:
        FolderVault.make(root / "vault")


def _lock(descriptor: int) -> bool:
    """Hold the library's lock while it is open; True when no other process does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return False


def _recover(library: Library) -> None:
    """Clear up after processes that were killed: nobody else has the library open."""
    library.catalog.queue.release()
    library.catalog.bundles.release()
    for unfinished in library.catalog.imports.running():
        library.imports.finish(unfinished)
    if isinstance(library.vault, FolderVault):
        library.vault.sweep()
