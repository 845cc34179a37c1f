"""Every vault: what is kept is whole and durable, and nothing else shows."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from fototeca.vault.protocol import CHUNK, OriginalMissing, Size, Stored, Vault, VaultUnavailable

OWNER = "00112233aabbccdd"
OTHER = "ffeeddccbbaa9988"
ID = "ab" * 32


def keep(vault: Vault, data: bytes, owner: str = OWNER) -> str:
    with vault.stage() as staged:
        staged.write(data)
        vault.keep_original(owner, staged.sha256, staged)
        return staged.sha256


def test_bytes_are_hashed_as_they_come(vault: Vault) -> None:
    data = b"a photo" * 100_000
    with vault.stage() as staged:
        for start in range(0, len(data), 99_991):
            staged.write(data[start : start + 99_991])
        assert staged.size == len(data)
        assert staged.sha256 == hashlib.sha256(data).hexdigest()
        assert staged.crc32 == zlib.crc32(data)
        assert staged.path.read_bytes() == data


def test_an_original_comes_back_in_any_range(vault: Vault) -> None:
    data = bytes(range(256)) * 10_000
    id = keep(vault, data)
    assert vault.original_size(OWNER, id) == len(data)
    assert vault.stored(OWNER, [ID, id]) == [None, Stored(len(data))]
    chunks = list(vault.read_original(OWNER, id, 0, len(data)))
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= CHUNK
    assert b"".join(vault.read_original(OWNER, id, 1000, 1003)) == data[1000:1003]
    with vault.local_original(OWNER, id) as path:
        assert path.read_bytes() == data


def test_what_is_there_tells_its_hash(vault: Vault) -> None:
    id = keep(vault, b"photo")
    assert vault.original_sha256(OWNER, id) == hashlib.sha256(b"photo").hexdigest()
    assert vault.original_sha256(OTHER, id) is None


def test_what_is_not_kept_leaves_nothing(vault: Vault) -> None:
    with pytest.raises(RuntimeError), vault.stage() as staged:  # noqa: PT012
        staged.write(b"half a photo")
        path = staged.path
        raise RuntimeError
    assert not path.exists()
    assert list(vault.originals()) == []


def test_keeping_twice_is_keeping_once(vault: Vault) -> None:
    assert keep(vault, b"photo") == keep(vault, b"photo")
    assert [size for _, _, size in vault.originals()] == [5]


def test_many_at_once_keep_the_same_photo(vault: Vault) -> None:
    threads = [Thread(target=keep, args=(vault, b"same")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((owner, id, size),) = vault.originals()
    assert (owner, size) == (OWNER, 4)
    assert b"".join(vault.read_original(OWNER, id, 0, 4)) == b"same"


def test_bytes_taken_meanwhile_can_be_put_back(vault: Vault) -> None:
    with vault.stage() as staged:
        staged.write(b"photo")
        vault.keep_original(OWNER, staged.sha256, staged)
        vault.delete_original(OWNER, staged.sha256)
        vault.keep_original(OWNER, staged.sha256, staged)
        id = staged.sha256
    assert vault.original_size(OWNER, id) == 5


def test_owners_have_each_their_own(vault: Vault) -> None:
    id = keep(vault, b"photo")
    assert vault.original_size(OTHER, id) is None
    keep(vault, b"photo", OTHER)
    vault.delete_original(OWNER, id)
    assert vault.original_size(OTHER, id) == 5


def test_what_is_missing_is_said(vault: Vault) -> None:
    id = "ab" * 32
    assert vault.original_size(OWNER, id) is None
    assert vault.rendition(OWNER, id, Size.GRID) is None
    with pytest.raises(OriginalMissing):
        list(vault.read_original(OWNER, id, 0, 1))
    with pytest.raises(OriginalMissing), vault.local_original(OWNER, id):
        pass
    vault.delete_original(OWNER, id)


@pytest.mark.parametrize(
    "ask",
    [
        lambda vault: vault.check(),
        lambda vault: vault.original_size(OWNER, ID),
        lambda vault: vault.stored(OWNER, [ID]),
        lambda vault: vault.original_sha256(OWNER, ID),
        lambda vault: list(vault.read_original(OWNER, ID, 0, 1)),
        lambda vault: vault.local_original(OWNER, ID).__enter__(),
        lambda vault: vault.rendition(OWNER, ID, Size.GRID),
        lambda vault: vault.delete_original(OWNER, ID),
        lambda vault: list(vault.originals()),
    ],
)
def test_nothing_is_missing_from_a_vault_that_is_not_there(
    vanished: Vault, ask: Callable[[Vault], object]
) -> None:
    with pytest.raises(VaultUnavailable):
        ask(vanished)


def test_a_file_shorter_than_asked_is_an_error_not_an_end(vault: Vault) -> None:
    id = keep(vault, b"photo")
    with pytest.raises(OriginalMissing):
        list(vault.read_original(OWNER, id, 0, 6))


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "", ".", "..", "x\0", "é", "A" * 64]
)
def test_no_name_from_outside_becomes_a_path(vault: Vault, name: str) -> None:
    for owner, id in ((name, "ab" * 32), (OWNER, name)):
        with pytest.raises((ValueError, OriginalMissing)):
            list(vault.read_original(owner, id, 0, 1))
        with pytest.raises(ValueError, match="not an owner"), vault.stage() as staged:
            vault.keep_original(owner, id, staged)
    with pytest.raises(ValueError, match="not a name"):
        vault.keep_working(name, [b""])


def test_renditions_are_replaced_and_go_with_their_original(vault: Vault) -> None:
    id = keep(vault, b"photo")
    for jpeg in (b"first", b"second"):
        vault.keep_rendition(OWNER, id, Size.GRID, jpeg)
        assert vault.rendition(OWNER, id, Size.GRID) == jpeg
    assert vault.rendition(OWNER, id, Size.VIEW) is None
    vault.delete_original(OWNER, id)
    assert vault.rendition(OWNER, id, Size.GRID) is None


def test_working_files(vault: Vault) -> None:
    vault.keep_working("bundle-1.json", [b"{", b"}"])
    assert b"".join(vault.read_working("bundle-1.json", 1, 2)) == b"}"
    vault.delete_working("bundle-1.json")
    vault.delete_working("bundle-1.json")
    with pytest.raises(OriginalMissing):
        list(vault.read_working("bundle-1.json", 0, 1))


def test_a_working_file_whose_making_fails_is_not_there(vault: Vault) -> None:
    def chunks() -> object:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        vault.keep_working("bundle-1.json", chunks())  # type: ignore[arg-type]
    with pytest.raises(OriginalMissing):
        list(vault.read_working("bundle-1.json", 0, 1))


def test_originals_lists_only_originals(vault: Vault, tmp_path: Path) -> None:
    ids = sorted(keep(vault, bytes([n])) for n in range(20))
    vault.keep_rendition(OWNER, ids[0], Size.GRID, b"jpeg")
    assert sorted(id for _, id, _ in vault.originals()) == ids
