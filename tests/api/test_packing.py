"""Long JSON is sent gzipped to who takes it; nothing else is."""

from __future__ import annotations

import gzip

import httpx
import pytest

from tests.api.conftest import bundled, is_problem

pytestmark = pytest.mark.xdist_group("api")

GZIP = {"accept-encoding": "gzip"}


def raw(client: httpx.Client, path: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """An answer as it came, not unpacked."""
    with client.stream("GET", path, headers=headers) as answer:
        return answer.headers, b"".join(answer.iter_raw())


def test_long_json_is_packed_for_who_takes_it(owner: httpx.Client) -> None:
    packed, body = raw(owner, "/api/labels", **GZIP)
    plain, whole = raw(owner, "/api/labels", **{"accept-encoding": "identity"})
    assert packed["content-encoding"] == "gzip"
    assert "content-encoding" not in plain
    assert gzip.decompress(body) == whole
    assert len(body) < len(whole) / 2
    for headers, sent in ((packed, body), (plain, whole)):
        assert int(headers["content-length"]) == len(sent)
        assert "accept-encoding" in headers["vary"].lower()
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accepted", "packs"),
    [
        ("deflate, GZIP;q=0.5", True),
        ("br , gzip ; q=1", True),
        ("gzip;q=0", False),
        ("deflate, gzip; Q=0.000", False),
        ("not-gzip", False),
        ("", False),
    ],
)
def test_gzip_is_for_who_names_it_and_wants_it(
    owner: httpx.Client, accepted: str, packs: bool
) -> None:
    for path in ("/api/labels", "/"):
        headers, _ = raw(owner, path, **{"accept-encoding": accepted})
        assert (headers.get("content-encoding") == "gzip") is packs, path


def test_short_json_problems_archives_and_streams_are_not(owner: httpx.Client) -> None:
    place = bundled(owner, all=["Cat"])["url"]
    for path in ("/api/session", place):
        headers, _ = raw(owner, path, **GZIP)
        assert "content-encoding" not in headers, path
    with owner.stream("GET", "/api/events", headers=GZIP) as events:
        assert "content-encoding" not in events.headers
        assert next(events.iter_lines()) == ": connected"
    is_problem(owner.get("/api/photos/none", headers=GZIP), 422)
