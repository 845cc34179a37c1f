"""`fototeca user`, `token`, and whose photos the other commands act on."""

from __future__ import annotations

from pathlib import Path

from fototeca.app import open_library
from fototeca.settings import Settings
from tests.cli.conftest import Run

PASSWORD = "a long password\n"


def add(run: Run, email: str) -> None:
    answer = run("user", "add", email, "--password-stdin", input=PASSWORD)
    assert (answer.status, answer.out) == (0, f"added {email}\n")


def test_the_first_account_gets_the_photos_that_were_there(run: Run, filled: Path) -> None:
    add(run, "one@example.org")
    add(run, "two@example.org")
    users = run("user", "list", "--json").json
    assert [(user["email"], user["photos"]) for user in users] == [
        ("one@example.org", 12),
        ("two@example.org", 0),
    ]
    assert "one@example.org" in run("user", "list").out


def test_several_accounts_need_a_user_and_see_only_their_own(run: Run, filled: Path) -> None:
    add(run, "one@example.org")
    assert run("photos", "--json").json["total"] == 12, "the single account needs none"
    add(run, "two@example.org")
    answer = run("photos")
    assert (answer.status, answer.out) == (2, "")
    assert "--user EMAIL" in answer.err
    photo = run("photos", "--user", "one@example.org", "--json").json["photos"][0]["id"]
    assert run("photos", "--user", "two@example.org", "--json").json["total"] == 0
    assert run("photos", "show", photo, "--user", "two@example.org").status == 1
    # The option may also stand before the sub-command's name, and before the command's.
    assert run("photos", "--user", "one@example.org", "show", photo).status == 0
    assert run("--user", "one@example.org", "photos", "show", photo).status == 0
    assert run("labels", "--user", "nobody@example.org").err == (
        "fototeca: no account nobody@example.org\n"
    )


def test_passwords_sign_in_and_are_told_apart(run: Run, library: Path) -> None:
    add(run, "one@example.org")
    changed = run(
        "user", "password", "one@example.org", "--password-stdin", input="another password\n"
    )
    assert changed.status == 0
    with open_library(Settings(library=library)) as opened:
        assert opened.identity.sign_in("one@example.org", "another password", "test")
        assert opened.identity.setup_token() is None
    for email, password, reason in (
        ("two@example.org", "short\n", "at least 10 characters"),
        ("two@example.org", "", "at least 10 characters"),
        ("nonsense", PASSWORD, "not an e-mail address"),
        ("one@example.org", PASSWORD, "already"),
    ):
        answer = run("user", "add", email, "--password-stdin", input=password)
        assert answer.status == 1
        assert reason in answer.err
        assert password.strip() not in answer.err or not password.strip()
    assert run("user", "add", "two@example.org", input="").status == 2


def test_tokens_are_printed_alone_once_and_end_when_revoked(run: Run, library: Path) -> None:
    add(run, "one@example.org")
    answer = run("token", "add", "--user", "one@example.org", "--read-only", "--name", "frame")
    assert answer.status == 0
    assert len(answer.out.split()) == 1
    token = answer.out.strip()
    (listed,) = run("token", "list", "--json").json
    assert (listed["name"], listed["read_only"], listed["used_at"]) == ("frame", True, None)
    assert token not in run("token", "list").out

    with open_library(Settings(library=library)) as opened:
        caller = opened.identity.caller(None, f"Bearer {token}")
        assert caller is not None
        assert caller.read_only
        assert caller.owner == opened.local_account().id
    assert run("token", "revoke", listed["id"]).status == 0
    assert run("token", "revoke", listed["id"]).status == 1
    with open_library(Settings(library=library)) as opened:
        assert opened.identity.caller(None, f"Bearer {token}") is None
    assert run("token", "list", "--json").json == []
