"""What can be chosen of a deployment: CDK context, `-c name=value` or a make variable."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, cast, get_args

import boto3
from constructs import Node

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
STACK = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
"""With the account's number it is the name of Cognito's pages: 63 characters."""
NOT_COGNITO_S = ("amazon", "aws", "cognito")
"""Words that Cognito has in no name of its pages."""
MOST_AT_ONCE = 1000
"""Functions that SQS calls at the same time."""
Labeller = Literal["onnx", "rekognition"]


@dataclass(frozen=True)
class Options:
    """Checked choices; the defaults cost nothing beyond what is used."""

    email: str
    """The first account, and where alarms go unless `notify` says otherwise."""
    notify: str
    stack: str = "Fototeca"
    labeller: Labeller = "onnx"
    domain: str | None = None
    certificate: str | None = None
    """ARN of a certificate in us-east-1 for `domain`."""
    sign_up: bool = False
    """Anyone may make an account."""
    mfa: bool = False
    """Everyone needs an authenticator, and sets it up when they next sign in."""
    archive_tiers: bool = False
    """Originals not opened for 90 and 180 days go where opening takes hours."""
    label_concurrency: int = 4
    """Batches labelled at the same time, and half as many taken from the inbox; at least 2.

    A new AWS account runs 10 functions in all, the API's among them.
    """
    reserved_concurrency: int | None = None
    """Kept for the API alone; a new account can reserve none."""
    part_concurrency: int = 5
    budget: int = 10
    """US dollars a month: near it, a message. 0 is no budget, for who may not see the bill."""
    pam_origins: tuple[str, ...] = ()
    """Origins whose pages may call /pam/v1/."""
    import_buckets: tuple[str, ...] = ()
    """Buckets, or bucket/prefix/, that photos may be imported from; whoever's they are."""

    @classmethod
    def of(cls, node: Node, region: str | None = None) -> Options:
        """From the app's context, for a region. Raises ValueError with what to write."""
        given = {field.name: node.try_get_context(field.name) for field in fields(cls)}
        text = {name: str(value) for name, value in given.items() if value not in (None, "")}
        email = text.get("email", "")
        if not ADDRESS.fullmatch(email):
            raise ValueError("say whose archive it is: EMAIL=dan@example.com (-c email=...)")
        notify = text.get("notify", email)
        if not ADDRESS.fullmatch(notify):
            raise ValueError(f"NOTIFY is an address for mail: {notify} is none")
        domain, certificate = text.get("domain"), text.get("certificate")
        if (domain is None) != (certificate is None):
            raise ValueError("a domain needs its certificate, and a certificate its domain")
        if domain and not DOMAIN.fullmatch(domain):
            raise ValueError(f"DOMAIN is a name like photos.example.com: {domain} is none")
        if certificate and not certificate.startswith("arn:aws:acm:us-east-1:"):
            raise ValueError("CloudFront takes certificates of us-east-1 alone")
        labeller = text.get("labeller", "onnx")
        if labeller not in get_args(Labeller):
            raise ValueError("the labeller is onnx or rekognition")
        if labeller == "rekognition" and region and region not in _with_rekognition():
            raise ValueError(f"Rekognition is not in {region}: LABELLER=onnx, or another region")
        return cls(
            email=email,
            notify=notify,
            stack=_stack(text.get("stack", cls.stack)),
            labeller=cast(Labeller, labeller),
            domain=domain,
            certificate=certificate,
            sign_up=_flag(text, "sign_up"),
            mfa=_flag(text, "mfa"),
            archive_tiers=_flag(text, "archive_tiers"),
            label_concurrency=_whole(
                text, "label_concurrency", 2, cls.label_concurrency, MOST_AT_ONCE
            ),
            # None is kept where none is named.
            reserved_concurrency=_whole(text, "reserved_concurrency", 1, 0) or None,
            part_concurrency=_whole(text, "part_concurrency", 1, cls.part_concurrency),
            budget=_whole(text, "budget", 0, cls.budget),
            pam_origins=_origins(text.get("pam_origins", "")),
            import_buckets=_buckets(text.get("import_buckets", "")),
        )


def _with_rekognition() -> list[str]:
    regions: list[str] = boto3.session.Session().get_available_regions("rekognition")
    return regions


def _stack(name: str) -> str:
    if not STACK.fullmatch(name):
        raise ValueError(f"STACK is up to 50 letters, digits and hyphens: {name} is not")
    for word in NOT_COGNITO_S:
        if word in name.lower():
            raise ValueError(f"STACK is part of the sign-in pages' address, which has no '{word}'")
    return name


def _origins(text: str) -> tuple[str, ...]:
    found = tuple(text.split())
    for origin in found:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"an origin is like https://photos.example.com: {origin} is none")
    return found


def _buckets(text: str) -> tuple[str, ...]:
    found = tuple(name.removeprefix("s3://") for name in text.split())
    for name in found:
        if not BUCKET.fullmatch(name.partition("/")[0]) or "*" in name:
            raise ValueError(f"a bucket to import from is named bucket or bucket/prefix: {name}")
    # A prefix is a folder: `alice` is not `alice-private`.
    return tuple(name if "/" not in name else f"{name.rstrip('/')}/" for name in found)


def _flag(text: dict[str, str], name: str) -> bool:
    value = text.get(name, "false").lower()
    if value not in ("true", "false"):
        raise ValueError(f"{name.upper()} is true or false")
    return value == "true"


def _whole(
    text: dict[str, str], name: str, least: int, otherwise: int, most: int | None = None
) -> int:
    if name not in text:
        return otherwise
    value = int(text[name]) if text[name].isdecimal() else None
    if value is None or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name.upper()} is a whole number, {bounds}")
    return value
