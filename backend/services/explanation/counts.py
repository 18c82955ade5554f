"""How much an organization's directories hold: counted at the look, or in the background.

Whether a row is live is derived of it and of others: no trigger could keep the number. So a large
organization is counted by a job, that those who look ask for, and its counts have a time.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database, SnapshotConnection, plan_by_index
from backend.models import (
    AuditEvent,
    DirectoryCount,
    live_directory_users,
    live_groups,
    live_memberships,
)
from backend.schemas.directory import Counted, Counts

MOST_COUNTED = 2_000
"""Of a kind, at a look: about what may be derived in the time that a request may take."""

# A count is made again when something has changed, or after a while: what no entry tells of, such
# as the groups in a snapshot of one person, is counted, too. It is never more than a twentieth of
# a processor's time.
_LEAST_AGE, _MOST_AGE = timedelta(minutes=1), timedelta(hours=1)
_TIMES_AS_LONG = 20


class Extent(NamedTuple):
    """What the directories hold that hold something, by their ids; `more` ended at the bound.

    `as_of`: when it was counted, if that was not now. `is_due`: a job is to count it.
    """

    of: Mapping[str, Counts]
    more: list[Counted]
    as_of: datetime | None
    is_due: bool


async def find(connection: SnapshotConnection, organization_id: str) -> Extent:
    """What was counted in the background, if there is that; else as much as a look may count."""
    counted = await _find_counted(connection, organization_id)
    return counted or await _count(connection, organization_id, MOST_COUNTED)


async def count_in_background(database: Database, organization_id: str) -> None:
    """Count all there is, for those who look; where a look may count it, nothing is stored."""
    async with database.locked(f"count directories {organization_id}") as lock:
        if lock is None:
            return
        async with lock.transaction("REPEATABLE READ") as connection:
            await plan_by_index(connection)
            found = await _count(connection, organization_id, None)
            await connection.execute(
                delete(DirectoryCount).where(DirectoryCount.organization_id == organization_id)
            )
            if not found.more:
                return
            took = func.clock_timestamp() - func.now()
            rows = [
                {"organization_id": organization_id, "directory_id": directory_id, "took": took}
                | counts.model_dump()
                for directory_id, counts in found.of.items()
            ]
            await connection.execute(insert(DirectoryCount).values(rows))


async def _find_counted(connection: SnapshotConnection, organization_id: str) -> Extent | None:
    row = DirectoryCount
    newest_entry = (
        select(AuditEvent.at)
        .where(AuditEvent.organization_id == organization_id)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(literal(1, literal_execute=True))
        .scalar_subquery()
    )
    found = await connection.execute(
        select(
            row.directory_id,
            row.active_people,
            row.people,
            row.groups,
            row.memberships,
            row.counted_at,
            row.took,
            (func.now() - row.counted_at).label("age"),
            newest_entry.label("newest_entry"),
        ).where(row.organization_id == organization_id)
    )
    rows = found.all()
    if not rows:
        return None
    one = rows[0]
    has_changed = one.age > _MOST_AGE or (one.newest_entry or one.counted_at) > one.counted_at
    return Extent(
        {row.directory_id: Counts.model_validate(row, from_attributes=True) for row in rows},
        [],
        one.counted_at,
        has_changed and one.age > max(_LEAST_AGE, one.took * _TIMES_AS_LONG),
    )


async def _count(connection: AsyncConnection, organization_id: str, most: int | None) -> Extent:
    """Up to so many of each kind, or all; `more` says of which a look does not find all."""
    is_active = live_directory_users.c.state == "active"
    people, active = await _per_directory(
        connection, organization_id, most, live_directory_users, is_active
    )
    groups, _ = await _per_directory(connection, organization_id, most, live_groups)
    memberships, _ = await _per_directory(connection, organization_id, most, live_memberships)
    numbers = {Counted.PEOPLE: people, Counted.GROUPS: groups, Counted.MEMBERSHIPS: memberships}
    more = [of for of, number in numbers.items() if number.total() > MOST_COUNTED]

    def told(number: int) -> int:
        return number if most is None else min(number, most)

    return Extent(
        {
            directory_id: Counts(
                active_people=told(active[directory_id]),
                people=told(people[directory_id]),
                groups=told(groups[directory_id]),
                memberships=told(memberships[directory_id]),
            )
            for directory_id in sorted({*people, *groups, *memberships})
        },
        more,
        None,
        bool(more),
    )


async def _per_directory(
    connection: AsyncConnection,
    organization_id: str,
    most: int | None,
    view: Table,
    is_so: ColumnElement[bool] | None = None,
) -> tuple[Counter[str], Counter[str]]:
    """How many there are, up to one more than is told, and of how many of these it is so."""
    here: Select[tuple[str, bool]] = select(
        view.c.directory_id, (true() if is_so is None else is_so).label("is_so")
    ).where(view.c.organization_id == organization_id)
    if most is not None:
        here = here.limit(literal(most + 1, literal_execute=True))
    looked_at = here.subquery("looked_at")
    number = func.count()
    rows = await connection.execute(
        select(
            looked_at.c.directory_id,
            number.label("number"),
            number.filter(looked_at.c.is_so).label("so"),
        ).group_by(looked_at.c.directory_id)
    )
    found = rows.all()
    return (
        Counter({row.directory_id: row.number for row in found}),
        Counter({row.directory_id: row.so for row in found}),
    )
