"""The inbox: files put into `inbox/{account}/` are ingested and leave it.

What is no photo is moved to `refused/{account}/`, never deleted, and the owner is told why, as of
what cannot leave.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.accounts import Account
from fototeca.ingest import Ingest, Refused
from fototeca.vault.protocol import MARKER

log = logging.getLogger(__name__)

LOCAL = "local"
"""A folder of the first account: most libraries have no other, and need no name for it."""
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+@-]{0,99}")


class Form(NamedTuple):
    """What changes when a file is written to, or another takes its place."""

    size: int
    modified: int
    inode: int


class Inbox:
    def __init__(self, root: Path, refused: Path, catalog: Catalog, ingest: Ingest) -> None:
        self._root = root
        self._refused = refused
        self._catalog = catalog
        self._ingest = ingest
        self._seen: dict[Path, Form] = {}
        self._stuck: dict[Path, Form] = {}

    def look(self) -> int:
        """Ingest every file whose size and time rest since the last look. Returns how many."""
        taken = 0
        seen: dict[Path, Form] = {}
        stuck: dict[Path, Form] = {}
        for account, names in self._folders():
            newly: list[tuple[str, str]] = []
            for name in names:
                for path in files(self._root / name):
                    form = form_of(path)
                    if form is None:
                        continue
                    if self._stuck.get(path) == form:
                        stuck[path] = form
                    # A file that is still being written, or was just created, comes next time.
                    elif self._seen.get(path) != form or not form.size:
                        seen[path] = form
                    else:
                        try:
                            taken += self._take(account.id, name, path, form)
                        except OSError as error:
                            if form_of(path) is None:
                                continue  # another process was quicker
                            # Once is enough, and the others need not wait for it.
                            stuck[path] = form
                            reason = error.strerror or type(error).__name__
                            newly.append((str(path.relative_to(self._root / name)), reason))
            if newly:
                self._tell_stuck(account.id, newly)
        self._seen, self._stuck = seen, stuck
        return taken

    def _tell_stuck(self, owner: str, newly: Sequence[tuple[str, str]]) -> None:
        name, reason = newly[0]
        many = f"{len(newly):,} files, {name} among them,"
        text = f"{name if len(newly) == 1 else many} cannot leave the inbox: {reason}"
        log.warning("inbox: %d files cannot leave: %s", len(newly), reason)
        self._catalog.notices.add(owner, "inbox-stuck", name, text)

    def _folders(self) -> list[tuple[Account, list[str]]]:
        """The names of each account's folders; the first is made where it is not there."""
        folders = []
        for number, account in enumerate(self._catalog.accounts.all()):
            names = folder_names(account, first=number == 0)
            (self._root / names[0]).mkdir(parents=True, exist_ok=True)
            folders.append((account, names))
        return folders

    def _take(self, owner: str, folder: str, path: Path, form: Form) -> bool:
        """Raises OSError when it may not be read, or cannot be moved out of the inbox."""
        try:
            self._ingest.add_file(owner, path)
        except Refused as error:
            if form_of(path) != form:
                return False
            kept = self._refused / path.relative_to(self._root)
            if kept.exists():
                kept = kept.with_name(f"{kept.stem}.{secrets.token_hex(4)}{kept.suffix}")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, kept)  # the two may be on different disks
            name = str(path.relative_to(self._root / folder))
            self._catalog.notices.add(owner, "inbox-refused", name, f"{name}: {error}")
            return False
        except OSError as error:
            if not os.access(path, os.R_OK) and path.exists():
                raise
            # No room, or it is gone: what stays is tried again.
            log.warning("inbox: a file could not be taken: %s", error.strerror)
            return False
        # Whoever paused may have gone on writing, or put another file there: that comes next time.
        if form_of(path) == form:
            path.unlink(missing_ok=True)
        return True


def form_of(path: Path) -> Form | None:
    """None when there is no such file, or it cannot be told."""
    try:
        status = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return Form(status.st_size, status.st_mtime_ns, status.st_ino)


def folder_names(account: Account, *, first: bool) -> list[str]:
    """The folders that are this account's: its address where that can be a name, and its id.

    `first`: it is the library's oldest account.
    """
    names = [LOCAL] if first else []
    if account.email is not None and FOLDER_NAME.fullmatch(account.email.lower()):
        names.append(account.email.lower())
    return [*names, account.id]


def files(root: Path) -> Iterator[Path]:
    """Regular files below a folder, in order of name; hidden ones and links left out.

    Links are not followed: a link in a folder must not bring in what lies outside of it. A library
    in it is passed over: its renditions would become photos, and have renditions.
    """
    if is_library(root):
        return
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def is_library(folder: Path) -> bool:
    return (folder / "vault" / MARKER).exists()


IGNORED = frozenset({"Thumbs.db", "desktop.ini", "@eaDir", "__MACOSX"})
"""What systems leave in photo folders."""


def is_ignored(path: str) -> bool:
    """Whether it, or a folder that it is in, is hidden or left there by a system."""
    return any(part.startswith(".") or part in IGNORED for part in path.split("/"))
