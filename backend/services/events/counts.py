"""How many events there are: an hour, and of a filter. Both end counting somewhere."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Label, func, literal, literal_column, select

from backend.database import SnapshotConnection
from backend.models import DirectoryEvent
from backend.schemas.events import EventCount, EventFilters, EventHour, EventHours, Outcome
from backend.services.events import inbox

HOURS = 72
_MOST_BY_HOUR = 1_000_000  # the newest
_MOST_COUNTED = 10_000

# Reckoned by the statement: of a value that it is given, the planner knows nothing.
_THIS_HOUR = func.date_trunc("hour", func.now(), "UTC", type_=DirectoryEvent.received_at.type)
_FIRST_HOUR: ColumnElement[datetime] = literal_column(
    f"date_trunc('hour', now(), 'UTC') - interval '{HOURS - 1} hours'"
)
_HOUR: Label[datetime] = literal_column("date_trunc('hour', received_at, 'UTC')").label("hour")


async def by_hour(connection: SnapshotConnection, organization_id: str) -> EventHours:
    """The events of the last three days by the hour in which they were received."""
    this_hour = await connection.scalar(select(_THIS_HOUR))
    assert isinstance(this_hour, datetime)
    hours = [this_hour - timedelta(hours=back) for back in reversed(range(HOURS))]
    events = await _newest_by_hour(connection, EventFilters(), organization_id)
    parked = await _newest_by_hour(
        connection, EventFilters(outcome=Outcome.PARKED), organization_id
    )
    return EventHours(
        hours=[
            EventHour(since=hour, events=events.get(hour, 0), parked=parked.get(hour, 0))
            for hour in hours
        ],
        complete=sum(events.values()) < _MOST_BY_HOUR,
    )


async def _newest_by_hour(
    connection: SnapshotConnection, filters: EventFilters, organization_id: str
) -> dict[datetime, int]:
    recent: ColumnElement[bool] = DirectoryEvent.received_at >= _FIRST_HOUR
    newest = (
        select(_HOUR)
        .where(*inbox.matching(filters, organization_id), recent)
        .order_by(DirectoryEvent.received_at.desc())
        .limit(literal(_MOST_BY_HOUR, literal_execute=True))
        .subquery()
    )
    rows = await connection.execute(
        select(newest.c.hour, func.count().label("number")).group_by(newest.c.hour)
    )
    return {row.hour: row.number for row in rows}


async def of_filter(
    connection: SnapshotConnection,
    filters: EventFilters,
    organization_id: str,
    *,
    person: UUID | None = None,
    group: str | None = None,
) -> EventCount:
    """How many events a list has, to ten thousand."""
    wanted = await inbox.conditions(
        connection, filters, organization_id, person=person, group=group
    )
    found = (
        select(literal_column("1"))
        .select_from(DirectoryEvent)
        .where(*wanted)
        .limit(literal(_MOST_COUNTED + 1, literal_execute=True))
        .subquery()
    )
    count = await connection.scalar(select(func.count()).select_from(found)) or 0
    return EventCount(count=min(count, _MOST_COUNTED), more=count > _MOST_COUNTED)
