"""Rekognition behind the labeller port, against an endpoint that answers as the service does."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fototeca.app import open_library
from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.labelling.choice import open_labeller
from fototeca.labelling.protocol import Labeller, LabellerUnavailable, ModelError
from fototeca.labelling.rekognition import LONGEST, Recorded, detections
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Correction, Selection
from fototeca.settings import Settings

TAXONOMY = Taxonomy.load()
ANSWER: dict[str, Any] = {
    "Labels": [
        {
            "Name": "Ocean",
            "Confidence": 97.5,
            "Parents": [{"Name": "Water"}, {"Name": "Nature"}],
            "Aliases": [{"Name": "Sea"}],
            "Categories": [{"Name": "Nature and Outdoors"}],
            "Instances": [],
        },
        {"Name": "Shoreline Thing", "Confidence": 61.0, "Parents": [{"Name": "Ocean"}]},
        {"Name": "Nature", "Confidence": 80.0, "Parents": []},
        {"Name": "Peak", "Confidence": 55.0, "Aliases": [{"Name": "Mountain"}], "Parents": []},
        {"Name": "Noise", "Confidence": 0.4, "Parents": []},
    ],
    "LabelModelVersion": "3.1",
}


class Endpoint:
    """Answers DetectLabels; the first `throttled` times as an overloaded service."""

    def __init__(self) -> None:
        self.throttled = 0
        self.error: tuple[int, str] | None = None
        self.asked: list[dict[str, Any]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["x-amz-target"] == "RekognitionService.DetectLabels"
                endpoint.asked.append(body)
                if len(endpoint.asked) <= endpoint.throttled:
                    self.answer(400, {"__type": "ThrottlingException", "message": "slow down"})
                elif endpoint.error is not None:
                    status, name = endpoint.error
                    self.answer(status, {"__type": name, "message": "no"})
                else:
                    self.answer(200, ANSWER)

            def answer(self, status: int, document: object) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    found = Endpoint()
    for name, value in {
        "AWS_ENDPOINT_URL_REKOGNITION": found.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield found
    found.server.shutdown()


@pytest.fixture
def labeller(endpoint: Endpoint) -> Labeller:
    return open_labeller("rekognition", TAXONOMY)


def picture(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, "teal")


def test_answers_become_our_labels_with_parents_and_the_models_version(labeller: Labeller) -> None:
    seen = {each.label: each for each in labeller.label(picture())}
    assert seen["Sea"].confidence == pytest.approx(0.975)
    assert "Ocean" not in seen, "an alias of ours"
    assert seen["Nature"].confidence == pytest.approx(0.975), "as sure as its surest kind"
    assert seen["Shoreline Thing"].confidence == pytest.approx(0.61), (
        "an unknown one keeps its name"
    )
    assert seen["Mountain"].confidence == pytest.approx(0.55), "found by the service's alias"
    assert "Noise" not in seen
    assert {each.source for each in seen.values()} == {"rekognition@3.1"}
    assert labeller.source == "rekognition@3.1"
    confidences = [each.confidence for each in labeller.label(picture())]
    assert confidences == sorted(confidences, reverse=True)


def test_a_kind_that_is_removed_takes_a_parent_along_only_when_that_rests_on_it() -> None:
    def on(labels: list[tuple[str, float, str]], removed: str) -> set[str]:
        answer = {
            "Labels": [
                {"Name": name, "Confidence": sure, "Parents": [{"Name": each} for each in parents]}
                for name, sure, *above in labels
                for parents in [above[0].split()]
            ]
        }
        rules = LabelRules(TAXONOMY, {}, LabelSettings())
        seen = detections(answer, TAXONOMY)
        return set(rules.labels_on(seen, Correction(removed=frozenset({removed}))))

    # The service gives parents the confidence of their surest kind.
    car = [("Car", 99.5, "Vehicle"), ("Vehicle", 99.5, "")]
    assert on(car, "Car") == set()
    assert on([*car, ("Boat", 80, "Vehicle")], "Car") == {"Boat", "Vehicle"}
    assert on([*car, ("Hovercraft", 80, "Vehicle")], "Car") == {"Hovercraft", "Vehicle"}
    assert on([("Car", 60, "Vehicle"), ("Vehicle", 90, "")], "Car") == {"Vehicle"}


def test_what_is_sent_is_a_small_jpeg(endpoint: Endpoint, labeller: Labeller) -> None:
    labeller.label(picture((12_000, 300)))
    (body,) = endpoint.asked
    data = base64.b64decode(body["Image"]["Bytes"])
    assert len(data) < 5_000_000
    with Image.open(io.BytesIO(data)) as sent:
        assert (sent.format, max(sent.size)) == ("JPEG", LONGEST)


@pytest.mark.parametrize("size", [(64, 48), (1, 1), (9000, 20), (20, 9000)])
def test_what_is_sent_is_not_smaller_than_the_service_takes(
    endpoint: Endpoint, labeller: Labeller, size: tuple[int, int]
) -> None:
    assert labeller.label(picture(size))
    (body,) = endpoint.asked
    with Image.open(io.BytesIO(base64.b64decode(body["Image"]["Bytes"]))) as sent:
        assert min(sent.size) >= 80
        assert max(sent.size) <= LONGEST


def test_throttling_is_waited_out(endpoint: Endpoint, labeller: Labeller) -> None:
    endpoint.throttled = 2
    assert labeller.label(picture())
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    "error", [(400, "AccessDeniedException"), (400, "InvalidSignatureException")]
)
def test_a_service_that_refuses_blames_no_photo(
    endpoint: Endpoint, labeller: Labeller, error: tuple[int, str]
) -> None:
    endpoint.error = error
    with pytest.raises(LabellerUnavailable, match=error[1]):
        labeller.label(picture())


def test_a_picture_that_the_service_refuses_fails_with_its_reason(
    endpoint: Endpoint, labeller: Labeller, tmp_path: Path, make_jpeg: Callable[..., bytes]
) -> None:
    """It is listed and waits for nothing: others come after it."""
    endpoint.error = (400, "InvalidImageFormatException")
    (tmp_path / "a.jpg").write_bytes(make_jpeg())
    with open_library(Settings(library=tmp_path / "library", labeller="rekognition")) as library:
        owner = library.local_account().id
        library.ingest.add_file(owner, tmp_path / "a.jpg")
        library.workers().start()
        library.workers().drain()
        (failed,) = library.catalog.photos.page(owner, Selection(), state="failed").photos
        assert failed.failure == "Rekognition refused it: InvalidImageFormatException"
        endpoint.error = None
        assert library.work.retry(owner) == 1
        library.workers().drain()
        assert library.catalog.queue.work(owner).labelled == 1


def test_no_region_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ModelError, match="region"):
        open_labeller("rekognition", TAXONOMY)


def test_an_answer_without_a_version_is_of_the_known_one() -> None:
    (seen,) = detections({"Labels": [{"Name": "Thing", "Confidence": 50}]}, TAXONOMY)
    assert seen.source == "rekognition@3.0"


def test_recorded_answers_of_photos_with_one_name_are_told_apart(tmp_path: Path) -> None:
    def line(path: str, label: str) -> str:
        answer = {"Labels": [{"Name": label, "Confidence": 90}]}
        return json.dumps({"path": path, "answer": answer}) + "\n"

    kept = tmp_path / "answers.jsonl"
    kept.write_text(line("first/IMG_1.jpg", "Sea") + line("second/IMG_1.jpg", "Cat"))
    recorded = Recorded(kept, TAXONOMY)
    assert "Sea" in {each.label for each in recorded.of(Path("/moved/first/IMG_1.jpg"))}
    assert "Cat" in {each.label for each in recorded.of(Path("/moved/second/IMG_1.jpg"))}
    with pytest.raises(LookupError, match="nothing tells which"):
        recorded.of(Path("/moved/third/IMG_1.jpg"))
