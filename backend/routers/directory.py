"""`/directory`: for admins, what the mirror knows and how it came to know it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from backend.http.guards import (
    Admin,
    ClaimDep,
    DatabaseDep,
    EnqueueDep,
    GuardedRoute,
    Limited,
    ScopeDep,
    SettingsDep,
    SnapshotDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import EventCursor, TimeCursor
from backend.schemas.directory import DirectoryStatus
from backend.schemas.events import (
    Event,
    EventCount,
    EventFilters,
    EventHours,
    EventPage,
    Moment,
    Outcome,
    Receipt,
    ReplayRange,
    ReplayReport,
    RowId,
    Source,
)
from backend.schemas.explanation import Explanation
from backend.services.events import counts as event_counts
from backend.services.events import hours as event_hours
from backend.services.events import inbox
from backend.services.events import replay as replays
from backend.services.explanation import access as access_explanation
from backend.services.explanation import status as directory_status
from backend.services.rate_limits import REPLAYS

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/directory",
    tags=["directory"],
    responses=problems(401, 403, 422, 429, 503),
)

EventId = Annotated[RowId, Path(examples=["event_01J9ZC0000000000000000A001"])]
ByPerson = Annotated[UUID | None, Query(description="Only events about this user of `/team`.")]
ByGroup = Annotated[RowId | None, Query(description="Only events about the group of this id.")]


async def event_filters(
    outcome: Annotated[Outcome | None, Query(description="Only events of this outcome.")] = None,
    event_type: Annotated[
        RowId | None,
        Query(
            alias="type",
            description="Only events of this type.",
            examples=["dsync.group.user_added"],
        ),
    ] = None,
    source: Annotated[
        Source | None, Query(description="Only events that this brought first.")
    ] = None,
    since: Annotated[
        Moment | None,
        Query(
            description="Only events received since then; without a zone it is UTC.",
            examples=["2026-01-15T12:00:00Z"],
        ),
    ] = None,
    until: Annotated[Moment | None, Query(description="Only events received before then.")] = None,
) -> EventFilters:
    return EventFilters(outcome=outcome, type=event_type, source=source, since=since, until=until)


@router.get(
    "",
    summary="How the directories are, and whether all that they say arrives",
    description="`status` says it in words. What a large organization holds is counted in the "
    "background, and `counts_as_of` says when; `counts=false` leaves it out, for a monitor that "
    "asks often.",
)
async def get_directory(
    database: DatabaseDep,
    admin: Admin,
    settings: SettingsDep,
    enqueue: EnqueueDep,
    counts: Annotated[bool, Query(description="Whether to say how many people there are.")] = True,
) -> DirectoryStatus:
    return await directory_status.look(
        database,
        admin,
        with_counts=counts,
        catch_up_enabled=settings.events_poll_seconds > 0,
        enqueue=enqueue,
    )


@router.get(
    "/people/{user_id}/access",
    summary="Why somebody has the access they have, and how it changed",
    description="The chain from the directory's entries through memberships, groups, mappings and "
    "grants to the roles, each with what made it; what is not live says why. `user_id` is as in "
    "`/team`.",
    responses=problems(404),
)
async def explain_access(
    snapshot: SnapshotDep,
    admin: Admin,
    user_id: UUID,
    history_limit: Limit = 20,
    history_cursor: Annotated[
        After[TimeCursor], Query(description="`history.next_cursor` of the answer before.")
    ] = None,
) -> Explanation:
    return await access_explanation.explain(
        snapshot, admin, user_id, cursor=history_cursor, limit=history_limit
    )


@router.get("/events", summary="The events that WorkOS sent, newest first")
async def list_events(
    snapshot: SnapshotDep,
    admin: Admin,
    filters: Annotated[EventFilters, Depends(event_filters)],
    person: ByPerson = None,
    group: ByGroup = None,
    limit: Limit = 20,
    cursor: After[EventCursor] = None,
) -> EventPage:
    return await inbox.list_page(
        snapshot,
        filters,
        organization_id=admin.organization_id,
        person=person,
        group=group,
        cursor=cursor,
        limit=limit,
    )


@router.get("/events/hours", summary="How many events came in each of the last 72 hours")
async def count_events_by_hour(snapshot: SnapshotDep, admin: Admin) -> EventHours:
    return await event_hours.by_hour(snapshot, admin.organization_id)


@router.get("/events/count", summary="How many events there are, up to 10,000")
async def count_events(
    snapshot: SnapshotDep,
    admin: Admin,
    filters: Annotated[EventFilters, Depends(event_filters)],
    person: ByPerson = None,
    group: ByGroup = None,
) -> EventCount:
    return await event_counts.of_filter(
        snapshot, filters, admin.organization_id, person=person, group=group
    )


@router.post(
    "/events/replay",
    dependencies=[Depends(Limited(REPLAYS))],
    summary="Apply many stored events again",
    description="Oldest first, at most 1,000 at once, each for itself. It is safe at any time: "
    "what is newer in the mirror stays.",
)
async def replay_events(
    database: DatabaseDep, scope: ScopeDep, _admin: Admin, claim: ClaimDep, chosen: ReplayRange
) -> ReplayReport:
    return await replays.replay_range(database, scope, chosen, by=claim)


@router.get(
    "/events/{event_id}",
    summary="One event: what WorkOS sent, and what it changed",
    responses=problems(404),
)
async def get_event(snapshot: SnapshotDep, admin: Admin, event_id: EventId) -> Event:
    return await inbox.get(snapshot, event_id, admin.organization_id)


@router.post(
    "/events/{event_id}/replay",
    dependencies=[Depends(Limited(REPLAYS))],
    summary="Apply a stored event again; safe at any time",
    responses=problems(404, 410),
)
async def replay_event(
    database: DatabaseDep, scope: ScopeDep, _admin: Admin, claim: ClaimDep, event_id: EventId
) -> Receipt:
    return Receipt(outcome=await replays.replay(database, scope, event_id, by=claim))
