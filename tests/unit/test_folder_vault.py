"""The vault in folders, where the disk or the file system is not what one would wish for."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from fototeca.vault.folder import FolderVault
from fototeca.vault.protocol import Size, VaultFull

OWNER = "00112233aabbccdd"


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderVault:
    """On a file system without hard links."""

    def unable(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unable)
    return FolderVault.make(tmp_path)


def keep(vault: FolderVault) -> str:
    with vault.stage() as staged:
        staged.write(b"a photo")
        vault.keep_original(OWNER, staged.sha256, staged)
        return staged.sha256


def test_an_original_is_copied_where_there_are_no_links(vault: FolderVault, tmp_path: Path) -> None:
    id = keep(vault)
    assert b"".join(vault.read_original(OWNER, id, 0, 7)) == b"a photo"
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_copy_that_finds_no_room_leaves_nothing(
    vault: FolderVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Path, copy: Path) -> None:
        copy.write_bytes(b"a ph")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(VaultFull):
        keep(vault)
    assert list((tmp_path / "incoming").iterdir()) == []
    assert list(vault.originals()) == []


def test_a_folder_that_finds_no_room_is_no_fault_of_the_photo(
    vault: FolderVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rendition may have fitted into the last block, and the folder's name into none."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(VaultFull):
        vault.keep_rendition(OWNER, "ab" * 32, Size.GRID, b"jpeg")
