"""What an account's photos take, and what keeping them on AWS would cost."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fototeca.cost import Usage, list_prices, on_aws
from fototeca.photos import Selection
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import described

router = APIRouter(prefix="/api", tags=["storage"])


class CostDocument(BaseModel):
    region: str = Field(examples=["us-east-1"])
    as_of: date = Field(description="The day of the price list.")
    currency: str = "USD"
    monthly: dict[str, float] = Field(
        description="For the originals, by how long they were not opened.",
        examples=[{"opened within 30 days": 0.61, "not opened for 90 days": 0.11}],
    )


class StorageDocument(BaseModel):
    photos: int
    bytes: int = Field(description="Of the originals, without the trash.")
    on_aws: CostDocument


@router.get("/storage", responses=described(401))
def get_storage(caller: TheCaller, library: InLibrary) -> StorageDocument:
    """How much is kept, and what S3 Intelligent-Tiering would ask for it."""
    totals = library.catalog.photos.totals(caller.owner, Selection())
    usage = Usage(totals.photos, totals.bytes, small=0, small_photos=0, renditions=0, catalog=0)
    cost = on_aws(usage, list_prices())
    return StorageDocument(
        photos=totals.photos,
        bytes=totals.bytes,
        on_aws=CostDocument(region=cost.region, as_of=cost.as_of, monthly=dict(cost.monthly)),
    )
