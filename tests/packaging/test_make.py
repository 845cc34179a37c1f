"""What make installs, runs and says, by a stand-in for Python that notes how it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")

# Notes its arguments; makes an "environment" whose programs are itself.
STAND_IN = """#!/bin/sh
echo "${0##*/} $*" >> "$CALLS"
case "$*" in
  *version_info*) exit ${OLD:-0};;
  *ensurepip*) exit ${NO_VENV:-0};;
  ${BROKEN:-none}) echo "$* is broken"; exit 1;;
  "-m venv"*)
    for last; do :; done
    rm -rf "$last"; mkdir -p "$last/bin"
    for name in python fototeca ruff mypy; do cp "$0" "$last/bin/$name"; done;;
esac
"""


class Clone:
    """A clone's Makefile and what it looks at, and what was called since one last looked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        self.programs = folder.parent / "programs"
        self.programs.mkdir()
        for name in ("python3", "python3.11", "python3.12", "python3.13"):
            (self.programs / name).write_text(STAND_IN)
            (self.programs / name).chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        calls = self.folder.parent / "calls"
        # A make that runs these tests must not lead this one.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "PHOTOS"}
        }
        inherited["PATH"] = f"{self.programs}:{inherited['PATH']}"
        return subprocess.run(
            ("make", *arguments),
            cwd=self.folder,
            env={**inherited, "CALLS": str(calls), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        calls = self.folder.parent / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "a clone"
    folder.mkdir()
    return Clone(folder)


def installs(calls: Sequence[str]) -> list[str]:
    return [call.partition(" install ")[2] for call in calls if " -m pip " in call]


def test_the_first_run_installs_from_hashes_and_starts(clone: Clone) -> None:
    done = clone.make("run")
    assert done.returncode == 0, done.stderr
    calls = clone.calls()
    locked, package = installs(calls)
    assert locked == (
        "--require-hashes --only-binary :all: -r requirements/build.txt -r requirements/runtime.txt"
    )
    assert package == "--no-deps --no-build-isolation --editable ."
    assert calls[-1] == "fototeca serve --sample"


def test_the_second_run_only_starts(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    for path in clone.folder.rglob("*.t*"):
        path.touch()  # as git may when it changes branches
    assert clone.make("run").returncode == 0
    assert clone.calls() == ["fototeca serve --sample"]


def test_a_changed_lock_is_installed_into_the_environment_there_is(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    with (clone.folder / "requirements" / "runtime.txt").open("a") as lock:
        lock.write("# changed\n")
    clone.make("run")
    calls = clone.calls()
    assert len(installs(calls)) == 2
    assert not any("-m venv" in call for call in calls)


def test_a_moved_clone_makes_its_environment_anew(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    clone.folder = clone.folder.rename(clone.folder.with_name("elsewhere"))
    clone.make("run")
    assert any("-m venv" in call for call in clone.calls())


@pytest.mark.parametrize(
    ("given", "passed"),
    [("/photos of a trip", "/photos of a trip"), ("~/Pictures", "/home/ada/Pictures")],
)
def test_a_folder_of_photos_is_passed_on(clone: Clone, given: str, passed: str) -> None:
    clone.make("run", f"PHOTOS={given}", HOME="/home/ada")
    assert clone.calls()[-1] == f"fototeca serve --import {passed}"


def test_an_old_python_is_named_as_the_reason(clone: Clone) -> None:
    done = clone.make("run", OLD="1")
    assert done.returncode != 0
    assert "needs Python 3.11 or later" in done.stderr
    assert not (clone.folder / ".venv").exists()


def test_a_python_without_venv_is_named_with_its_remedy(clone: Clone) -> None:
    done = clone.make("run", NO_VENV="1")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr


def test_make_alone_tells_what_there_is(clone: Clone) -> None:
    done = clone.make()
    assert done.returncode == 0
    assert "make run" in done.stdout
    assert clone.calls() == []


def test_the_tests_have_all_they_need_and_run_after_the_check(clone: Clone) -> None:
    done = clone.make("test")
    assert done.returncode == 0, done.stderr
    calls = clone.calls()
    locks = [call.rpartition("requirements/")[2] for call in installs(calls) if "-r " in call]
    assert sorted(locks) == ["aws.txt", "emulator.txt", "runtime.txt", "test.txt"]
    # Into one environment, one after the other.
    assert locks.index("runtime.txt") < locks.index("test.txt") < locks.index("aws.txt")
    checks = {"ruff check .", "ruff format --check .", "python -m web.check"}
    assert checks < set(calls)
    assert any(call.startswith("mypy ") for call in calls)
    assert calls[-1].startswith("python -m pytest -n auto")
    clone.make("test")
    assert installs(clone.calls()) == []


@pytest.mark.parametrize("broken", ["check .", "-m web.check", "-m pytest*"])
def test_what_fails_is_told_and_keeps_nothing_else_from_running(clone: Clone, broken: str) -> None:
    done = clone.make("test", BROKEN=broken)
    assert done.returncode != 0
    assert done.stdout.count("is broken") == 1
    calls = clone.calls()
    assert "python -m web.check" in calls
    assert "ruff check ." in calls
    assert calls[-1].startswith("python -m pytest")
    told = "does not pass make check" in done.stderr
    assert told is (broken != "-m pytest*")
    assert (clone.make("check", BROKEN=broken).returncode != 0) is told


def test_the_choices_of_a_deployment_are_those_of_the_command_line(clone: Clone) -> None:
    choices = ("EMAIL=o'brien@example.com", "IMPORT_BUCKETS=mine others/x=y", "PYTHON=python3.12")
    done = clone.make("synth", *choices, DOMAIN="of.this.machine")
    assert done.returncode == 0, done.stderr
    wanted = "-c EMAIL=o'brien@example.com -c IMPORT_BUCKETS=mine others/x=y"
    assert clone.calls()[-1] == f"python -m deploy.aws.app {wanted}"


def test_a_choice_that_is_misspelt_is_said(clone: Clone) -> None:
    for target in ("synth", "deploy"):
        done = clone.make(target, "EMAIL=dan@example.com", "LABELER=rekognition")
        assert done.returncode != 0
        assert "no choice of a deployment: LABELER" in done.stderr
        assert not any("deploy.aws.app" in call for call in clone.calls())


def test_whether_there_is_an_account_is_asked_before_anything_is_built_for_it(clone: Clone) -> None:
    done = clone.make("deploy", "EMAIL=dan@example.com", BROKEN="-m deploy.aws.account")
    assert done.returncode != 0
    assert clone.calls()[-1] == "python -m deploy.aws.account"
