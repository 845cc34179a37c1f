"""`fototeca label-settings`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def counts(run: Run, *options: str) -> dict[str, int]:
    return {each["name"]: each["count"] for each in run("labels", "--json", *options).json}


def test_settings_are_shown_changed_and_undone(run: Run, filled: Path) -> None:
    usual = counts(run)
    assert run("label-settings").out == "sureness 0\n"
    answer = run(
        "label-settings", "--rename", "mountain=Alps", "--hide", "nature", "--threshold", "cat=1"
    )
    assert answer.status == 0, answer.err
    assert answer.out == ("sureness 0\nCat from 1\nNature is hidden\nMountain is called Alps\n")
    now = counts(run)
    assert now["Alps"] == usual["Mountain"]
    assert now.keys().isdisjoint({"Nature", "Mountain", "Cat"})
    listed = run("labels", "--hidden", "--json").json
    assert [each["name"] for each in listed if each["hidden"]] == ["Nature"]
    assert run("photos", "--all", "alps", "--json").json["total"] == now["Alps"]
    undone = ("--rename", "Mountain=", "--show", "Nature", "--threshold", "Cat=")
    assert run("label-settings", *undone, "--json").json["renames"] == {}
    assert counts(run) == usual


def test_a_renamed_label_is_renamed_and_undone_by_its_new_name(run: Run, filled: Path) -> None:
    def renames(*pairs: str) -> dict[str, str]:
        options = [option for pair in pairs for option in ("--rename", pair)]
        answer = run("label-settings", *options, "--json")
        assert answer.status == 0, answer.err
        found: dict[str, str] = answer.json["renames"]
        return found

    assert renames("Cat=Minka") == {"Cat": "Minka"}
    assert renames("minka=Minou") == {"Cat": "Minou"}
    assert renames("Minou=") == {}
    assert renames("Cat=Dog") == {"Cat": "Dog"}
    assert renames("Dog=Friend") == {"Cat": "Friend", "Dog": "Friend"}
    assert renames("friend=") == {}


def test_the_slider(run: Run, filled: Path) -> None:
    usual = sum(counts(run).values())
    assert run("label-settings", "--sureness", "1", "--json").json["sureness"] == 1
    assert sum(counts(run).values()) < usual


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--threshold", "Cat"], "--threshold takes LABEL=0.7, not Cat"),
        (["--threshold", "Cat=high"], "high is no number"),
        (["--threshold", "Cat=7"], "a threshold lies between 0 and 1"),
        (["--threshold", "Caat=0.5"], "did you mean Cat?"),
        (["--rename", "Cat=Cat"], "needs another name"),
        (["--rename", f"Cat={'x' * 101}"], "Cat: a label has 1 to 100 characters"),
        (["--rename", "Cat=\u200b"], "Cat: a label has 1 to 100 characters"),
        (["--rename", "Cat=a\x1b[2Jb"], "Cat: a label has no control characters"),
        (["--threshold", "Cat=nan"], "a threshold lies between 0 and 1"),
        (["--sureness", "2"], "--sureness"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    run: Run, filled: Path, options: list[str], told: str
) -> None:
    answer = run("label-settings", *options)
    assert answer.status != 0
    assert told in answer.err
    assert "Traceback" not in answer.err


def test_labelling_again_says_what_changed(run: Run, filled: Path) -> None:
    answer = run("relabel", "--json")
    assert answer.json["changes"] == []
    assert answer.json["asked"] == 12


def test_a_new_label_said_twice_in_one_command_is_one(run: Run, filled: Path) -> None:
    photo = run("photos", "--json").json["photos"][0]["id"]
    spellings = ("Oma Ju\u0308rgens", "oma  J\u00dcRGENS")
    added = [argument for name in spellings for argument in ("--add", name)]
    assert run("photos", "label", photo, *added).status == 0
    assert run("photos", "show", photo, "--json").json["added"] == ["Oma J\u00fcrgens"]
    assert run("photos", "label", photo, "--add", "x" * 101).status == 2
