"""The command line, called in this process or as a program of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fototeca import samples
from fototeca.cli import app

COMMAND = typer.main.get_command(app)
"""Put together once, as in a program: it takes longer than most commands run."""


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, (self.status, self.err)
        return json.loads(self.out)


Run = Callable[..., Answer]


def called(*arguments: str | Path, input: str | None = None) -> Answer:
    """What a command does in this process."""
    status: Any = 0
    with CliRunner().isolation(input=input) as (out, err, _):
        try:
            COMMAND.main([str(each) for each in arguments], prog_name="fototeca")
        except SystemExit as ended:
            status = ended.code
        return Answer(status, *(stream.getvalue().decode() for stream in (out, err)))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a library that is not there yet, named by the environment."""
    folder = tmp_path / "library"
    monkeypatch.setenv("FOTOTECA_LIBRARY", str(folder))
    monkeypatch.setenv("FOTOTECA_THREADS", "2")
    return folder


@pytest.fixture
def run(library: Path) -> Run:
    """`run("labels", "--json")`, in this process."""
    return called


@pytest.fixture
def spawn(library: Path) -> Callable[..., subprocess.Popen[str]]:
    """`spawn("import", folder)`, as a program."""

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from fototeca.cli import app; app()", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    return start


@pytest.fixture
def program(spawn: Callable[..., subprocess.Popen[str]]) -> Run:
    """`program("import", folder)`, as a program, to its end."""

    def call(*arguments: str | Path) -> Answer:
        process = spawn(*arguments)
        out, err = process.communicate(timeout=300)
        return Answer(process.returncode, out, err)

    return call


@pytest.fixture(scope="session")
def labelled_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the sample photos, labelled."""
    folder = tmp_path_factory.mktemp("labelled") / "library"
    answer = called("import", "--library", folder, *samples.photos())
    assert answer.status == 0, answer.out + answer.err
    return folder


@pytest.fixture
def filled(labelled_library: Path, library: Path) -> Path:
    """The library that the environment names, with the sample photos, labelled."""
    shutil.copytree(labelled_library, library)
    return library
