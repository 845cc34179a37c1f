"""Bundles: asked for, followed, downloaded in any ranges, deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fototeca.app import Library
from fototeca.bundling.bundles import EmptySelection, NotReady
from fototeca.catalog.protocol.bundles import Bundle
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described, not_found
from fototeca.web.ranges import RangedResponse, attachment
from fototeca.web.redirects import REDIRECT, SIGNED, elsewhere
from fototeca.web.schemas import (
    EXAMPLE_ID,
    BundleDetails,
    BundleDocument,
    PhotoId,
    SelectionDocument,
    SkippedDocument,
    Text,
    selection_of,
)

router = APIRouter(prefix="/api/bundles", tags=["bundles"])
ManyIds = Annotated[list[PhotoId], Field(min_length=1, max_length=80_000, examples=[[EXAMPLE_ID]])]
"""A bundle is asked for at once: as many as a request to Lambda, of 6 MB, has room for."""
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


class BundleRequest(SelectionDocument):
    """A selection, narrowed by part of a name and without some photos; or the ids of photos."""

    q: Annotated[Text, Field(max_length=200, description="Part of the name.")] = ""
    without: ManyIds | None = None
    ids: ManyIds | None = None

    @property
    def narrows(self) -> bool:
        return bool(self.any or self.all or self.none or self.q or self.without)


@router.post("", status_code=202, responses=described(401, 403))
def request_bundle(
    wanted: BundleRequest, caller: TheCaller, response: Response, library: InLibrary
) -> BundleDocument:
    """Freeze what is selected now. It is ready when its state says so, and a notice tells."""
    if wanted.ids is not None and wanted.narrows:
        raise Problem(422, "either a selection or ids")
    try:
        bundle = library.bundles.request(
            caller.owner,
            selection_of(wanted, library.vocabulary(caller.owner).named),
            wanted.ids,
            name=wanted.q,
            without=frozenset(wanted.without or ()),
        )
    except EmptySelection as error:
        raise Problem(422, str(error)) from error
    library.work.prepare(bundle)
    response.headers["location"] = f"/api/bundles/{bundle.id}"
    return BundleDocument.of(bundle)


@router.get("", responses=described(401))
def list_bundles(caller: TheCaller, library: InLibrary) -> list[BundleDocument]:
    """The bundles, newest first."""
    return [BundleDocument.of(bundle) for bundle in library.catalog.bundles.of(caller.owner)]


@router.get("/{id}", responses=described(401, 404))
def get_bundle(id: str, caller: TheCaller, library: InLibrary) -> BundleDetails:
    """How far a bundle is, and what it could not include and why."""
    bundle = _bundle(id, caller.owner, library)
    return BundleDetails(
        **BundleDocument.of(bundle).model_dump(),
        skipped_photos=[
            SkippedDocument(**asdict(skip)) for skip in library.catalog.bundles.skipped(bundle)
        ],
    )


@router.delete("/{id}", status_code=204, responses=described(401, 403, 404))
def delete_bundle(id: str, caller: TheCaller, library: InLibrary) -> None:
    """Delete a bundle; its photos stay."""
    bundle = _bundle(id, caller.owner, library)
    if not library.bundles.delete(caller.owner, id):
        raise not_found("bundle")
    library.work.cancel(bundle)


@router.get(
    "/{id}/archive",
    response_class=Response,
    responses={**ZIP, **REDIRECT, **described(401, 404, 409, 410, 416)},
)
@router.head("/{id}/archive", include_in_schema=False)
def get_archive(id: str, caller: TheCaller, request: Request, library: InLibrary) -> Response:
    """The zip, in any ranges: an interrupted download goes on where it stopped."""
    try:
        archive = library.bundles.archive(_bundle(id, caller.owner, library))
    except NotReady as error:
        status = 410 if str(error) == "expired" else 409
        raise Problem(status, f"the bundle is {error}") from error
    url = archive.url(attachment(archive.filename), SIGNED)
    if url is not None and request.method == "GET":
        return elsewhere(url)
    return RangedResponse(
        size=archive.size,
        etag=archive.etag,
        media_type="application/zip",
        open=archive.read,
        filename=archive.filename,
        last_modified=archive.modified,
        headers={"cache-control": "private, no-cache"},
    )


def _bundle(id: str, owner: str, library: Library) -> Bundle:
    bundle = library.catalog.bundles.get(owner, id)
    if bundle is None:
        raise not_found("bundle")
    return bundle
