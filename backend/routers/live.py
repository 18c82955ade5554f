"""`/live`: what open pages are told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from backend.http.guards import GuardedRoute, SignedIn
from backend.http.problems import problems
from backend.services.live import Live

router = APIRouter(
    route_class=GuardedRoute, tags=["live"], responses=problems(401, 403, 422, 429, 503)
)

_RETRY = 2000  # milliseconds
_LONG_AGO = datetime.now(UTC) - timedelta(days=3650)


async def get_live(request: Request) -> Live:
    live: Live = request.app.state.live
    return live


def _moment(last_event_id: str | None) -> datetime | None:
    """What cannot be read was long ago."""
    if not last_event_id:
        return None
    try:
        moment = datetime.fromisoformat(last_event_id)
    except ValueError:
        return _LONG_AGO
    return moment if moment.tzinfo else _LONG_AGO


@router.get(
    "/live",
    response_class=EventSourceResponse,
    summary="What changes, as server-sent events, for as long as one may know it",
    description="`event` is the topic: `access` when one's own access changed, `ended` when it is "
    "over, `posts` and `team`; for admins `directory`, `roles`, `settings` and `audit`. After "
    "`refresh` look for yourself. A lost connection goes on by `Last-Event-ID`.",
)
async def follow(
    actor: SignedIn,
    live: Annotated[Live, Depends(get_live)],
    last_event_id: Annotated[
        str | None, Header(description="`id` of the last event that was seen.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    async for news in live.follow(actor, _moment(last_event_id)):
        yield ServerSentEvent(
            event=news.topic, id=news.at.isoformat(), data=news.data or {}, retry=_RETRY
        )
