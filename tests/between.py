"""A small proxy before a server, for what may come between a browser and it."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

PIECE = 65_536
RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """In the server's place."""

    status: int
    body: bytes = b""
    headers: str = ""
    unread: bool = False
    """Without having read what was sent, as those do to whom it is too large."""

    @property
    def bytes(self) -> bytes:
        head = f"HTTP/1.1 {self.status} So\r\ncontent-length: {len(self.body)}\r\n"
        return f"{head}connection: close\r\n{self.headers}\r\n".encode() + self.body


class Silence:
    """Everything is read, and nothing is ever answered."""


class BreakOff:
    """The connection is reset at once."""


Rule = Callable[[str, str], Answer | Silence | BreakOff | None]
"""What comes of a request, by its method and path; None for what the server answers."""


def through(method: str, path: str) -> None:
    """Every request reaches the server."""


@dataclass
class Between:
    """Where it listens, what its rule is now, and what came by."""

    port: int
    server: int
    rule: Rule = through
    seen: list[str] = field(default_factory=list)
    """`PUT /api/uploads/...`: each request."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def puts(self) -> int:
        return sum(each.startswith("PUT ") for each in self.seen)

    def serve(self, browser: socket.socket) -> None:
        """One request after the other, each by a connection of its own to the server."""
        with browser, browser.makefile("rb") as asked, suppress(OSError):
            while head := _head(asked):
                method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                size = int(length[1]) if length else 0
                act = self.rule(method, path)
                self.seen.append(f"{method} {path}")
                if act is None:
                    self._pass_on(browser, asked, head, size)
                    return
                if isinstance(act, BreakOff):
                    browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                if isinstance(act, Answer) and act.unread:
                    browser.sendall(act.bytes)
                    browser.shutdown(socket.SHUT_WR)
                asked.read(size)
                if isinstance(act, Silence):
                    browser.recv(1)  # until the browser gives up
                elif not act.unread:
                    browser.sendall(act.bytes)
                return

    def _pass_on(self, browser: socket.socket, asked: BinaryIO, head: bytes, size: int) -> None:
        once = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head[:-2]) + b"connection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.server)) as server:
            server.sendall(once)
            while size > 0:
                piece = asked.read(min(size, PIECE))
                if not piece:
                    return
                server.sendall(piece)
                size -= len(piece)
            while piece := server.recv(PIECE):
                browser.sendall(piece)


def _head(asked: BinaryIO) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = asked.readline()
        if not line:
            return b""
        head += line
    return head


@contextmanager
def between(address: str) -> Iterator[Between]:
    """A proxy before the server of this address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Between(listener.getsockname()[1], int(address.rpartition(":")[2]))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    browser, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(browser,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield proxy
