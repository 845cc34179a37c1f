"""For those who operate it: is it well, and numbers for Prometheus."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel, Field

import fototeca
from fototeca.web.callers import InLibrary
from fototeca.web.problems import Problem, described

log = logging.getLogger(__name__)
router = APIRouter(tags=["operating"])


class Health(BaseModel):
    status: str = Field(examples=["ok"])
    version: str


@router.get("/health", responses=described(503))
@router.head("/health", include_in_schema=False)
def get_health(library: InLibrary) -> Health:
    """Whether the catalog answers and the vault is there."""
    try:
        library.catalog.queue.pending()
        library.vault.check()
    except Exception as error:
        # Anybody may ask; why it is not well is for who reads the log.
        log.error("not well: %s", error)
        raise Problem(503, "the library does not answer") from error
    return Health(status="ok", version=fototeca.__version__)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(library: InLibrary) -> Response:
    """Sums over all accounts: nothing here tells of a single owner."""
    registry = CollectorRegistry()
    photos = Gauge("fototeca_photos", "Photos by state", ["state"], registry=registry)
    accounts = library.catalog.accounts.all()
    works = [library.catalog.queue.work(account.id) for account in accounts]
    for state in ("waiting", "labelled", "failed"):
        photos.labels(state).set(sum(getattr(work, state) for work in works))
    Gauge("fototeca_accounts", "Accounts", registry=registry).set(len(accounts))
    Gauge("fototeca_bundles_preparing", "Bundles being prepared", registry=registry).set(
        len(library.catalog.bundles.preparing())
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
