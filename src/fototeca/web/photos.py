"""Photos: pages, details, originals and renditions, corrections, the trash."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from fototeca.app import Library
from fototeca.catalog.protocol.photos import Page
from fototeca.photos import Photo, Selection, now
from fototeca.vault.protocol import Size
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described, not_found
from fototeca.web.ranges import RangedResponse, attachment, names_tag
from fototeca.web.redirects import REDIRECT, SIGNED, elsewhere
from fototeca.web.schemas import (
    Changed,
    CorrectedDocument,
    DayDocument,
    LabelChange,
    LayoutDocument,
    ManyIds,
    ManyLabelChange,
    PhotoDetails,
    PhotoDocument,
    PhotoId,
    PhotoPage,
    SelectionDocument,
    Text,
    selection_of,
    selection_query,
)

router = APIRouter(prefix="/api/photos", tags=["photos"])
# Bytes that someone uploaded: shown as the picture they are, or not at all.
SANDBOX = {"content-security-policy": "default-src 'none'; sandbox"}
PRIVATE = {"cache-control": "private, max-age=31536000, immutable"}
IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}
Id = Annotated[PhotoId, Path()]
Searched = Annotated[
    Text,
    Query(
        max_length=200,
        description="Part of the name; or, where no name has it and the model knows texts, what is"
        " to be seen: then the best come first.",
    ),
]
LAYOUT_PAGE = 100
"""Photos between two cursors of a layout."""
PROCESS = secrets.token_bytes(16)
"""In each layout's tag: another process may be another version, or have a restored library."""


@router.get("", responses=described(400, 401))
def list_photos(
    caller: TheCaller,
    library: InLibrary,
    selection: Annotated[SelectionDocument, Depends(selection_query)],
    state: Literal["waiting", "labelled", "failed", "trashed"] | None = None,
    q: Searched = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PhotoPage:
    """A page of the selection, newest first."""
    chosen = _chosen(selection, state, caller, library)
    page = library.catalog.photos.page(
        caller.owner,
        chosen,
        state=None if state == "trashed" else state,
        trashed=state == "trashed",
        name=q,
        cursor=cursor,
        limit=limit,
    )
    if q and not page.total and state is None and cursor is None:
        alike = library.searched(caller.owner, chosen, q, limit)
        page = Page(tuple(alike), None, len(alike))
    return PhotoPage(
        photos=[PhotoDocument.of(photo) for photo in page.photos],
        next_cursor=page.next_cursor,
        total=page.total,
    )


@router.get(
    "/layout",
    response_model=LayoutDocument,
    responses={304: {"description": "Nothing has changed"}, **described(401)},
)
def get_layout(
    caller: TheCaller,
    library: InLibrary,
    response: Response,
    selection: Annotated[SelectionDocument, Depends(selection_query)],
    state: Literal["trashed"] | None = None,
    q: Annotated[Text, Query(max_length=200, description="Part of the name.")] = "",
    if_none_match: Annotated[str | None, Header(max_length=100)] = None,
) -> LayoutDocument | Response:
    """How all photos of a selection follow each other: what a grid needs to place any of them.

    With the `ETag` of an answer as `If-None-Match` it is 304 while the owner's photos are the same.
    """
    chosen = _chosen(selection, state, caller, library)
    # Asked before the photos: what is changed meanwhile has a later version.
    version = library.catalog.photos.version(caller.owner)
    if version is not None:
        tag = _layout_tag(caller.owner, version, chosen)
        headers = {"etag": f'W/"{tag}"', "cache-control": "private, no-cache"}
        if names_tag(if_none_match or "", tag):
            return Response(status_code=304, headers=headers)
        response.headers.update(headers)
    layout = library.catalog.photos.layout(
        caller.owner, chosen, trashed=state == "trashed", name=q, page=LAYOUT_PAGE
    )
    return LayoutDocument(
        page=LAYOUT_PAGE,
        days=[DayDocument(day=day, photos=photos) for day, photos in layout.days],
        ratios=list(layout.ratios),
        cursors=list(layout.cursors),
    )


@router.post("/labels", responses=described(401, 403))
def correct_many(
    change: ManyLabelChange, caller: TheCaller, library: InLibrary
) -> CorrectedDocument:
    """Add and remove labels on many photos. The answer tells how to undo it."""
    names = library.vocabulary(caller.owner).named
    return CorrectedDocument.of(
        library.catalog.photos.correct(
            caller.owner,
            change.ids,
            map(names, change.add),
            map(names, change.remove),
            map(names, change.clear),
        )
    )


@router.post("/trash", responses=described(401, 403))
def trash_many(many: ManyIds, caller: TheCaller, library: InLibrary) -> Changed:
    """Put many photos into the trash: they are kept there for 30 days."""
    return Changed(photos=library.catalog.photos.trash(caller.owner, many.ids, now()))


@router.post("/restore", responses=described(401, 403))
def restore_many(many: ManyIds, caller: TheCaller, library: InLibrary) -> Changed:
    """Take many photos out of the trash, corrections included."""
    return Changed(photos=library.catalog.photos.restore(caller.owner, many.ids))


@router.get("/{id}", responses=described(401, 404))
def get_photo(id: Id, caller: TheCaller, library: InLibrary) -> PhotoDetails:
    """Everything known of a photo."""
    photo = _photo(id, caller.owner, library)
    labels = library.catalog.photos.labels_of(caller.owner, id)
    if labels is None:
        raise not_found("photo")
    return PhotoDetails.with_labels(photo, labels, library.vocabulary(caller.owner).settings.called)


@router.get(
    "/{id}/original",
    response_class=Response,
    responses={**IMAGE, **REDIRECT, **described(401, 404, 409, 416)},
)
@router.head("/{id}/original", include_in_schema=False)
def get_original(
    id: Id, caller: TheCaller, request: Request, library: InLibrary, download: bool = False
) -> Response:
    """The photo's exact bytes; ranges can be asked for.

    409 while they come back from an archive tier, which asking for them begins.
    """
    return _original(_photo(id, caller.owner, library), request, library, download)


@router.get(
    "/{id}/renditions/{size}",
    response_class=Response,
    responses={**IMAGE, **REDIRECT, **described(401, 404)},
)
@router.head("/{id}/renditions/{size}", include_in_schema=False)
def get_rendition(
    id: Id, size: Size, caller: TheCaller, request: Request, library: InLibrary
) -> Response:
    """A smaller JPEG. 404 until a worker has made it; a small original is its own view."""
    photo = _photo(id, caller.owner, library)
    jpeg = library.vault.rendition(caller.owner, id, size)
    if jpeg is None:
        if size is Size.VIEW and library.vault.rendition(caller.owner, id, Size.GRID):
            return _original(photo, request, library, download=False)
        raise not_found("rendition yet")
    return RangedResponse(
        size=len(jpeg),
        etag=f"{id}-{size}",
        media_type="image/jpeg",
        open=lambda start, stop: iter([jpeg[start:stop]]),
        headers=SANDBOX | PRIVATE,
    )


@router.patch("/{id}/labels", responses=described(401, 403, 404))
def correct(id: Id, change: LabelChange, caller: TheCaller, library: InLibrary) -> PhotoDetails:
    """Add and remove labels. The machine never undoes it."""
    names = library.vocabulary(caller.owner).named
    if not library.catalog.photos.correct(
        caller.owner,
        [id],
        map(names, change.add),
        map(names, change.remove),
        map(names, change.clear),
    ).photos:
        raise not_found("photo")
    return get_photo(id, caller, library)


@router.delete("/{id}", status_code=204, responses=described(401, 403, 404))
def trash(id: Id, caller: TheCaller, library: InLibrary) -> None:
    """Put a photo into the trash: it is kept there for 30 days."""
    _photo(id, caller.owner, library)
    library.catalog.photos.trash(caller.owner, [id], now())


@router.post("/{id}/restore", responses=described(401, 403, 404))
def restore(id: Id, caller: TheCaller, library: InLibrary) -> PhotoDocument:
    """Take a photo out of the trash, corrections included."""
    _photo(id, caller.owner, library)
    library.catalog.photos.restore(caller.owner, [id])
    return PhotoDocument.of(_photo(id, caller.owner, library))


def _chosen(
    selection: SelectionDocument, state: str | None, caller: TheCaller, library: Library
) -> Selection:
    chosen = selection_of(selection, library.vocabulary(caller.owner).named)
    if chosen and state == "trashed":
        raise Problem(422, "photos in the trash have no labels to select by")
    return chosen


def _layout_tag(owner: str, version: int, chosen: Selection) -> str:
    """Of what its address does not tell: whose photos, as of when, and which labels are meant."""
    labels = [sorted(chosen.any), sorted(chosen.all), sorted(chosen.none)]
    told = repr((PROCESS, owner, version, labels))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _photo(id: str, owner: str, library: Library) -> Photo:
    photo = library.catalog.photos.get(owner, id)
    if photo is None:
        raise not_found("photo")
    return photo


def _original(photo: Photo, request: Request, library: Library, download: bool) -> Response:
    if library.vault.signer is not None and request.method == "GET":
        assembly = library.vault.assembly
        if assembly is not None and assembly.restore(photo.owner, [photo.id]):
            raise Problem(409, "the original is being restored from the archive: it takes hours")
        return elsewhere(
            library.vault.signer.original(
                photo.owner,
                photo.id,
                media_type=photo.probe.media_type,
                disposition=attachment(photo.name) if download else "inline",
                lifetime=SIGNED,
            )
        )
    return RangedResponse(
        size=photo.size,
        etag=photo.id,
        media_type=photo.probe.media_type,
        open=lambda start, stop: library.vault.read_original(photo.owner, photo.id, start, stop),
        filename=photo.name if download else None,
        headers=SANDBOX | PRIVATE,
    )
