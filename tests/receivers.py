"""Places that can be told: a web hook that plays ntfy and others, and a mail server."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebReceiver:
    """What was posted to it, as JSON. While `status` is not 200, it takes nothing."""

    port: int = 0
    status: int = 200
    tries: int = 0
    received: list[dict[str, Any]] = field(default_factory=list)
    location: str = ""
    """Where it sends those who come, with a status of 3xx."""

    @property
    def texts(self) -> list[str]:
        return [each["message"] for each in self.received]


@contextmanager
def web_receiver() -> Iterator[WebReceiver]:
    receiver = WebReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.tries += 1
            if receiver.status == 200:
                receiver.received.append(json.loads(body))
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()


@dataclass
class MailReceiver:
    port: int = 0
    refuses: str = ""
    """The answer to a recipient, where it is not taken."""
    mails: list[Any] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """Enough of SMTP (RFC 5321) for a mail without encryption."""
    receiver = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            for line in self.rfile:
                command = line.decode().strip()
                verb = command[:4].upper()
                if verb == "RCPT" and receiver.refuses:
                    self._say(receiver.refuses)
                elif verb == "DATA":
                    self._say("354 go on")
                    receiver.mails.append(message_from_string(self._data(), policy=default))
                    self._say("250 taken")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    if verb == "RCPT":
                        receiver.recipients.append(command)
                    self._say("250 OK")

        def _data(self) -> str:
            lines = []
            for line in self.rfile:
                if line.strip() == b".":
                    break
                lines.append(line.decode().removeprefix("."))
            return "".join(lines)

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()
