"""What stands between a function and the emulator, where the emulator alone is not as AWS.

Cognito's addresses are no setting of a client's: a function asks them by HTTPS, as it would on AWS,
and a proxy leads every name to the emulator, which goes by the Host header. And the emulator has no
archive tiers of Intelligent-Tiering: a door to its S3 says that originals are in one.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
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


class ArchiveTier:
    """A door to the emulator's S3 at which originals are in the archive tier.

    They come back when `thaw` is called, those that were asked for.
    """

    def __init__(self, cloud: Emulator) -> None:
        self.asked: set[str] = set()
        """Paths that are to be restored."""
        self._back: set[str] = set()
        tier = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                path, _, query = self.path.partition("?")
                if self.command == "POST" and query == "restore":
                    tier.asked.add(path)
                    self.rfile.read(int(self.headers["content-length"]))
                    self.send_response(202)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                said, body = self.forwarded()
                self.send_response(said.status)
                for name, value in said.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                length = said.getheader("content-length") if self.command == "HEAD" else None
                self.send_header("content-length", length or str(len(body)))
                if self.command == "HEAD" and "/originals/" in path and path not in tier._back:
                    self.send_header("x-amz-archive-status", "ARCHIVE_ACCESS")
                    if path in tier.asked:
                        self.send_header("x-amz-restore", 'ongoing-request="true"')
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def forwarded(self) -> tuple[http.client.HTTPResponse, bytes]:
                """With its Host header, which is signed."""
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {n: v for n, v in self.headers.items() if n.lower() != "expect"}
                connection = http.client.HTTPConnection("emulator")
                connection.sock = connected(cloud)
                try:
                    connection.request(self.command, self.path, sent, headers)
                    said = connection.getresponse()
                    return said, said.read()
                finally:
                    connection.close()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def thaw(self) -> None:
        self._back |= self.asked

    def __enter__(self) -> ArchiveTier:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


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
