"""What holds for every command: help, version, settings, errors in a line, a quick start."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fototeca import __version__
from tests import tiny_clip
from tests.cli.conftest import Run

COMMANDS = [
    *("serve", "worker", "import", "labels", "photos", "bundle", "work", "relabel"),
    *("check", "backup", "restore", "evaluate", "user", "token", "cost"),
]


def test_help_names_every_command(run: Run) -> None:
    out = run("--help").out
    for command in COMMANDS:
        assert f"\n  {command}" in out
        answer = run(command, "--help")
        assert answer.status == 0
        assert "--help" in answer.out
    assert run("--version").out == f"fototeca {__version__}\n"
    assert run("nonsense").status == 2
    assert run("labels", "--nonsense").status == 2


@pytest.mark.parametrize(
    ("started", "unused"),
    [
        ("fototeca.cli", "numpy onnxruntime PIL pydantic fastapi uvicorn rich"),
        # A server that knows no provider, tells nobody and is not on AWS.
        (
            "fototeca.web.application, fototeca.work.threads, fototeca.notify.apprise",
            "joserfc apprise requests boto3",
        ),
    ],
    ids=["command", "server"],
)
def test_starting_imports_nothing_that_may_not_be_used(started: str, unused: str) -> None:
    script = f"import sys, {started}\nprint(sys.modules.keys() & {set(unused.split())!r})"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout == "set()\n"


@pytest.mark.parametrize(
    "command",
    [
        ["labels"],
        ["photos"],
        ["bundle", "-o", "x.zip"],
        ["work"],
        ["relabel"],
        ["check"],
        ["backup", "backup"],
        ["token", "list"],
        ["user", "list"],
        ["cost"],
        ["worker"],
    ],
    ids=lambda command: command[0],
)
def test_no_library_is_told_in_a_line_and_none_is_made(
    run: Run, library: Path, command: list[str]
) -> None:
    answer = run(*command)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == f"fototeca: {library}: no library here\n"
    assert not library.exists()


def test_errors_are_json_where_json_was_asked_for(run: Run, library: Path) -> None:
    for arguments in (("labels", "--json"), ("--json", "labels")):
        answer = run(*arguments)
        assert json.loads(answer.err) == {"error": f"{library}: no library here"}


def test_a_wrong_setting_is_told_by_its_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOTOTECA_THREADS", "many")
    answer = run("labels")
    assert answer.status == 1
    assert answer.err.startswith("fototeca: FOTOTECA_THREADS: ")
    assert len(answer.err.splitlines()) == 1
    monkeypatch.setenv("FOTOTECA_THREADS", "")
    monkeypatch.setenv("FOTOTECA_IMPORT_ROOTS", "/photos")
    answer = run("labels")
    assert answer.err == (
        'fototeca: FOTOTECA_IMPORT_ROOTS: Input should be JSON, as ["one", "two"]\n'
    )


def test_a_library_of_a_newer_fototeca_is_left_alone(run: Run, filled: Path) -> None:
    with sqlite3.connect(filled / "catalog.sqlite3") as catalog:
        catalog.execute("PRAGMA user_version = 999")
    catalog.close()
    answer = run("labels")
    assert answer.status == 1
    assert "a newer one" in answer.err


def test_a_folder_that_is_something_else_is_left_alone(run: Run, library: Path) -> None:
    library.mkdir()
    (library / "diary.txt").write_text("mine")
    answer = run("import", library)
    assert answer.status == 1
    assert "not a library" in answer.err
    assert [path.name for path in library.iterdir()] == ["diary.txt"]


def test_work_names_what_failed_and_why(run: Run, filled: Path, tmp_path: Path) -> None:
    from fototeca import samples

    broken = tmp_path / "broken.jpg"
    broken.write_bytes(samples.photos()[0].read_bytes()[:20_000])
    answer = run("import", broken)
    assert answer.status == 0
    assert "1 photo could not be labelled" in answer.out
    assert run("import", broken).out == "0 photos added, 1 duplicate\n"
    work = run("work", "--json").json
    assert (work["labelled"], work["failed"]) == (12, 1)
    (failure,) = work["failures"]
    assert failure["name"] == "broken.jpg"
    assert "truncated" in failure["reason"]
    assert "truncated" in run("work").out
    again = run("work", "retry", failure["id"], "--json")
    assert (again.status, again.json) == (0, {"asked": 1, "waiting": 0, "failed": 1})
    nothing = run("work", "retry", "0" * 64)
    assert (nothing.status, nothing.err) == (1, "fototeca: none of these photos has failed\n")


def test_work_counts_what_another_model_labelled(
    run: Run, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "another model" not in run("work").out
    monkeypatch.setenv("FOTOTECA_LABELLER", f"clip:{tiny_clip.write(tmp_path / 'tiny')}")
    work = run("work", "--json").json
    assert work["outdated"] == 12
    assert f"12 photos labelled by another model than {work['model']}" in run("work").out
