"""`/live`: what open pages are told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from backend.http.guards import GuardedRoute, SignedIn
from backend.http.problems import problems
from backend.services.live import Live, News

router = APIRouter(
    route_class=GuardedRoute, tags=["live"], responses=problems(401, 403, 422, 429, 503)
)

_RETRY = 2000  # milliseconds
# By a proxy in between: nginx asks for the second.
_NOT_HELD_BACK = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_EVENTS = {
    "text/event-stream": {
        "itemSchema": {
            "type": "object",
            "properties": {
                "data": {"type": "string"},
                "event": {"type": "string"},
                "id": {"type": "string"},
                "retry": {"type": "integer", "minimum": 0},
            },
        }
    }
}
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
    response_class=StreamingResponse,
    responses={200: {"content": _EVENTS}},
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
) -> Response:
    told = live.follow(actor, _moment(last_event_id))
    return EventSourceResponse(_written(told), headers=_NOT_HELD_BACK)


# A handler that yields events costs three tasks a page, where this costs one.
async def _written(told: AsyncIterator[News | None]) -> AsyncIterator[bytes]:
    async for news in told:
        yield KEEPALIVE_COMMENT if news is None else _event(news)


def _event(news: News) -> bytes:
    return format_sse_event(
        event=news.topic,
        data_str=news.data.model_dump_json() if news.data else "{}",
        id=news.at.isoformat(),
        retry=_RETRY,
    )
