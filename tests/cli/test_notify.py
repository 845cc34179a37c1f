"""`fototeca notify`: targets are added, listed without their secrets, tested and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.receivers import web_receiver

SECRET = "hunter2-of-the-hook"


@pytest.fixture
def filled_library(run: Run, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOTOTECA_NOTIFY_INSIDE", "true")
    password = "a long password\n"
    for email in ("one@example.org", "two@example.org"):
        assert run("user", "add", email, "--password-stdin", input=password).status == 0


@pytest.mark.usefixtures("filled_library")
def test_a_target_from_its_url_to_its_removal(run: Run) -> None:
    one = ("--user", "one@example.org")
    with web_receiver() as web:
        url = f"ntfy://dan:{SECRET}@127.0.0.1:{web.port}/{SECRET}"
        added = run("notify", "add", url, *one, "--json").json
        id = added["id"]
        # From its input, it is in no list of processes and no shell's history.
        again = run("notify", "add", "-", *one, "--json", input=f"{url}\n").json
        assert again == added
        assert (added["told_at"], added["failure"]) == (None, None)
        assert run("notify", "list", *one, "--json").json == [added]
        assert "not told anything yet" in run("notify", "list", *one).out
        assert run("notify", "list", "--user", "two@example.org", "--json").json == []
        test = run("notify", "test", id, *one)
        assert test.status == 0
        assert web.received[0]["title"] == "Fototeca: a test"
        web.status = 404
        failed = run("notify", "test", id, *one)
        assert (failed.status, failed.err) == (1, "fototeca: it answered 404 Not Found\n")
        stranger = run("notify", "remove", id, "--user", "two@example.org")
        assert (stranger.status, stranger.err) == (1, f"fototeca: no target {id}\n")
        assert run("notify", "remove", id, *one).out == f"removed {id}\n"
        assert run("notify", "test", id, *one).status == 1
        assert run("notify", "list", *one, "--json").json == []
    for answer in (test, failed):
        assert SECRET not in answer.out + answer.err
    assert SECRET not in str(added)


def test_what_is_no_target_is_one_line(run: Run, library: Path) -> None:
    assert run("user", "add", "a@b.c", "--password-stdin", input="a long password\n").status == 0
    for url in ("dbus://", "nothing", "-"):
        answer = run("notify", "add", url, input="syslog://\n")
        assert answer.status == 1
        assert answer.err.count("\n") == 1
        assert answer.err.startswith("fototeca: ")
