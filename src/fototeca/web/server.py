"""Runs the web application: one process, uvicorn, ended gracefully."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fototeca.app import Library
from fototeca.web.application import create_app
from fototeca.web.problems import Problem

GRACE = 4
"""Seconds that open downloads get when the server ends."""


MAX_HEAD = 64 << 10
"""Bytes of a request's line and headers. The parser sets no limit, and keeps what it gets."""


class Connection(HttpToolsProtocol):
    """Ends a request whose head does not end, and answers what is no HTTP like any problem."""

    _head = 0

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse(Problem(431, f"the request's head is larger than {MAX_HEAD >> 10} KiB"))

    def on_headers_complete(self) -> None:
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head = 0  # of the next request, or of trailers until here
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(Problem(400, msg))

    def _refuse(self, problem: Problem) -> None:
        answer = problem.response()
        headers = (*answer.raw_headers, (b"connection", b"close"))
        lines = (b"%b: %b\r\n" % header for header in headers)
        status = f"HTTP/1.1 {problem.status} {problem.document['title']}\r\n".encode()
        self.transport.write(b"".join((status, *lines, b"\r\n", bytes(answer.body))))
        self.transport.close()


class Server(uvicorn.Server):
    """Tells the application when it is to end, so that event streams end too."""

    def handle_exit(self, sig: int, frame: object) -> None:
        self.config.app.state.stopping.set()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


def serve(library: Library, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted. `on_ready` gets the address. Raises OSError: the port is taken."""
    listener = bound(host, port)
    address = listener.getsockname()
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    config = uvicorn.Config(
        create_app(library),
        # Requests are not logged: their addresses carry upload tickets.
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        http=Connection,
    )
    server = Server(config)
    try:
        # From here on a signal is kept until the server looks: raised where an event loop or a
        # destructor happens to be, it would be lost or leave half of a start behind.
        with server.capture_signals():
            on_ready(f"http://{shown}:{address[1]}")
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()


def bound(host: str, port: int) -> socket.socket:
    """A listening socket: the port is taken or it is ours before anything else starts."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener
