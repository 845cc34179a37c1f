"""The inbox function: what it takes, what it sets aside, and what it leaves for the next event."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

from fototeca.app import Library
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import now
from fototeca.serverless import inbox, messages
from fototeca.settings import Settings
from fototeca.vault.s3 import S3Vault
from fototeca.vault.s3.keys import inbox_key
from fototeca.vault.s3.objects import Objects
from tests.aws.runtime import arrived
from tests.conftest import MakeJpeg, new_buckets

pytestmark = pytest.mark.xdist_group("ministack-s3")
PLACE = "inbox/dan@example.com/2024/a b+c.jpg"


@dataclass
class Context:
    aws_request_id: str = "7e57"
    function_name: str = "inbox"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ministack: Any) -> Iterator[Library]:
    taxonomy = Taxonomy.load()
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite3", taxonomy)
    vault = S3Vault(*new_buckets(ministack), ministack)
    ministack.put_bucket_versioning(
        Bucket=vault.photos.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    settings = Settings(library=tmp_path, max_file_bytes=100_000)
    with Library(settings, taxonomy, catalog, vault, None) as opened:
        monkeypatch.setattr(inbox, "library", lambda: opened)
        monkeypatch.setattr(messages, "_give_back", lambda _record, _pause: None)
        yield opened


@pytest.fixture
def owner(library: Library) -> str:
    return library.catalog.accounts.add("dan@example.com", "hash", now()).id


@pytest.fixture
def photos(library: Library, owner: str) -> Objects:
    assert isinstance(library.vault, S3Vault)
    return library.vault.photos


def take(key: str = PLACE) -> bool:
    return not inbox.handler(arrived(key), Context())["batchItemFailures"]


def keys(photos: Objects) -> list[str]:
    return [key for prefix in ("inbox/", "refused/") for key, _ in photos.listed(prefix)]


def test_what_came_while_another_was_taken_is_left_for_its_own_event(
    library: Library,
    owner: str,
    photos: Objects,
    make_jpeg: MakeJpeg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = make_jpeg(1), make_jpeg(2)
    photos.put(PLACE, first)
    add = library.ingest.add

    def slow(*given: Any) -> Any:
        done = add(*given)
        photos.put(PLACE, second)
        return done

    monkeypatch.setattr(library.ingest, "add", slow)
    assert take()
    monkeypatch.setattr(library.ingest, "add", add)
    assert keys(photos) == [PLACE]
    assert take()
    assert keys(photos) == []
    ids = [sha256(data).hexdigest() for data in (first, second)]
    assert library.catalog.photos.known(owner, ids) == set(ids)
    # Once more: it is gone.
    assert take()


def test_what_is_no_photo_is_set_aside_and_told(
    library: Library, owner: str, photos: Objects, ministack: Any
) -> None:
    tagged = {"Tagging": "who=others"}
    photos.put(PLACE, b"no photo", **tagged)
    assert take()
    assert keys(photos) == ["refused/dan@example.com/2024/a b+c.jpg"]
    tags = ministack.get_object_tagging(Bucket=photos.bucket, Key=keys(photos)[0])
    assert tags["TagSet"] == []
    (notice,) = library.catalog.notices.of(owner)
    assert notice.subject == "2024/a b+c.jpg"


@pytest.mark.parametrize("name", [".DS_Store", "._a.jpg", "Thumbs.db", "@eaDir/a.jpg/x.txt"])
def test_what_systems_leave_in_folders_goes_without_a_word(
    library: Library, owner: str, photos: Objects, name: str
) -> None:
    key = f"inbox/dan@example.com/2024/{name}"
    photos.put(key, b"no photo")
    assert take(key)
    assert keys(photos) == [f"refused/dan@example.com/2024/{name}"]
    assert library.catalog.notices.of(owner) == []


def test_what_the_api_or_an_import_put_there_is_told_of_by_its_name(
    library: Library, owner: str, photos: Objects
) -> None:
    key = inbox_key(owner, "a b.jpg")
    photos.put(key, b"no photo")
    assert take(key)
    (notice,) = library.catalog.notices.of(owner)
    assert notice.subject == "a b.jpg"
    assert notice.text.startswith("a b.jpg: ")


def test_what_is_too_large_is_told_and_not_kept(
    library: Library, owner: str, photos: Objects
) -> None:
    photos.put(PLACE, bytes(100_001))
    assert take()
    assert keys(photos) == []
    (notice,) = library.catalog.notices.of(owner)
    assert "larger than" in notice.text


@contextmanager
def forbidden(client: Any, operation: str) -> Iterator[None]:
    """S3 answers so, as it does where a key of KMS may not be used."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        raw = io.BytesIO(b"<Error><Code>AccessDenied</Code></Error>")
        raw.stream = lambda **_: iter([raw.getvalue()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 403, {}, raw)

    client.meta.events.register(f"before-send.s3.{operation}", answer)
    try:
        yield
    finally:
        client.meta.events.unregister(f"before-send.s3.{operation}", answer)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        ({"StorageClass": "GLACIER"}, "in an archive: restore it there first"),
        ({"StorageClass": "DEEP_ARCHIVE"}, "in an archive: restore it there first"),
        (
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
            "it is encrypted with a key that S3 does not have",
        ),
    ],
)
def test_what_cannot_be_read_stays_and_is_told_of_once(
    library: Library,
    owner: str,
    photos: Objects,
    make_jpeg: MakeJpeg,
    caplog: pytest.LogCaptureFixture,
    put: dict[str, str],
    reason: str,
) -> None:
    data = make_jpeg(1)
    photos.put(PLACE, data, **put)
    assert take()
    assert take(), "the same message, a second time"
    assert keys(photos) == [PLACE]
    (notice,) = library.catalog.notices.of(owner)
    assert (notice.kind, notice.subject) == ("inbox-stuck", "2024/a b+c.jpg")
    assert notice.text == f"2024/a b+c.jpg cannot leave the inbox: {reason}"
    assert reason in caplog.text
    assert "a b+c" not in caplog.text
    # Put there as it should be, it is taken.
    photos.put(PLACE, data)
    assert take()
    assert library.catalog.photos.known(owner, [sha256(data).hexdigest()])
    assert keys(photos) == [PLACE], "the older version, which nobody could read"


def test_what_a_key_does_not_let_be_read_is_told_of_and_what_nobody_may_is_tried_again(
    library: Library, owner: str, photos: Objects, make_jpeg: MakeJpeg, ministack: Any
) -> None:
    photos.put(PLACE, make_jpeg(1))
    with forbidden(ministack, "HeadObject"):
        assert not take(), "then it is the permission to read any object"
    assert library.catalog.notices.of(owner) == []
    with forbidden(ministack, "GetObject"):
        assert take()
    (notice,) = library.catalog.notices.of(owner)
    assert notice.text.endswith("cannot leave the inbox: it may not be read")


def test_a_vault_that_cannot_be_reached_has_nobody_s_address_logged(
    owner: str,
    photos: Objects,
    make_jpeg: MakeJpeg,
    ministack: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """botocore's own text has the URL, and the URL the key."""

    def refuse(params: dict[str, Any], **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=params["url"])

    photos.put(PLACE, make_jpeg(1))
    ministack.meta.events.register("before-call.s3.GetObject", refuse)
    try:
        assert not take()
    finally:
        ministack.meta.events.unregister("before-call.s3.GetObject", refuse)
    assert "the vault cannot be reached: EndpointConnectionError" in caplog.text
    assert "example.com" not in caplog.text
    assert take()


def test_whose_account_is_not_there_yet_waits(photos: Objects, make_jpeg: MakeJpeg) -> None:
    key = "inbox/eve@example.com/x.jpg"
    photos.put(key, make_jpeg(1))
    assert not take(key)
    assert keys(photos) == [key]
