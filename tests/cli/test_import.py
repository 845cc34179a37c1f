"""`fototeca import`: what comes of good, repeated and broken files, and of sudden ends."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fototeca import samples
from tests.cli.conftest import Run
from tests.conftest import MakeJpeg

Spawn = Callable[..., subprocess.Popen[str]]
PHOTOS = 150


@pytest.fixture
def folder(tmp_path: Path, make_jpeg: MakeJpeg) -> Path:
    """Many photos, every tenth of them twice, under names that are hard to bear."""
    root = tmp_path / "in"
    for number in range(PHOTOS):
        photo = make_jpeg(number, size=(320, 240))
        place = root / f"Ausflug {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"é {number} 'x' & 100%.JPG").write_bytes(photo)
        if number % 10 == 0:
            (root / f"again {number}.jpg").write_bytes(photo)
    return root


def ids(folder: Path) -> set[str]:
    return {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def originals(library: Path) -> set[str]:
    return {path.name for path in library.glob("vault/originals/*/*/*")}


def labelled(library: Path) -> int:
    with closing(sqlite3.connect(f"file:{library}/catalog.sqlite3?mode=ro", uri=True)) as catalog:
        query = "SELECT count(*) FROM photo WHERE state = 'labelled'"
        return int(catalog.execute(query).fetchone()[0])


def wait_until(process: subprocess.Popen[str], count: Callable[[], int], least: int) -> None:
    """Until there are so many, or the process ended by itself."""
    while process.poll() is None:
        try:
            if count() >= least:
                return
        except (OSError, sqlite3.Error):
            pass  # not there yet
        time.sleep(0.002)


def assert_whole(run: Run, library: Path, folder: Path) -> None:
    """Every photo is there once and labelled, and every count is exact."""
    expected = ids(folder)
    assert originals(library) == expected
    listed = run("photos", "--limit", "0", "--json").json
    assert listed["total"] == len(listed["photos"]) == len(expected)
    assert {photo["id"] for photo in listed["photos"]} == expected
    assert run("work", "--json").json["labelled"] == len(expected)
    for label in run("labels", "--json").json:
        assert run("photos", "--all", label["name"], "--json").json["total"] == label["count"]
    checked = run("check", "--bytes")
    assert checked.status == 0, checked.out


def test_good_repeated_and_broken_files(
    program: Run, run: Run, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    root = tmp_path / "in"
    (root / "sub" / ".hidden").mkdir(parents=True)
    photo = make_jpeg(1)
    (root / "a.jpg").write_bytes(photo)
    (root / "sub" / "same.jpg").write_bytes(photo)
    (root / "b.jpg").write_bytes(make_jpeg(2))
    (root / "c.png.jpg").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    (root / "notes\x1b[31m.txt").write_text("not a photo")
    (root / "sub" / ".hidden" / "d.jpg").write_bytes(make_jpeg(3))
    (root / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "outside.jpg").write_bytes(make_jpeg(4))

    answer = program("import", root)
    assert answer.status == 1
    assert "2 photos added, 1 duplicate, 2 files refused" in answer.out
    assert "c.png.jpg: " in answer.out
    assert "\x1b" not in answer.out
    assert "Traceback" not in answer.err

    again = program("import", root / "a.jpg", root / "b.jpg", "--json")
    assert again.status == 0
    assert again.json == {
        "found": 2,
        "added": 0,
        "restored": 0,
        "duplicate": 2,
        "refused": 0,
        "refusals": [],
        "failure": None,
        "waiting": 0,
        "failed": 0,
    }
    assert run("photos", "--json").json["total"] == 2


def test_a_photo_in_the_trash_comes_back(run: Run, filled: Path, tmp_path: Path) -> None:
    photo = run("photos", "--json", "--search", "cat.jpg").json["photos"][0]["id"]
    run("photos", "label", photo, "--add", "Chelsea")
    run("photos", "trash", photo)
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(next(filled.glob(f"vault/originals/*/*/{photo}")).read_bytes())
    answer = run("import", copy)
    assert (answer.status, answer.out) == (0, "0 photos added, 1 restored from the trash\n")
    assert "Chelsea" in run("photos", "show", photo, "--json").json["labels"]


def test_what_is_not_there_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    answer = run("import", tmp_path / "nowhere")
    assert (answer.status, answer.err) == (1, f"fototeca: {tmp_path / 'nowhere'}: not there\n")
    assert run("import").status == 2


def test_an_empty_path_is_not_this_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell's variable that is not set names nothing."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for command in (["import", ""], ["backup", ""], ["serve", "--import", ""]):
        answer = run(*command)
        assert (answer.status, answer.out) == (2, "")
        assert "empty" in answer.err
    assert run("labels", "--library", "").status == 2
    monkeypatch.setenv("FOTOTECA_LIBRARY", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    answer = run("labels")
    assert answer.err == f"fototeca: {tmp_path / 'home' / 'Fototeca'}: no library here\n"


def test_a_library_is_passed_over(run: Run, library: Path, tmp_path: Path) -> None:
    """Its renditions would become photos."""
    shutil.copy(samples.photos()[0], tmp_path / "a.jpg")
    assert library.parent == tmp_path
    for added in (1, 0):
        answer = run("import", tmp_path, "--json").json
        assert (answer["found"], answer["added"], answer["refused"]) == (1, added, 0)
    told = run("import", library)
    assert told.status == 1
    assert told.err == f"fototeca: {library}: a library already: see `fototeca move`\n"


@pytest.mark.crash
def test_kill_at_any_moment_loses_nothing_and_does_nothing_twice(
    spawn: Spawn, program: Run, run: Run, library: Path, folder: Path
) -> None:
    for count in (1, 12, 37, 80, 121):
        process = spawn("import", folder)
        wait_until(process, lambda: len(originals(library)), count)
        process.kill()
        process.communicate()
    for count in (3, 20):
        process = spawn("import", folder)
        wait_until(process, lambda: labelled(library), count)
        process.kill()
        process.communicate()
    assert labelled(library) < PHOTOS, "the kills must come before the work is done"

    answer = program("import", folder, "--json")
    assert answer.status == 0, answer.err
    assert answer.json["found"] == PHOTOS + PHOTOS // 10
    assert answer.json["waiting"] == answer.json["failed"] == 0
    assert_whole(run, library, folder)
    assert not list(library.glob("vault/incoming/*"))


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_what_was_done_and_goes_on_the_next_time(
    spawn: Spawn, program: Run, run: Run, library: Path, folder: Path, number: signal.Signals
) -> None:
    process = spawn("import", folder)
    wait_until(process, lambda: len(originals(library)), 5)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "import it again to go on" in err
    assert "Traceback" not in err
    done = len(originals(library))
    assert f"{done} photos added" in out
    assert 5 <= done < PHOTOS

    answer = program("import", folder, "--json")
    assert answer.status == 0
    assert answer.json["added"] == PHOTOS - done
    assert_whole(run, library, folder)


@pytest.mark.crash
def test_two_programs_import_the_same_folder_at_once(
    spawn: Spawn, run: Run, library: Path, folder: Path
) -> None:
    processes = [spawn("import", folder, "--json") for _ in range(2)]
    answers = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    added = [int(out.split('"added": ')[1].split(",")[0]) for out, _ in answers]
    assert sum(added) == PHOTOS
    assert_whole(run, library, folder)


@pytest.fixture
def small_disk(library: Path) -> Iterator[Path]:
    """The library's folder on a disk of its own, of 3 MB."""
    library.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(library)]
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield library
    subprocess.run(["umount", "--lazy", str(library)], check=True)


@pytest.mark.crash
def test_a_full_disk_is_told_and_nothing_is_lost(
    program: Run, run: Run, small_disk: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for number in range(60):
        # About 80 kB each: what follows the picture belongs to the file.
        padded = make_jpeg(number) + bytes([number]) * 80_000
        (root / f"{number}.jpg").write_bytes(padded)
    answer = program("import", root)
    assert answer.status == 1
    assert "no room left" in answer.err
    assert "Traceback" not in answer.err

    remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(remount, check=True, capture_output=True)
    answer = program("import", root, "--json")
    assert answer.status == 0, answer.err
    assert_whole(run, small_disk, root)
