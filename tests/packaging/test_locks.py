"""The locks: every file by its hash, no address, and nothing behind pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PYPROJECT["dependency-groups"]
RUNTIME = PYPROJECT["project"]["dependencies"]
LOCKS = {
    "runtime": RUNTIME,
    "build": GROUPS["build"],
    "test": [*RUNTIME, *GROUPS["test"]],
    "dev": [*RUNTIME, *GROUPS["test"], *GROUPS["bench"]],
    "lambda": [*RUNTIME, *GROUPS["lambda"]],
    "aws": GROUPS["aws"],
    "emulator": GROUPS["emulator"],
}


def pins(name: str) -> dict[str, list[str]]:
    """The versions pinned for each project; more than one where they depend on the Python."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\").strip())
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            found.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_each_pin_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index-url" not in text


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_satisfies_what_pyproject_asks_for(name: str) -> None:
    locked = pins(name)
    for wanted in map(Requirement, LOCKS[name]):
        versions = locked[canonicalize_name(wanted.name)]
        assert all(wanted.specifier.contains(version) for version in versions), wanted


@pytest.mark.parametrize("name", ["build", "test", "dev"])
def test_locks_used_together_agree(name: str) -> None:
    runtime, other = pins("runtime"), pins(name)
    assert {p: v for p, v in other.items() if p in runtime and v != runtime[p]} == {}


def test_the_stack_is_locked_with_the_versions_that_the_tests_have() -> None:
    tests, stack = pins("test"), pins("aws")
    assert {p: v for p, v in stack.items() if p in tests and v != tests[p]} == {}


def test_lambda_runs_the_versions_that_are_tested_here() -> None:
    runtime, function = pins("runtime"), pins("lambda")
    assert {p: v for p, v in function.items() if not set(v) <= set(runtime.get(p, v))} == {}


def test_the_build_group_is_what_the_build_requires() -> None:
    assert GROUPS["build"] == PYPROJECT["build-system"]["requires"]
