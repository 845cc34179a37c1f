"""The inbox on S3: objects under `inbox/{account}/` are ingested and leave it.

The account is its address or its id. What cannot be taken goes to `refused/{account}/`, and the
owner is told why.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from fototeca.catalog.protocol import Account
from fototeca.ingest import Refused as RefusedBytes
from fototeca.ingest import TooLarge, too_large
from fototeca.serverless.messages import Message, Refused, TooEarly, created, each
from fototeca.serverless.warm import Context, library
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.objects import Objects, answered

log = logging.getLogger(__name__)

KEY = re.compile(r"inbox/([^/]{1,255})/((?:.*/)?([^/]+))", re.DOTALL)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    def handle(message: Message) -> None:
        for object in created(message.body):
            if not object.key.endswith("/"):  # what the console makes as a folder
                _take(object.key)

    return each(event, context, handle)


def _take(key: str) -> None:
    """Safe to be done again: what was taken is gone. Raises Refused, TooEarly."""
    found = KEY.fullmatch(key)
    account = found and account_of(found[1])
    if found is None or account is None:
        raise Refused("an object in the inbox of no account")
    name = found[3]
    said = _photos().head(key)
    if said is None:
        log.info("an object of the inbox is gone already")
        return
    try:
        _ingest(account.id, key, name, said)
    except RefusedBytes as error:
        # What is too large is no photo that was hurt: it is not worth keeping.
        if not isinstance(error, TooLarge):
            _set_aside(key)
        library().catalog.notices.add(account.id, "inbox-refused", found[2], f"{found[2]}: {error}")
    _photos().delete_version(key, said)


def _ingest(owner: str, key: str, name: str, said: Mapping[str, Any]) -> None:
    opened = library()
    if said["ContentLength"] > opened.settings.max_file_bytes:
        raise TooLarge(too_large(opened.settings.limits))
    with opened.vault.stage() as staged:
        for chunk in _photos().read(key, 0, said["ContentLength"]):
            staged.write(chunk)
        now = _photos().head(key)
        if now is None or now["ETag"] != said["ETag"]:
            raise TooEarly  # another came in its place
        opened.ingest.add(owner, staged, name)


def _set_aside(key: str) -> None:
    bucket = _photos().bucket
    with answered(key):
        _photos().client.copy_object(
            Bucket=bucket,
            Key=f"refused/{key.removeprefix('inbox/')}",
            CopySource={"Bucket": bucket, "Key": key},
            # Tags would need one more permission.
            TaggingDirective="REPLACE",
        )


def account_of(name: str) -> Account | None:
    """Of a folder of the inbox."""
    accounts = library().catalog.accounts
    return accounts.get(name) or accounts.by_email(name)


def _photos() -> Objects:
    vault = library().vault
    assert isinstance(vault, S3Vault)
    return vault.photos
