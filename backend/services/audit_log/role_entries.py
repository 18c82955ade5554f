"""What the audit log of an organization has of one role: of people, groups, what is above them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
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
from backend.schemas.access import Role
from backend.schemas.audit import AuditAction
from backend.schemas.organization import GIVE_ROLES
from backend.services.audit_log.role_spans import Change, Known, Point, Source

_AT_ONCE = 5_000

# About nobody in particular, and yet about everybody's access.
_ABOVE = (
    "dsync.activated",
    "dsync.deleted",
    "organization.deleted",
    AuditAction.ORGANIZATION_DIRECTORY_MANAGED.value,
)


class Person(NamedTuple):
    id: UUID
    name: str
    sort_name: str
    holds: bool
    active: bool


class Entries(NamedTuple):
    """Those about people: of their access, and of being a member of a group."""

    points: dict[UUID, list[Point]]
    members: dict[tuple[UUID, str], list[Change]]


class RoleLog:
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

    async def people(self) -> dict[UUID, Person]:
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
        people: dict[UUID, Person] = {}
        for some in _parts(ids):
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
                    (access.c.organization_id == User.organization_id)
                    & (access.c.user_id == User.id),
                )
                .where(
                    here,
                    access.c.organization_id == self._organization_id,
                    User.id == _any(some, Uuid),
                )
            )
            people |= {row.id: Person(*row) for row in found}
        return people

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

    async def entries(self, people: Collection[UUID]) -> Entries:
        entries = Entries(defaultdict(list), defaultdict(list))
        for some in _parts(list(people)):
            await self._read_entries(some, entries)
        return entries

    async def _read_entries(self, people: Sequence[UUID], entries: Entries) -> None:
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
        for row in found:
            user_id = whose[row.subject_id or ""]
            if row.tells:
                point = Point(row.at, row.had, row.has, row.was_active, row.active)
                entries.points[user_id].append(point)
            if row.group_id and row.is_member is not None:
                change = Change(row.at, bool(row.was_member), row.is_member)
                entries.members[user_id, row.group_id].append(change)

    async def sources(self, entries: Entries) -> dict[UUID, list[Source]]:
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


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """So many that a statement has time for them."""
    for first in range(0, len(ids), _AT_ONCE):
        yield ids[first : first + _AT_ONCE]


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
