"""SeaweedFS, an S3 that checks signatures, checksums and conditions, on this machine alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import boto3
from botocore.config import Config

from tests.ports import free_port

PROGRAM = Path(sys.prefix, "emulator", "bin", "weed")
STARTS_WITHIN = 180.0
"""Seconds."""
KEY, SECRET = "test", "a secret that signatures are made with"
# Each is a server of its own; all but S3's are for the others.
SERVERS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class Store:
    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """With these variables, boto3 and the AWS command line talk to it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def place(self) -> dict[str, str]:
        """As boto3's clients take it."""
        return {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
        }


@contextmanager
def serve(folder: Path) -> Iterator[Store]:
    """Run one for a while, on free ports of this machine alone."""
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    options = []
    for name in SERVERS:
        options += [f"-{name}.port={free_port()}", f"-{name}.port.grpc={free_port()}"]
    url = f"http://127.0.0.1:{options[-2].partition('=')[2]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                PROGRAM,
                "server",
                f"-dir={folder / 'data'}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
                f"-s3.config={folder / 's3.json'}",
                f"-s3.localSocket={folder / 's3.sock'}",
                f"-filer.localSocket={folder / 'filer.sock'}",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.telemetry=false",
                # Each bucket has volumes of its own; they are as large as what is in them.
                "-master.volumeSizeLimitMB=256",
                "-volume.max=2000",
                "-volume.preStopSeconds=0",
                *options,
            ],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TMPDIR": str(folder),
                # One more when one is needed, not seven.
                "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    store = Store(url, folder)
    try:
        _wait(process, store)
        yield store
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], store: Store) -> None:
    """Until it keeps what it is given: the gateway answers before there are volumes."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5)
    client = boto3.client("s3", config=config, **store.place)
    give_up = time.monotonic() + STARTS_WITHIN
    for tried in count():
        assert process.poll() is None, (store.folder / "log").read_text()
        bucket = f"is-it-there-{tried}"  # one that is made is not made again
        try:
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="x", Body=b"x")
            client.delete_object(Bucket=bucket, Key="x")
            client.delete_bucket(Bucket=bucket)
            return
        except Exception:
            assert time.monotonic() < give_up, (store.folder / "log").read_text()
            time.sleep(0.1)
