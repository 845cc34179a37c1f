"""The label function when labelling goes wrong: what is tried again, what ends, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import boto3
import pytest
from PIL import Image

from fototeca import samples
from fototeca.app import Library
from fototeca.catalog.protocol.photos import PhotoRecord
from fototeca.labelling.protocol import LabellerUnavailable, ModelError
from fototeca.photos import Detection, Photo, Probe, State, now
from fototeca.serverless import RECEIVES, label, messages, warm
from tests.aws.emulator import Emulator, emulator
from tests.aws.runtime import arrived, prepared
from tests.conftest import MakeJpeg

pytestmark = [pytest.mark.xdist_group("aws-emulator"), pytest.mark.slow]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("emulator"), guarded=False) as running:
        yield running


@pytest.fixture(scope="module")
def environment(cloud: Emulator) -> dict[str, str]:
    return prepared(cloud)


@pytest.fixture
def library(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for kept in (warm.library, warm.client, label._labelling, messages._address):
        kept.cache_clear()
    yield warm.library()
    warm.library.cache_clear()


class Broken:
    """A labeller that raises what it is given."""

    source = "broken@1"
    input_side = 224

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def label(self, image: Image.Image) -> list[Detection]:
        raise self.error


@dataclass
class Context:
    aws_request_id: str = "7e57"
    function_name: str = "label"
    milliseconds: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Queue:
    """The queue of originals, with one message in it."""

    def __init__(self, cloud: Emulator, body: str) -> None:
        self._sqs = cloud.client("sqs")
        self.address = self._sqs.create_queue(QueueName=f"q-{sha256(body.encode()).hexdigest()}")[
            "QueueUrl"
        ]
        self._sqs.purge_queue(QueueUrl=self.address)
        self._sqs.send_message(QueueUrl=self.address, MessageBody=body)

    def batch(self, received: int) -> dict[str, Any]:
        """The message, said to have been received so often."""
        (message,) = self._sqs.receive_message(QueueUrl=self.address)["Messages"]
        name = self.address.rpartition("/")[2]
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": {"ApproximateReceiveCount": str(received)},
                    "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{name}",
                }
            ]
        }


@dataclass
class Arrival:
    """An original that came into the bucket, and the message that tells of it."""

    library: Library
    owner: str
    id: str
    queue: Queue

    def handle(self, received: int = 1, milliseconds: int = 120_000) -> bool:
        """Whether it is done with the message."""
        answer = label.handler(self.queue.batch(received), Context(milliseconds=milliseconds))
        return not answer["batchItemFailures"]

    def photo(self) -> Photo | None:
        return self.library.catalog.photos.get(self.owner, self.id)


@pytest.fixture
def arrival(cloud: Emulator, library: Library, request: pytest.FixtureRequest) -> Arrival:
    owner = library.catalog.accounts.add(None, None, now()).id
    data = samples.photos()[0].read_bytes() + request.node.name.encode()
    id = sha256(data).hexdigest()
    key = f"originals/{owner}/{id}"
    cloud.client("s3").put_object(Bucket="photos", Key=key, Body=data, Metadata={"name": "a.jpg"})
    body = arrived(key)["Records"][0]["body"]
    return Arrival(library, owner, id, Queue(cloud, body))


def test_a_labeller_that_cannot_answer_now_costs_no_photo(
    arrival: Arrival, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(LabellerUnavailable("throttled"))
    monkeypatch.setattr(Library, "labeller", lambda _self: broken)
    # Also not at the last try: housekeeping has it tried again.
    assert not arrival.handle(received=RECEIVES)
    photo = arrival.photo()
    assert photo is not None
    assert (photo.name, photo.state) == ("a.jpg", "waiting")
    claim = arrival.library.catalog.queue.take("w-0", arrival.owner, arrival.id, now())
    assert claim is not None
    assert claim.attempts == 0


def test_a_model_that_is_not_there_fails_the_function_and_no_photo(
    arrival: Arrival, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_self: Library) -> Broken:
        raise ModelError("the model is not in the package")

    monkeypatch.setattr(Library, "labeller", missing)
    with pytest.raises(ModelError):
        arrival.handle(RECEIVES)
    assert arrival.photo() is None, "it comes when the model is back"


def test_what_goes_wrong_each_time_ends_failed_with_its_reason_in_little_more_than_a_minute(
    arrival: Arrival, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []
    give_back = messages._give_back

    def at_once(record: dict[str, Any], pause: int) -> None:
        pauses.append(pause)
        give_back(record, 0)

    monkeypatch.setattr(Library, "labeller", lambda _self: Broken(RuntimeError("poison")))
    monkeypatch.setattr(messages, "_give_back", at_once)
    received = 1
    while not arrival.handle(received):
        photo = arrival.photo()
        assert photo is not None
        assert photo.state == "waiting"
        received += 1
    photo = arrival.photo()
    assert photo is not None
    assert (photo.state, photo.failure) == ("failed", "unexpected: RuntimeError")
    assert len(pauses) >= 2
    assert sum(pauses) <= 90


def test_what_a_killed_function_held_is_free_when_its_message_comes_again(
    arrival: Arrival, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Killed(BaseException):
        pass

    begun = now()
    monkeypatch.setattr(Library, "labeller", lambda _self: Broken(Killed()))
    with pytest.raises(Killed):
        label.handler(arrival.queue.batch(1), Context(milliseconds=60_000))
    assert "messages stay" not in caplog.text, "the queue was told"
    queue = arrival.library.catalog.queue
    assert queue.take("w-0", arrival.owner, arrival.id, now()) is None
    for module in ("queue", "records"):
        monkeypatch.setattr(
            f"fototeca.catalog.dynamodb.{module}.now",
            lambda: begun + timedelta(seconds=60 + messages.ENDED),
            raising=False,
        )
    assert queue.take("w-0", arrival.owner, arrival.id, now()) is not None


def test_a_photo_that_ends_its_function_time_and_again_is_not_tried_once_more(
    arrival: Arrival, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "labeller", lambda _self: Broken(LabellerUnavailable("")))
    monkeypatch.setattr(messages, "PAUSE", 0)
    assert not arrival.handle()
    queue = arrival.library.catalog.queue
    for number in range(label.TRIES):
        # What a function that was killed leaves behind.
        lapsed = now() - timedelta(seconds=1)
        assert queue.take(f"dead{number}-0", arrival.owner, arrival.id, lapsed)
    assert arrival.handle(RECEIVES)
    photo = arrival.photo()
    assert photo is not None
    assert photo.failure == "labelling it ended its function 3 times"


def test_without_time_left_nothing_is_begun(arrival: Arrival) -> None:
    assert not arrival.handle(milliseconds=20_000)
    assert arrival.photo() is None


def test_who_puts_an_original_without_its_name_is_given_time_to_record_it(
    cloud: Emulator, arrival: Arrival, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = samples.photos()[1].read_bytes()
    id = sha256(data).hexdigest()
    key = f"originals/{arrival.owner}/{id}"
    cloud.client("s3").put_object(Bucket="photos", Key=key, Body=data)
    event = json.loads(arrived(key)["Records"][0]["body"])
    event["Records"][0]["eventTime"] = now().isoformat()
    queue = Queue(cloud, json.dumps(event))
    early = Arrival(arrival.library, arrival.owner, id, queue)
    monkeypatch.setattr(messages, "PAUSE", 0)
    assert not early.handle()
    assert early.photo() is None
    monkeypatch.setattr(label, "RECORDED", timedelta(0))
    assert early.handle(2)
    photo = early.photo()
    assert photo is not None
    assert (photo.name, photo.state) == (f"{id[:12]}.jpg", "labelled")


def test_a_photo_that_is_moved_here_into_the_trash_stays_there(
    cloud: Emulator, arrival: Arrival, make_jpeg: MakeJpeg
) -> None:
    """Its original arrives after it was trashed elsewhere, and is told of before its record."""
    catalog, data = arrival.library.catalog, make_jpeg(5)
    id, moment = sha256(data).hexdigest(), now()
    key = f"originals/{arrival.owner}/{id}"
    cloud.client("s3").put_object(Bucket="photos", Key=key, Body=data)
    event = json.loads(arrived(key)["Records"][0]["body"])
    event["Records"][0]["eventTime"] = moment.isoformat()
    moved = Arrival(arrival.library, arrival.owner, id, Queue(cloud, json.dumps(event)))
    trashed = Photo(
        arrival.owner,
        id,
        "old.jpg",
        len(data),
        0,
        Probe("image/jpeg", 64, 48),
        uploaded_at=moment - timedelta(days=9),
        state=State.LABELLED,
        trashed_at=moment - timedelta(days=2),
    )
    catalog.photos.put(PhotoRecord(trashed))
    assert moved.handle()
    assert moved.photo() == trashed


@pytest.mark.parametrize(
    ("told", "data"),
    [
        ("not the ones announced", b"\xff\xd8\xff others"),
        ("", b""),
        ("", b"no photo"),
    ],
)
def test_what_is_not_the_photo_that_its_key_says_goes_and_its_owner_is_told(
    cloud: Emulator, arrival: Arrival, make_jpeg: MakeJpeg, told: str, data: bytes
) -> None:
    id = sha256(make_jpeg(6) if told else data).hexdigest()
    key, s3 = f"originals/{arrival.owner}/{id}", cloud.client("s3")
    s3.put_object(Bucket="photos", Key=key, Body=data, Metadata={"name": "a%20b.jpg"})

    def handle() -> Arrival:
        forged = Arrival(arrival.library, arrival.owner, id, Queue(cloud, _body(key)))
        assert forged.handle()
        return forged

    assert handle().photo() is None
    assert s3.list_objects_v2(Bucket="photos", Prefix=key).get("Contents", []) == []
    (notice,) = arrival.library.catalog.notices.of(arrival.owner)
    assert notice.subject == "a b.jpg"
    assert told in notice.text
    handle()  # told of again, there is nothing to be done
    assert len(arrival.library.catalog.notices.of(arrival.owner)) == 1


def test_an_original_of_one_owner_says_nothing_of_another_s(
    cloud: Emulator, arrival: Arrival
) -> None:
    other = arrival.library.catalog.accounts.add(None, None, now()).id
    assert arrival.handle()
    lost = Arrival(
        arrival.library, other, arrival.id, Queue(cloud, _body(f"originals/{other}/{arrival.id}"))
    )
    assert lost.handle()
    assert lost.photo() is None
    assert arrival.photo() is not None


def _body(key: str) -> str:
    body: str = arrived(key)["Records"][0]["body"]
    return body
