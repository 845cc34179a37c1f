"""Uploads: what is already here is found first; each other photo gets a URL that takes just it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from fototeca.app import Library
from fototeca.catalog.protocol.photos import Outcome
from fototeca.identity import Ticket, TicketInvalid
from fototeca.ingest import Ingested, TooLarge, display_name, too_large
from fototeca.vault.protocol import CHUNK
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described
from fototeca.web.schemas import EXAMPLE_ID, Document, PhotoDocument, PhotoId, Text

router = APIRouter(prefix="/api", tags=["uploads"])

RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Wanted(Document):
    name: Annotated[Text, StringConstraints(min_length=1, max_length=1000)] = Field(
        examples=["IMG_0412.jpg"]
    )
    size: int = Field(gt=0, lt=2**53, description="Bytes.")
    sha256: PhotoId = Field(examples=[EXAMPLE_ID])
    type: Annotated[Text, StringConstraints(max_length=100, pattern=r"^[ -~]*$")] = "image/jpeg"


class Upload(BaseModel):
    method: Literal["PUT"] = "PUT"
    url: str = Field(
        description="Of this server, or of the vault's own. There, 412 says that it is here."
    )
    headers: dict[str, str] = Field(description="To be sent with it.")
    expires_at: datetime


class Answer(BaseModel):
    id: str = Field(examples=[EXAMPLE_ID])
    state: Literal["duplicate", "upload", "refused"]
    upload: Upload | None = None
    problem: dict[str, Any] | None = None


@router.post("/uploads", responses=described(401, 403))
def plan_uploads(
    wanted: Annotated[list[Wanted], Field(min_length=1, max_length=1000)],
    caller: TheCaller,
    library: InLibrary,
) -> list[Answer]:
    """For each photo: it is here already, or where to PUT its bytes."""
    owner = caller.owner
    ids = [each.sha256 for each in wanted]
    known = library.catalog.photos.known(owner, ids)
    if library.vault.signer is not None:
        # Here nobody is asked when the bytes come: a purge might take them.
        trashed = [id for id in ids if id not in known]
        if library.catalog.photos.restore(owner, trashed):
            known = library.catalog.photos.known(owner, ids)
    stored = library.vault.stored(owner, ids)
    return [
        _answer(each, owner, library, known=each.sha256 in known, there=found is not None)
        for each, found in zip(wanted, stored, strict=True)
    ]


def _answer(wanted: Wanted, owner: str, library: Library, *, known: bool, there: bool) -> Answer:
    """`known` to the catalog; `there`, in the vault. What was lost there is taken again."""
    if known and there:
        return Answer(id=wanted.sha256, state="duplicate")
    if wanted.size > library.settings.max_file_bytes:
        problem = Problem(413, too_large(library.settings.limits))
        return Answer(id=wanted.sha256, state="refused", problem=problem.document)
    upload = _signed(wanted, owner, library, there) or _ticket(wanted, owner, library)
    return Answer(id=wanted.sha256, state="upload", upload=upload)


def _ticket(wanted: Wanted, owner: str, library: Library) -> Upload:
    ticket, expires_at = library.identity.tickets.issue(
        Ticket(owner, display_name(wanted.name), wanted.type, wanted.sha256, wanted.size)
    )
    return Upload(
        url=f"/api/uploads/{ticket}",
        headers={"content-type": wanted.type},
        expires_at=expires_at,
    )


def _signed(wanted: Wanted, owner: str, library: Library, there: bool) -> Upload | None:
    """Where the vault takes the bytes itself; None where they come through us.

    What it has already and the catalog does not know is put there again: only then is it told of,
    and taken in.
    """
    if library.vault.signer is None:
        return None
    request = library.vault.signer.put_original(
        owner,
        wanted.sha256,
        name=display_name(wanted.name),
        size=wanted.size,
        media_type=wanted.type or "application/octet-stream",
        replace=there,
        lifetime=timedelta(minutes=library.settings.upload_minutes),
    )
    return Upload(url=request.url, headers=dict(request.headers), expires_at=request.expires_at)


@router.put(
    "/uploads/{ticket}",
    status_code=201,
    responses={200: {"model": PhotoDocument}, **described(403, 413, 415, 507)},
    openapi_extra=RAW_BODY,
)
async def upload(
    ticket: str, request: Request, response: Response, library: InLibrary
) -> PhotoDocument:
    """The photo's bytes. 201 when they are durable; the URL itself is the permission."""
    claims = read_ticket(ticket, request, library)
    return await received(request, response, library, claims)


@router.post(
    "/photos",
    status_code=201,
    responses={200: {"model": PhotoDocument}, **described(401, 403, 413, 415, 507)},
    openapi_extra=RAW_BODY,
)
async def upload_at_once(
    request: Request,
    response: Response,
    caller: TheCaller,
    library: InLibrary,
    name: Annotated[Text, Query(max_length=1000)] = "photo",
) -> PhotoDocument:
    """A photo's bytes without asking first: 201 when added, 200 when it was here already."""
    return await received(request, response, library, Ticket(caller.owner, name, ""))


def read_ticket(text: str, request: Request, library: Library) -> Ticket:
    try:
        ticket = library.identity.tickets.read(text)
    except TicketInvalid as error:
        raise Problem(403, "this upload URL is not valid, or no longer") from error
    content_type = request.headers.get("content-type", "")
    if ticket.media_type and content_type.split(";")[0].strip() != ticket.media_type:
        raise Problem(403, f"the content type must be {ticket.media_type}, as it was announced")
    return ticket


async def received(
    request: Request, response: Response, library: Library, ticket: Ticket
) -> PhotoDocument:
    """Take the body in as the ticket's photo; there is none when anything is wrong."""
    limit = library.settings.max_file_bytes
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise TooLarge(too_large(library.settings.limits))
    with library.vault.stage() as staged:
        buffer = bytearray()
        try:
            async for piece in request.stream():
                buffer += piece
                if staged.size + len(buffer) > limit:
                    raise TooLarge(too_large(library.settings.limits))
                if len(buffer) >= CHUNK:
                    full, buffer = buffer, bytearray()
                    await run_in_threadpool(staged.write, full)
        except ClientDisconnect as error:
            raise Problem(400, "the upload was interrupted") from error

        def keep() -> Ingested:
            staged.write(buffer)
            if ticket.size is not None and staged.size != ticket.size:
                raise Problem(422, f"{staged.size} bytes came, {ticket.size} were announced")
            if ticket.sha256 is not None and staged.sha256 != ticket.sha256:
                raise Problem(422, "the SHA-256 of the bytes is not the one announced")
            return library.ingest.add(ticket.owner, staged, ticket.name)

        ingested = await run_in_threadpool(keep)
    library.work.arrived()
    if ingested.outcome is Outcome.DUPLICATE:
        response.status_code = 200
    return PhotoDocument.of(ingested.photo)
