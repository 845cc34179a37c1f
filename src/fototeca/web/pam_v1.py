"""The API of AWS's Photo Asset Manager example, so that its clients work unchanged.

PUT upload, GET labels, POST download, PUT s3_copy, each with a bearer token. Its faults are not
kept: what is wrong is answered with an error, and links live as long as their bundles.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fototeca.bundling.bundles import EmptySelection
from fototeca.catalog.protocol.accounts import Caller
from fototeca.identity import Ticket
from fototeca.imports import ImportRefused
from fototeca.ingest import display_name
from fototeca.photos import Selection
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described
from fototeca.web.schemas import Document, LabelName, PhotoDocument, Text
from fototeca.web.uploads import RAW_BODY, read_ticket, received

router = APIRouter(prefix="/pam/v1", tags=["reference-compatible"])
UPLOAD_TIME = timedelta(minutes=5)
COUNTING = 10.0
"""Seconds; a gateway waits for 30."""


def token_caller(caller: TheCaller) -> Caller:
    """By token alone: other origins may call this API, so a cookie must not count."""
    if caller.token is None:
        raise Problem(401, "send a bearer token")
    return caller


ByToken = Annotated[Caller, Depends(token_caller)]


class UploadRequest(Document):
    file_name: Annotated[Text, StringConstraints(min_length=1, max_length=1000)] = Field(
        examples=["IMG_0412.jpg"]
    )


class UploadUrl(BaseModel):
    url: str = Field(
        description="PUT the bytes there, Content-Type image/jpeg, in 5 minutes.",
        examples=["http://127.0.0.1:8400/pam/v1/uploads/eyJvd25lciI6..."],
    )


class Count(BaseModel):
    count: int = Field(examples=[5])


class Labels(BaseModel):
    labels: dict[str, Count] = Field(examples=[{"Mountain": {"count": 5}}])


class DownloadRequest(Document):
    labels: Annotated[list[LabelName], Field(min_length=1, max_length=100)] = Field(
        examples=[["Mountain", "Lake"]]
    )


class Nothing(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class CopyRequest(Document):
    source: Annotated[Text, StringConstraints(min_length=1, max_length=4096)] = Field(
        examples=["/photos/2024", "s3://bucket/photos/"]
    )


@router.put("/upload", responses=described(401, 403))
def ask_upload(
    wanted: UploadRequest, caller: ByToken, request: Request, library: InLibrary
) -> UploadUrl:
    """A URL that takes one photo."""
    signer = library.vault.signer
    if signer is not None:
        name = display_name(wanted.file_name)
        return UploadUrl(url=signer.put_inbox(caller.owner, name, "image/jpeg", UPLOAD_TIME))
    ticket, _ = library.identity.tickets.issue(
        Ticket(caller.owner, display_name(wanted.file_name), "image/jpeg"), UPLOAD_TIME
    )
    base = (library.settings.public_url or str(request.base_url)).rstrip("/")
    return UploadUrl(url=f"{base}/pam/v1/uploads/{ticket}")


@router.put(
    "/uploads/{ticket}",
    status_code=201,
    responses={200: {"model": PhotoDocument}, **described(403, 413, 415, 507)},
    openapi_extra=RAW_BODY,
)
async def upload_by_url(
    ticket: str, request: Request, response: Response, library: InLibrary
) -> PhotoDocument:
    """The photo's bytes; the URL itself is the permission."""
    return await received(request, response, library, read_ticket(ticket, request, library))


@router.get("/labels", responses=described(401))
def count_labels(caller: ByToken, library: InLibrary) -> Labels:
    """Every label that is not hidden, with the number of photos it is on."""
    hides = library.vocabulary(caller.owner).hides
    counted = library.catalog.photos.labels(caller.owner, Selection())
    return Labels(
        labels={each.name: Count(count=each.count) for each in counted if not hides(each.name)}
    )


@router.post("/download", responses=described(401, 403))
def download(wanted: DownloadRequest, caller: ByToken, library: InLibrary) -> Nothing:
    """A zip of every photo with at least one of the labels; a notice has its link."""
    names = frozenset(map(library.vocabulary(caller.owner).named, wanted.labels))
    try:
        bundle = library.bundles.request(caller.owner, Selection(any=names))
    except EmptySelection as error:
        raise Problem(422, str(error)) from error
    library.work.prepare(bundle)
    return Nothing()


@router.put("/s3_copy", responses=described(401, 403))
def copy_in(wanted: CopyRequest, caller: ByToken, library: InLibrary) -> Count:
    """Import a folder of the server or `s3://bucket/prefix`; the count is of the files in it."""
    try:
        # First: who gets no answer asks again, and would start another import.
        count = library.imports.count(wanted.source, COUNTING)
        library.imports.start(caller.owner, wanted.source)
    except ImportRefused as error:
        raise Problem(403, str(error)) from error
    return Count(count=count)
