"""The web application of a library: its routers, and what every request and answer goes through."""

from __future__ import annotations

import threading

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

import fototeca
from fototeca.app import Library
from fototeca.web import (
    bundles,
    events,
    health,
    imports,
    label_settings,
    labels,
    notices,
    notification_targets,
    oidc,
    page,
    pam_v1,
    photos,
    problems,
    session,
    storage,
    uploads,
    work,
)
from fototeca.web.packing import PackedJson
from fototeca.web.parameters import only_known
from fototeca.web.security import BodyLimit, SecurityHeaders, Unexpected

API = (
    session, uploads, photos, labels, label_settings, bundles, imports, work,
    storage, notices, notification_targets, events,
)  # fmt: skip
# What is sent to these, others decide: providers and the reference's clients add what they like.
LENIENT = (oidc, pam_v1, health, page)


def create_app(library: Library) -> FastAPI:
    app = FastAPI(
        title="Fototeca",
        version=fototeca.__version__,
        summary="A photo archive that labels every photo and gives photos back by label.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        responses=problems.described(422),
        redirect_slashes=False,
    )
    app.state.library = library
    app.state.stopping = threading.Event()
    for module in API:
        app.include_router(module.router, dependencies=[Depends(only_known)])
    for module in LENIENT:
        app.include_router(module.router)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(PackedJson)
    app.add_middleware(Unexpected)
    app.add_middleware(SecurityHeaders)
    if library.settings.pam_origins:
        app.add_middleware(ReferenceCors, origins=library.settings.pam_origins)
    return app


class ReferenceCors:
    """CORS for the reference-compatible API alone: nothing else is for other origins."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["authorization", "content-type"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"].startswith("/pam/v1/")
        await (self._cors if shared else self._app)(scope, receive, send)


def _operation_id(route: APIRoute) -> str:
    return route.name
