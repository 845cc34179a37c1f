"""The catalog port: what every catalog does, whatever it is kept in.

Each method is one transaction. Every one that reads or changes a photo or bundle takes the owner
and sees nothing of another's: to ask for someone else's id is to ask for one that does not exist.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from fototeca.label_settings import LabelSettings
from fototeca.photos import Correction, CorrectionChange, Detection, Photo, Selection


class CursorInvalid(ValueError):
    """A page cursor that this catalog did not give out."""


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


class Outcome(StrEnum):
    """What became of a photo that was brought in."""

    ADDED = "added"
    DUPLICATE = "duplicate"
    RESTORED = "restored"
    """It was in the trash; it is back, corrections included."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of photos, newest first."""

    photos: tuple[Photo, ...]
    next_cursor: str | None
    total: int
    """Photos in the whole selection, not only in this page."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a selection's photos follow each other, newest first, without saying which they are."""

    days: tuple[tuple[date, int], ...]
    """How many photos each day has, by the clock where they were taken; newest first."""
    ratios: tuple[int, ...]
    """Width / height of each upright photo, in hundredths."""
    cursors: tuple[str, ...]
    """Where each page after the first begins."""


@dataclass(frozen=True, slots=True)
class PhotoLabels:
    """Everything known of one photo's labels."""

    on: tuple[str, ...]
    """The labels that are on the photo, by name."""
    detections: tuple[Detection, ...]
    """All kept ones, surest first, also those under their threshold."""
    correction: Correction


@dataclass(frozen=True, slots=True)
class Embedding:
    """Where a picture lies in a model's space of texts and pictures."""

    source: str
    """The model and its version: those of two sources cannot be compared."""
    vector: tuple[float, ...]
    """Of length 1."""


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """All that a catalog knows of a photo by itself, as another catalog can take it over."""

    photo: Photo
    detections: tuple[Detection, ...] = ()
    """Surest first."""
    correction: Correction = field(default_factory=Correction)
    source: str | None = None
    """The model that labelled it last, and its version."""
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction of many photos did."""

    photos: int
    """How many of them exist."""
    undo: Mapping[CorrectionChange, frozenset[str]]
    """Changes that restore what the owner had said before, each with the ids it is for."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much a selection holds."""

    photos: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """A worker's result: the photo's labels as a model saw them."""

    owner: str
    id: str
    detections: tuple[Detection, ...]
    source: str
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker's result: why a photo could not be labelled."""

    owner: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A photo handed to one worker for a while."""

    photo: Photo
    attempts: int
    """Times it was claimed before without an answer: it may be what kills workers."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far the labelling of an owner's photos is."""

    waiting: int
    labelled: int
    failed: int
    running: int = 0
    """Of those that wait, how many a worker has in hand now."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What labelling again did to one label."""

    name: str
    before: int
    """Photos that it was on."""
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Relabelling:
    """The last time that an owner had photos labelled again; it may be under way."""

    started_at: datetime
    finished_at: datetime | None
    total: int
    """Photos."""
    done: int
    changes: tuple[LabelChange, ...]
    """Of labels that photos gained or lost, most first."""


@dataclass(frozen=True, slots=True)
class Recomputing:
    """How far an owner's photos are brought up to changed settings."""

    done: int
    total: int


class Photos(Protocol):
    """Photos and what is on them."""

    def add(self, photo: Photo) -> Outcome:
        """Record a photo whose bytes are in the vault. The same owner and id again adds nothing."""
        ...

    def get(self, owner: str, id: str) -> Photo | None:
        """The photo, trashed or not."""
        ...

    def known(self, owner: str, ids: Iterable[str]) -> frozenset[str]:
        """Those of these ids that are here and not in the trash."""
        ...

    def page(
        self,
        owner: str,
        selection: Selection,
        *,
        state: str | None = None,
        trashed: bool = False,
        name: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of the selection; `name` keeps photos whose name contains it.

        Raises CursorInvalid.
        """
        ...

    def layout(
        self,
        owner: str,
        selection: Selection,
        *,
        trashed: bool = False,
        name: str = "",
        page: int = 100,
    ) -> Layout:
        """All of what `page` gives in pages of that many photos, in a few bytes a photo."""
        ...

    def version(self, owner: str) -> int | None:
        """A number that grows with every change of what `layout` may answer this owner.

        None where that cannot be told without reading the photos.
        """
        ...

    def nearest(
        self, owner: str, selection: Selection, to: Embedding, limit: int = 100
    ) -> list[Photo]:
        """The selected photos whose embeddings of the same source are most like `to`, best first.

        Those that have none are left out.
        """
        ...

    def totals(self, owner: str, selection: Selection, *, name: str = "") -> Totals: ...

    def labels_of(self, owner: str, id: str) -> PhotoLabels | None: ...

    def labels(self, owner: str, selection: Selection) -> list[LabelCount]:
        """The labels on the selected photos, with how many of those each is on; most first."""
        ...

    def correct(
        self,
        owner: str,
        ids: Sequence[str],
        add: Iterable[str],
        remove: Iterable[str],
        clear: Iterable[str] = (),
    ) -> Corrected:
        """Add and remove labels on these photos, or take back what was said of labels before."""
        ...

    def trash(self, owner: str, ids: Sequence[str], at: datetime) -> int:
        """Put photos into the trash. Returns how many are newly there."""
        ...

    def restore(self, owner: str, ids: Sequence[str]) -> int:
        """Take photos out of the trash, once it is sure that they are not purged. How many are."""
        ...

    def purgeable(self, trashed_before: datetime) -> Iterator[tuple[str, str]]:
        """(owner, id) of photos trashed before then that no unexpired bundle needs.

        They may be purged on the way.
        """
        ...

    def purge(self, owner: str, id: str, delete_bytes: Deletion) -> bool:
        """Forget one trashed photo and call `delete_bytes`, as one step that no upload can enter.

        False, and nothing done, when it is no longer in the trash or a bundle needs it by now.
        """
        ...

    def measured(self, owner: str, id: str, size: int, crc32: int) -> None:
        """Record what the original, whose SHA-256 is right, was found to have."""
        ...

    def all(self) -> Iterator[Photo]:
        """Every photo of every owner, for checks."""
        ...

    def record(self, owner: str, id: str) -> PhotoRecord | None:
        """The photo, trashed or not, with all that is known of it."""
        ...

    def put(self, record: PhotoRecord) -> None:
        """Make a photo of an account that is here just what the record says, its bytes being in
        the vault. A waiting one is waiting here, too; what is on it follows this owner's settings.

        The same record a second time changes nothing.
        """
        ...


class Deletion(Protocol):
    def __call__(self, owner: str, id: str) -> None: ...


class Queue(Protocol):
    """The photos that wait for a worker."""

    def take(self, worker: str, owner: str, id: str, until: datetime) -> Claim | None:
        """Claim this photo; None when it does not wait or another worker holds it.

        For workers that are told what to do one by one: they need not spare suspects.
        """
        ...

    def claim(self, worker: str, limit: int, until: datetime) -> list[Claim]:
        """Take up to `limit` waiting photos that no other worker holds.

        A photo that was claimed before without an answer comes last and alone, while no other
        is in any worker's hands, so that one that kills its worker takes no other with it.
        """
        ...

    def settle(self, worker: str, results: Sequence[Labelled | Failed]) -> None:
        """Record results and move the counts with them; a second time changes nothing."""
        ...

    def renew(self, process: str, until: datetime) -> None:
        """Hold on to what the workers of a process, named `{process}-...`, have claimed."""
        ...

    def release(self, worker: str | None = None) -> int:
        """Give back what this worker, or every worker, still holds."""
        ...

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        """Put failed photos (these, or all) back into the queue."""
        ...

    def relabel(self, owner: str, ids: Sequence[str] | None = None, *, more: bool = False) -> int:
        """Put every photo, or these, back into the queue; labels stay until the new ones are there.

        `more`: as part of what the last call began.
        """
        ...

    def relabelling(self, owner: str) -> Relabelling | None:
        """What came of the last `relabel`, so far."""
        ...

    def outdated(self, owner: str, source: str) -> int:
        """Photos that were labelled last by another model or version than this."""
        ...

    def work(self, owner: str) -> Work: ...

    def pending(self) -> int:
        """Photos of every owner that wait, claimed or not."""
        ...


class LabelPreferences(Protocol):
    """Owners' label settings, and bringing photos up to them."""

    def get(self, owner: str) -> LabelSettings: ...

    def put(self, owner: str, settings: LabelSettings) -> None:
        """Labels settle by them from now on; photos that have theirs follow by `recompute`."""
        ...

    def recomputing(self, owner: str) -> Recomputing | None:
        """None when every photo is up to the settings."""
        ...

    def recompute(self, limit: int = 200) -> int:
        """Bring some more photos, of any owner, up to its settings.

        Returns how many; 0: all are, or another process, which was quicker, goes on. Counts and
        selections agree with each other at every moment, on the way, too.
        """
        ...


class BundleState(StrEnum):
    PREPARING = "preparing"
    RESTORING = "restoring"
    """Laid out; waits for originals that are in a tier of the vault where opening takes hours."""
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that a bundle could not include."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A frozen selection and its archive."""

    id: str
    owner: str
    selection: Selection
    state: BundleState
    created_at: datetime
    expires_at: datetime
    photos: int
    """Photos frozen in it."""
    bytes: int
    """Of their originals."""
    name: str = ""
    """Part of their names, which narrowed the selection."""
    left_out: int = 0
    """Photos that the selection was asked for without."""
    prepared: int = 0
    """Photos given their place in the archive so far."""
    skipped: int = 0
    failure: str | None = None
    archive_size: int | None = None
    """Bytes, known once ready."""
    etag: str | None = None
    """SHA-256, hex: the archive's strong validator."""
    upload: str | None = None
    """Where the archive is built in parts: the vault's name for that, once it may be used."""
    parts: int = 0
    built: int = 0
    """Of the parts, those that are there."""


@dataclass(frozen=True, slots=True)
class Member:
    """A photo frozen in a bundle, in the bundle's order."""

    position: int
    photo: Photo
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """An archive entry with its place: a row of the archive's layout."""

    position: int
    photo: str | None
    """Photo id; None for the manifest."""
    name: str
    size: int
    crc32: int
    modified: datetime
    offset: int
    """Of its local header in the archive."""
    directory_offset: int
    """Of its central directory header, from the start of the central directory."""


REMEMBERED = timedelta(days=30)
"""How long an expired bundle is still listed."""


def ready_text(photos: int, skipped: int) -> str:
    """The notice that a bundle of so many frozen photos is ready."""
    included = photos - skipped
    ready = "Your photo is" if included == 1 else f"Your {included:,} photos are"
    left_out = f" {skipped:,} could not be included." if skipped else ""
    return f"{ready} ready to download.{left_out}"


def failed_text(reason: str) -> str:
    """The notice that a bundle has failed."""
    return f"A bundle could not be made: {reason}"


class BundleGone(LookupError):
    """The bundle was deleted meanwhile."""


class ClaimLost(Exception):
    """The claim ran out, and another worker prepares the bundle now."""


class Bundles(Protocol):
    """Bundles. What takes a Bundle raises BundleGone when it was deleted meanwhile."""

    def freeze(
        self,
        owner: str,
        selection: Selection,
        ids: Sequence[str] | None,
        at: datetime,
        expires_at: datetime,
        *,
        name: str = "",
        without: Collection[str] = (),
        quiet: bool = False,
    ) -> Bundle:
        """Freeze the photos that are selected now (or those of `ids` that exist), oldest first.

        `name` and `without` narrow the selection: by part of a photo's name, and by ids. `quiet`:
        who asks waits for it, and no notice tells what becomes of it.
        """
        ...

    def get(self, owner: str, id: str) -> Bundle | None: ...

    def of(self, owner: str) -> list[Bundle]:
        """Newest first."""
        ...

    def preparing(self) -> list[Bundle]:
        """Those of every owner that still need preparing, oldest first."""
        ...

    def members(self, bundle: Bundle) -> Iterator[Member]: ...

    def begin(self, bundle: Bundle) -> str | None:
        """Claim the preparation, and drop what an interrupted one left. Returns the claim.

        None when there is nothing to prepare (it is restoring or being built, too) or another
        worker is at it. The claim holds for a minute after the last `place`.
        """
        ...

    def release(self) -> None:
        """Give back every preparation that killed processes had claimed."""
        ...

    def place(
        self, bundle: Bundle, claim: str, placed: Sequence[Placed], skipped: Sequence[Skipped]
    ) -> None:
        """Record entries with their places, and photos that were skipped; progress follows.

        Raises ClaimLost, and records nothing, when another has begun since.
        """
        ...

    def restoring(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        """Its layout is whole, and it waits for originals. False when it was not preparing."""
        ...

    def building(
        self, bundle: Bundle, archive_size: int, etag: str, upload: str, parts: int
    ) -> bool:
        """Its layout is whole, and this is the upload that its parts go to: it is preparing.

        False, and nothing recorded, when it has another upload or is beyond that.
        """
        ...

    def built(self, bundle: Bundle, part: int) -> None:
        """Record that a part, counted from 1, is there; a second time changes nothing."""
        ...

    def ready(self, bundle: Bundle, archive_size: int, etag: str) -> bool:
        """Mark it ready and leave its notice. False when it was deleted meanwhile."""
        ...

    def fail(self, bundle: Bundle, reason: str) -> None:
        """Nothing happens to one that is ready, or over."""
        ...

    def skipped(self, bundle: Bundle) -> list[Skipped]: ...

    def entries_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        """Entries in order from the one whose span holds archive byte `offset`."""
        ...

    def directory_from(self, bundle: Bundle, *, offset: int) -> Iterator[Placed]:
        """Entries in order from the one whose directory header holds that directory byte."""
        ...

    def last(self, bundle: Bundle) -> Placed | None:
        """The last entry: where the directory begins follows from it."""
        ...

    def delete(self, owner: str, id: str) -> Bundle | None:
        """The bundle as it was, so that what it has in the vault can follow."""
        ...

    def expire(self, at: datetime) -> list[Bundle]:
        """Mark what is past its time as expired and drop its rows. Returns those as they were.

        What expired REMEMBERED ago is forgotten altogether.
        """
        ...


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    """The owner: 16 hex digits."""
    email: str | None
    """None until the library's first account is set up."""
    password_hash: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    id: str
    name: str
    read_only: bool
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """When a session is to be renewed by the provider that began it, and by what."""

    at: datetime
    refresh: str
    """Sealed: the catalog cannot read it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, by session or token."""

    owner: str
    read_only: bool = False
    token: str | None = None
    """The API token's id, or `oidc` for a provider's token; None for a session."""
    renewal: Renewal | None = None
    """Of a session that a provider renews."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account and its ways in, as another catalog can take them over. Sessions stay behind."""

    account: Account
    subjects: tuple[tuple[str, str], ...] = ()
    """Who it is at OpenID Connect providers: (issuer, subject), in order."""
    tokens: tuple[tuple[ApiToken, bytes], ...] = ()
    """With the SHA-256 of each one's secret."""


class EmailTaken(ValueError):
    """Another account has this address."""


class Accounts(Protocol):
    """Accounts, sessions and API tokens. Secrets come here only as their SHA-256."""

    def add(self, email: str | None, password_hash: str | None, at: datetime) -> Account:
        """Raises EmailTaken."""
        ...

    def get(self, id: str) -> Account | None: ...

    def by_email(self, email: str) -> Account | None: ...

    def all(self) -> list[Account]:
        """Oldest first."""
        ...

    def set_credentials(self, id: str, email: str, password_hash: str) -> None:
        """Also ends the account's sessions. Raises EmailTaken."""
        ...

    def by_subject(self, issuer: str, subject: str) -> Account | None:
        """The account that somebody at an OpenID Connect provider is linked with."""
        ...

    def link(self, owner: str, issuer: str, subject: str) -> None:
        """Link them; a second time, and with another account, changes nothing."""
        ...

    def add_session(
        self,
        owner: str,
        secret_hash: bytes,
        expires_at: datetime,
        renewal: Renewal | None = None,
    ) -> None: ...

    def renew_session(self, secret_hash: bytes, old: Renewal, new: Renewal) -> bool:
        """False, and nothing changed, when another did or the session has ended."""
        ...

    def session(self, secret_hash: bytes, at: datetime) -> Caller | None: ...

    def end_session(self, secret_hash: bytes) -> None: ...

    def end_expired_sessions(self, at: datetime) -> None: ...

    def add_token(
        self, owner: str, name: str, read_only: bool, secret_hash: bytes, at: datetime
    ) -> ApiToken: ...

    def token(self, secret_hash: bytes, at: datetime) -> Caller | None: ...

    def tokens(self, owner: str) -> list[ApiToken]: ...

    def revoke_token(self, owner: str, id: str) -> bool: ...

    def record(self, id: str) -> AccountRecord | None: ...

    def put(self, record: AccountRecord) -> None:
        """Make the account what the record says, new or not. Raises EmailTaken."""
        ...


class ImportState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that an import or the inbox could not take, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Import:
    id: str
    owner: str
    source: str
    state: ImportState
    started_at: datetime
    finished_at: datetime | None = None
    found: int = 0
    added: int = 0
    restored: int = 0
    """From the trash."""
    duplicate: int = 0
    refused: int = 0
    failure: str | None = None
    refusals: tuple[Refusal, ...] = ()
    """The first hundred."""
    cursor: str | None = None
    """How far the source was listed, for one that goes on where it was interrupted."""
    moved_at: datetime | None = None
    """When something was counted last: whoever is at it has done that. None: nothing was yet."""


class Imports(Protocol):
    def start(self, owner: str, source: str, at: datetime) -> Import: ...

    def progress(
        self,
        id: str,
        *,
        found: int,
        added: int,
        restored: int,
        duplicate: int,
        refusals: Sequence[Refusal],
    ) -> None:
        """Add to the counts; `refusals` are those since the last call."""
        ...

    def advance(
        self,
        progress: Import,
        cursor: str,
        *,
        found: int,
        added: int,
        restored: int,
        duplicate: int,
        refusals: Sequence[Refusal],
    ) -> bool:
        """As `progress`, and remember how far it came.

        False, and nothing recorded, when somebody else has gone on from `progress.cursor`.
        """
        ...

    def finish(
        self, id: str, at: datetime, failure: str | None = None, notice: str | None = None
    ) -> bool:
        """End it, and leave a notice of this text with that. False when it was over."""
        ...

    def get(self, owner: str, id: str) -> Import | None: ...

    def of(self, owner: str) -> list[Import]: ...

    def running(self) -> list[Import]:
        """Those of every owner that an ended process left unfinished."""
        ...

    def forget(self, before: datetime) -> None:
        """Forget every owner's that ended before then."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the owner is told of in the app."""

    id: int
    kind: str
    """bundle-ready, bundle-failed, inbox-refused, inbox-stuck, photos-failed, import-finished,
    import-failed, target-failed."""
    subject: str
    """The bundle's or import's id, the file's name, or the target as it is shown."""
    text: str
    at: datetime
    read: bool = False


def failures_text(photos: int) -> str:
    """The notice that so many more photos have failed."""
    return f"{photos:,} {'photo' if photos == 1 else 'photos'} could not be labelled."


class Notices(Protocol):
    def add(self, owner: str, kind: str, subject: str, text: str) -> None:
        """Leave a notice, and put it into the outbox for each of the owner's targets."""
        ...

    def add_failures(self, owner: str, failed: int) -> bool:
        """Leave a notice of the photos that failed since the last call: `failed` are there now.

        False when they are no more than before. Of each failure is told once.
        """
        ...

    def of(self, owner: str) -> list[Notice]:
        """The newest hundred, newest first."""
        ...

    def told(self, owner: str, kind: str) -> dict[str, datetime]:
        """When each subject was told of last, by notices of this kind."""
        ...

    def mark_read(self, owner: str, ids: Sequence[int] | None = None) -> int: ...

    def forget(self, before: datetime) -> None:
        """Forget every owner's that were left before then, also where they are still unsent."""
        ...


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """Where an owner is told of notices outside of the app."""

    id: str
    owner: str
    url: str
    """Where to, as its notifier reads it. It may hold secrets: never logged, never given out."""
    shown: str
    """The same without its secrets."""
    added_at: datetime
    subscription: str | None = None
    """What the service calls it, where that keeps a list of its own (an SNS subscription's ARN)."""
    told_at: datetime | None = None
    """When a message was sent last."""
    failure: str | None = None
    """Why the last message was not; None when it was."""


class Targets(Protocol):
    """Owners' notification targets."""

    def add(
        self, owner: str, url: str, shown: str, subscription: str | None, at: datetime
    ) -> NotificationTarget:
        """The same owner and URL again is the same target."""
        ...

    def get(self, owner: str, id: str) -> NotificationTarget | None: ...

    def of(self, owner: str) -> list[NotificationTarget]:
        """Oldest first."""
        ...

    def remove(self, owner: str, id: str) -> bool:
        """With what is in the outbox for it."""
        ...


def due_at(kind: str, at: datetime) -> datetime | None:
    """When a notice of this kind, left then, is to be sent; None: it is for the app alone.

    What comes in numbers waits a while, so that one message tells of all.
    """
    if kind == "target-failed":
        return None
    return at + GATHERING if kind in ("inbox-refused", "inbox-stuck") else at


GATHERING = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is to be sent to one target, as one message."""

    target: NotificationTarget
    notices: tuple[Notice, ...]
    """Oldest first."""
    attempts: int
    """Times it was taken before, since a message last arrived or was given up."""


class Outbox(Protocol):
    """The notices that are still to be sent. They get here by the transaction that leaves them."""

    def take(self, at: datetime, until: datetime, limit: int = 1000) -> Dispatch | None:
        """All that waits for a target for which something is due by `at`, to be sent now.

        Nothing more is taken for that target before `until`, unless `sent` or `give_up` says so:
        whoever took it and died is followed by another.
        """
        ...

    def sent(self, dispatch: Dispatch, at: datetime) -> None:
        """Forget its notices; those left meanwhile stay. A second time changes nothing."""
        ...

    def postpone(self, dispatch: Dispatch, until: datetime, reason: str) -> None:
        """Try again then; the target shows the reason."""
        ...

    def give_up(self, dispatch: Dispatch, reason: str) -> None:
        """Forget its notices; the target shows the reason, and so does a notice in the app."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed, for those who watch."""

    sequence: int
    kind: str
    """photos, labels, bundle, import, notice."""
    subject: str = ""
    data: dict[str, int | str] = field(default_factory=dict)


class Events(Protocol):
    def latest(self) -> int:
        """A sequence number that no event has exceeded yet, and every later one will."""
        ...

    def since(self, owner: str, sequence: int, limit: int = 1000) -> list[Event]: ...


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
