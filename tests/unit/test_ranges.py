"""Conditions and ranges by RFC 9110, and a stream that is never short without anyone noticing."""

from __future__ import annotations

import asyncio
import http.client
import random
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from fototeca.web.ranges import BATCH, RangedResponse, attachment, decide, parse_range

CHUNK = 1 << 20
DATA = random.Random(1).randbytes(5 * CHUNK + 3)
MODIFIED = datetime(2024, 7, 3, 16, 20, 31, 500_000, UTC)
HTTP_DATE = "Wed, 03 Jul 2024 16:20:31 GMT"
BEFORE = "Wed, 03 Jul 2024 16:20:30 GMT"
AFTER = "Wed, 03 Jul 2024 16:20:32 GMT"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=500-", (500, 1000)),
        ("bytes=-500", (500, 1000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=999-5000", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("Bytes= 1-2 ", (1, 3)),
        ("bytes=0-" + "9" * 5000, (0, 1000)),
        # Cannot be satisfied.
        ("bytes=1000-", (0, 0)),
        ("bytes=1000-1001", (0, 0)),
        ("bytes=" + "9" * 5000 + "-", (0, 0)),
        ("bytes=-0", (1000, 1000)),
        # To be ignored.
        ("bytes=2-1", None),
        ("bytes=0-1,5-6", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=+1-2", None),
        ("bytes=1_0-20", None),
        ("bytes=١-٢", None),
        ("bytes=1 - 2", None),
        ("bytes 0-1", None),
        ("photos=0-1", None),
        ("", None),
    ],
)
def test_ranges_are_read_as_rfc_9110_says(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 1000) == expected


def test_of_nothing_no_byte_can_be_had() -> None:
    assert parse_range("bytes=0-", 0) == (0, 0)
    assert parse_range("bytes=-5", 0) is None


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True))
def test_no_header_asks_for_what_is_not_there(header: str) -> None:
    asked = parse_range(header, 100)
    assert asked is None or 0 <= asked[0] <= asked[1] <= 100


WHOLE = (200, 0, 1000)
PART = (206, 10, 20)


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, WHOLE),
        ("GET", {"range": "bytes=10-19"}, PART),
        ("HEAD", {"range": "bytes=10-19"}, WHOLE),
        ("GET", {"range": "bytes=1000-"}, (416, 0, 1000)),
        ("GET", {"range": "bytes=0-1,5-6"}, WHOLE),
        ("GET", {"range": "bytes=10-19", "if-range": '"tag"'}, PART),
        ("GET", {"range": "bytes=10-19", "if-range": 'W/"tag"'}, WHOLE),
        ("GET", {"range": "bytes=10-19", "if-range": '"other"'}, WHOLE),
        ("GET", {"range": "bytes=10-19", "if-range": HTTP_DATE}, PART),
        ("GET", {"range": "bytes=10-19", "if-range": AFTER}, WHOLE),
        ("GET", {"range": "bytes=10-19", "if-range": "nonsense"}, WHOLE),
        ("GET", {"range": "bytes=1000-", "if-range": '"other"'}, WHOLE),
        ("GET", {"if-none-match": '"tag"'}, (304, 0, 1000)),
        ("HEAD", {"if-none-match": '"x", W/"tag"'}, (304, 0, 1000)),
        ("GET", {"if-none-match": "*"}, (304, 0, 1000)),
        ("GET", {"if-none-match": '"other"', "if-modified-since": AFTER}, WHOLE),
        ("GET", {"if-none-match": '"tag"', "range": "bytes=10-19"}, (304, 0, 1000)),
        ("GET", {"if-modified-since": HTTP_DATE}, (304, 0, 1000)),
        ("GET", {"if-modified-since": BEFORE}, WHOLE),
        ("GET", {"if-modified-since": "nonsense"}, WHOLE),
        ("GET", {"if-match": '"tag"', "range": "bytes=10-19"}, PART),
        ("GET", {"if-match": 'W/"tag"'}, (412, 0, 1000)),
        ("GET", {"if-match": '"other"'}, (412, 0, 1000)),
        ("GET", {"if-unmodified-since": BEFORE}, (412, 0, 1000)),
        ("GET", {"if-unmodified-since": HTTP_DATE}, WHOLE),
    ],
)
def test_conditions_come_in_the_order_of_rfc_9110(
    method: str, headers: dict[str, str], expected: tuple[int, int, int]
) -> None:
    assert decide(method, Headers(headers), 1000, "tag", MODIFIED) == expected


def test_without_a_date_conditions_on_it_are_ignored() -> None:
    for name in ("if-modified-since", "if-unmodified-since"):
        assert decide("GET", Headers({name: BEFORE}), 1000, "tag", None) == WHOLE
    asked = Headers({"range": "bytes=10-19", "if-range": HTTP_DATE})
    assert decide("GET", asked, 1000, "tag", None) == WHOLE


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fototeca.zip", 'attachment; filename="fototeca.zip"'),
        ("Été.zip", "attachment; filename=\"Ete.zip\"; filename*=UTF-8''%C3%89t%C3%A9.zip"),
        ("山.jpg", "attachment; filename=\"_.jpg\"; filename*=UTF-8''%E5%B1%B1.jpg"),
        ('a"b\r\n.jpg', "attachment; filename=\"a_b__.jpg\"; filename*=UTF-8''a%22b%0D%0A.jpg"),
        ("50%.jpg", "attachment; filename=\"50_.jpg\"; filename*=UTF-8''50%25.jpg"),
    ],
)
def test_the_name_to_save_under(name: str, expected: str) -> None:
    assert attachment(name) == expected


@given(st.text(max_size=50))
def test_no_name_breaks_the_header(name: str) -> None:
    header = attachment(name)
    assert re.fullmatch(r"attachment; filename=\"[^\"\\\r\n]*\"(; filename\*=UTF-8''\S*)?", header)
    assert header.isascii()


class Source:
    """Bytes to be served, and what became of those who read them."""

    def __init__(self, data: bytes = DATA, *, fails_at: int | None = None) -> None:
        self.data = data
        self.fails_at = fails_at
        self.opened: list[tuple[int, int]] = []
        self.given = 0
        self.closed = threading.Event()

    def open(self, start: int, stop: int) -> Iterator[bytes]:
        self.opened.append((start, stop))
        try:
            for first in range(start, stop, CHUNK):
                if self.fails_at is not None and first >= self.fails_at:
                    raise OSError("the disk is gone")
                chunk = self.data[first : min(first + CHUNK, stop)]
                self.given += len(chunk)
                yield chunk
        finally:
            self.closed.set()

    def response(self, size: int | None = None) -> RangedResponse:
        return RangedResponse(
            size=len(self.data) if size is None else size,
            etag="tag",
            media_type="application/zip",
            open=self.open,
            filename="Été.zip",
            last_modified=MODIFIED,
            headers={"cache-control": "private"},
        )


class Server:
    """A real server on a real socket, for one response after another."""

    def __init__(self) -> None:
        self.response: Callable[[], RangedResponse] = Source().response
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app, interface="asgi3", lifespan="off", port=0, log_level="critical"
            )
        )
        self._thread = threading.Thread(target=self._server.run)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.response()(scope, receive, send)

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def ask(self, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(
            method, "/", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        return connection.getresponse()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.response = Source().response
    return running


def test_the_whole(server: Server) -> None:
    answer = server.ask()
    assert answer.status == 200
    assert answer.read() == DATA
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["etag"] == '"tag"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["last-modified"] == HTTP_DATE
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "private"
    assert "t%C3%A9.zip" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (10, 3 * CHUNK + 7), (CHUNK, 2 * CHUNK), (len(DATA) - 1, len(DATA)), (0, len(DATA))],
)
def test_a_part(server: Server, start: int, stop: int) -> None:
    answer = server.ask(range=f"bytes={start}-{stop - 1}")
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.read() == DATA[start:stop]


def test_head_opens_nothing(server: Server) -> None:
    source = Source()
    server.response = source.response
    answer = server.ask("HEAD", range="bytes=0-9")
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(DATA)))
    assert answer.read() == b""
    assert server.ask(if_none_match='"tag"').read() == b""
    assert source.opened == []


def test_what_is_refused_says_why(server: Server) -> None:
    answer = server.ask(range=f"bytes={len(DATA)}-")
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"416" in answer.read()
    answer = server.ask(if_match='"other"')
    assert answer.status == 412
    assert "content-disposition" not in answer.headers


def test_not_modified_has_no_body(server: Server) -> None:
    answer = server.ask(if_none_match='"tag"')
    assert (answer.status, answer.read()) == (304, b"")
    assert answer.headers["etag"] == '"tag"'
    assert answer.headers["cache-control"] == "private"
    assert "content-length" not in answer.headers


def test_nothing_at_all_is_served(server: Server) -> None:
    server.response = Source(b"").response
    answer = server.ask()
    assert (answer.status, answer.read()) == (200, b"")


def test_one_connection_serves_many(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    for start in (0, 5, 4 * CHUNK):
        connection.request("GET", "/", headers={"range": f"bytes={start}-{start + 2 * CHUNK}"})
        expected = DATA[start : start + 2 * CHUNK + 1]
        assert connection.getresponse().read() == expected


def test_curl_resumes_to_identical_bytes(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    url = f"http://127.0.0.1:{server.port}/"
    file.write_bytes(DATA[: 2 * CHUNK + 5])
    subprocess.run(["curl", "-sS", "-C", "-", "-o", file, url], check=True)
    assert file.read_bytes() == DATA


def test_an_error_in_the_middle_breaks_the_connection(server: Server, tmp_path: Path) -> None:
    source = Source(fails_at=3 * CHUNK)
    server.response = source.response
    answer = server.ask()
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    assert DATA.startswith(broken.value.partial)
    assert source.closed.wait(300)
    done = subprocess.run(
        ["curl", "-sS", "-o", tmp_path / "x", f"http://127.0.0.1:{server.port}/"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 18  # "partial file"


def test_an_error_before_the_first_byte_is_an_error_page(server: Server) -> None:
    source = Source(fails_at=0)
    server.response = source.response
    assert server.ask().status == 500
    assert source.closed.is_set()


@pytest.mark.parametrize("length", [len(DATA) + 1, len(DATA) + 2 * CHUNK])
def test_fewer_bytes_than_said_break_the_connection(server: Server, length: int) -> None:
    server.response = lambda: Source(DATA).response(length)
    with pytest.raises(http.client.IncompleteRead):
        server.ask().read()


def test_more_bytes_than_said_are_never_sent(server: Server) -> None:
    def too_many(start: int, stop: int) -> Iterator[bytes]:
        yield DATA
        yield b"more"

    def response() -> RangedResponse:
        return RangedResponse(size=len(DATA) + 2, etag="tag", media_type="x/y", open=too_many)

    server.response = response
    with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)):
        server.ask().read()


def test_who_goes_away_stops_the_reading(server: Server) -> None:
    endless = Source()
    size = 1 << 40

    def zeros(start: int, stop: int) -> Iterator[bytes]:
        try:
            while start < stop:
                endless.given += CHUNK
                yield bytes(CHUNK)
                start += CHUNK
        finally:
            endless.closed.set()

    def response() -> RangedResponse:
        return RangedResponse(size=size, etag="tag", media_type="x/y", open=zeros)

    server.response = response
    answer = server.ask()
    assert len(answer.read(3 * CHUNK)) == 3 * CHUNK
    answer.close()
    assert endless.closed.wait(300)
    assert endless.given < size


def serve(
    response: RangedResponse, send: Callable[[Message], object], gone: asyncio.Event | None = None
) -> asyncio.Task[None]:
    """The response's task, on a server that is nothing but these functions."""

    async def receive() -> Message:
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def sending(message: Message) -> None:
        done = send(message)
        if asyncio.iscoroutine(done):
            await done

    scope = {"type": "http", "method": "GET", "headers": []}
    return asyncio.ensure_future(response(scope, receive, sending))


def test_one_batch_is_read_ahead_and_no_more() -> None:
    async def stuck() -> int:
        source = Source()
        first = asyncio.Event()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                first.set()
                await asyncio.Event().wait()  # a client that takes nothing

        task = serve(source.response(), send)
        await first.wait()
        while source.given < 2 * BATCH:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        given = source.given
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed.is_set()
        return given

    assert asyncio.run(stuck()) == 2 * BATCH


def test_a_server_that_tells_by_an_error_is_understood() -> None:
    async def broken() -> Source:
        source = Source()

        def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                raise BrokenPipeError

        await serve(source.response(), send)
        return source

    assert asyncio.run(broken()).closed.is_set()


def test_cancelled_while_reading_it_is_still_closed() -> None:
    async def cancelled() -> Source:
        source = Source()
        reading, go_on = threading.Event(), threading.Event()

        def slow(start: int, stop: int) -> Iterator[bytes]:
            for chunk in source.open(start, stop):
                reading.set()
                go_on.wait(300)
                yield chunk

        response = RangedResponse(size=len(DATA), etag="tag", media_type="x/y", open=slow)
        task = serve(response, lambda message: None)
        await asyncio.to_thread(reading.wait, 300)
        task.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed.wait(300)
        return source

    assert asyncio.run(cancelled()).given <= BATCH
