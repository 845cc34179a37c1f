"""Every notifier: it tells the one who is meant, says when it could not, and keeps secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from fototeca.catalog.protocol.outbox import NotificationTarget
from fototeca.notify.apprise import AppriseNotifier
from fototeca.notify.protocol import Message, Notifier, TargetInvalid, Undelivered
from fototeca.notify.schemes import SCHEMES
from fototeca.notify.sns import SnsNotifier
from fototeca.photos import now
from tests.contract.dynamodb import ministack, moto
from tests.receivers import web_receiver

MESSAGE = Message("Fototeca: your photos are ready", "32 photos — Zürich\nhttps://photos.example/x")
SECRET = "hunter2-of-the-hook"


@dataclass
class World:
    """A notifier, places that it can tell, and what arrived at each."""

    notifier: Notifier
    url: str
    other: str
    secret: str
    """Of `url`: nothing that is said has it."""
    arrived: Callable[[NotificationTarget], list[str]]
    """The bodies of messages, since the last look."""
    stop: Callable[[], None]
    """The service goes away."""

    def target(self, url: str | None = None, owner: str = "dan") -> NotificationTarget:
        accepted = self.notifier.accept(owner, url or self.url)
        return NotificationTarget(
            "1", owner, accepted.url, accepted.shown, now(), accepted.subscription
        )


@contextmanager
def apprise_world() -> Iterator[World]:
    with web_receiver() as web:

        def arrived(target: NotificationTarget) -> list[str]:
            topic = target.url.rpartition("/")[2]
            found = [each["message"] for each in web.received if each["topic"] == topic]
            web.received[:] = [each for each in web.received if each["topic"] != topic]
            return found

        def stop() -> None:
            web.status = 503

        place = f"ntfy://dan:{SECRET}@127.0.0.1:{web.port}"
        yield World(
            AppriseNotifier(schemes=frozenset(SCHEMES), inside=True),
            f"{place}/topic",
            f"{place}/other",
            SECRET,
            arrived,
            stop,
        )


@contextmanager
def sns_world(cloud: str, environment: pytest.MonkeyPatch) -> Iterator[World]:
    """What is published is read from queues that are subscribed with the targets' own filters."""
    for name, value in {
        "AWS_ENDPOINT_URL": cloud,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        environment.setenv(name, value)
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    queues: dict[str, str] = {}

    def queue_of(target: NotificationTarget) -> str:
        known = f"{target.owner} {target.url}"
        if known not in queues:
            address = sqs.create_queue(QueueName=f"arrived-{len(queues)}")["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
            subscribed = sns.get_subscription_attributes(SubscriptionArn=target.subscription)
            sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=attributes["Attributes"]["QueueArn"],
                Attributes={"FilterPolicy": subscribed["Attributes"]["FilterPolicy"]},
            )
            queues[known] = address
        return queues[known]

    def arrived(target: NotificationTarget) -> list[str]:
        answer = sqs.receive_message(QueueUrl=queue_of(target), MaxNumberOfMessages=10)
        found = answer.get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=queue_of(target), ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"])["Message"] for each in found]

    def stop() -> None:
        sns.delete_topic(TopicArn=topic)

    yield World(
        SnsNotifier(topic),
        "mailto:dan@example.com",
        "sms:+4915112345678",
        "15112345678",
        arrived,
        stop,
    )
    sns.delete_topic(TopicArn=topic)
    for address in queues.values():
        sqs.delete_queue(QueueUrl=address)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("sns")) as url:
        yield url


@pytest.fixture(scope="module")
def second_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another stand-in: each lies in places."""
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(params=["apprise", "cloud", "second_cloud"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if request.param == "apprise":
        with apprise_world() as world:
            yield world
    else:
        with sns_world(request.getfixturevalue(request.param), monkeypatch) as world:
            yield world


def test_a_message_arrives_at_its_target_alone(world: World) -> None:
    mine, other = world.target(), world.target(world.other)
    for target in (mine, other):
        assert world.arrived(target) == [], "nothing is sent before somebody says so"
        assert world.notifier.confirmed(target)
    world.notifier.send(mine, MESSAGE)
    (body,) = world.arrived(mine)
    assert body == MESSAGE.body
    assert world.arrived(other) == []
    world.notifier.send(other, MESSAGE)
    assert len(world.arrived(other)) == 1
    assert world.arrived(mine) == []


def test_the_same_address_can_be_accepted_again(world: World) -> None:
    first, second = world.target(), world.target()
    assert (first.url, first.shown, first.subscription) == (
        second.url,
        second.shown,
        second.subscription,
    )
    world.notifier.send(second, MESSAGE)


def test_what_is_shown_has_no_secret(world: World) -> None:
    for url in (world.url, world.other):
        assert world.secret not in world.target(url).shown


@pytest.mark.parametrize("url", ["", "dbus://", "file:///etc/passwd", "x" * 3000, "sms:12", "\x00"])
def test_what_is_no_address_is_refused(world: World, url: str) -> None:
    with pytest.raises(TargetInvalid) as refused:
        world.notifier.accept("dan", url)
    assert len(str(refused.value)) < 200


def test_a_service_that_is_gone_is_said_to_be_without_the_address(world: World) -> None:
    target = world.target()
    world.stop()
    with pytest.raises(Undelivered) as error:
        world.notifier.send(target, MESSAGE)
    text = f"{error.value} {error.value.__cause__}"
    for secret in (world.secret, target.url, "dan@example.com"):
        assert secret not in text


def test_withdrawing_may_happen_twice(world: World) -> None:
    target = world.target()
    for _ in range(2):
        world.notifier.withdraw(target)


def test_on_sns_who_was_withdrawn_is_told_nothing(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sns_world(cloud, monkeypatch) as world:
        target = world.target()
        world.notifier.withdraw(target)
        assert not world.notifier.confirmed(target)
        with pytest.raises(Undelivered, match="has not confirmed it, or has left"):
            world.notifier.send(target, MESSAGE)


def test_on_sns_nothing_is_published_before_it_is_confirmed(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in confirms by itself, so SNS's answer is given here."""
    with sns_world(cloud, monkeypatch) as world:
        target = world.target()
        client: Any = world.notifier._client  # type: ignore[attr-defined]
        with Stubber(client) as answers:
            pending = {"Attributes": {"PendingConfirmation": "true"}}
            answers.add_response("get_subscription_attributes", pending)
            assert not world.notifier.confirmed(target)
            answers.add_response("get_subscription_attributes", pending)
            with pytest.raises(Undelivered, match="has not confirmed it"):
                world.notifier.send(target, MESSAGE)
            answers.add_client_error("get_subscription_attributes", "AuthorizationError")
            with pytest.raises(Undelivered, match="the service answers AuthorizationError"):
                world.notifier.send(target, MESSAGE)
            answers.add_client_error("subscribe", "InvalidParameter", "dan@example.com exists")
            with pytest.raises(TargetInvalid, match="does not accept this address"):
                world.target()
            answers.add_client_error("subscribe", "FilterPolicyLimitExceeded")
            with pytest.raises(TargetInvalid, match="no more addresses fit"):
                world.target()
        assert world.arrived(target) == []


def test_on_sns_a_subject_is_what_mail_allows(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with sns_world(cloud, monkeypatch) as world:
        target = world.target()
        assert world.arrived(target) == []
        # Longer, or not ASCII, SNS itself would refuse it.
        world.notifier.send(target, Message("Zürich " * 30, "body"))
        assert world.arrived(target) == ["body"]
