"""`fototeca labels`, `photos`, `bundle`: what is selected is the same everywhere."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from fototeca.app import open_library
from fototeca.settings import Settings
from tests import tiny_clip
from tests.cli.conftest import Run


def names(run: Run, *selection: str) -> set[str]:
    listed = run("photos", "--json", *selection).json
    assert listed["total"] == len(listed["photos"])
    return {photo["name"] for photo in listed["photos"]}


@pytest.mark.usefixtures("filled")
def test_counts_lists_and_bundles_agree(run: Run, tmp_path: Path) -> None:
    counts = {label["name"]: label["count"] for label in run("labels", "--json").json}
    assert counts["Mountain"] >= 2
    assert counts["Dog"] == 1
    assert list(counts.values()) == sorted(counts.values(), reverse=True)

    selection = ("--any", "mountains", "--any", "dog", "--none", "Animal")
    chosen = names(run, *selection)
    assert chosen == names(run, "--any", "Mountain") - names(run, "--any", "Animal")
    inside = {label["name"]: label["count"] for label in run("labels", "--json", *selection).json}
    assert inside["Mountain"] == len(chosen)
    assert "Dog" not in inside

    out = tmp_path / "out.zip"
    answer = run("bundle", *selection, "-o", out, "--json")
    assert answer.status == 0
    assert answer.json["photos"] == len(chosen)
    assert answer.json["bytes"] == out.stat().st_size
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == chosen | {"fototeca-manifest.json"}
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.usefixtures("filled")
def test_labels_are_searched_and_shown_as_a_table(run: Run) -> None:
    assert [label["name"] for label in run("labels", "--search", "MOUNT", "--json").json] == [
        "Mountain"
    ]
    assert [label["name"] for label in run("labels", "--search", "peak", "--json").json] == [
        "Mountain"
    ], "by an alias, too"
    lines = run("labels").out.splitlines()
    assert any(line.split() == ["Dog", "1"] for line in lines)
    nothing = run("labels", "--search", "no such label")
    assert (nothing.status, nothing.out) == (0, "")


@pytest.mark.usefixtures("filled")
def test_a_typing_error_is_told_with_the_nearest_label(run: Run, tmp_path: Path) -> None:
    for option in ("--any", "--all", "--none"):
        answer = run("bundle", option, "Mountian", "-o", tmp_path / "out.zip")
        assert answer.status == 1
        assert answer.err == "fototeca: no label Mountian: did you mean Mountain?\n"
    answer = run("labels", "--any", "Mountian", "--json")
    assert answer.err == '{"error": "no label Mountian: did you mean Mountain?"}\n'


@pytest.mark.usefixtures("filled")
def test_a_selection_of_nothing_makes_no_file(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    out.write_text("what was there before")
    answer = run("bundle", "--all", "Dog", "--all", "Mountain", "-o", out)
    assert (answer.status, answer.err) == (1, "fototeca: no photo is selected\n")
    assert out.read_text() == "what was there before"
    assert run("bundle", "-o", tmp_path).status == 1
    assert run("bundle", "-o", tmp_path / "no" / "folder.zip").status == 1
    assert run("bundle", "--any", "Dog").status == 2


def test_a_bundle_on_stdout_is_nothing_but_the_zip(
    program: Run, filled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    answer = program("bundle", "--any", "Dog", "-o", out)
    assert answer.status == 0
    streamed = subprocess.run(
        [sys.executable, "-c", "from fototeca.cli import app; app()", "bundle", "-o", "-"],
        capture_output=True,
        check=True,
    )
    with zipfile.ZipFile(io.BytesIO(streamed.stdout)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 13
    assert b"12 photos" in streamed.stderr


@pytest.mark.usefixtures("filled")
def test_a_pipe_is_written_into_and_stays_one(program: Run, tmp_path: Path) -> None:
    pipe, link, out = tmp_path / "pipe", tmp_path / "link", tmp_path / "out.zip"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        answer = program("bundle", "--any", "Dog", "-o", pipe)
        if not pipe.is_fifo():
            reader.kill()  # nobody writes to it any more
        data, _ = reader.communicate()
    assert (answer.status, pipe.is_fifo()) == (0, True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
    link.symlink_to(out)
    assert program("bundle", "--any", "Dog", "-o", link).status == 0
    assert link.is_symlink()
    assert zipfile.is_zipfile(out)


def test_what_a_bundle_lacks_is_named(run: Run, filled: Path, tmp_path: Path) -> None:
    listed = run("photos", "--search", "cat.jpg", "--json").json["photos"]
    next(filled.glob(f"vault/originals/*/*/{listed[0]['id']}")).unlink()
    out = tmp_path / "out.zip"
    answer = run("bundle", "-o", out)
    assert answer.status == 1
    assert "11 photos" in answer.out
    assert "not included: cat.jpg: " in answer.err
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 12
    # With nothing left there is no bundle.
    answer = run("bundle", "--any", "Cat", "-o", tmp_path / "none.zip")
    assert answer.status == 1
    assert "none of its photos could be read" in answer.err
    assert not (tmp_path / "none.zip").exists()


def test_a_bundle_leaves_nothing_behind(run: Run, filled: Path, tmp_path: Path) -> None:
    run("bundle", "-o", tmp_path / "out.zip")
    assert not list((filled / "vault" / "working").iterdir())
    with open_library(Settings(library=filled)) as library:
        assert not library.catalog.notices.of(library.local_account().id)


@pytest.mark.usefixtures("filled")
def test_corrections_move_counts_and_outlive_labelling_again(run: Run) -> None:
    dog = run("photos", "--all", "Dog", "--json").json["photos"][0]["id"]
    cat = run("photos", "--search", "cat.jpg", "--json").json["photos"][0]["id"]
    assert run("photos", "label", dog, "--remove", "dog").status == 0
    assert run("photos", "label", cat, dog, "--add", "my family").status == 0
    assert run("relabel").status == 0

    counts = {label["name"]: label["count"] for label in run("labels", "--json").json}
    assert "Dog" not in counts
    assert counts["my family"] == 2
    assert names(run, "--all", "My Family", "--all", "cat") == {"cat.jpg"}
    shown = run("photos", "show", dog, "--json").json
    assert shown["removed"] == ["Dog"]
    assert shown["added"] == ["my family"]
    assert max(seen["confidence"] for seen in shown["detections"]) <= 1
    assert "labels" in run("photos", "show", dog).out

    assert run("photos", "label", dog).status == 2
    assert run("photos", "label", dog, "--add", "Dog", "--remove", "dog").status == 2
    assert run("photos", "label", "0" * 64, "--add", "Dog").status == 1
    assert run("photos", "label", dog, "--add", " \n ").status == 2


@pytest.mark.usefixtures("filled")
def test_trash_takes_photos_out_of_everything_and_gives_them_back(run: Run) -> None:
    before = run("labels", "--json").json
    nature = names(run, "--any", "Nature")
    assert run("photos", "trash", "--any", "Nature", "--json").json == {"trashed": len(nature)}
    assert names(run, "--trashed") == nature
    assert names(run).isdisjoint(nature)
    assert run("photos", "trash", "--any", "Nature", "--json").json == {"trashed": 0}
    one = run("photos", "--trashed", "--json").json["photos"][0]
    assert "trashed" in run("photos", "show", one["id"]).out
    assert run("photos", "restore", one["id"]).status == 0
    assert run("photos", "restore", "--everything").status == 0
    assert run("labels", "--json").json == before
    for command in (("trash",), ("restore",), ("trash", one["id"], "--any", "Nature")):
        assert run("photos", *command).status == 2
    assert run("photos", "--trashed", "--any", "Dog").status == 2


@pytest.mark.usefixtures("filled")
def test_lists_are_limited_and_say_so(run: Run) -> None:
    answer = run("photos", "--limit", "5")
    assert len(answer.out.splitlines()) == 5
    assert "7 more" in answer.err
    assert len(run("photos", "--limit", "0").out.splitlines()) == 12
    listed = run("photos", "--json", "--limit", "5").json
    assert (listed["total"], len(listed["photos"])) == (12, 5)
    missing = run("photos", "show", hashlib.sha256(b"").hexdigest())
    assert (missing.status, missing.out) == (1, "")


def test_photos_are_found_by_a_description(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no name has the text; by a model that knows texts, the best first."""
    model = tiny_clip.write(tmp_path / "tiny")
    (model / "labels.txt").write_text("Rose: red\nMoss: green\n")
    monkeypatch.setenv("FOTOTECA_LABELLER", f"clip:{model}")
    for name, colour in (("a", "#e22"), ("b", "#2e2"), ("blue c", "#e23")):
        Image.new("RGB", (64, 48), colour).save(tmp_path / f"{name}.png")
    assert run("import", *tmp_path.glob("*.png")).status == 0

    def found(*options: str) -> list[str]:
        return [each["name"] for each in run("photos", "--json", *options).json["photos"]]

    assert found("--search", "something green")[0] == "b.png"
    assert len(found("--search", "something red", "--limit", "0")) == 3
    assert found("--search", "something red", "--any", "Moss") == ["b.png"]
    assert found("--search", "blue") == ["blue c.png"]
    assert found("--search", "red", "--trashed") == []
    monkeypatch.setenv("FOTOTECA_LABELLER", "bundled")
    assert run("photos", "--search", "something red").err == "no photos\n"
