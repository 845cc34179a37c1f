"""`fototeca backup`, `restore`: what comes back is what was there, and half a backup is none."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from fototeca import samples
from fototeca.app import open_library
from fototeca.backup import back_up
from fototeca.settings import Settings
from tests.cli.conftest import Run
from tests.conftest import MakeJpeg


def contents(run: Run, *library: str | Path) -> tuple[object, ...]:
    return (
        run("labels", "--json", *library).json,
        run("photos", "--json", *library).json["total"],
        run("photos", "--trashed", "--json", *library).json["total"],
    )


def test_what_was_backed_up_comes_back(run: Run, filled: Path, tmp_path: Path) -> None:
    cat, dog = (
        run("photos", "--search", name, "--json").json["photos"][0]["id"]
        for name in ("cat.jpg", "two-dogs.jpg")
    )
    run("photos", "label", cat, "--add", "Chelsea", "--remove", "Animal")
    run("photos", "trash", dog)
    run("user", "add", "me@example.org", "--password-stdin", input="a long password\n")
    before = contents(run)
    backup, restored = tmp_path / "backup", tmp_path / "restored"

    first = run("backup", backup, "--json")
    assert (first.status, first.json["photos"], first.json["copied"]) == (0, 12, 12)
    assert oct(backup.stat().st_mode)[-3:] == "700"

    answer = run("restore", backup, "--library", restored, "--json")
    assert (answer.status, answer.json["photos"], answer.json["problems"]) == (0, 12, [])
    # Renditions are made again by workers; corrections stay.
    assert run("work", "retry", "--library", restored).status == 0
    assert contents(run, "--library", restored) == before
    assert run("check", "--bytes", "--library", restored).status == 0
    shown = run("photos", "show", cat, "--json", "--library", restored).json
    assert (shown["added"], shown["removed"]) == (["Chelsea"], ["Animal"])
    users = run("user", "list", "--json", "--library", restored).json
    assert [user["email"] for user in users] == ["me@example.org"]


def test_the_next_backup_copies_what_is_new(
    run: Run, filled: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    new = tmp_path / "new.jpg"
    new.write_bytes(make_jpeg(1))
    run("import", new)
    answer = run("backup", backup, "--json")
    assert (answer.json["photos"], answer.json["copied"]) == (13, 1)
    assert len(list(backup.glob("catalog-*"))) == 1
    assert run("restore", backup, "--library", tmp_path / "restored", "--json").json["photos"] == 13


def test_a_damaged_copy_is_found_by_restoring_and_mended_by_verifying(
    run: Run, filled: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    copy = next(backup.glob("originals/*/*/*"))
    data = bytearray(copy.read_bytes())
    data[100] ^= 1
    copy.write_bytes(data)
    answer = run("restore", backup, "--library", tmp_path / "restored", "--json")
    assert answer.status == 1
    assert answer.json["photos"] == 11
    assert copy.name in answer.json["problems"][0]
    assert len(answer.json["problems"]) == 1

    assert run("backup", backup, "--json").json["copied"] == 0
    assert run("backup", backup, "--verify", "--json").json["copied"] == 1
    assert run("restore", backup, "--library", tmp_path / "again").status == 0


def test_a_damaged_original_never_replaces_a_sound_copy(
    run: Run, filled: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    original = next(filled.glob("vault/originals/*/*/*"))
    sound = original.read_bytes()
    original.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert run("backup", backup, "--verify").status == 0, "the copy is sound"
    copy = next(backup.glob(f"originals/*/*/{original.name}"))
    assert copy.read_bytes() == sound
    copy.unlink()
    answer = run("backup", backup)
    assert answer.status == 1
    assert f"photo {original.name}: its original is damaged" in answer.out
    assert not copy.exists()


def test_a_backup_of_many_photos_takes_little_memory(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_library(Settings(library=filled)) as library:
        # The modules that a first backup imports are not what is measured.
        back_up(library, tmp_path / "first")
        (photo, *_) = library.catalog.photos.all()
        monkeypatch.setattr("fototeca.backup._is_there", lambda *_: True)

        def peak(photos: int) -> int:
            many = (replace(photo, id=f"{number:064x}") for number in range(photos))
            monkeypatch.setattr(library.catalog.photos, "all", lambda: many)
            tracemalloc.start()
            report = back_up(library, tmp_path / f"backup-{photos}")
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert report.photos == photos
            return peak

        # The least of three: whatever else this process does meanwhile is counted, too.
        few, many = peak(1_000), min(peak(11_000 + more) for more in range(3))
    # A list of them would take 1.8 MB more.
    assert many - few < 100_000


def test_an_interrupted_backup_is_never_taken_for_complete(
    run: Run, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_jpeg: MakeJpeg
) -> None:
    import fototeca.backup as module

    backup = tmp_path / "backup"
    copied = 0

    def fails(*arguments: object) -> None:
        nonlocal copied
        copied += 1
        if copied > 3:
            raise OSError(5, "Input/output error", "the disk")
        real(*arguments)  # type: ignore[arg-type]

    real = module._copy
    monkeypatch.setattr(module, "_copy", fails)
    answer = run("backup", backup)
    assert (answer.status, answer.err) == (1, "fototeca: the disk: Input/output error\n")
    answer = run("restore", backup, "--library", tmp_path / "restored")
    assert answer.status == 1
    assert "not complete" in answer.err
    assert not (tmp_path / "restored").exists()

    # The next one goes on; when it is interrupted in its turn, the one before it stays whole.
    monkeypatch.setattr(module, "_copy", real)
    assert run("backup", backup, "--json").json["copied"] == 9
    new = tmp_path / "new.jpg"
    new.write_bytes(make_jpeg(1))
    run("import", new)
    monkeypatch.setattr(module, "_copy", fails)
    assert run("backup", backup).status == 1
    answer = run("restore", backup, "--library", tmp_path / "restored", "--json")
    assert (answer.status, answer.json["photos"]) == (0, 12)


def test_an_interrupted_restoring_is_no_library_and_goes_on(
    run: Run, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fototeca.backup as module

    backup, restored = tmp_path / "backup", tmp_path / "restored"
    run("backup", backup)
    real, calls = module._restore_original, 0

    def fails(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise OSError(28, "No space left on device")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_restore_original", fails)
    assert run("restore", backup, "--library", restored).status == 1
    for command in (("labels",), ("import", samples.photos()[0])):
        answer = run(*command, "--library", restored)
        assert answer.status == 1
        assert "restoring it was interrupted" in answer.err
    monkeypatch.setattr(module, "_restore_original", real)
    answer = run("restore", backup, "--library", restored, "--json")
    assert (answer.status, answer.json["photos"], answer.json["copied"]) == (0, 12, 7)


def test_places_that_will_not_do(run: Run, filled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "diary.txt").write_text("mine")
    for place in (filled / "backup", tmp_path, other, other / "diary.txt"):
        answer = run("backup", place)
        assert answer.status == 1, place
        assert len(answer.err.splitlines()) == 1
    assert [path.name for path in other.iterdir()] == ["diary.txt"]

    backup = tmp_path / "backup"
    run("backup", backup)
    assert "a library already" in run("restore", backup).err
    assert "not empty" in run("restore", backup, "--library", other).err
    assert "not a backup" in run("restore", other, "--library", tmp_path / "x").err
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["catalog"]["file"] = "../library/catalog.sqlite3"
    (backup / "manifest.json").write_text(json.dumps(manifest))
    assert "damaged" in run("restore", backup, "--library", tmp_path / "x").err
