"""Imports of folders on the server and of buckets, where the settings allow them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from fototeca.imports import ImportRefused
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described, not_found
from fototeca.web.schemas import Document, ImportDocument, Text

router = APIRouter(prefix="/api/imports", tags=["imports"])


class ImportRequest(Document):
    source: Annotated[Text, StringConstraints(min_length=1, max_length=4096)] = Field(
        description="A folder of the server, or a bucket's objects.",
        examples=["/photos/2024", "s3://bucket/photos/"],
    )


@router.post("", status_code=202, responses=described(401, 403))
def start_import(
    wanted: ImportRequest, caller: TheCaller, response: Response, library: InLibrary
) -> ImportDocument:
    """Import a folder of the server or `s3://bucket/prefix`. What is here is only counted."""
    try:
        started = library.imports.start(caller.owner, wanted.source)
    except ImportRefused as error:
        raise Problem(403, str(error)) from error
    response.headers["location"] = f"/api/imports/{started.id}"
    return ImportDocument.of(started)


@router.get("", responses=described(401))
def list_imports(caller: TheCaller, library: InLibrary) -> list[ImportDocument]:
    """The newest imports, newest first."""
    return [ImportDocument.of(each) for each in library.catalog.imports.of(caller.owner)]


@router.get("/{id}", responses=described(401, 404))
def get_import(id: str, caller: TheCaller, library: InLibrary) -> ImportDocument:
    """How far an import is, and what it refused and why."""
    progress = library.catalog.imports.get(caller.owner, id)
    if progress is None:
        raise not_found("import")
    return ImportDocument.of(progress)
