"""The way from a function to the names of AWS that it knows only by its settings.

Cognito's addresses are no setting of a client's: a function asks them by HTTPS, as it would on AWS.
This proxy leads every name to the emulator, which goes by the Host header.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.aws.emulator import Emulator

HEAD = 64 << 10
"""Bytes of a request's head."""
TIMEOUT = 120.0
"""Seconds."""


@contextmanager
def proxy(cloud: Emulator) -> Iterator[str]:
    """Its address, for HTTPS_PROXY. The names' certificate is the emulator's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cloud.certificate, cloud.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = listener.accept()
                threading.Thread(target=_serve, args=(client, context, cloud), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _serve(client: socket.socket, context: ssl.SSLContext, cloud: Emulator) -> None:
    with suppress(OSError), client:
        head = _head(client)
        method, target, _ = head.split(b"\r\n", 1)[0].split()
        if method == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with (
                context.wrap_socket(client, server_side=True) as inside,
                connected(cloud) as outside,
            ):
                _join(inside, outside)
        else:
            # Its metadata name addresses without TLS where it has none itself (RFC 9112, 3.2.2).
            path = b"/" + target.split(b"/", 3)[3]
            with connected(cloud) as outside:
                outside.sendall(head.replace(target, path, 1))
                _join(client, outside)


def connected(cloud: Emulator) -> socket.socket:
    """A connection to the emulator, whatever it is asked for."""
    place = urlsplit(cloud.url)
    assert place.hostname
    assert place.port
    made = socket.create_connection((place.hostname, place.port), TIMEOUT)
    if place.scheme == "http":
        return made
    context = ssl.create_default_context(cafile=str(cloud.certificate))
    return context.wrap_socket(made, server_hostname=place.hostname)


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < HEAD:
        piece = client.recv(1)
        if not piece:
            break
        head += piece
    return head


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(HEAD):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
