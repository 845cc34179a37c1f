"""Runs the web application: one process, uvicorn, ended gracefully."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from fototeca.app import Library
from fototeca.web.application import create_app

GRACE = 4
"""Seconds that open downloads get when the server ends."""


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
        h11_max_incomplete_event_size=64 << 10,
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
