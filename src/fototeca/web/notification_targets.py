"""Where the owner is told of notices outside of the app."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from fototeca.app import Library
from fototeca.catalog.protocol.outbox import NotificationTarget
from fototeca.notify.protocol import LONGEST_URL, TargetInvalid, Undelivered
from fototeca.notify.telling import TooManyTargets
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described, not_found
from fototeca.web.schemas import Document, Text

router = APIRouter(prefix="/api/notification-targets", tags=["notices"])


class NewTarget(Document):
    url: Annotated[Text, StringConstraints(min_length=1, max_length=LONGEST_URL)] = Field(
        description="An Apprise URL: docs/notifications.md. It is never shown again.",
        examples=["ntfys://ntfy.example.org/dans-photos"],
    )


class TargetDocument(BaseModel):
    id: str = Field(examples=["0f3a9c7be1d25846"])
    shown: str = Field(
        description="The URL without its secrets.", examples=["ntfys://ntfy.example.org/d...s"]
    )
    confirmed: bool = Field(
        description="False while whoever has the address has not agreed yet (SNS only)."
    )
    added_at: datetime
    told_at: datetime | None = Field(description="When a message was sent there last.")
    failure: str | None = Field(
        description="Why the last message was not; none when it was.",
        examples=["it cannot be reached"],
    )


class TargetsDocument(BaseModel):
    service: Literal["apprise", "sns"] = Field(
        description="By what is told here: with sns a URL is mailto:NAME@SERVER or sms:+NUMBER."
    )
    targets: list[TargetDocument]


class Tested(BaseModel):
    sent: bool
    failure: str | None = Field(examples=["it answered 403 Forbidden"])


@router.get("", responses=described(401))
def list_notification_targets(caller: TheCaller, library: InLibrary) -> TargetsDocument:
    """The account's targets, oldest first."""
    return TargetsDocument(
        service="sns" if library.settings.notices_topic else "apprise",
        targets=[_document(target, library) for target in library.catalog.targets.of(caller.owner)],
    )


@router.post("", status_code=201, responses=described(401, 403, 409, 429))
def add_notification_target(
    wanted: NewTarget, caller: TheCaller, library: InLibrary
) -> TargetDocument:
    """Add a target: from now on it is told what is told in the app. Nothing is sent there yet."""
    try:
        return _document(library.telling.add(caller.owner, wanted.url), library)
    except TargetInvalid as error:
        raise Problem(422, str(error)) from error
    except TooManyTargets as error:
        raise Problem(409, str(error)) from error


@router.delete("/{id}", status_code=204, responses=described(401, 403, 404))
def remove_notification_target(id: str, caller: TheCaller, library: InLibrary) -> None:
    """Remove a target, and what was still to be sent there."""
    if not library.telling.remove(caller.owner, id):
        raise not_found("notification target")


@router.post("/{id}/test", responses=described(401, 403, 404, 429))
def test_notification_target(id: str, caller: TheCaller, library: InLibrary) -> Tested:
    """Send a test message now, and say what came of it."""
    target = library.catalog.targets.get(caller.owner, id)
    if target is None:
        raise not_found("notification target")
    try:
        library.telling.test(target)
    except Undelivered as error:
        return Tested(sent=False, failure=str(error))
    return Tested(sent=True, failure=None)


def _document(target: NotificationTarget, library: Library) -> TargetDocument:
    return TargetDocument(
        id=target.id,
        shown=target.shown,
        confirmed=library.telling.confirmed(target),
        added_at=target.added_at,
        told_at=target.told_at,
        failure=target.failure,
    )
