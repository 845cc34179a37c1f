"""What a function keeps while it is warm: the library of its environment, opened once."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Protocol

from fototeca.app import Library, open_library
from fototeca.settings import Settings

# Lambda's runtime writes records as JSON, with the request's id. Those of libraries tell of headers
# and addresses of requests, which may be keys.
logging.getLogger().setLevel(logging.INFO)
for name in ("botocore", "mangum"):
    logging.getLogger(name).setLevel(logging.WARNING)


class Context(Protocol):
    """What Lambda tells of an invocation, as far as it is used."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int: ...


@cache
def library() -> Library:
    return open_library(Settings())


@cache
def client(service: str) -> Any:
    import boto3

    return boto3.client(service)


def seconds_left(context: Context) -> float:
    return context.get_remaining_time_in_millis() / 1000
