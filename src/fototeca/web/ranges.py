"""Bytes of known size over HTTP: conditional requests, ranges (RFC 9110), resumable downloads."""

from __future__ import annotations

import asyncio
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

BATCH = 2 << 20
"""Bytes read ahead in one go: with less, changing threads takes a fifth of the rate."""

RANGE = re.compile(r"bytes=(.*)", re.IGNORECASE | re.DOTALL)
RANGE_SPEC = re.compile(r"[ \t]*(?:(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+))[ \t]*")
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1, beside letters and digits

PROBLEMS = {412: "Precondition Failed", 416: "Range Not Satisfiable"}


class LengthBroken(Exception):
    """What was opened had not the bytes it was said to have; the client was not told it had."""


class RangedResponse(Response):
    """Answers GET and HEAD for bytes whose size is known and that never change under their tag.

    `open(start, stop)` gives an iterator of these bytes; it is opened, read and closed in threads,
    one batch ahead of the socket, and always closed: at the end, on an error, and when the client
    goes away. What it raises before its first bytes is raised before the response starts, so that
    an error page can be sent; later the connection is broken, and the client, who was told the
    length, knows that it has not all.

    `etag` is the opaque tag without quotes, a strong validator. `filename` makes it a download.
    Several ranges in one request are answered with the whole, as RFC 9110 (14.2) allows.
    """

    def __init__(
        self,
        *,
        size: int,
        etag: str,
        media_type: str,
        open: Callable[[int, int], Iterator[bytes]],
        filename: str | None = None,
        last_modified: datetime | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        common = {
            "accept-ranges": "bytes",
            "etag": f'"{etag}"',
            # The bytes are someone's upload: what they are is told, not guessed.
            "x-content-type-options": "nosniff",
            **(headers or {}),
        }
        if last_modified is not None:
            common["last-modified"] = format_datetime(last_modified.astimezone(UTC), usegmt=True)
        super().__init__(headers={**common, "content-length": str(size)}, media_type=media_type)
        if filename is not None:
            self.headers["content-disposition"] = attachment(filename)
        self._common = common
        self._size = size
        self._etag = etag
        self._last_modified = last_modified
        self._open = open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        status, start, stop = decide(
            method, Headers(scope=scope), self._size, self._etag, self._last_modified
        )
        if status == 304:
            await Response(status_code=304, headers=self._common)(scope, receive, send)
            return
        if status in PROBLEMS:
            headers = {"accept-ranges": "bytes", "cache-control": "no-store"}
            if status == 416:
                headers["content-range"] = f"bytes */{self._size}"
            problem = f'{{"type":"about:blank","title":"{PROBLEMS[status]}","status":{status}}}'
            refusal = Response(problem, status, headers, "application/problem+json")
            await refusal(scope, receive, send)
            return
        self.status_code = status
        if status == 206:
            self.headers["content-range"] = f"bytes {start}-{stop - 1}/{self._size}"
            self.headers["content-length"] = str(stop - start)
        message = {"type": "http.response.start", "status": status, "headers": self.raw_headers}
        if method == "HEAD":
            await send(message)
            await send({"type": "http.response.body", "body": b""})
        else:
            reading = _Reading(lambda: self._open(start, stop), stop - start)
            await _stream(reading, message, receive, send)


def decide(
    method: str, headers: Headers, size: int, etag: str, last_modified: datetime | None
) -> tuple[int, int, int]:
    """(status, start, stop) by RFC 9110, 13.2.2: 200, 206, 304, 412 or 416 for bytes [start, stop).

    A range is served to GET alone (14.2), and only when If-Range, if given, names exactly this tag
    or date (13.1.5). What is malformed is ignored.
    """
    whole = 0, size
    modified = None if last_modified is None else last_modified.replace(microsecond=0)
    if (tags := _all(headers, "if-match")) is not None:
        if not names_tag(tags, etag, weakly=False):
            return 412, *whole
    elif modified and (date := _date(headers.get("if-unmodified-since"))) and modified > date:
        return 412, *whole
    if (tags := _all(headers, "if-none-match")) is not None:
        if names_tag(tags, etag):
            return 304, *whole
    elif modified and (date := _date(headers.get("if-modified-since"))) and modified <= date:
        return 304, *whole

    ranges = _all(headers, "range")
    if method != "GET" or ranges is None:
        return 200, *whole
    condition = headers.get("if-range")
    if (
        condition is not None
        and condition.strip() != f'"{etag}"'
        and (modified is None or _date(condition) != modified)
    ):
        return 200, *whole
    asked = parse_range(ranges, size)
    if asked is None:
        return 200, *whole
    start, stop = asked
    return (206, start, stop) if start < stop else (416, *whole)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """[start, stop) of `size` bytes that a Range header asks for (RFC 9110, 14.1.2 and 14.2).

    Empty when it cannot be satisfied; None when the header is to be ignored: another unit,
    malformed, or several ranges.
    """
    unit = RANGE.fullmatch(header.strip())
    spec = unit and RANGE_SPEC.fullmatch(unit[1])
    if not spec:
        return None
    first, last, suffix = (_number(spec[name]) for name in ("first", "last", "suffix"))
    if suffix is not None:
        if suffix and not size:
            return None  # satisfied by all of nothing, which Content-Range cannot say
        return max(size - suffix, 0), size
    assert first is not None
    if last is not None and last < first:
        return None
    if first >= size:
        return 0, 0
    return first, size if last is None else min(last + 1, size)


def attachment(filename: str) -> str:
    """A Content-Disposition that saves under this name (RFC 6266, 4 and appendix D)."""
    filename = filename.encode(errors="replace").decode()
    letters = unicodedata.normalize("NFKD", filename)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = re.sub(r'[^ -~]|["\\%/]', "_", plain)
    if plain == filename:
        return f'attachment; filename="{plain}"'
    encoded = quote(filename, safe=ATTRIBUTE_CHARACTERS)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


async def _stream(
    reading: _Reading, start: Mapping[str, object], receive: Receive, send: Send
) -> None:
    gone = None
    try:
        batch = await reading.ahead()
        await send(dict(start))
        while batch:
            ahead = reading.ahead() if reading.left else None
            if ahead is not None and gone is None:
                # Servers answer a send to who is gone in several ways, some by nothing at all.
                gone = asyncio.ensure_future(_disconnected(receive))
            for chunk in batch:
                try:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except OSError:
                    return
            if ahead is None:
                break
            if gone is not None and gone.done():
                return
            batch = await ahead
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()
        if not reading.closed:
            # To its end, even while this task is being cancelled.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, reading.close))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Reading:
    """An iterator of bytes, opened, read and closed in threads, by one at a time."""

    def __init__(self, open: Callable[[], Iterator[bytes]], length: int) -> None:
        self.left = length
        """Bytes not read yet."""
        self.closed = False
        self._open = open
        self._chunks: Iterator[bytes] | None = None
        self._lock = threading.Lock()

    def ahead(self) -> asyncio.Future[list[bytes]]:
        """The next chunks, of BATCH bytes together, as soon as they are read."""
        future = asyncio.get_running_loop().run_in_executor(None, self._read)
        # Nobody may come to ask for it, and that is no error.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    def close(self) -> None:
        with self._lock:
            self._close()

    def _read(self) -> list[bytes]:
        batch: list[bytes] = []
        length = 0
        with self._lock:
            if not self.closed and self._chunks is None and self.left:
                self._chunks = self._open()
            while self.left and length < BATCH and not self.closed:
                assert self._chunks is not None
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise LengthBroken(f"{self.left} bytes too few")
                batch.append(chunk)
                length += len(chunk)
                self.left -= len(chunk)
                if self.left < 0:
                    raise LengthBroken(f"{-self.left} bytes too many")
            if not self.left:
                self._close()
        return batch

    def _close(self) -> None:
        self.closed = True
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def _all(headers: Headers, name: str) -> str | None:
    """A list-valued field, which may come in several lines (RFC 9110, 5.3)."""
    lines = headers.getlist(name)
    return ", ".join(lines) if lines else None


def names_tag(tags: str, etag: str, *, weakly: bool = True) -> bool:
    """Whether a list of entity tags has this one, by weak or strong comparison (8.8.3.2).

    `etag` is without quotes. If-None-Match compares weakly: a proxy that packs an answer makes its
    tag a weak one.
    """
    if tags.strip() == "*":
        return True
    for tag in ENTITY_TAG.findall(tags):
        if tag == f'"{etag}"' or (weakly and tag == f'W/"{etag}"'):
            return True
    return False


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _number(digits: str | None) -> int | None:
    if not digits:
        return None
    # More digits than any size has; int() would refuse thousands of them.
    return int(digits) if len(digits) < 20 else 10**20
