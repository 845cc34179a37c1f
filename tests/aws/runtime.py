"""Calls a package's functions as Lambda does: AWS's own runtime client, and the API it asks.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fototeca.serverless.messages import as_created
from tests.aws.emulator import Emulator

PYTHON = Path(sys.prefix, "emulator", "bin", "python")
CALLS = "/2018-06-01/runtime/invocation/"
SECONDS = 600
QUEUE = "q"
"""Of which messages are said to be."""


class FunctionFailed(Exception):
    """What the function answered with, as JSON."""


@dataclass(frozen=True, slots=True)
class Call:
    answer: Any
    seconds: float
    """By the clock, from the event to the answer."""


class Function:
    """One process of a function, as a warm container is."""

    def __init__(self, process: subprocess.Popen[bytes], started: float) -> None:
        self._process = process
        self._started = started
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._asked = threading.Event()
        self.ready_after = 0.0
        """Seconds from the start to its asking for the first event."""

    def call(self, event: Mapping[str, Any]) -> Call:
        """Raises FunctionFailed."""
        self._asked.wait(SECONDS)
        begun = time.monotonic()
        self._events.put(json.dumps(event).encode())
        kind, body = self._answers.get(timeout=SECONDS)
        seconds = time.monotonic() - begun
        if kind != "response":
            raise FunctionFailed(body.decode())
        return Call(json.loads(body), seconds)

    @property
    def peak(self) -> int:
        """Bytes of memory, at most (Linux)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) << 10

    @property
    def processor(self) -> float:
        """Seconds of a processor so far, waiting not among them (Linux)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def next_event(self) -> bytes:
        if not self._asked.is_set():
            self.ready_after = time.monotonic() - self._started
            self._asked.set()
        return self._events.get(timeout=SECONDS)

    def answered(self, kind: str, body: bytes) -> None:
        """`kind`: response or error, of an invocation or of its initialisation."""
        self._asked.set()
        self._answers.put((kind, body))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # of a function that was ended
            super().handle_error(request, client_address)


@contextmanager
def started(package: Path, handler: str, environment: Mapping[str, str]) -> Iterator[Function]:
    """A function of an unzipped package, with nothing else beside it."""
    made: list[Function] = []

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body go out together: apart, the second waits for 40 ms (Nagle's algorithm).
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            self._send(
                200,
                made[0].next_event(),
                {
                    # Without its kind and a trace the client crashes.
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
                    "Lambda-Runtime-Aws-Request-Id": os.urandom(16).hex(),
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + SECONDS) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
                },
            )

        def do_POST(self) -> None:
            if "content-length" in self.headers:
                body = self.rfile.read(int(self.headers["content-length"]))
            else:
                body = b"".join(self._chunks())
            made[0].answered(self.path.rpartition("/")[2], body)
            self._send(202, b"{}", {"Content-Type": "application/json"})

        def _chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    begun = time.monotonic()
    process = subprocess.Popen(
        [PYTHON, "-m", "awslambdaric", f"fototeca.serverless.{handler}"],
        cwd=package,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": handler,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            # First: what else this Python has is not there on Lambda.
            "PYTHONPATH": str(package),
            # The code is read only there.
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        start_new_session=True,
    )
    made.append(Function(process, begun))
    try:
        yield made[0]
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def prepared(cloud: Emulator) -> dict[str, str]:
    """A function's environment, with an empty table and empty buckets."""
    cloud.client("dynamodb").create_table(
        TableName="catalog",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    for bucket in ("photos", "working"):
        cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("sqs").create_queue(QueueName=QUEUE)
    return {
        **cloud.environment,
        "FOTOTECA_TABLE": "catalog",
        "FOTOTECA_PHOTOS_BUCKET": "photos",
        "FOTOTECA_WORKING_BUCKET": "working",
        "FOTOTECA_LABELLER": "bundled",
        "FOTOTECA_PUBLIC_URL": "https://photos.example.com",
        "FOTOTECA_LIVE_UPDATES": "false",
    }


def requested(path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A request as API Gateway gives it, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "ANY /api/{proxy+}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers or {},
        "requestContext": {
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "test",
            },
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def arrived(*keys: str) -> dict[str, Any]:
    """A batch of SQS, each message an event of S3."""
    return {
        "Records": [
            {
                "messageId": key,
                "receiptHandle": key,
                "body": json.dumps(as_created(key)),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{QUEUE}",
            }
            for key in keys
        ]
    }
