"""`fototeca fetch-model`, from a real server: whole, resumed, pinned, refused."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fototeca.labelling.choice import open_labeller
from fototeca.labelling.clip import FILES
from fototeca.labelling.taxonomy import Taxonomy
from tests import tiny_clip
from tests.cli.conftest import Run


class Handler(SimpleHTTPRequestHandler):
    """A folder over HTTP, with ranges; `ranges` are those that were asked for.

    It breaks off after `most` bytes of an answer.
    """

    ranges: list[str] = []  # noqa: RUF012 - the class is made anew for each test
    most: int | None = None

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("location", "http://photos.example" + self.path)
            self.end_headers()
            return
        data = Path(self.translate_path(self.path))
        if not data.is_file():
            self.send_error(404)
            return
        body = data.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        asked = self.headers.get("range")
        if self.headers.get("if-range", tag) != tag:
            asked = None
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked:
            self.ranges.append(asked)
        if asked and start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("content-length", str(len(body) - start))
        self.send_header("etag", tag)
        self.end_headers()
        self.wfile.write(body[start:][: self.most])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[str, Path, type[Handler]]]:
    folder = tiny_clip.write(tmp_path / "published")
    handler = type("Fresh", (Handler,), {"ranges": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder, handler
    server.shutdown()


def test_a_fetched_model_labels_and_is_pinned(
    run: Run, published: tuple[str, Path, type[Handler]], tmp_path: Path
) -> None:
    address, origin, _ = published
    folder = tmp_path / "model"
    answer = run("fetch-model", address, folder)
    assert (answer.status, answer.out) == (0, f"FOTOTECA_LABELLER=clip:{folder}\n")
    for name in FILES:
        assert (folder / name).read_bytes() == (origin / name).read_bytes()
    open_labeller(f"clip:{folder}", Taxonomy.load())
    pins = json.loads((folder / "fototeca.json").read_text())["sha256"]
    assert pins.keys() == set(FILES)
    # What was pinned and has changed since is not taken.
    (origin / "config.json").write_text("{}")
    (folder / "config.json").write_text("{ }")
    answer = run("fetch-model", address, folder)
    assert answer.status == 1
    assert "config.json has SHA-256" in answer.err


def test_an_interrupted_download_goes_on(
    run: Run, published: tuple[str, Path, type[Handler]], tmp_path: Path
) -> None:
    address, origin, handler = published
    folder = tmp_path / "model"
    handler.most = 100
    assert "try again to go on" in run("fetch-model", address, folder).err
    (part,) = folder.rglob("*.part")
    assert part.stat().st_size == 100
    handler.most = None
    assert run("fetch-model", address, folder, "--json").status == 0
    for name in FILES:
        assert (folder / name).read_bytes() == (origin / name).read_bytes()
    assert handler.ranges == ["bytes=100-"]
    assert {each.name for each in folder.rglob("*") if each.is_file()} == {
        *(Path(name).name for name in FILES),
        "fototeca.json",
    }


def test_a_part_of_what_was_published_anew_is_not_gone_on_with(
    run: Run, published: tuple[str, Path, type[Handler]], tmp_path: Path
) -> None:
    address, origin, handler = published
    folder = tmp_path / "model"
    handler.most = 100
    run("fetch-model", address, folder)
    (part,) = folder.rglob("*.part")
    renewed = origin / part.relative_to(folder).with_suffix("")
    renewed.write_bytes(b"\n" + renewed.read_bytes())
    handler.most = None
    # Of this one nobody knows what it is a part of.
    (folder / "config.json.part").write_bytes(b"{")
    assert run("fetch-model", address, folder).status == 0
    for name in FILES:
        assert (folder / name).read_bytes() == (origin / name).read_bytes()


def test_a_pinned_part_is_gone_on_with_whoever_has_begun_it(
    run: Run, published: tuple[str, Path, type[Handler]], tmp_path: Path
) -> None:
    address, origin, handler = published
    folder = tmp_path / "model"
    whole = (origin / "visual/model.onnx").read_bytes()
    (folder / "visual").mkdir(parents=True)
    (folder / "visual/model.onnx.part").write_bytes(whole[:100])
    (folder / "config.json.part").write_bytes((origin / "config.json").read_bytes())
    pins = [
        f"--sha256={name}={hashlib.sha256((origin / name).read_bytes()).hexdigest()}"
        for name in ("visual/model.onnx", "config.json")
    ]
    assert run("fetch-model", address, folder, *pins).status == 0
    assert (folder / "visual/model.onnx").read_bytes() == whole
    assert "bytes=100-" in handler.ranges


def test_what_cannot_be_trusted_or_had_is_told_in_a_line(
    run: Run, published: tuple[str, Path, type[Handler]], tmp_path: Path
) -> None:
    address, origin, _ = published
    damaged = tmp_path / "g"
    damaged.mkdir()
    (damaged / "fototeca.json").write_text("{")
    wrong = f"visual/model.onnx={'0' * 64}"
    right = hashlib.sha256((origin / "config.json").read_bytes()).hexdigest()
    for arguments, told in (
        (("http://example.com/x", tmp_path / "a"), "only https"),
        (("file:///etc", tmp_path / "a"), "only https"),
        ((f"{address}/moved", tmp_path / "a"), "only https"),
        ((address, tmp_path / "b", "--sha256", wrong), "visual/model.onnx has SHA-256"),
        ((address, tmp_path / "c", "--sha256", "config.json=abc"), "64 hex digits"),
        ((address, tmp_path / "d", "--sha256", f"../x={right}"), "a model has no ../x"),
        ((f"{address}/nowhere", tmp_path / "e"), "404"),
        (("http://127.0.0.1:9", tmp_path / "f"), "try again to go on"),
        ((address, damaged), "fototeca.json is not JSON"),
    ):
        answer = run("fetch-model", *arguments)
        assert answer.status != 0, arguments
        assert told in answer.err, arguments
        assert answer.err.count("\n") == 1, arguments
