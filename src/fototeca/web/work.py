"""The work of labelling: how far it is, what failed and why, once more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fototeca.photos import Selection
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import described
from fototeca.web.schemas import Changed, PhotoDocument, SomeIds

router = APIRouter(prefix="/api/work", tags=["work"])


class LabelChangeDocument(BaseModel):
    name: str = Field(examples=["Mountain"])
    before: int = Field(description="Photos that it was on.", examples=[32])
    gained: int = Field(examples=[3])
    lost: int = Field(examples=[1])


class RelabellingDocument(BaseModel):
    started_at: datetime
    finished_at: datetime | None
    total: int
    done: int
    changes: list[LabelChangeDocument] = Field(description="What changed most comes first.")


class WorkDocument(BaseModel):
    waiting: int
    running: int = Field(description="Of those that wait, how many are being looked at now.")
    labelled: int
    failed: int
    failures: list[PhotoDocument] = Field(
        description="The newest hundred; the rest by `GET /api/photos?state=failed`."
    )
    model: str = Field(
        description="The model that labels, and its version.", examples=["efficientnet-lite0@2"]
    )
    outdated: int = Field(description="Photos that another model or version labelled last.")
    relabelling: RelabellingDocument | None = Field(
        description="The last time that everything was labelled again; it may be under way."
    )


@router.get("", responses=described(401))
def get_work(caller: TheCaller, library: InLibrary) -> WorkDocument:
    """How many photos wait, are labelled or failed; the newest hundred failures with reasons."""
    work = library.catalog.queue.work(caller.owner)
    relabelling = library.catalog.queue.relabelling(caller.owner)
    failures = library.catalog.photos.page(caller.owner, Selection(), state="failed").photos
    return WorkDocument(
        waiting=work.waiting,
        running=work.running,
        labelled=work.labelled,
        failed=work.failed,
        failures=[PhotoDocument.of(photo) for photo in failures],
        model=library.labels_by(),
        outdated=library.catalog.queue.outdated(caller.owner, library.labels_by()),
        relabelling=RelabellingDocument(**asdict(relabelling)) if relabelling else None,
    )


@router.post("/retry", responses=described(401, 403))
def retry(caller: TheCaller, library: InLibrary, some: SomeIds | None = None) -> Changed:
    """Try what failed once more: these photos, or all."""
    return Changed(photos=library.work.retry(caller.owner, some.ids if some else None))


@router.post("/relabel", responses=described(401, 403))
def relabel(caller: TheCaller, library: InLibrary) -> Changed:
    """Label every photo again. Present labels stay until the new ones are there."""
    return Changed(photos=library.work.relabel(caller.owner))
