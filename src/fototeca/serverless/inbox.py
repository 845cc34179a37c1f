"""The inbox on S3: objects under `inbox/{account}/` are ingested and leave it.

The account is its address or its id. What is no photo goes to `refused/{account}/`, and the owner
is told why; what S3 does not let us read stays, and is told of once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fototeca.bucket_imports import Found, SourceRefused, why
from fototeca.catalog.protocol.accounts import Account
from fototeca.inbox import is_ignored
from fototeca.ingest import Refused as RefusedBytes
from fototeca.ingest import TooLarge, too_large
from fototeca.photos import now
from fototeca.serverless.messages import Message, Refused, TooEarly, created, each
from fototeca.serverless.warm import Context, library
from fototeca.vault.protocol import OriginalArchived, OriginalMissing
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.objects import Objects, answered
from fototeca.vault.s3.objects import Refused as RefusedByS3
from fototeca.vault.s3.source import S3Buckets

log = logging.getLogger(__name__)

LONG = timedelta(hours=1)
"""After which an object in the inbox is not still on its way."""
STUCK = "inbox-stuck"
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
    path, name = found[2], found[3]
    try:
        said = _look_at(key)
        try:
            _ingest(account.id, key, name, said)
        except RefusedBytes as error:
            # What is too large is no photo that was hurt: it is not worth keeping.
            if not isinstance(error, TooLarge):
                _set_aside(key)
            # Whoever copies a folder here knows nothing of what his system has left in it.
            if not is_ignored(path):
                # What we put there ourselves is in a folder of a name that tells nobody anything.
                told = name if found[1] == account.id else path
                library().catalog.notices.add(account.id, "inbox-refused", told, f"{told}: {error}")
        _photos().delete_version(key, said)
    except (SourceRefused, OriginalArchived) as error:
        _tell_stuck(account.id, path, why(error))
    except OriginalMissing:
        log.info("an object of the inbox is gone already")


def _tell_stuck(owner: str, path: str, reason: str) -> None:
    """It cannot be moved either. Put there once more it is tried again, and not before."""
    notices, lately = library().catalog.notices, now() - LONG
    for told in notices.of(owner):
        if (told.kind, told.subject) == (STUCK, path) and told.at > lately:
            return  # its message came twice
    log.warning("an object cannot leave the inbox: %s", reason)
    notices.add(owner, STUCK, path, f"{path} cannot leave the inbox: {reason}")


def _look_at(key: str) -> dict[str, Any]:
    """Raises OriginalMissing, SourceRefused for what is encrypted with a key of its owner's."""
    try:
        said = _photos().head(key)
    except RefusedByS3 as error:
        # Forbidden is another thing: that would be everything, and ours to mend.
        if error.status == 400:
            raise SourceRefused("it is encrypted with a key that S3 does not have") from error
        raise
    if said is None:
        raise OriginalMissing(key)
    return said


def _ingest(owner: str, key: str, name: str, said: Mapping[str, Any]) -> None:
    opened = library()
    if said["ContentLength"] > opened.settings.max_file_bytes:
        raise TooLarge(too_large(opened.settings.limits))
    with opened.vault.stage() as staged:
        object = Found(key, said["ContentLength"])
        for chunk in S3Buckets(_photos().client).read(_photos().bucket, object):
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
