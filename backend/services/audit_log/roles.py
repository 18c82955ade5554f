"""Who had a role on a day, from what the audit log has of everybody's access before and after.

An entry about a person says what they could do right before it and right after. In between a group
of theirs may have come to give the role, and to give it no more: when, is in its entries, and who
was a member then, in theirs. Where what is after one entry and what groups tell do not make what
was before the next, something else did: what is in an entry about a directory, the organization or
a role at WorkOS. Is there one such entry, it was then; are there several or none, it is not certain
when.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union,
)

from backend.database import SnapshotConnection
from backend.errors import InvalidInput
from backend.models import (
    ELEVATED,
    AuditEvent,
    DirectoryMembership,
    DirectoryUser,
    RoleGrant,
    RoleMapping,
    User,
    access,
)
from backend.pagination import NameCursor
from backend.schemas.access import Role
from backend.schemas.audit import AuditAction
from backend.schemas.audit_log import RoleHolder, RoleHolders
from backend.schemas.organization import GIVE_ROLES

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
    """Whether somebody had the role right before and right after a moment, and might enter."""

    at: datetime
    had: bool
    has: bool
    was_active: bool = True
    active: bool = True


class Change(NamedTuple):
    """Of something that is or is not, at a moment, as the log tells it."""

    at: datetime
    before: bool
    after: bool


class Known(NamedTuple):
    """What is known of it: its changes in order, and how it is now."""

    changes: Sequence[Change]
    now: bool

    def right_before(self, moment: datetime) -> bool:
        place = bisect_left(self.changes, moment, key=_at)
        return self.changes[place].before if place < len(self.changes) else self.now

    def right_after(self, moment: datetime) -> bool:
        place = bisect_right(self.changes, moment, key=_at)
        return self.changes[place].before if place < len(self.changes) else self.now


class Source(NamedTuple):
    """A group, as far as one person goes: whether it gives the role, and has them as a member."""

    gives: Known
    has_them: Known


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
    active: bool


class _Entries(NamedTuple):
    """Those about people: of their access, and of being a member of a group."""

    points: dict[UUID, list[Point]]
    members: dict[tuple[UUID, str], list[Change]]


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


def filled(points: Sequence[Point], sources: Sequence[Source]) -> list[Point]:
    """With points in between, where groups of theirs came to give the role, or gave it no more.

    Args:
        points: somebody's, in order; the last one is now.
        sources: the groups that ever gave it and have ever had them as a member.
    """
    told: list[Point] = []
    for point in points:
        told += _by_groups(told[-1] if told else None, point, sources)
        told.append(point)
    return told


def _by_groups(last: Point | None, point: Point, sources: Sequence[Source]) -> list[Point]:
    """None where that is not what was right before the point: then something else was at work."""
    if not (point.was_active if last is None else last.active):
        return []
    after = _EVER if last is None else last.at
    moments = sorted(
        change.at
        for source in sources
        for change in source.gives.changes
        if after < change.at < point.at and source.has_them.right_before(change.at)
    )
    if not moments:
        return []
    holds = last.has if last else _gives(sources, moments[0], Known.right_before)
    found = []
    for moment in moments:
        had, holds = holds, _gives(sources, moment, Known.right_after)
        found.append(Point(moment, had, holds))
    return found if holds == point.had else []


def _gives(
    sources: Sequence[Source], moment: datetime, of: Callable[[Known, datetime], bool]
) -> bool:
    return any(of(each.gives, moment) and each.has_them.right_before(moment) for each in sources)


def _at(change: Change) -> datetime:
    return change.at


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
                DirectoryUser.id == _any(subjects, Text),
            )
        )
        candidates = union(
            select(User.id).where(here, User.id == _any(_uuids(subjects), Uuid)),
            by_directory,
            *await self._given(),
        )
        ids = list(await self._connection.scalars(candidates))
        found = await self._connection.execute(
            select(
                User.id,
                User.name,
                User.sort_name,
                (access.c.active & access.c.roles.contains([self._role.value])).label("holds"),
                access.c.active,
            )
            .join(
                access,
                (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
            )
            .where(
                here, access.c.organization_id == self._organization_id, User.id == _any(ids, Uuid)
            )
        )
        return {row.id: _Person(*row) for row in found}

    async def _given(self) -> list[Any]:
        """Whom somebody gives the role now, and who was ever in a group that ever gave it."""
        granted = select(RoleGrant.user_id).where(
            RoleGrant.organization_id == self._organization_id,
            RoleGrant.role == self._role.value,
        )
        mapped = select(RoleMapping.group_id).where(
            RoleMapping.organization_id == self._organization_id,
            RoleMapping.role == self._role.value,
        )
        groups = list(await self._connection.scalars(mapped))
        return [granted, self._memberships(groups, User.id)]

    def _memberships(
        self, groups: Collection[str], *columns: SQLColumnExpression[Any]
    ) -> Select[*tuple[Any, ...]]:
        """Of these groups; as mappings, they are kept when they are over.

        The groups are named, or all memberships may be gone through for them.
        """
        member, person = DirectoryMembership, DirectoryUser
        return (
            select(*columns)
            .select_from(member)
            .join(
                person,
                (person.organization_id == member.organization_id)
                & (person.id == member.directory_user_id),
            )
            .join(
                User,
                (User.organization_id == person.organization_id) & (User.key == person.user_key),
            )
            .where(
                member.organization_id == self._organization_id,
                member.group_id == _any(groups, Text),
                person.organization_id == self._organization_id,
                User.organization_id == self._organization_id,
            )
        )

    async def entries(self, people: Collection[UUID]) -> _Entries:
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
                User.id == _any(people, Uuid),
            )
        )
        whose = {str(user_id): user_id for user_id in people}
        whose |= {row[0]: row[1] for row in theirs}
        had = self._has("before", "access")
        before, after = (AuditEvent.detail[side] for side in ("before", "after"))
        was_active = func.coalesce(before["access"]["active"].as_boolean(), literal(False))
        found = await self._connection.execute(
            select(
                AuditEvent.subject_id,
                AuditEvent.at,
                or_(before["access"].is_not(None), after["access"].is_not(None)).label("tells"),
                had.label("had"),
                func.coalesce(after["access"]["roles"].contains([self._role.value]), had).label(
                    "has"
                ),
                was_active.label("was_active"),
                func.coalesce(after["access"]["active"].as_boolean(), was_active).label("active"),
                AuditEvent.detail["group_id"].astext.label("group_id"),
                before["member"].as_boolean().label("was_member"),
                after["member"].as_boolean().label("is_member"),
            )
            .where(
                self._here,
                AuditEvent.subject_id == _any(whose, Text),
                or_(
                    before["access"].is_not(None),
                    after["access"].is_not(None),
                    after["member"].is_not(None),
                ),
            )
            .order_by(AuditEvent.at, AuditEvent.id)
        )
        entries = _Entries(defaultdict(list), defaultdict(list))
        for row in found:
            user_id = whose[row.subject_id or ""]
            if row.tells:
                point = Point(row.at, row.had, row.has, row.was_active, row.active)
                entries.points[user_id].append(point)
            if row.group_id and row.is_member is not None:
                change = Change(row.at, bool(row.was_member), row.is_member)
                entries.members[user_id, row.group_id].append(change)
        return entries

    async def sources(self, entries: _Entries) -> dict[UUID, list[Source]]:
        """Of each person, the groups; nobody's where no group's entry tells of the role."""
        gives = await self._giving()
        columns = (User.id, DirectoryMembership.group_id, DirectoryMembership.present)
        members = await self._connection.execute(self._memberships(gives, *columns))
        sources: dict[UUID, list[Source]] = defaultdict(list)
        for user_id, group_id, present in members:
            has_them = Known(entries.members.get((user_id, group_id), ()), present)
            sources[user_id].append(Source(gives[group_id], has_them))
        return sources

    async def _giving(self) -> dict[str, Known]:
        """Of each group that came to give the role or gave it no more, when."""

        def gave(side: str) -> ColumnElement[bool]:
            live = func.coalesce(
                AuditEvent.detail[side]["group"]["live"].as_boolean(), literal(False)
            )
            return and_(live, self._has(side, "group"))

        found = await self._connection.execute(
            select(
                AuditEvent.subject_id,
                AuditEvent.at,
                gave("before").label("gave"),
                gave("after").label("gives"),
            )
            .where(self._here, ELEVATED, gave("before") != gave("after"))
            .order_by(AuditEvent.at, AuditEvent.id)
        )
        changes: dict[str, list[Change]] = defaultdict(list)
        for row in found:
            changes[row.subject_id or ""].append(Change(row.at, row.gave, row.gives))
        return {of: Known(told, told[-1].after) for of, told in changes.items()}

    async def turns(self) -> list[datetime]:
        of_groups = select(AuditEvent.at).where(
            self._here,
            ELEVATED,
            or_(
                *(
                    self._has(side, of)
                    for side in ("before", "after")
                    for of in ("group", "workos_role")
                )
            ),
        )
        settings = AuditEvent.detail["after"]["settings"]
        by_settings = select(AuditEvent.at).where(
            self._here,
            AuditEvent.action == literal(AuditAction.SETTING_CHANGED.value, literal_execute=True),
            or_(*(settings[name].is_not(None) for name in GIVE_ROLES)),
        )
        # Spelt out: of an action that it does not know PostgreSQL takes a fifth of all to be.
        above = [
            select(AuditEvent.at).where(
                self._here, AuditEvent.action == literal(action, literal_execute=True)
            )
            for action in _ABOVE
        ]
        return sorted(await self._connection.scalars(union(of_groups, by_settings, *above)))

    async def erased(self) -> set[str]:
        found = await self._connection.scalars(
            select(AuditEvent.subject_id).where(
                self._here,
                AuditEvent.action == AuditAction.AUDIT_ERASED.value,
                AuditEvent.subject_id.is_not(None),
            )
        )
        return {subject for subject in found if subject is not None}


def _any(values: Collection[Any], of: type[Text | Uuid[UUID]]) -> ColumnElement[Any]:
    """One array: of parameters there may be no more than 32,767."""
    return any_(bindparam(None, list(values), ARRAY(of)))


def _uuids(subjects: Collection[str | None]) -> list[UUID]:
    found = []
    for subject in subjects:
        try:
            found.append(UUID(subject))
        except (ValueError, TypeError, AttributeError):
            continue
    return found
