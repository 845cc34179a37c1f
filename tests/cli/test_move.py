"""`fototeca move`: what is at the other place is what was here, or it says what is not."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, called
from tests.conftest import MakeJpeg


def id_of(run: Run, name: str) -> str:
    found: str = run("photos", "--search", name, "--json").json["photos"][0]["id"]
    return found


@pytest.fixture(scope="module")
def lived_in(labelled_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that an owner has used; tests have copies."""
    folder = shutil.copytree(labelled_library, tmp_path_factory.mktemp("used") / "library")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FOTOTECA_LIBRARY", str(folder))
        cat, dog = id_of(called, "cat.jpg"), id_of(called, "two-dogs.jpg")
        called("photos", "label", cat, "--add", "Chelsea", "--remove", "Animal")
        called("photos", "trash", dog)
        called("label-settings", "--sureness", "0.3", "--rename", "Mountain=Alps")
        called("user", "add", "me@example.org", "--password-stdin", input="a long password\n")
        called("token", "add", "--name", "phone")
        called("work")
    return folder


@pytest.fixture
def used(lived_in: Path, library: Path) -> Path:
    """The library that the environment names, as an owner has used it."""
    shutil.copytree(lived_in, library)
    return library


def everything(run: Run, library: Path) -> list[Any]:
    place = ("--library", library, "--json")
    photos = run("photos", *place).json["photos"]
    return [
        photos,
        run("photos", "--trashed", *place).json,
        [run("photos", "show", photo["id"], *place).json for photo in photos],
        run("labels", *place).json,
        run("label-settings", *place).json,
        run("user", "list", *place).json,
        run("token", "list", *place).json,
    ]


def move(run: Run, source: Path | str, target: Path | str, *more: str) -> Any:
    return run("move", "--from", source, "--to", target, "--json", *more)


def test_there_it_is_what_it_was_here(run: Run, used: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    answer = move(run, used, there)
    assert (answer.status, answer.err) == (0, "")
    report = answer.json
    assert (report["accounts"], report["photos"], report["copied"]) == (1, 12, 12)
    assert report["differences"] == []
    assert everything(run, there) == everything(run, used)
    assert run("check", "--bytes", "--library", there).status == 0


def test_and_back_again(run: Run, used: Path, tmp_path: Path) -> None:
    before = everything(run, used)
    there, home = tmp_path / "there", tmp_path / "home"
    assert move(run, used, there).status == 0
    shutil.rmtree(used)
    assert move(run, there, home).status == 0
    assert everything(run, home) == before


def test_a_second_time_nothing_is_copied_but_what_is_new_or_changed(
    run: Run, used: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    there = tmp_path / "there"
    move(run, used, there)
    assert move(run, used, there).json["copied"] == 0
    new = tmp_path / "new.jpg"
    new.write_bytes(make_jpeg(1))
    run("import", new)
    run("photos", "label", id_of(run, "cat.jpg"), "--add", "Felix")
    run("photos", "restore", "--everything")
    answer = move(run, used, there)
    assert (answer.status, answer.json["copied"], answer.json["photos"]) == (0, 3, 13)
    assert everything(run, there) == everything(run, used)


def test_an_interrupted_move_goes_on(
    run: Run,
    used: Path,
    tmp_path: Path,
    make_jpeg: MakeJpeg,
    spawn: Callable[..., subprocess.Popen[str]],
) -> None:
    many, there = tmp_path / "many", tmp_path / "there"
    many.mkdir()
    for number in range(60):
        (many / f"{number}.jpg").write_bytes(make_jpeg(number))
    run("import", many)
    process = spawn("move", "--from", used, "--to", there)
    while not list(there.glob("vault/originals/*/*/*")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    answer = move(run, used, there)
    assert (answer.status, answer.json["photos"]) == (0, 72)
    assert answer.json["copied"] <= 72
    assert everything(run, there) == everything(run, used)
    assert run("check", "--bytes", "--library", there).status == 0


def test_what_is_damaged_here_is_said_and_does_not_arrive(
    run: Run, used: Path, tmp_path: Path
) -> None:
    cat, beach = id_of(run, "cat.jpg"), id_of(run, "sunset.jpg")
    (original,) = used.glob(f"vault/originals/*/*/{cat}")
    data = bytearray(original.read_bytes())
    data[1000] ^= 1
    original.write_bytes(data)
    next(used.glob(f"vault/originals/*/*/{beach}")).unlink()
    there = tmp_path / "there"
    answer = move(run, used, there)
    assert (answer.status, answer.json["photos"]) == (1, 10)
    told = "\n".join(answer.json["differences"])
    assert f"photo {cat}: its original is damaged at the source" in told
    assert f"photo {beach}: its original is not at the source" in told
    assert not list(there.glob(f"vault/originals/*/*/{cat}"))
    assert move(run, used, there).status == 1


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE detection SET confidence = confidence / 2", "what was detected"),
        ("DELETE FROM correction", "its corrections"),
        ("DELETE FROM photo_label", "its labels"),
        ("UPDATE photo SET uploaded_at = 7", "its name, times or state"),
    ],
)
def test_what_differs_there_is_found(
    run: Run,
    used: Path,
    tmp_path: Path,
    damage: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fototeca.moving import Moving

    there = tmp_path / "there"
    move(run, used, there)
    with sqlite3.connect(there / "catalog.sqlite3") as connection:
        connection.execute(damage)
    # Otherwise it would be copied once more, and be right again.
    monkeypatch.setattr(Moving, "_copy", lambda _self, _photo: False)
    answer = move(run, used, there)
    assert answer.status == 1
    assert any(told in difference for difference in answer.json["differences"])


def test_bytes_that_differ_there_are_found(run: Run, used: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    move(run, used, there)
    cat = id_of(run, "cat.jpg")
    (original,) = there.glob(f"vault/originals/*/*/{cat}")
    original.write_bytes(bytes(original.stat().st_size))
    answer = move(run, used, there)
    assert answer.status == 1
    assert answer.json["differences"] == [f"photo {cat}: not the same at the target: its bytes"]


def test_photos_join_the_account_that_has_the_address(run: Run, used: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    run(
        "user",
        "add",
        "ME@example.org",
        "--password-stdin",
        "--library",
        there,
        input="another one\n",
    )
    (account,) = run("user", "list", "--json", "--library", there).json
    answer = move(run, used, there)
    assert answer.status == 0
    (still,) = run("user", "list", "--json", "--library", there).json
    assert (still["id"], still["photos"]) == (account["id"], 11)
    assert run("labels", "--json", "--library", there).json == run("labels", "--json").json


def test_one_account_can_become_part_of_another(run: Run, used: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    run(
        "user",
        "add",
        "eve@example.org",
        "--password-stdin",
        "--library",
        there,
        input="a password\n",
    )
    assert move(run, used, there, "--to-user", "nobody@example.org").status == 1
    assert move(run, used, there, "--user", "nobody@example.org").status == 1
    answer = move(run, used, there, "--user", "me@example.org", "--to-user", "eve@example.org")
    assert answer.status == 0
    (eve,) = run("user", "list", "--json", "--library", there).json
    assert (eve["email"], eve["photos"]) == ("eve@example.org", 11)


def test_settings_that_are_there_already_are_kept_and_said(
    run: Run, used: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    move(run, used, there)
    run("label-settings", "--sureness", "-0.5", "--library", there)
    answer = move(run, used, there)
    assert answer.status == 1
    assert any("its label settings there are kept" in each for each in answer.json["differences"])
    kept = run("label-settings", "--json", "--library", there).json
    assert kept["sureness"] == -0.5


def test_what_makes_no_sense_is_refused(run: Run, used: Path, tmp_path: Path) -> None:
    assert move(run, used, used).status == 2
    assert move(run, used, f"{used}/").status == 2
    assert move(run, used, used / "inside").status == 2
    assert move(run, used, f"{tmp_path / 'there'},s3:").status == 2
    assert move(run, used, "").status == 2
    assert move(run, tmp_path / "none", tmp_path / "there").status == 1
    assert not (tmp_path / "there").exists()
