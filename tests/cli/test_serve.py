"""`fototeca serve`, `worker` as programs: what they print, and how they end."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fototeca import samples
from tests.cli.conftest import Run

Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(spawn: Spawn) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """`serve(...)` gives the program and its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> tuple[subprocess.Popen[str], str]:
        process = spawn("serve", "--port", "0", *arguments)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Fototeca is at (http://127\.0\.0\.1:\d+)\n", line)
        assert found, (line, process.stderr and process.stderr.read())
        return process, found[1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


Serve = Callable[..., tuple[subprocess.Popen[str], str]]


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_an_empty_library_gets_samples_and_a_bundle(serve: Serve, run: Run) -> None:
    process, address = serve("--sample")
    assert re.fullmatch(rf"Sign in .* {address}/#setup=[0-9a-f]+\n", line_of(process))
    assert line_of(process) == "12 sample photos added\n"
    with urllib.request.urlopen(f"{address}/health") as health:  # noqa: S310
        assert json.load(health)["status"] == "ok"
    # Other commands work beside it.
    assert run("work", "--json").json == {
        "waiting": 0,
        "running": 0,
        "labelled": 12,
        "failed": 0,
        "model": "efficientnet-lite0@2",
        "outdated": 0,
        "failures": [],
    }
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "", "")

    # A second time there is nothing to add; with an account there is no link.
    assert (
        run("user", "add", "me@example.org", "--password-stdin", input="a long one!\n").status == 0
    )
    process, _ = serve("--sample")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "", "")
    assert run("photos", "--json").json["total"] == 12


def test_a_folder_is_imported_while_serving(serve: Serve, run: Run, tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(samples.photos()[0], root)
    (root / "notes.txt").write_text("no photo")
    process, _ = serve("--import", root)
    line_of(process)
    assert line_of(process) == "1 photo added, 1 file refused\n"
    assert line_of(process) == "  notes.txt: not an image\n"
    assert run("photos", "--json").json["total"] == 1
    assert run("serve", "--import", tmp_path / "nowhere").status == 2


def test_a_taken_port_is_told_in_a_line(program: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = program("serve", "--port", str(taken.getsockname()[1]))
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("fototeca: cannot listen on 127.0.0.1:")
    assert len(answer.err.splitlines()) == 1


def test_a_worker_labels_what_waits_and_ends_in_good_order(
    spawn: Spawn, run: Run, filled: Path
) -> None:
    worker = spawn("worker")
    assert line_of(worker) == f"Working on {filled}\n"
    shutil.copy(samples.photos()[0], filled / "inbox")  # nobody's folder: stays
    copy = filled / "inbox" / "local" / "new.jpg"
    data = samples.photos()[0].read_bytes()
    copy.write_bytes(data + b"another photo")
    while run("photos", "--json").json["total"] < 13 or run("work", "--json").json["waiting"]:
        assert worker.poll() is None
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=300)
    assert (worker.returncode, out, err) == (0, "Stopping after the photos in hand\n", "")
    assert not copy.exists()
    assert (filled / "inbox" / samples.photos()[0].name).exists()


@pytest.mark.parametrize("command", ["serve", "worker", "import .", "relabel", "work retry"])
def test_a_model_that_cannot_be_used_is_told_at_once(
    command: str, run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run("work", "--json").json
    with monkeypatch.context() as broken:
        broken.setenv("FOTOTECA_LABELLER", "clip:nowhere")
        answer = run(*command.split())
        assert (answer.status, answer.err) == (
            1,
            "fototeca: config.json cannot be read: No such file or directory\n",
        )
    assert run("work", "--json").json == before
