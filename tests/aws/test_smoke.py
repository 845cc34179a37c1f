"""What `make smoke-aws` does, on an embedded deployment as far as that is the same."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deploy.aws.smoke import NotSo, Smoke, alarm, plain_http
from deploy.aws.visitor import Answer, Visitor, forms
from tests.api.conftest import EMAIL, PASSWORD, Served, launch

PAGE = """
<form action="/search"><input name="q"></form><input name="outside">
<form method="post" action="/login?client_id=c">
  <input type="hidden" name="_csrf" value="t&amp;1"><input name="username"><input name="password">
</form>
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = launch(tmp_path / "library")
    server.set_up()
    yield server
    server.stop()


@pytest.fixture
def visitor(served: Served) -> Visitor:
    return Visitor(http.client.HTTPConnection)


@pytest.fixture
def smoke(served: Served, visitor: Visitor) -> Smoke:
    def sign_in(_email: str, _password: str) -> None:
        credentials = {"email": EMAIL, "password": PASSWORD}
        answer = visitor.send("POST", f"{served.address}/api/session", credentials)
        assert answer.status == 204

    made = Smoke({"Address": served.address}, visitor, sign_in)
    made.strangers()
    sign_in("", "")
    return made


def test_the_steps_that_are_the_same_everywhere_hold(smoke: Smoke) -> None:
    for step in (smoke.upload, smoke.labels, smoke.correction, smoke.bundle, smoke.deleting):
        step()
    smoke.signing_out()


def test_a_step_that_does_not_hold_says_so(smoke: Smoke) -> None:
    with pytest.raises(NotSo, match="no correction: 404"):
        smoke.correction()
    with pytest.raises(NotSo, match="422"):
        smoke.damaged()  # refused, but not by S3
    with pytest.raises(NotSo, match="may not upload"):
        smoke.preflight()


def test_an_address_without_tls_leads_to_the_one_with(served: Served, visitor: Visitor) -> None:
    with pytest.raises(NotSo, match="answered without TLS: 200"):
        plain_http({"Address": served.address}, visitor)

    class Led(Visitor):
        def ask(self, method: str, url: str, *_: object, **__: object) -> Answer:
            assert url == "http://photos.example.com"
            return Answer(url, 301, {"location": "https://photos.example.com/"}, b"")

    plain_http({"Address": "https://photos.example.com"}, Led())


def test_a_form_is_found_by_its_fields() -> None:
    search, login = forms(PAGE)
    assert search.fields == {"q": ""}
    assert login.action == "/login?client_id=c"
    assert login.fields == {"_csrf": "t&1", "username": "", "password": ""}
    page = Answer("https://pages.example.com/login", 200, {}, PAGE.encode())
    with pytest.raises(ValueError, match="no form with outside"):
        Visitor().submit(page, {"outside": "1"})


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client(
        "cloudwatch",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    monkeypatch.setattr(boto3, "client", lambda _service: client)
    with Stubber(client) as stubber:
        yield stubber


@pytest.mark.parametrize(
    "said", ["Successfully executed action arn:t", "Failed to execute action arn:t"]
)
def test_an_alarm_that_goes_off_must_reach_its_topic(cloudwatch: Stubber, said: str) -> None:
    alarms = [
        {"AlarmName": "another's", "AlarmActions": ["arn:other"]},
        {"AlarmName": "ours", "AlarmActions": ["arn:t"]},
    ]
    cloudwatch.add_response("describe_alarms", {"MetricAlarms": alarms})
    state = {"AlarmName": "ours", "StateValue": "ALARM", "StateReason": ANY}
    cloudwatch.add_response("set_alarm_state", {}, state)
    history = {"AlarmHistoryItems": [{"HistorySummary": said}]}
    asked = {"AlarmName": "ours", "HistoryItemType": "Action", "StartDate": ANY}
    cloudwatch.add_response("describe_alarm_history", history, asked)
    if said.startswith("Failed"):
        with pytest.raises(NotSo, match="Failed"):
            alarm({"AlarmsTopic": "arn:t"})
    else:
        alarm({"AlarmsTopic": "arn:t"})
    cloudwatch.assert_no_pending_responses()
