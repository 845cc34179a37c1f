"""Backs a library up into a folder, and restores it from there.

The catalog is copied first, consistently, then the originals that it needs; the manifest comes last
and names both by their SHA-256. So a backup that was interrupted is never taken for complete, and
the complete one before it stays what it was: originals are only ever added.

    backup/
      fototeca-backup      the mark of such a folder
      manifest.json        what belongs to the last complete backup
      catalog-*.sqlite3    the catalog as it was
      originals-*.txt      a line for each original: owner, id, bytes
      originals/{owner}/{2 digits}/{id}
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fototeca import __version__
from fototeca.app import CATALOG, UNFINISHED, Library, open_library
from fototeca.check import Checking
from fototeca.durable import sync, sync_folder
from fototeca.photos import now
from fototeca.settings import Settings
from fototeca.vault.folder import FolderVault
from fototeca.vault.protocol import CHUNK, ID, OWNER, OriginalMissing

FORMAT = 1
MARK = "fototeca-backup"
MANIFEST = "manifest.json"
OURS = re.compile(r"(catalog|originals)-[0-9TZ]+-[0-9a-f]{8}\.(sqlite3|txt)(-journal|-wal|-shm)?")

Progress = Callable[[int, int], None]
"""`on_progress(done, total)`, in originals."""


class BackupRefused(Exception):
    """It cannot be made or used as asked. The text says why."""


@dataclass(slots=True)
class BackupReport:
    photos: int = 0
    """Originals that the backup holds now."""
    bytes: int = 0
    copied: int = 0
    """Originals that were not there yet, or not sound."""
    problems: list[str] = field(default_factory=list)
    """What could not be copied, or was not sound."""


def back_up(
    library: Library,
    target: Path,
    *,
    verify: bool = False,
    on_progress: Progress = lambda _done, _total: None,
) -> BackupReport:
    """Bring the backup in this folder up to date. Photos may come and go meanwhile.

    An original of the right size is not copied again; with `verify` its SHA-256 must be right too.
    Raises BackupRefused, OSError.
    """
    target = target.expanduser().resolve()
    if target.is_relative_to(library.root) or library.root.is_relative_to(target):
        raise BackupRefused(f"{target}: a backup must lie outside of the library, not around it")
    with _marked(target):
        return _back_up(library, target, verify, on_progress)


def _back_up(library: Library, target: Path, verify: bool, on_progress: Progress) -> BackupReport:
    stamp = f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    catalog = target / f"catalog-{stamp}.sqlite3"
    listing = target / f"originals-{stamp}.txt"
    library.catalog.backup(catalog)
    # Listed after the catalog was copied: what was purged since is not needed any more, and the
    # copy's row of it lies in the trash, past its time.
    report = BackupReport()
    with _wanted(library, target) as wanted, listing.open("w", encoding="ascii") as lines:
        total = sum(1 for _ in wanted)
        wanted.seek(0)
        for done, line in enumerate(wanted):
            owner, id, size = _parsed(line)
            on_progress(done, total)
            file = _place(target, owner, id)
            if not _is_there(file, id, size, verify):
                try:
                    _copy(library, owner, id, size, file)
                except (OriginalMissing, _Damaged) as error:
                    if library.catalog.photos.get(owner, id) is not None:
                        report.problems.append(f"photo {id}: {error}")
                    continue
                report.copied += 1
            report.photos += 1
            report.bytes += size
            lines.write(_line(owner, id, size))
    os.sync()  # before the manifest says that all is there
    manifest = {
        "format": FORMAT,
        "fototeca": __version__,
        "made_at": now().isoformat(),
        "photos": report.photos,
        "bytes": report.bytes,
        "catalog": {"file": catalog.name, "sha256": _sha256(catalog)},
        "originals": {"file": listing.name, "sha256": _sha256(listing)},
    }
    _write_durably(target / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    for path in target.iterdir():
        if OURS.fullmatch(path.name) and path not in (catalog, listing):
            path.unlink()
    return report


@contextmanager
def _wanted(library: Library, target: Path) -> Iterator[IO[str]]:
    """A line for each original, in a file: copying takes hours, in which photos come and go."""
    with tempfile.TemporaryFile("w+", encoding="ascii", dir=target) as lines:
        for photo in library.catalog.photos.all():
            lines.write(_line(photo.owner, photo.id, photo.size))
        lines.seek(0)
        yield lines


def restore(
    source: Path, settings: Settings, *, on_progress: Progress = lambda _done, _total: None
) -> BackupReport:
    """Make the settings' library of a backup: in a folder that is empty or not there, or that an
    interrupted restoring left.

    Every original's SHA-256 is compared. The catalog comes last: until then the folder opens as no
    library. Renditions are not in a backup: every photo is put into the queue, for workers to make
    them again. Raises BackupRefused, LibraryMissing, OSError.
    """
    source, root = source.expanduser(), settings.library.expanduser().resolve()
    manifest = _manifest(source)
    _check_empty(root)
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    (root / UNFINISHED).touch()
    report = _restore_originals(source, manifest, root / "vault", on_progress)
    _copy_durably(source / manifest.catalog, root / CATALOG)
    (root / UNFINISHED).unlink()
    with open_library(settings, create=False) as library:
        _settle(library, report)
    return report


def _settle(library: Library, report: BackupReport) -> None:
    """Bring the restored catalog in line with what is there: no bundles and no renditions."""
    catalog, vault = library.catalog, library.vault
    for account in catalog.accounts.all():
        for bundle in catalog.bundles.of(account.id):
            library.bundles.delete(account.id, bundle.id)
        catalog.queue.relabel(account.id)
    checking = Checking(catalog, vault, library.ingest, library.settings.limits)
    named = {problem.split(":")[0] for problem in report.problems}
    for photo in catalog.photos.all():
        there = vault.original_size(photo.owner, photo.id) is not None
        if photo.trashed_at is not None:
            # The queue leaves out what is in the trash; from there it may come back any time.
            if there:
                checking.of_renditions(photo, repair=True, read_bytes=True)
        elif not there and f"photo {photo.id}" not in named:
            report.problems.append(f"photo {photo.id}: it was missing when the backup was made")


def _restore_originals(
    source: Path, manifest: Manifest, vault_root: Path, on_progress: Progress
) -> BackupReport:
    vault = FolderVault.make(vault_root)
    report = BackupReport()
    for done, (owner, id, size) in enumerate(_listed(source / manifest.originals)):
        on_progress(done, manifest.photos)
        # One that is there was compared before it got its name, by the restoring that was ended.
        if vault.original_size(owner, id) != size:
            try:
                _restore_original(vault, owner, id, _place(source, owner, id))
            except (FileNotFoundError, _Damaged):
                report.problems.append(f"photo {id}: missing or damaged in the backup")
                continue
            report.copied += 1
        report.photos += 1
        report.bytes += size
    return report


def _restore_original(vault: FolderVault, owner: str, id: str, copy: Path) -> None:
    with copy.open("rb", buffering=0) as file, vault.stage() as staged:
        while chunk := file.read(CHUNK):
            staged.write(chunk)
        if staged.sha256 != id:
            raise _Damaged
        vault.keep_original(owner, id, staged)


class _Damaged(Exception):
    """The bytes do not have the hash that is their name."""


@contextmanager
def _marked(target: Path) -> Iterator[None]:
    """The folder, ours alone while the context lasts."""
    mark = target / MARK
    if target.exists() and not target.is_dir():
        raise BackupRefused(f"{target}: not a folder")
    if not mark.exists() and target.exists() and any(target.iterdir()):
        raise BackupRefused(f"{target}: not empty, and not a backup")
    target.mkdir(parents=True, exist_ok=True)
    # It holds the photos and the accounts' hashed secrets.
    target.chmod(0o700)
    with mark.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"{target}: another backup is being made there") from None
        yield


def _place(backup: Path, owner: str, id: str) -> Path:
    return backup / "originals" / owner / id[:2] / id


def _is_there(file: Path, id: str, size: int, verify: bool) -> bool:
    try:
        if file.stat().st_size != size:
            return False
    except FileNotFoundError:
        return False
    return not verify or _sha256(file) == id


def _copy(library: Library, owner: str, id: str, size: int, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{id}.part")
    digest = hashlib.sha256()
    try:
        with part.open("wb", buffering=0) as out:
            for chunk in library.vault.read_original(owner, id, 0, size):
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != id:
            raise _Damaged("its original is damaged: see check")
        part.replace(file)
    except OriginalMissing:
        raise OriginalMissing("its original is missing: see check") from None
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What belongs to a complete backup."""

    photos: int
    catalog: str
    originals: str
    """Names of files."""


def _manifest(source: Path) -> Manifest:
    """Raises BackupRefused when the backup is not complete and sound."""
    if not (source / MARK).exists():
        raise BackupRefused(f"{source}: not a backup")
    try:
        read = json.loads((source / MANIFEST).read_bytes())
        if read["format"] != FORMAT:
            raise BackupRefused(f"{source}: made by a newer Fototeca")
        for part in (read["catalog"], read["originals"]):
            if not OURS.fullmatch(part["file"]):
                raise ValueError
            if _sha256(source / part["file"]) != part["sha256"]:
                raise BackupRefused(f"{source / part['file']}: damaged")
        return Manifest(int(read["photos"]), read["catalog"]["file"], read["originals"]["file"])
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise BackupRefused(f"{source}: not complete, {missing} is not there") from None
    except (ValueError, KeyError, TypeError):
        raise BackupRefused(f"{source / MANIFEST}: damaged") from None


def _check_empty(root: Path) -> None:
    if (root / CATALOG).exists():
        raise BackupRefused(f"{root}: a library already")
    if (root / UNFINISHED).exists():
        return
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise BackupRefused(f"{root}: not empty")


def _listed(listing: Path) -> Iterator[tuple[str, str, int]]:
    with listing.open(encoding="ascii") as lines:
        for line in lines:
            try:
                yield _parsed(line)
            except ValueError:
                raise BackupRefused(f"{listing}: damaged") from None


def _line(owner: str, id: str, size: int) -> str:
    return f"{owner} {id} {size}\n"


def _parsed(line: str) -> tuple[str, str, int]:
    """Raises ValueError."""
    owner, id, size = line.split()
    if not OWNER.fullmatch(owner) or not ID.fullmatch(id):  # they become paths
        raise ValueError
    return owner, id, int(size)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        sync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def _copy_durably(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    with source.open("rb") as file, part.open("wb") as out:
        os.fchmod(out.fileno(), 0o600)
        while chunk := file.read(CHUNK):
            out.write(chunk)
        out.flush()
        sync(out.fileno())
    part.replace(target)
    sync_folder(target.parent)
