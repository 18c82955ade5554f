"""The Events API: always oldest first, and some seconds behind."""

import json
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from emulator.clock import parse_iso
from emulator.workos.api.errors import ApiError
from emulator.workos.api.guards import WorldDep, has_key, is_up
from emulator.workos.api.paging import Limit, listed
from emulator.workos.world import World

Json = dict[str, Any]
MS = 1000
router = APIRouter(dependencies=[Depends(is_up), Depends(has_key)])


@router.get("/events")
async def list_events(
    world: WorldDep,
    events: Annotated[list[str], Depends(listed("events"))],
    after: str | None = None,
    range_start: str | None = None,
    range_end: str | None = None,
    organization_id: str | None = None,
    limit: Limit = 10,
) -> Json:
    """400 for a cursor that is unknown or older than the history, or given beside range_start."""
    if after is not None and range_start is not None:
        raise ApiError(400, "after and range_start exclude each other.", "invalid_request")
    if not events:
        raise ApiError(422, "Which events is required.", "invalid_request_parameters")
    now = world.clock.reached_ms()
    oldest = now - int(timedelta(days=world.settings.history_days).total_seconds() * MS)
    start = max(oldest, _moment(range_start, "range_start", oldest))
    if after is not None:
        start = max(start, _created_at(world, after, oldest))
    newest = now - int(world.settings.events_held_back_seconds * MS)
    rows = world.store.rows(
        "select id, body from events where created_at >= ? and created_at <= ? and id > ?"
        " and event in (select value from json_each(?))"
        " and (? is null or organization_id = ?) order by id limit ?",
        start,
        min(newest, _moment(range_end, "range_end", newest)),
        after or "",
        json.dumps(events),
        organization_id,
        organization_id,
        limit + 1,
    )
    page = rows[:limit]
    return {
        "object": "list",
        "data": [json.loads(row["body"]) for row in page],
        "list_metadata": {
            "before": None,
            "after": page[-1]["id"] if len(rows) > limit else None,
        },
    }


def _moment(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    try:
        return parse_iso(text)
    except ValueError as error:
        raise ApiError(400, f"{name} is not an ISO 8601 time.", "invalid_request") from error


def _created_at(world: World, event_id: str, oldest: int) -> int:
    created_at = world.store.number("select created_at from events where id = ?", event_id)
    if created_at < oldest:
        raise ApiError(400, f"Invalid or expired cursor: '{event_id}'.", "invalid_cursor")
    return created_at
