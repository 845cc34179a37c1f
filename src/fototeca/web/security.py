"""What every answer carries and no request may exceed."""

from __future__ import annotations

import logging
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fototeca.web.problems import Problem

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
MAX_JSON = 8 << 20
"""Bytes of a request that is no photo: 80,000 ids are 5.4 MB."""
RAW = ("/api/uploads/", "/api/photos", "/pam/v1/uploads/")
"""Where photos are sent: their own limit applies."""


class SecurityHeaders:
    """Adds the headers where an answer has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class Unexpected:
    """Answers what nobody expected like any other problem, and lets it be found in the log.

    Once an answer has begun only breaking the connection says that it is not whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            log.exception("unexpected")
            await Problem(500).response()(scope, receive, send)


class BodyLimit:
    """Ends a request whose JSON is larger than any that makes sense, also without a length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope["type"] == "http" and any(
            scope["path"].startswith(prefix) if prefix.endswith("/") else scope["path"] == prefix
            for prefix in RAW
        )
        if scope["type"] != "http" or raw:
            await self._app(scope, receive, send)
            return
        length = 0
        started = False

        async def counted() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > MAX_JSON:
                raise _TooLong
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if length > MAX_JSON and not started:
                return  # the application took it for a body that cannot be read
            started = started or message["type"] == "http.response.start"
            await send(message)

        with suppress(_TooLong):
            await self._app(scope, counted, watched)
        if length > MAX_JSON and not started:
            await Problem(413, "too large").response()(scope, receive, send)


class _TooLong(Exception):
    pass
