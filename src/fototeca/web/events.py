"""Live updates as server-sent events: what changed, so that a client asks for what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from fototeca.web.callers import InLibrary, TheCaller, identified
from fototeca.web.problems import Problem, described
from fototeca.web.ranges import names_tag

router = APIRouter(prefix="/api", tags=["events"])
LOOK = 0.5
"""Seconds between looks: events of other processes are in the catalog, too."""
ALIVE = 15.0
"""Seconds between comments that keep a quiet connection open through proxies."""
After = Annotated[
    int | None, Query(ge=0, lt=2**63, description="A `sequence` that was answered before.")
]


class Changes(BaseModel):
    sequence: int = Field(description="To be asked with the next time.", examples=[1042])
    kinds: list[str] = Field(description="What changed since.", examples=[["photos", "labels"]])
    live: bool = Field(description="Whether `GET /api/events` sends them as they happen.")


def are_live(library: InLibrary) -> None:
    if not library.settings.live_updates:
        raise Problem(404, "no events are sent here: ask GET /api/changes")


@router.get(
    "/changes",
    response_model=Changes,
    responses={304: {"description": "Nothing has changed"}, **described(401)},
)
def get_changes(
    caller: TheCaller,
    library: InLibrary,
    response: Response,
    after: After = None,
    if_none_match: Annotated[str | None, Header(max_length=100)] = None,
) -> Changes | Response:
    """What changed since a moment, by kinds of events; without one, only which moment it is.

    For clients that cannot keep a connection open: one small question every few seconds, whose
    answer is 304 when it would be the same once more.
    """
    events = library.catalog.events
    news = [] if after is None else events.since(caller.owner, after)
    sequence = news[-1].sequence if news else events.latest() if after is None else after
    headers = {"etag": f'"{sequence}"', "cache-control": "private, no-cache"}
    if not news and names_tag(if_none_match or "", str(sequence)):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return Changes(
        sequence=sequence,
        kinds=sorted({event.kind for event in news}),
        live=library.settings.live_updates,
    )


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses=described(401, 404),
    dependencies=[Depends(are_live)],
)
async def get_events(
    request: Request,
    caller: TheCaller,
    library: InLibrary,
    after: After = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Events named photos, labels, bundle, import and notice, each with what it is about.

    Those from now on, or `after` a moment, or after the last one that was heard. The stream ends
    with the session, or when the token is revoked.
    """
    events = library.catalog.events
    sequence = await run_in_threadpool(events.latest)
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        after = int(last_event_id)  # A browser's second connection has the first one's address.
    if after is not None:
        # A library that was restored counts from less: wait for no number it is yet to give.
        sequence = min(sequence, after)
    yield ServerSentEvent(comment="connected", retry=2000)
    quiet = 0.0
    while not request.app.state.stopping.is_set() and not await request.is_disconnected():
        news = await run_in_threadpool(events.since, caller.owner, sequence)
        if (news or quiet >= ALIVE) and not await run_in_threadpool(identified, request, library):
            return
        for event in news:
            sequence = event.sequence
            quiet = 0.0
            yield ServerSentEvent(
                event=event.kind,
                id=str(sequence),
                data={"subject": event.subject, **event.data},
            )
        if quiet >= ALIVE:
            quiet = 0.0
            yield ServerSentEvent(comment="alive")
        await asyncio.sleep(LOOK)
        quiet += LOOK
