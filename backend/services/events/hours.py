"""How many events came in each hour of the last three days; of those that are over, counted once.

What came in an hour stays as it was when the hour is over; a trigger of the inbox forgets it where
an event is deleted, or moved to the organization that it turned out to be of.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from backend import models
from backend.database import Database, SnapshotConnection, find_horizon, transaction_lock
from backend.models import NO_ORGANIZATION, DirectoryEvent
from backend.schemas.events import EventFilters, EventHour, EventHours, Outcome
from backend.services.events import inbox

HOURS = 72
_MOST = 1_000_000  # the newest
_HOUR = timedelta(hours=1)

# Reckoned by the statement: of a value that it is given, the planner knows nothing.
_THIS_HOUR = func.date_trunc("hour", func.now(), "UTC", type_=DirectoryEvent.received_at.type)
_FIRST_HOUR: ColumnElement[datetime] = literal_column(
    f"date_trunc('hour', now(), 'UTC') - interval '{HOURS - 1} hours'"
)
_RECEIVED_IN: Label[datetime] = literal_column("date_trunc('hour', received_at, 'UTC')").label(
    "hour"
)


async def by_hour(connection: SnapshotConnection, organization_id: str) -> EventHours:
    """The events of the last three days by the hour in which they were received."""
    this_hour = await connection.scalar(select(_THIS_HOUR))
    assert isinstance(this_hour, datetime)
    hours = [this_hour - back * _HOUR for back in reversed(range(HOURS))]
    counted = await _counted(connection, organization_id)
    new = await _count(connection, organization_id, [hour for hour in hours if hour not in counted])
    events = counted | new
    parked = await _parked(connection, organization_id)
    return EventHours(
        hours=[
            EventHour(since=hour, events=events.get(hour, 0), parked=parked.get(hour, 0))
            for hour in hours
        ],
        complete=sum(new.values()) < _MOST,
    )


async def count_in_background(database: Database) -> None:
    """Count the hours that are over and were not counted, of all organizations, newest first."""
    row = models.EventHour
    async with database.connect() as connection:
        horizon = await find_horizon(connection)
        if horizon is None:
            return
        hours = [
            horizon.replace(minute=0, second=0, microsecond=0) - back * _HOUR
            for back in range(1, HOURS)
        ]
        of_nobody = select(row.hour).where(
            row.organization_id == NO_ORGANIZATION, row.hour >= hours[-1]
        )
        counted = set(await connection.scalars(of_nobody))
    for hour in hours:
        if hour not in counted:
            await _count_for_everybody(database, hour)


async def _count_for_everybody(database: Database, hour: datetime) -> None:
    row = models.EventHour
    found = (
        select(DirectoryEvent.organization_id, literal(hour), func.count())
        .where(DirectoryEvent.received_at >= hour, DirectoryEvent.received_at < hour + _HOUR)
        .group_by(DirectoryEvent.organization_id)
    )
    store = insert(row).from_select(["organization_id", "hour", "events"], found)
    stored = [row.organization_id, row.hour]
    async with database.transaction() as session:
        # As in the SQL function `forget_event_hour`.
        await transaction_lock(session, f"event hour {hour.timestamp():.0f}")
        await session.execute(
            store.on_conflict_do_update(
                index_elements=stored, set_={"events": store.excluded.events}
            )
        )
        none = insert(row).values(organization_id=NO_ORGANIZATION, hour=hour, events=0)
        await session.execute(none.on_conflict_do_nothing(index_elements=stored))


async def _counted(connection: SnapshotConnection, organization_id: str) -> dict[datetime, int]:
    row = models.EventHour
    found = await connection.execute(
        select(row.hour, row.events).where(
            row.organization_id == organization_id, row.hour >= _FIRST_HOUR
        )
    )
    return {row.hour: row.events for row in found}


async def _count(
    connection: SnapshotConnection, organization_id: str, hours: Sequence[datetime]
) -> dict[datetime, int]:
    """Those of these hours, newest first, up to a million."""
    most = literal(_MOST, literal_execute=True)
    given = bindparam("hours", list(hours), type_=ARRAY(DirectoryEvent.received_at.type))
    of = func.unnest(given).column_valued("hour")
    asked = select(of.label("hour")).order_by(of.desc()).subquery("asked")
    # With its own end, for the planner to take the hours one by one.
    came = (
        select(literal_column("1"))
        .where(
            *inbox.matching(EventFilters(), organization_id),
            DirectoryEvent.received_at >= asked.c.hour,
            DirectoryEvent.received_at < asked.c.hour + _HOUR,
        )
        .limit(most)
        .lateral("came")
    )
    found = select(asked.c.hour).select_from(asked).join(came, true()).limit(most)
    return await _by_hour(connection, found)


async def _parked(connection: SnapshotConnection, organization_id: str) -> dict[datetime, int]:
    """Few, and an index has them."""
    return await _by_hour(
        connection,
        select(_RECEIVED_IN)
        .where(
            *inbox.matching(EventFilters(outcome=Outcome.PARKED), organization_id),
            DirectoryEvent.received_at >= _FIRST_HOUR,
        )
        .order_by(DirectoryEvent.received_at.desc())
        .limit(literal(_MOST, literal_execute=True)),
    )


async def _by_hour(connection: SnapshotConnection, found: Select[datetime]) -> dict[datetime, int]:
    of = found.subquery("found")
    rows = await connection.execute(
        select(of.c.hour, func.count().label("number")).group_by(of.c.hour)
    )
    return {row.hour: row.number for row in rows}
