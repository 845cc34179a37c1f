"""The web application's files, and a readable list of the API's operations."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from fototeca.web.packing import takes_gzip
from fototeca.web.problems import Problem, not_found
from fototeca.web.ranges import names_tag

router = APIRouter(include_in_schema=False)
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
PACKED = frozenset({"html", "css", "js", "svg", "webmanifest"})
"""Kinds that compress well."""
INDEX = "index.html"
VIEWS = frozenset({"labels", "uploads", "bundles", "work", "imports", "trash", "settings"})
"""Addresses that the application itself understands."""
BUILT = resources.files(__package__).joinpath("built")
NAMED_BY_CONTENT = {"cache-control": "public, max-age=31536000, immutable"}
ASKED_AGAIN = {"cache-control": "no-cache"}


def _read(folder: Traversable) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if _kind(entry.name) in MEDIA_TYPES
    }


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


FILES = _read(BUILT)
ASSETS = _read(BUILT.joinpath("assets"))


@router.get("/")
@router.head("/")
def get_index(request: Request) -> Response:
    if INDEX not in FILES:
        raise Problem(503, "the web application was not built: install the package once more")
    return _answer(INDEX, FILES[INDEX], request, ASKED_AGAIN)


@router.get("/assets/{name}")
@router.head("/assets/{name}")
def get_asset(name: str, request: Request) -> Response:
    if name not in ASSETS:
        raise not_found("file")
    return _answer(name, ASSETS[name], request, NAMED_BY_CONTENT)


@router.get("/api/docs")
def get_docs(request: Request) -> HTMLResponse:
    """Every operation on one page, without a script: the document itself is /api/openapi.json."""
    document: dict[str, Any] = request.app.openapi()
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('description') or operation.get('summary', ''))}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Fototeca API</title>'
        '<link rel="stylesheet" href="/docs.css"><main><h1>Fototeca API</h1>'
        '<p>The whole description, for tools: <a href="/api/openapi.json">openapi.json</a></p>'
        f"<table><tbody>{''.join(rows)}</tbody></table></main></html>"
    )


@router.get("/bundles/{id}")
@router.head("/bundles/{id}")
def get_bundle_page(request: Request) -> Response:
    """Where the links in messages lead. The application asks to sign in, whatever the id."""
    return get_index(request)


@router.get("/{name}")
@router.head("/{name}")
def get_file(name: str, request: Request) -> Response:
    """A file, or the application, which shows what its address says, or that there is nothing."""
    if name in VIEWS:
        return get_index(request)
    if name not in FILES:
        if "text/html" not in request.headers.get("accept", ""):
            raise not_found("page")
        page = get_index(request)
        page.status_code = 404
        return page
    return _answer(name, FILES[name], request, ASKED_AGAIN)


def _answer(name: str, data: bytes, request: Request, headers: dict[str, str]) -> Response:
    etag = sha256(data).hexdigest()[:32]
    headers = {**headers, "etag": f'"{etag}"', "vary": "accept-encoding"}
    if names_tag(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    kind = _kind(name)
    if kind in PACKED and takes_gzip(request.headers):
        data = _packed(data)
        headers["content-encoding"] = "gzip"
    return Response(data, headers=headers, media_type=MEDIA_TYPES[kind])


@cache
def _packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
