"""Who had a role on a day, from what the audit log has of everybody's access before and after.

An entry about a person says what they could do right before it and right after. In between a group
of theirs may have come to give the role, and to give it no more: when, is in its entries, and who
was a member then, in theirs. Where what is after one entry and what groups tell do not make what
was before the next, something else did: what is in an entry about a directory, the organization or
a role at WorkOS. Is there one such entry, it was then; are there several or none, it is not certain
when.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from backend.database import SnapshotConnection
from backend.errors import InvalidInput
from backend.pagination import NameCursor
from backend.schemas.access import Role
from backend.schemas.audit_log import RoleHolder, RoleHolders
from backend.services.audit_log.role_entries import Person, RoleLog
from backend.services.audit_log.role_spans import NEVER, Held, Point, filled, spans


async def holders(
    connection: SnapshotConnection,
    organization_id: str,
    role: Role,
    on: date,
    *,
    cursor: NameCursor | None,
    limit: int,
) -> RoleHolders:
    """Whoever had the role at any time of that day, which is one of UTC.

    Raises:
        InvalidInput: everybody active has it, or the day is still to come.
    """
    if role is Role.MEMBER:
        raise InvalidInput("role", "everybody active is a member; ask for another role")
    begin = datetime.combine(on, time(), UTC)
    end = begin + timedelta(days=1)
    log = RoleLog(connection, organization_id, role)
    now, log_since = await log.moments()
    if begin > now:
        raise InvalidInput("on", "is still to come")
    people = await log.people()
    entries, turns = await log.entries(people), await log.turns()
    sources = await log.sources(entries)
    erased = await log.erased()
    found = []
    for person in people.values():
        last = Point(now, person.holds, person.holds, person.active, person.active)
        points = filled([*entries.points[person.id], last], sources[person.id])
        held = [
            one
            for one in spans(points, turns, log_since or now)
            if one.since.earliest < end and one.until.latest > begin
        ]
        if held:
            found.append((person, held))
    found.sort(key=lambda each: (each[0].sort_name, each[0].id))
    rest = [each for each in found if cursor is None or _place(each[0]) > tuple(cursor.values)]
    page = rest[:limit]
    return RoleHolders(
        role=role,
        on=on,
        log_since=log_since,
        items=[_shown(person, held, begin, end, erased) for person, held in page],
        next_cursor=str(NameCursor(*_place(page[-1][0]))) if len(rest) > limit else None,
    )


def _place(person: Person) -> tuple[str, UUID]:
    return person.sort_name, person.id


def _shown(
    person: Person, held: list[Held], begin: datetime, end: datetime, erased: Collection[str]
) -> RoleHolder:
    since, until = held[0].since, held[-1].until
    return RoleHolder(
        id=person.id,
        name=None if str(person.id) in erased else person.name,
        certain=any(one.since.latest < end and one.until.earliest > begin for one in held),
        since=since.earliest if since.earliest == since.latest else None,
        until=until.earliest if until.earliest == until.latest != NEVER else None,
    )
