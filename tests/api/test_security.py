"""What every answer carries, what is refused and how that is said, and that no secret is logged."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPResponse

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import (
    EMAIL,
    PASSWORD,
    Member,
    Serve,
    Served,
    add_token,
    bundled,
    is_problem,
    labelled,
    plan,
)

pytestmark = pytest.mark.xdist_group("api")

ORIGIN = "https://client.example"


def places(owner: httpx.Client) -> Iterator[httpx.Response]:
    """An answer of each sort: page, script, JSON, error, photo, archive, no content."""
    photo = owner.get("/api/photos").json()["photos"][0]["id"]
    for path in (
        "/",
        "/docs.css",
        "/api/docs",
        "/api/openapi.json",
        "/api/photos",
        f"/api/photos/{photo}/original",
        f"/api/photos/{photo}/renditions/grid",
        "/api/photos/nonsense",
        "/nowhere",
        "/health",
        "/metrics",
        bundled(owner, any=["Cat"])["url"],
    ):
        yield owner.get(path)
    yield owner.post("/api/session", json={"email": "x", "password": "y"})
    yield owner.post("/api/photos", content=b"no picture")


def test_every_answer_has_the_security_headers(owner: httpx.Client) -> None:
    for answer in places(owner):
        path = answer.request.url.path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        # Nobody frames it: by the policy, or because it is sandboxed bytes.
        assert "frame-ancestors 'none'" in policy or "sandbox" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["referrer-policy"] == "no-referrer", path
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", path
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", path
        assert "server" not in answer.headers, path
        assert "access-control-allow-origin" not in answer.headers, path


def test_answers_about_an_owner_are_not_kept_by_shared_caches(owner: httpx.Client) -> None:
    for answer in places(owner):
        if answer.request.url.path.startswith("/api/"):
            cached = answer.headers["cache-control"]
            assert "no-store" in cached or "private" in cached, answer.request.url


def test_an_uploaded_page_is_never_served_as_one(member: Member) -> None:
    owner = member.sign_in()
    picture = samples.photos()[0].read_bytes()
    data = picture + b"<html><script>alert(1)</script>"
    planned = owner.post(
        "/api/photos", params={"name": "evil.html"}, content=data,
        headers={"content-type": "text/html"},
    )  # fmt: skip
    assert planned.status_code == 201
    original = owner.get(f"/api/photos/{planned.json()['id']}/original")
    assert original.headers["content-type"] == "image/jpeg"
    assert "sandbox" in original.headers["content-security-policy"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from tests.api.conftest import launch

    served = launch(tmp_path_factory.mktemp("cors") / "library", pam_origins=json.dumps([ORIGIN]))
    served.set_up()
    yield served
    served.stop()


@pytest.mark.parametrize(
    ("path", "origin", "allowed"),
    [
        ("/pam/v1/labels", ORIGIN, True),
        ("/pam/v1/labels", "https://other.example", False),
        ("/pam/v1/labels", f"{ORIGIN}.evil.example", False),
        ("/pam/v1/labels", "null", False),
        ("/api/photos", ORIGIN, False),
        ("/api/session", ORIGIN, False),
        ("/", ORIGIN, False),
    ],
)
def test_other_origins_read_the_reference_api_alone(
    shared: Served, path: str, origin: str, allowed: bool
) -> None:
    owner = shared.sign_in()
    script = shared.with_token(add_token(owner))
    answer = script.get(path, headers={"origin": origin})
    preflight = shared.client().options(
        path,
        headers={
            "origin": origin,
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    for each in (answer, preflight):
        shown = each.headers.get("access-control-allow-origin")
        assert shown == (origin if allowed else None)
        # Never with cookies.
        assert "access-control-allow-credentials" not in each.headers
    if allowed:
        assert (answer.status_code, preflight.status_code) == (200, 200)


def test_no_secret_is_logged(serve: Serve) -> None:
    served = serve()
    owner = served.set_up()
    data = samples.photos()[0].read_bytes()
    where = plan(owner, data)["upload"]
    assert owner.put(where["url"], content=data, headers=where["headers"]).status_code == 201
    token = add_token(owner)
    script = served.with_token(token)
    reference = script.put("/pam/v1/upload", json={"file_name": "x.jpg"}).json()["url"]
    script.put(reference, content=data, headers={"content-type": "image/jpeg"})
    labelled(owner)
    bundle = bundled(owner)
    owner.get(bundle["url"])
    session = owner.cookies["fototeca_session"]
    secrets = {
        served.setup_token, session, token, PASSWORD, EMAIL, "a wrong password",
        where["url"].rpartition("/")[2], reference.rpartition("/")[2],
    }  # fmt: skip

    # Whatever goes wrong, too: refused, malformed, failing.
    owner.put(where["url"], content=b"other", headers=where["headers"])
    owner.put(where["url"] + "x", content=data, headers=where["headers"])
    served.client().post("/api/session", json={"email": EMAIL, "password": "a wrong password"})
    served.client().post(
        "/api/session/setup",
        json={"token": served.setup_token, "email": EMAIL, "password": PASSWORD},
    )
    owner.post("/api/session", content=f'{{"email": "{EMAIL}", "password": "{PASSWORD}"')
    served.client().get("/api/photos", headers={"authorization": f"Bearer {token}x"})
    served.client().get("/api/photos", params={"token": token, "q": session})
    owner.get(f"/api/photos/{plan(owner, b'x')['id']}")
    for path in (served.library / "vault" / "originals").rglob("*"):
        if path.is_file():
            path.unlink()
    is_problem(owner.get(f"/api/photos/{sha256(data).hexdigest()}/original"), 500)
    assert owner.get("/health").status_code == 200
    assert owner.delete("/api/session").status_code == 204
    served.stop()
    logged = served.log.read_text()
    assert "an original is missing" in logged
    for secret in secrets:
        assert secret not in logged


def test_what_was_wrong_is_said_without_repeating_it(owner: httpx.Client) -> None:
    answer = owner.post("/api/session", json={"email": EMAIL, "password": 12345678})
    document = is_problem(answer, 422)
    assert document["errors"] == [
        {"where": "body/password", "what": "Input should be a valid string"}
    ]
    assert "12345678" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api", 404),
        ("GET", "/api/nowhere", 404),
        ("GET", "/api/photos/", 404),
        ("GET", "/assets/../../application.py", 404),
        ("GET", "/assets/%2e%2e%2f%2e%2e%2fapplication.py", 404),
        ("GET", "/page.py", 404),
        ("PUT", "/api/photos", 405),
        ("TRACE", "/api/photos", 405),
        ("GET", "/api/photos/%00", 422),
        ("GET", f"/api/photos/{'A' * 64}", 422),
        ("GET", f"/api/photos/{'0' * 64}", 404),
        ("GET", f"/api/photos/{'0' * 64}/renditions/huge", 422),
        ("GET", "/api/bundles/%00", 404),
        ("GET", "/api/bundles/..%2f..%2fetc%2fpasswd/archive", 404),
        ("GET", "/api/imports/%F0%9F%98%80", 404),
        ("GET", "/api/photos?limit=0", 422),
        ("GET", "/api/photos?limit=501", 422),
        ("GET", "/api/photos?limit=x", 422),
        ("GET", "/api/photos?state=nonsense", 422),
        ("GET", "/api/photos?any=", 422),
        ("GET", "/api/photos?any=%00", 422),
        ("GET", f"/api/photos?q={'x' * 201}", 422),
        ("GET", f"/api/labels?{'any=x&' * 101}", 422),
        ("POST", "/api/uploads", 422),
        ("POST", "/api/imports", 422),
    ],
)
def test_what_is_not_there_or_not_understood(
    owner: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = owner.request(method, path)
    is_problem(answer, status)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "AAAA", "%00", "eyJ4IjoxfQ", "1_2", "-1", "9" * 200, "%F0%9F%98%80", "a.b.c", "="],
)
def test_a_made_up_cursor_is_400(owner: httpx.Client, cursor: str) -> None:
    answer = owner.get(f"/api/photos?cursor={cursor}")
    if cursor == "" and answer.status_code == 200:
        return  # as good as none
    is_problem(answer, 400)


def test_a_cursor_goes_on_and_ends(owner: httpx.Client) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = owner.get(
            "/api/photos", params={"limit": 5, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [photo["id"] for photo in page["photos"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        for changed in (cursor[:-1], cursor + "A", cursor[::-1]):
            answer = owner.get("/api/photos", params={"cursor": changed})
            assert answer.status_code in (200, 400)
    assert len(seen) == len(set(seen)) == page["total"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"[]", b"null", b'"x"', b"\xff\xfe", b"{}{}", b"[" * 100_000,
        b'{"any": "Cat"}', b'{"any": [1]}', b'{"any": ["\\ud800"]}', b'{"unknown": 1}',
        b'{"any": [""]}', b'{"ids": ["../../etc/passwd"]}', b'{"any": ["' + b"x" * 101 + b'"]}',
        b'{"ids": ["' + b"0" * 64 + b'"], "any": ["Cat"]}', b'{"any": [NaN]}',
    ],
    ids=lambda body: body[:24].decode("latin-1") or "empty",
)  # fmt: skip
def test_a_malformed_body_is_refused(owner: httpx.Client, body: bytes) -> None:
    answer = owner.post("/api/bundles", content=body, headers={"content-type": "application/json"})
    document = is_problem(answer, answer.status_code)
    assert document["status"] in (400, 422)


def test_what_nobody_expected_is_a_problem_too(serve: Serve) -> None:
    served = serve()
    owner = served.set_up()
    with sqlite3.connect(served.library / "catalog.sqlite3") as catalog:
        catalog.execute("DROP TABLE notice")
    answer = owner.get("/api/notices")
    document = is_problem(answer, 500)
    assert "detail" not in document
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert owner.get("/api/photos").status_code == 200
    assert "no such table" in served.log.read_text()


def test_why_it_is_not_well_is_in_the_log_alone(serve: Serve) -> None:
    served = serve()
    marker = served.library / "vault" / "fototeca-library"
    marker.rename(marker.with_suffix(".away"))
    answer = served.client().get("/health")
    assert is_problem(answer, 503)["detail"] == "the library does not answer"
    assert "not well: " in served.log.read_text()


@pytest.mark.parametrize("told", [True, False], ids=["with its length", "without a length"])
def test_a_body_larger_than_any_that_makes_sense_is_413(owner: httpx.Client, told: bool) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(9):
            yield b" " * 1_000_000

    answer = owner.post(
        "/api/bundles",
        content=b" " * 9_000_000 if told else pieces(),
        headers={"content-type": "application/json"},
    )
    is_problem(answer, 413)
    assert owner.get("/health").status_code == 200


@pytest.mark.parametrize("begun", [b"GET /", b"GET / HTTP/1.1\r\nx: "], ids=["line", "header"])
def test_a_head_that_does_not_end_is_ended(filled: Served, begun: bytes) -> None:
    """Nobody has to be known for this: what is kept of it must be little."""
    address = httpx.URL(filled.address)
    sent = 0
    with socket.create_connection((address.host, address.port), timeout=60) as connection:
        connection.sendall(begun)
        with suppress(ConnectionError):
            while sent < 50_000_000:
                connection.sendall(b"x" * 100_000)
                sent += 100_000
    assert sent < 50_000_000
    assert filled.client().get("/health").status_code == 200


def test_what_is_no_request_is_told_as_a_problem(filled: Served) -> None:
    address = httpx.URL(filled.address)
    long = b"GET / HTTP/1.1\r\n" + b"x: " + b"x" * 65_536
    for said, status in ((b"\x16\x03\x01 hello\r\n\r\n", 400), (long, 431)):
        with socket.create_connection((address.host, address.port), timeout=60) as connection:
            connection.sendall(said)
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert json.load(answer)["status"] == status
    headers = {"x-long": "x" * 50_000}
    assert filled.client().get("/health", headers=headers).status_code == 200


def test_a_stranger_sends_no_large_body(filled: Served) -> None:
    """Who may not be answered is not listened to either."""
    answer = filled.client().post(
        "/api/bundles", content=b"{" * 100, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (401, 422)
    is_problem(answer, answer.status_code)


@pytest.mark.parametrize("path", ["/", "/docs.css", "/health"])
def test_monitors_ask_by_head(filled: Served, path: str) -> None:
    stranger = filled.client()
    plain = {"accept-encoding": "identity"}
    head, whole = stranger.head(path, headers=plain), stranger.get(path, headers=plain)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("path", ["/", "/docs.css", "/api/changes"])
def test_what_did_not_change_is_not_sent_again(owner: httpx.Client, path: str) -> None:
    tag = owner.get(path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        assert owner.get(path, headers={"if-none-match": known}).status_code == 304, known
    assert owner.get(path, headers={"if-none-match": '"another"'}).status_code == 200


def test_numbers_for_operators_tell_of_nobody(filled: Served, owner: httpx.Client) -> None:
    text = filled.client().get("/metrics").text
    assert 'fototeca_photos{state="labelled"} 12.0' in text
    account = owner.get("/api/session").json()["owner"]
    for secret in (EMAIL, account, "Cat"):
        assert secret not in text
