"""DynamoDB for tests: two stand-ins, each a server on a free port of this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from tests.aws.emulator import emulator
from tests.ports import free_port

MOTO = Path(sys.prefix, "emulator", "bin", "moto_server")
STARTS_WITHIN = 180.0
"""Seconds."""


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The address of moto's server."""
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [MOTO, "-H", "127.0.0.1", "-p", str(port)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        give_up = time.monotonic() + STARTS_WITHIN
        while True:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up, (folder / "log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The address of MiniStack."""
    with emulator(folder, guarded=False) as running:
        yield running.url


def connect(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=20),
    )


def make_table(client: Any) -> str:
    """A table as deploy/aws/catalog.py makes it; its name."""
    name = f"catalog-{uuid4().hex}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return name
