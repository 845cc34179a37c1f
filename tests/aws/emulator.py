"""MiniStack, a stand-in for AWS that runs the functions, too; and a stack deployed to it.

It speaks TLS, as the buckets' policies ask, and checks permissions: each function has just its
own. What it does not know is left out of its copy of the template, and listed here.
"""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port

PROGRAM = Path(sys.prefix, "emulator", "bin", "ministack")
REGION = "us-east-1"
UNKNOWN = ("AWS::Budgets::Budget", "AWS::Cognito::UserPoolUser")
EMPTY_ZIP = b"PK\5\6" + bytes(18)
STARTS_WITHIN = 180.0
DEPLOYS_WITHIN = 300.0
"""Seconds."""


@dataclass(frozen=True)
class Emulator:
    url: str
    certificate: Path
    """Of this machine, and of the names of Cognito."""
    key: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """With these variables, boto3 and the AWS command line talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            verify=str(self.certificate),
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def deploy(self, assembly: Path, stack: str) -> dict[str, str]:
        """Deploy an assembly of the CDK, as its command does; the outputs."""
        account = self.client("sts").get_caller_identity()["Account"]
        assets = f"cdk-hnb659fds-assets-{account}-{REGION}"
        s3, cloudformation = self.client("s3"), self.client("cloudformation")
        s3.create_bucket(Bucket=assets)
        self.client("ssm").put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
        )
        code: dict[str, Path] = {}
        for file in json.loads((assembly / f"{stack}.assets.json").read_text())["files"].values():
            for destination in file["destinations"].values():
                source, key = assembly / file["source"]["path"], destination["objectKey"]
                if source.suffix == ".zip":
                    code[key] = unpacked(source, self.folder.parent)
                    s3.put_object(Bucket=assets, Key=key, Body=EMPTY_ZIP)
        template = _understood(json.loads((assembly / f"{stack}.template.json").read_text()), code)
        s3.put_object(Bucket=assets, Key="template", Body=json.dumps(template))
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=f"{self.url}/{assets}/template",
            Capabilities=["CAPABILITY_IAM"],
        )
        give_up = time.monotonic() + DEPLOYS_WITHIN
        while True:
            (state,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            if not state["StackStatus"].endswith("IN_PROGRESS"):
                break
            assert time.monotonic() < give_up, "the stack is not there yet"
            time.sleep(0.2)
        assert state["StackStatus"] == "CREATE_COMPLETE", self._failures(stack)
        return {output["OutputKey"]: output["OutputValue"] for output in state["Outputs"]}

    def _failures(self, stack: str) -> list[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=stack)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]


def unpacked(package: Path, into: Path) -> Path:
    """The folder with a package's code, one for all that run it.

    MiniStack would unpack it for each process of a function, and Python compile it there.
    """
    folder = into / f"code-{sha256(package.read_bytes()).hexdigest()[:16]}"
    if not folder.exists():
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)
    return folder


def _understood(template: dict[str, Any], code: Mapping[str, Path]) -> dict[str, Any]:
    """The template without what the emulator does not know. Nothing refers to any of it.

    `code`: where functions find theirs, by its key in S3.
    """
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] not in UNKNOWN
        # Alarms by an expression.
        and not (resource["Type"] == "AWS::CloudWatch::Alarm" and _is_math(resource))
    }
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource["Properties"]
            place = code[properties["Code"]["S3Key"]]
            properties["Environment"]["Variables"]["PYTHONPATH"] = str(place)
        for statement in (
            resource.get("Properties", {}).get("PolicyDocument", {}).get("Statement", [])
        ):
            actions = statement["Action"]
            if "sqs:SendMessage" in actions:
                # It asks for an action that IAM does not have.
                listed = [actions] if isinstance(actions, str) else actions
                statement["Action"] = [*listed, "sqs:SendMessageBatch"]
    return template


def _is_math(alarm: dict[str, Any]) -> bool:
    return "Metrics" in alarm["Properties"]


@contextmanager
def emulator(folder: Path, *, guarded: bool = True) -> Iterator[Emulator]:
    """Run one for a while, on a free port of this machine alone.

    `guarded`: with TLS and permissions. With TLS its gateway cannot read Cognito's keys.
    """
    certificate, key = _certificate(folder)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(folder / "state"),
        "AUTH": str(guarded).lower(),
        "USE_SSL": str(int(guarded)),
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        # It would listen on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # Ten minutes between looks, and seconds between tries, are a thousandth.
        "SFN_WAIT_SCALE": "0.001",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, port, folder / "log")
        scheme = "https" if guarded else "http"
        yield Emulator(f"{scheme}://127.0.0.1:{port}", certificate, key, folder)
    finally:
        # With the functions' processes; it would wait for executions that never end.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"the emulator does not answer: {log.read_text()}")


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    hosts = ("localhost", f"cognito-idp.{REGION}.amazonaws.com")
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
