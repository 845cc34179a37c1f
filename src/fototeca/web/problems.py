"""Errors as problem documents (RFC 9457), for whatever goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from fototeca.catalog.protocol import CatalogBusy, CatalogFull
from fototeca.catalog.protocol.photos import CursorInvalid
from fototeca.identity.attempts import TooManyAttempts
from fototeca.ingest import Refused, TooLarge
from fototeca.vault.protocol import OriginalArchived, OriginalMissing, VaultFull, VaultUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
CHALLENGE = {"www-authenticate": "Bearer"}
"""Every 401 must say how one may identify oneself (RFC 9110, 15.5.2)."""


class ProblemDocument(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(default=None, examples=["no such photo"])


class Problem(Exception):
    """An answer that says what is wrong, raised where it is known."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = {**(CHALLENGE if status == 401 else {}), **(headers or {})}
        self.document = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            **({"detail": detail} if detail else {}),
            **members,
        }

    def response(self) -> JSONResponse:
        return JSONResponse(self.document, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """The same answer for what is not there and for what is another owner's."""
    return Problem(404, f"no such {what}")


# Made once: every operation refers to it for each of its errors, and a start waits for that.
_SCHEMA = ProblemDocument.model_json_schema()


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of these answers, each a problem document."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": _SCHEMA}},
        }
        for status in statuses
    }


def of_refusal(error: Refused) -> Problem:
    """Bytes that cannot become a photo: 413 or 415."""
    return Problem(413 if isinstance(error, TooLarge) else 415, str(error))


def install(app: FastAPI) -> None:
    """Answer every error that is known by a problem document."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:  # what FastAPI says of a body that is no text, or too deep
            return Problem(422, "the body cannot be read").response()
        return Problem(error.status_code, headers=error.headers).response()

    async def validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return Problem(422, "the request is not as it must be", errors=_places(error)).response()

    async def cursor(_: Request, __: Exception) -> JSONResponse:
        return Problem(400, "the cursor is not one that was given out").response()

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return of_refusal(error).response()

    async def wait(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TooManyAttempts)
        headers = {"retry-after": str(error.seconds)}
        return Problem(429, str(error), headers=headers).response()

    async def full(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OSError)
        return Problem(507, error.strerror).response()

    async def unavailable(_: Request, error: Exception) -> JSONResponse:
        log.error("%s", error)
        detail = "the vault does not answer: try again"
        return Problem(503, detail, headers={"retry-after": "10"}).response()

    async def archived(_: Request, __: Exception) -> JSONResponse:
        return Problem(409, "the original is in the archive: a bundle of it restores it").response()

    async def busy(_: Request, error: Exception) -> JSONResponse:
        log.error("the catalog is busy: %s", error)
        retry = {"retry-after": "5"}
        return Problem(503, "the catalog is busy: try again", headers=retry).response()

    async def missing(_: Request, error: Exception) -> JSONResponse:
        log.error("an original is missing: %s", error)
        return Problem(500, "the original is not in the vault").response()

    for kind, handler in (
        (Problem, problem),
        (HTTPException, http),
        (RequestValidationError, validation),
        (CursorInvalid, cursor),
        (Refused, refused),
        (TooManyAttempts, wait),
        (VaultFull, full),
        (CatalogFull, full),
        (VaultUnavailable, unavailable),
        (OriginalArchived, archived),
        (CatalogBusy, busy),
        (OriginalMissing, missing),
    ):
        app.add_exception_handler(kind, handler)


def _places(error: RequestValidationError) -> Sequence[dict[str, str]]:
    """Where the request is wrong. Never what it said there: it may be a password."""
    return [
        {
            "where": "/".join(str(part) for part in each["loc"]),
            # What a rule of ours says, as it says it.
            "what": str(each["ctx"]["error"]) if each["type"] == "value_error" else each["msg"],
        }
        for each in error.errors()
    ]
