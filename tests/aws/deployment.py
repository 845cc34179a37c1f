"""The whole stack with its real functions in the emulator, and people who use it from outside."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from deploy.aws.app import make, packaged
from deploy.aws.package import HERE
from deploy.aws.smoke import hosted_sign_in
from deploy.aws.visitor import Answer, Visitor
from fototeca.catalog.dynamodb import DynamoCatalog
from fototeca.labelling.taxonomy import Taxonomy
from tests.aws.emulator import Emulator, emulator
from tests.aws.proxy import connected, proxy

T = TypeVar("T")

STACK = "Fototeca"
PASSWORD = "Correct-horse-7-battery"
LOCAL = "127.0.0.1,localhost"
"""What functions ask without a proxy: the emulator's own address."""


def until(found: Callable[[], T | None]) -> T:
    """What `found` gives once it gives something; the test's time limit is the only haste."""
    pause = 0.1
    while (result := found()) is None:
        # Asking takes a processor's time, often more than what is waited for.
        time.sleep(pause)
        pause = min(1.5 * pause, 1.0)
    return result


class Routed(http.client.HTTPConnection):
    """To the emulator, whatever the name: it goes by the Host header."""

    def __init__(self, host: str, cloud: Emulator) -> None:
        super().__init__(host)
        self._cloud = cloud

    def connect(self) -> None:
        self.sock = connected(self._cloud)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    deployment: Deployment
    visitor: Visitor
    email: str

    def get(self, path: str) -> Answer:
        return self.visitor.ask("GET", self.deployment.url(path))

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json()

    def send(self, method: str, path: str, document: object) -> Answer:
        return self.visitor.send(method, self.deployment.url(path), document)

    def upload(self, data: bytes, name: str = "photo.jpg") -> str:
        """Its id. The bytes go to S3 itself."""
        id = sha256(data).hexdigest()
        wanted = [{"name": name, "size": len(data), "sha256": id}]
        (answer,) = self.send("POST", "/api/uploads", wanted).json()
        if answer["state"] == "duplicate":
            return id
        upload = answer["upload"]
        put = self.visitor.ask(upload["method"], upload["url"], data, upload["headers"])
        assert put.status == 200, put.body
        return id

    def labelled(self, *ids: str) -> None:
        """Wait until these photos are."""

        for id in ids:
            assert until(partial(self._state, id)) == "labelled"

    def _state(self, id: str) -> str | None:
        """How it ended; None while it waits, or is not there yet."""
        answer = self.get(f"/api/photos/{id}")
        state: str = answer.json()["state"] if answer.status == 200 else "waiting"
        return None if state == "waiting" else state

    def counts(self) -> dict[str, int]:
        return {label["name"]: label["count"] for label in self.json("/api/labels")}

    def bundle(self, **selection: list[str]) -> str:
        answer = self.send("POST", "/api/bundles", selection)
        assert answer.status == 202, answer.body
        id: str = answer.json()["id"]
        return id

    def settled(self, bundle: str) -> dict[str, Any]:
        """A bundle once nothing is done for it any more."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.json(f"/api/bundles/{bundle}")
            return None if found["state"] in ("preparing", "restoring") else found

        return until(look)


@dataclass(frozen=True)
class Deployment:
    cloud: Emulator
    outputs: dict[str, str]

    @property
    def catalog(self) -> DynamoCatalog:
        client = self.cloud.client("dynamodb")
        return DynamoCatalog(self.outputs["Table"], Taxonomy.load(), client)

    def url(self, path: str) -> str:
        return f"{self.outputs['Address']}{path}"

    def visitor(self) -> Visitor:
        """Who comes by the distribution's address reaches the gateway, as through CloudFront."""
        front = urlsplit(self.outputs["Address"]).netloc
        gateway = urlsplit(self.outputs["GatewayAddress"]).netloc
        return Visitor(lambda host: Routed(gateway if host == front else host, self.cloud))

    def person(self, email: str | None = None) -> Person:
        """Somebody of the user pool, signed in at Cognito's pages."""
        email = email or f"{secrets.token_hex(4)}@example.com"
        cognito, pool = self.cloud.client("cognito-idp"), self.outputs["UserPool"]
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True
        )
        visitor = self.visitor()
        self.sign_in(visitor)(email, PASSWORD)
        person = Person(self, visitor, email)
        assert person.json("/api/session")["email"] == email
        return person

    def sign_in(self, visitor: Visitor) -> Callable[[str, str], None]:
        """At Cognito's pages, until it works: a busy machine does not answer in ten seconds."""
        hosted = hosted_sign_in(self.outputs, visitor)

        def signed_in(email: str, password: str) -> bool | None:
            try:
                hosted(email, password)
            except ValueError:  # no page with a form
                return None
            session = visitor.ask("GET", self.url("/api/session"))
            return True if session.status == 200 else None

        def sign_in(email: str, password: str) -> None:
            until(partial(signed_in, email, password))

        return sign_in

    def account(self, person: Person) -> str:
        owner: str = person.json("/api/session")["owner"]
        return owner

    def queue(self, part: str) -> str:
        """The address of the queue with this part in its name, before what the CDK adds."""
        sqs = self.cloud.client("sqs")
        for address in sqs.list_queues()["QueueUrls"]:
            name = address.rpartition("/")[2].split("-")[1].rstrip("0123456789ABCDEF")
            if name == part:
                return str(address)
        raise LookupError(part)

    def messages(self, part: str) -> list[dict[str, Any]] | None:
        """What is in a queue, taken out of it."""
        sqs, address = self.cloud.client("sqs"), self.queue(part)
        found = sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10).get("Messages")
        for message in found or ():
            sqs.delete_message(QueueUrl=address, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found] if found else None

    def send(self, part: str, *bodies: Mapping[str, Any]) -> None:
        sqs, address = self.cloud.client("sqs"), self.queue(part)
        for body in bodies:
            sqs.send_message(QueueUrl=address, MessageBody=json.dumps(body))

    def lead(self, handler: str, **variables: str) -> None:
        """Have a function ask some services elsewhere."""
        function = self._function(handler)
        self.cloud.client("lambda").update_function_configuration(
            FunctionName=function["FunctionName"],
            Environment={"Variables": {**function["Environment"]["Variables"], **variables}},
        )

    def call(self, handler: str, event: Mapping[str, Any]) -> None:
        """Call a function, and wait for its end."""
        name = self._function(handler)["FunctionName"]
        functions = self.cloud.client("lambda")
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def _function(self, handler: str) -> dict[str, Any]:
        for function in self.cloud.client("lambda").list_functions()["Functions"]:
            if function["Handler"] == f"fototeca.serverless.{handler}":
                found: dict[str, Any] = function
                return found
        raise LookupError(handler)

    def put(self, key: str, data: bytes) -> None:
        bucket = self.outputs["PhotosBucket"]
        self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=data)

    def keys(self, prefix: str) -> list[str]:
        listed = self.cloud.client("s3").list_objects_v2(
            Bucket=self.outputs["PhotosBucket"], Prefix=prefix
        )
        return [entry["Key"] for entry in listed.get("Contents", [])]


@contextmanager
def deployed(folder: Path, *, guarded: bool = True, **options: str) -> Iterator[Deployment]:
    """The stack, each function under its own permissions when `guarded`. `options`: as `make`'s."""
    context = {"email": "dan@example.com", **options}
    chosen = sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()[:16]
    assembly = folder.with_name(f"assembly-{chosen}")
    if not assembly.exists():
        make(context, packaged(HERE), assembly).synth()
    with emulator(folder, guarded=guarded) as cloud:
        made = Deployment(cloud, cloud.deploy(assembly, STACK))
        with proxy(cloud) as address:
            # The API's function asks Cognito by the proxy.
            made.lead(
                "api.handler",
                HTTPS_PROXY=address,
                HTTP_PROXY=address,
                NO_PROXY=LOCAL,
                SSL_CERT_FILE=str(cloud.certificate),
            )
            yield made
