"""What somebody reads who has no account at hand, or not yet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from deploy.aws import account, publish, remove, smoke

Main = Callable[[], None]
COMMANDS = pytest.mark.parametrize("main", [account.main, publish.main, remove.main, smoke.main])


@pytest.fixture(autouse=True)
def unknown_to_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where nothing of AWS is configured."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(sys, "argv", ["command"])


def told(main: Main) -> str:
    """What is said when it ends: by the interpreter, with exit status 1."""
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, str)
    assert "\n" not in ended.value.code
    return ended.value.code


@COMMANDS
def test_what_is_missing_is_said(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "export AWS_DEFAULT_REGION" in told(main)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert "aws sts get-caller-identity" in told(main)


@COMMANDS
def test_what_aws_answers_is_one_line(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DEFAULT_REGION": "eu-west-1",
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "ENDPOINT_URL": "http://127.0.0.1:9",  # nobody is there
        "MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert told(main).startswith("AWS: Could not connect")
