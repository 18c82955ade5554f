"""Who had a role on a day, from what the audit log has of everybody's access before and after.

An entry about a person says what they could do right before it and right after. Where what was
after one is not what was before the next, something else made the difference in between: what is in
an entry about a group, the directory or the organization. Is there one such entry, it was then; are
there several or none, it is not certain when.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, select, union

from backend.database import SnapshotConnection
from backend.errors import InvalidInput
from backend.models import (
    ELEVATED,
    AuditEvent,
    DirectoryUser,
    RoleGrant,
    RoleMapping,
    User,
    access,
    live_memberships,
)
from backend.pagination import NameCursor
from backend.schemas.access import Role
from backend.schemas.audit import AuditAction
from backend.schemas.audit_log import RoleHolder, RoleHolders

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)

# About nobody in particular, and yet about everybody's access.
_ABOVE = (
    "dsync.activated",
    "dsync.deleted",
    "organization.deleted",
    AuditAction.ORGANIZATION_DIRECTORY_MANAGED.value,
)


class Point(NamedTuple):
    """Whether somebody had the role right before and right after a moment."""

    at: datetime
    had: bool
    has: bool


class Moment(NamedTuple):
    """Not earlier, and not later than; the same where it is known."""

    earliest: datetime
    latest: datetime


class Held(NamedTuple):
    since: Moment
    until: Moment


class _Person(NamedTuple):
    id: UUID
    name: str
    sort_name: str
    holds: bool


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
    log = _Log(connection, organization_id, role)
    now, log_since = await log.moments()
    if begin > now:
        raise InvalidInput("on", "is still to come")
    people = await log.people()
    points, turns = await log.points(people), await log.turns()
    erased = await log.erased()
    found = []
    for person in people.values():
        last = Point(now, person.holds, person.holds)
        held = [
            one
            for one in spans([*points[person.id], last], turns, log_since or now)
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


def spans(
    points: Sequence[Point], turns: Sequence[datetime], log_since: datetime
) -> Iterator[Held]:
    """From when to when somebody had the role.

    Args:
        points: theirs, in order; the last one is now.
        turns: when anybody may have got or lost it by what was not about them, in order.
        log_since: the time of the oldest entry.
    """
    holds = points[0].had
    # Of somebody who is in no entry it is not even known that they had it then.
    since = Moment(_EVER, log_since if len(points) > 1 else points[0].at)
    last = _EVER
    for point in points:
        for holds_now, moment in (
            (point.had, _between(last, point.at, turns)),
            (point.has, Moment(point.at, point.at)),
        ):
            if holds_now and not holds:
                since = moment
            elif holds and not holds_now:
                yield Held(since, moment)
            holds = holds_now
        last = point.at
    if holds:
        yield Held(since, Moment(_NEVER, _NEVER))


def _between(after: datetime, before: datetime, turns: Sequence[datetime]) -> Moment:
    found = turns[bisect_right(turns, after) : bisect_left(turns, before)]
    return Moment(found[0], found[-1]) if found else Moment(after, before)


def _place(person: _Person) -> tuple[str, UUID]:
    return person.sort_name, person.id


def _shown(
    person: _Person, held: list[Held], begin: datetime, end: datetime, erased: Collection[str]
) -> RoleHolder:
    since, until = held[0].since, held[-1].until
    return RoleHolder(
        id=person.id,
        name=None if str(person.id) in erased else person.name,
        certain=any(one.since.latest < end and one.until.earliest > begin for one in held),
        since=since.earliest if since.earliest == since.latest else None,
        until=until.earliest if until.earliest == until.latest != _NEVER else None,
    )


class _Log:
    """What the audit log of an organization has of one role."""

    def __init__(self, connection: SnapshotConnection, organization_id: str, role: Role) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._role = role
        self._here = AuditEvent.organization_id == organization_id

    def _has(self, side: str, of: str) -> ColumnElement[bool]:
        roles = AuditEvent.detail[side][of]["roles"]
        return func.coalesce(roles.contains([self._role.value]), literal(False))

    async def moments(self) -> tuple[datetime, datetime | None]:
        """Now, and that of the oldest entry."""
        oldest = select(func.min(AuditEvent.at)).where(self._here).scalar_subquery()
        now, log_since = (await self._connection.execute(select(func.now(), oldest))).one()
        return now, log_since

    async def people(self) -> dict[UUID, _Person]:
        """Whoever has the role, or had it before or after an entry about them."""
        mentioned = await self._connection.scalars(
            select(AuditEvent.subject_id)
            .where(
                self._here,
                ELEVATED,
                or_(self._has("before", "access"), self._has("after", "access")),
            )
            .distinct()
        )
        subjects = list(mentioned)
        here = User.organization_id == self._organization_id
        by_directory = (
            select(User.id)
            .join(
                DirectoryUser,
                (DirectoryUser.organization_id == User.organization_id)
                & (DirectoryUser.user_key == User.key),
            )
            .where(
                here,
                DirectoryUser.organization_id == self._organization_id,
                DirectoryUser.id.in_(subjects),
            )
        )
        candidates = union(
            select(User.id).where(here, User.id.in_(_uuids(subjects))),
            by_directory,
            *self._given(),
        )
        ids = list(await self._connection.scalars(candidates))
        found = await self._connection.execute(
            select(
                User.id,
                User.name,
                User.sort_name,
                (access.c.active & access.c.roles.contains([self._role.value])).label("holds"),
            )
            .join(
                access,
                (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
            )
            .where(here, access.c.organization_id == self._organization_id, User.id.in_(ids))
        )
        return {row.id: _Person(*row) for row in found}

    def _given(self) -> list[Any]:
        """The users whom a group or somebody gives the role now, active or not."""
        mapped = (
            select(User.id)
            .join(
                live_memberships,
                (live_memberships.c.organization_id == User.organization_id)
                & (live_memberships.c.user_key == User.key),
            )
            .join(
                RoleMapping,
                (RoleMapping.organization_id == live_memberships.c.organization_id)
                & (RoleMapping.group_id == live_memberships.c.group_id),
            )
            .where(
                User.organization_id == self._organization_id,
                live_memberships.c.organization_id == self._organization_id,
                RoleMapping.organization_id == self._organization_id,
                RoleMapping.role == self._role.value,
            )
        )
        granted = select(RoleGrant.user_id).where(
            RoleGrant.organization_id == self._organization_id,
            RoleGrant.role == self._role.value,
        )
        return [mapped, granted]

    async def points(self, people: Collection[UUID]) -> dict[UUID, list[Point]]:
        theirs = await self._connection.execute(
            select(DirectoryUser.id, User.id)
            .join(
                User,
                (User.organization_id == DirectoryUser.organization_id)
                & (User.key == DirectoryUser.user_key),
            )
            .where(
                DirectoryUser.organization_id == self._organization_id,
                User.organization_id == self._organization_id,
                User.id.in_(people),
            )
        )
        whose = {str(user_id): user_id for user_id in people}
        whose |= {row[0]: row[1] for row in theirs}
        had = self._has("before", "access")
        after = AuditEvent.detail["after"]["access"]
        found = await self._connection.execute(
            select(
                AuditEvent.subject_id,
                AuditEvent.at,
                had.label("had"),
                func.coalesce(after["roles"].contains([self._role.value]), had).label("has"),
            )
            .where(
                self._here,
                AuditEvent.subject_id.in_(whose),
                or_(AuditEvent.detail["before"]["access"].is_not(None), after.is_not(None)),
            )
            .order_by(AuditEvent.at, AuditEvent.id)
        )
        points: dict[UUID, list[Point]] = defaultdict(list)
        for row in found:
            points[whose[row.subject_id or ""]].append(Point(row.at, row.had, row.has))
        return points

    async def turns(self) -> list[datetime]:
        of_groups = select(AuditEvent.at).where(
            self._here,
            ELEVATED,
            or_(self._has("before", "group"), self._has("after", "group")),
        )
        # Spelt out: of an action that it does not know PostgreSQL takes a fifth of all to be.
        above = [
            select(AuditEvent.at).where(
                self._here, AuditEvent.action == literal(action, literal_execute=True)
            )
            for action in _ABOVE
        ]
        return sorted(await self._connection.scalars(union(of_groups, *above)))

    async def erased(self) -> set[str]:
        found = await self._connection.scalars(
            select(AuditEvent.subject_id).where(
                self._here,
                AuditEvent.action == AuditAction.AUDIT_ERASED.value,
                AuditEvent.subject_id.is_not(None),
            )
        )
        return {subject for subject in found if subject is not None}


def _uuids(subjects: Collection[str | None]) -> list[UUID]:
    found = []
    for subject in subjects:
        try:
            found.append(UUID(subject))
        except (ValueError, TypeError, AttributeError):
            continue
    return found
