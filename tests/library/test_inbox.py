"""The inbox: what rests is taken, what is no photo is kept, and nothing that is written is lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from fototeca.app import Library
from fototeca.inbox import Inbox
from fototeca.ingest import Ingest, Ingested, Refused
from fototeca.photos import Selection, now
from fototeca.settings import Settings
from fototeca.vault.protocol import Staged
from fototeca.vault.staging import FileStaged

MakeJpeg = Callable[..., bytes]


def test_the_inbox_takes_what_rests_and_keeps_what_is_no_photo(
    library: Library, owner: str, settings: Settings, make_jpeg: MakeJpeg
) -> None:
    inbox = settings.library / "inbox" / "local"
    (inbox / "trip" / "day 1").mkdir(parents=True)
    (inbox / "trip" / "day 1" / "a.jpg").write_bytes(make_jpeg(1))
    (inbox / "notes.jpg").write_bytes(b"no photo at all")
    (inbox / ".hidden.jpg").write_bytes(make_jpeg(2))
    (inbox / "link.jpg").symlink_to(settings.library / "catalog.sqlite3")
    growing = inbox / "growing.jpg"
    data = make_jpeg(3)
    growing.write_bytes(data[:100])
    assert library.inbox.look() == 0
    growing.write_bytes(data)
    assert library.inbox.look() == 1
    assert growing.exists()
    assert library.inbox.look() == 1
    names = {photo.name for photo in library.catalog.photos.page(owner, Selection()).photos}
    assert names == {"a.jpg", "growing.jpg"}
    refused = settings.library / "refused" / "local" / "notes.jpg"
    assert refused.read_bytes() == b"no photo at all"
    (notice,) = library.catalog.notices.of(owner)
    assert "notes.jpg" in notice.text
    assert (inbox / ".hidden.jpg").exists()
    assert (inbox / "link.jpg").is_symlink()


def test_the_first_account_keeps_the_local_folder_when_it_has_an_address(
    library: Library, owner: str, settings: Settings, make_jpeg: MakeJpeg
) -> None:
    inbox = settings.library / "inbox"
    library.inbox.look()
    (inbox / "local" / "before.jpg").write_bytes(make_jpeg(1))
    token = library.identity.setup_token()
    assert token is not None
    library.identity.set_up(token, "Ann@Example.org", "a long enough password")
    (inbox / "local" / "after.jpg").write_bytes(make_jpeg(2))
    (inbox / "ann@example.org").mkdir()
    (inbox / "ann@example.org" / "c.jpg").write_bytes(make_jpeg(3))
    looks = [library.inbox.look() for _ in range(2)]
    assert looks == [0, 3]
    # Whoever comes later has a folder by the next look, and nothing of the first one's.
    ben = library.catalog.accounts.add("ben@example.org", None, now()).id
    library.inbox.look()
    (inbox / "ben@example.org" / "d.jpg").write_bytes(make_jpeg(4))
    (inbox / "local" / "e.jpg").write_bytes(make_jpeg(5))
    looks = [library.inbox.look() for _ in range(2)]
    assert looks == [0, 2]
    photos = library.catalog.photos
    assert [photo.name for photo in photos.page(ben, Selection()).photos] == ["d.jpg"]
    assert photos.page(owner, Selection()).total == 4


@pytest.mark.parametrize("content", ["photo", "no photo"])
def test_what_goes_on_being_written_stays_in_the_inbox(
    content: str, library: Library, owner: str, settings: Settings, make_jpeg: MakeJpeg
) -> None:
    refused = settings.library / "refused"
    path = settings.library / "inbox" / "local" / "a.jpg"
    path.parent.mkdir(parents=True)
    whole = make_jpeg(1)
    path.write_bytes(make_jpeg(2) if content == "photo" else whole[:20])

    class Meanwhile(Ingest):
        """A slow writer goes on just when its file has been read."""

        def add(
            self, owner: str, staged: Staged, name: str, uploaded_at: datetime | None = None
        ) -> Ingested:
            path.write_bytes(whole)
            return super().add(owner, staged, name, uploaded_at)

    ingest = Meanwhile(library.catalog, library.vault, settings.limits)
    inbox = Inbox(settings.library / "inbox", refused, library.catalog, ingest)
    inbox.look()
    inbox.look()
    assert path.read_bytes() == whole
    assert not list(refused.rglob("*.jpg"))
    library.inbox.look()
    library.inbox.look()
    assert not path.exists()
    assert library.catalog.photos.get(owner, sha256(whole).hexdigest()) is not None


def test_a_file_that_changes_while_it_is_read_is_no_photo_yet(
    library: Library,
    owner: str,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(make_jpeg(1))

    write = FileStaged.write
    more = [b"more"]

    def written(staged: FileStaged, data: bytes) -> None:
        write(staged, data)
        with path.open("ab") as file:
            file.write(more.pop() if more else b"")

    monkeypatch.setattr(FileStaged, "write", written)
    with pytest.raises(Refused, match="being written"):
        library.ingest.add_file(owner, path)
    assert library.catalog.photos.page(owner, Selection()).total == 0


def test_a_file_that_cannot_leave_the_inbox_holds_nobody_up(
    library: Library, owner: str, settings: Settings, make_jpeg: MakeJpeg
) -> None:
    inbox = settings.library / "inbox" / "local"
    inbox.mkdir(parents=True)
    (inbox / "a.jpg").write_bytes(b"no photo at all")
    (inbox / "b.jpg").write_bytes(make_jpeg(1))
    (settings.library / "refused").write_text("a file where the folder should be")
    looks = [library.inbox.look() for _ in range(4)]
    assert sum(looks) == 1
    assert [path.name for path in inbox.iterdir()] == ["a.jpg"]
    assert library.catalog.photos.page(owner, Selection()).total == 1
    (notice,) = library.catalog.notices.of(owner)
    assert (notice.kind, notice.subject) == ("inbox-stuck", "a.jpg")
    assert "cannot leave the inbox" in notice.text
    # It is tried again once it is another file.
    (settings.library / "refused").unlink()
    (inbox / "a.jpg").write_bytes(b"no photo either")
    library.inbox.look()
    library.inbox.look()
    assert not list(inbox.iterdir())


def test_what_is_no_photo_is_moved_to_another_disk(
    library: Library, owner: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = settings.library / "inbox" / "local"
    inbox.mkdir(parents=True)
    (inbox / "a.jpg").write_bytes(b"no photo at all")
    rename = os.rename

    def apart(source: Path, target: Path) -> None:
        if "refused" in str(target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(os, "rename", apart)
    monkeypatch.setattr(os, "replace", apart)
    library.inbox.look()
    library.inbox.look()
    assert not list(inbox.iterdir())
    kept = settings.library / "refused" / "local" / "a.jpg"
    assert kept.read_bytes() == b"no photo at all"
    assert [each.kind for each in library.catalog.notices.of(owner)] == ["inbox-refused"]


def test_of_many_that_cannot_leave_one_notice_tells(
    library: Library,
    owner: str,
    settings: Settings,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = settings.library / "inbox" / "local"
    inbox.mkdir(parents=True)
    for number in range(5):
        (inbox / f"{number}.jpg").write_bytes(make_jpeg(number))

    unlink = Path.unlink

    def forbidden(path: Path, missing_ok: bool = False) -> None:
        if path.parent == inbox:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", forbidden)
    for _ in range(3):
        library.inbox.look()
    assert library.catalog.photos.page(owner, Selection()).total == 5
    (notice,) = library.catalog.notices.of(owner)
    assert notice.text == (
        "5 files, 0.jpg among them, cannot leave the inbox: Read-only file system"
    )


def test_two_processes_that_find_the_same_file_tell_of_it_once(
    library: Library, owner: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, refused = settings.library / "inbox", settings.library / "refused"
    (inbox / "local").mkdir(parents=True)
    (inbox / "local" / "notes.txt").write_bytes(b"no photo at all")
    another = Inbox(inbox, refused, library.catalog, library.ingest)
    library.inbox.look()
    another.look()
    move = shutil.move

    def late(path: Path, kept: Path) -> object:
        monkeypatch.undo()
        another.look()
        return move(path, kept)

    monkeypatch.setattr(shutil, "move", late)
    assert library.inbox.look() == 0
    assert (refused / "local" / "notes.txt").read_bytes() == b"no photo at all"
    (notice,) = library.catalog.notices.of(owner)
    assert notice.kind == "inbox-refused"
