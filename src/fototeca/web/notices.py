"""What the owner is told in the app."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import described
from fototeca.web.schemas import Document, NoticeDocument

router = APIRouter(prefix="/api/notices", tags=["notices"])


class ReadNotices(Document):
    ids: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(max_length=1000)] | None = (
        Field(default=None, description="All, when left out.", examples=[[17]])
    )


class MarkedRead(BaseModel):
    notices: int = Field(examples=[1])


@router.get("", responses=described(401))
def list_notices(caller: TheCaller, library: InLibrary) -> list[NoticeDocument]:
    """The newest hundred, newest first."""
    return [NoticeDocument.of(notice) for notice in library.catalog.notices.of(caller.owner)]


@router.post("/read", responses=described(401, 403))
def mark_read(some: ReadNotices, caller: TheCaller, library: InLibrary) -> MarkedRead:
    """Mark notices as read."""
    return MarkedRead(notices=library.catalog.notices.mark_read(caller.owner, some.ids))
