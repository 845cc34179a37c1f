"""The vault as folders: `originals/{owner}/{2 digits}/{id}`, `renditions/...`, `working/...`.

A file appears under its final name only whole and durable: written elsewhere, synced, linked, its
folder synced. What a crash leaves is in `incoming/` and is swept at the next start.

A marker lies beside them. Without it the disk is not mounted, and what is not found is not missing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from fototeca.durable import sync, sync_folder
from fototeca.vault.protocol import (
    CHUNK,
    ID,
    MARKER,
    OWNER,
    WORKING,
    OriginalMissing,
    Size,
    Staged,
    Stored,
    VaultUnavailable,
)
from fototeca.vault.staging import FULL, FileStaged, full_disk_named, staged_in


class FolderVault:
    """See fototeca.vault.protocol.Vault."""

    signer = None
    assembly = None

    def __init__(self, root: Path) -> None:
        """Raises VaultUnavailable where none was made."""
        self._root = root
        self._incoming = root / "incoming"
        self.check()
        for name in ("incoming", "originals", "renditions", "working"):
            (root / name).mkdir(exist_ok=True)

    @classmethod
    def make(cls, root: Path) -> FolderVault:
        """An empty one; what is there already stays."""
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        (root / MARKER).write_text("The photos of a Fototeca library. Do not remove this file.\n")
        sync_folder(root)
        return cls(root)

    def check(self) -> None:
        try:
            (self._root / MARKER).stat()
        except OSError as error:
            said = "the photos' folder is not there: is its disk mounted?"
            raise VaultUnavailable(errno.ENOENT, said) from error

    def stage(self) -> AbstractContextManager[FileStaged]:
        self.check()
        return staged_in(self._incoming)

    def keep_original(self, owner: str, id: str, staged: Staged) -> None:
        final = self._original(owner, id)
        if not final.exists():
            staged.sync()
            with full_disk_named():
                make_folder(final.parent)
                # A link, not a rename: the staged file stays until its context ends, so that
                # bytes which a purge took in the meantime can be put back.
                link(staged.path, final)
        # Also when another upload put it there: its folder may not be on the disk yet.
        sync_folder(final.parent)

    def original_size(self, owner: str, id: str) -> int | None:
        try:
            return self._original(owner, id).stat().st_size
        except ValueError:
            return None
        except FileNotFoundError:
            self.check()
            return None

    def stored(self, owner: str, ids: Sequence[str]) -> list[Stored | None]:
        sizes = (self.original_size(owner, id) for id in ids)
        return [None if size is None else Stored(size) for size in sizes]

    @contextmanager
    def local_original(self, owner: str, id: str) -> Iterator[Path]:
        path = self._original(owner, id)
        if not path.is_file():
            self.check()
            raise OriginalMissing(id)
        yield path

    def read_original(self, owner: str, id: str, start: int, stop: int) -> Iterator[bytes]:
        # A bundle reads thousands: joining text costs a tenth of what pathlib does.
        return self._read(f"{self._root}/originals/{_place(owner, id)}", start, stop)

    def original_sha256(self, owner: str, id: str) -> str | None:
        try:
            with self._original(owner, id).open("rb", buffering=0) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except ValueError:
            return None
        except FileNotFoundError:
            self.check()
            return None

    def delete_original(self, owner: str, id: str) -> None:
        try:
            self._original(owner, id).unlink()
        except FileNotFoundError:
            self.check()
        for size in Size:
            self._rendition(owner, id, size).unlink(missing_ok=True)

    def originals(self) -> Iterator[tuple[str, str, int]]:
        self.check()
        for owner in sorted((self._root / "originals").iterdir()):
            if not OWNER.fullmatch(owner.name):
                continue
            for shard in sorted(path for path in owner.iterdir() if path.is_dir()):
                with os.scandir(shard) as entries:
                    for entry in sorted(entries, key=lambda entry: entry.name):
                        if ID.fullmatch(entry.name):
                            yield owner.name, entry.name, entry.stat().st_size

    def keep_rendition(self, owner: str, id: str, size: Size, jpeg: bytes) -> None:
        # Not synced: a rendition can always be made again, and a torn one is never renamed.
        final = self._rendition(owner, id, size)
        with self.stage() as staged, full_disk_named():
            staged.write(jpeg)
            make_folder(final.parent)
            staged.path.replace(final)

    def rendition(self, owner: str, id: str, size: Size) -> bytes | None:
        try:
            return self._rendition(owner, id, size).read_bytes() or None
        except FileNotFoundError:
            self.check()
            return None

    def keep_working(self, name: str, chunks: Iterable[bytes]) -> None:
        final = self._working(name)
        with self.stage() as staged:
            for chunk in chunks:
                staged.write(chunk)
            staged.sync()
            staged.path.replace(final)
        sync_folder(final.parent)

    def read_working(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        return self._read(str(self._working(name)), start, stop)

    def delete_working(self, name: str) -> None:
        self._working(name).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Delete what ended processes left in `incoming/`. Only while no other process writes."""
        leftovers = list(self._incoming.iterdir())
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)

    def _read(self, path: str, start: int, stop: int) -> Iterator[bytes]:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            self.check()
            raise OriginalMissing(Path(path).name) from error
        try:
            while start < stop:
                chunk = os.pread(descriptor, min(CHUNK, stop - start), start)
                if not chunk:
                    raise OriginalMissing(Path(path).name)
                start += len(chunk)
                yield chunk
                # Not held while the next is read: memory that is in the cache is used again.
                del chunk
        finally:
            os.close(descriptor)

    def _original(self, owner: str, id: str) -> Path:
        return self._root / "originals" / _place(owner, id)

    def _rendition(self, owner: str, id: str, size: Size) -> Path:
        return self._root / "renditions" / f"{_place(owner, id)}.{size}.jpg"

    def _working(self, name: str) -> Path:
        if not WORKING.fullmatch(name):
            raise ValueError("not a name of a working file")
        return self._root / "working" / name


def _place(owner: str, id: str) -> str:
    """Only what we made ourselves becomes a path: hex digits of a fixed length."""
    if not OWNER.fullmatch(owner) or not ID.fullmatch(id):
        raise ValueError("not an owner and a photo id")
    return f"{owner}/{id[:2]}/{id}"


def make_folder(folder: Path) -> None:
    """Make it and its parents, each durable in its own parent."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def link(source: Path, target: Path) -> None:
    """A second name for the same bytes; a durable copy where the file system has no links."""
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno in FULL:
            raise
        copy = source.with_suffix(".copy")
        try:
            shutil.copyfile(source, copy)
            with copy.open("rb+") as file:
                sync(file.fileno())
            copy.replace(target)
        finally:
            copy.unlink(missing_ok=True)
