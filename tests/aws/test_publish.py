"""What publishing tells of an account that is short of something."""

from __future__ import annotations

from types import SimpleNamespace

import boto3
import pytest

from deploy.aws.publish import short_of


@pytest.mark.parametrize(("functions", "short"), [(10, True), (1000, False)])
def test_a_new_account_is_told_to_ask_for_more_functions(
    monkeypatch: pytest.MonkeyPatch, functions: int, short: bool
) -> None:
    settings = {"AccountLimit": {"ConcurrentExecutions": functions}}
    service = SimpleNamespace(get_account_settings=lambda: settings)
    monkeypatch.setattr(boto3, "client", lambda _service: service)
    told = short_of()
    assert (told is not None) is short
    if told is not None:
        assert "runs 10 functions" in told
        assert "--quota-code L-B99A9384" in told
