"""What a change of a mapping would do to people, by the view `access`; nothing of it is kept."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Database, take_turns
from backend.errors import NotFound
from backend.models import (
    DirectoryGroup,
    Organization,
    User,
    access,
    live_directory_users,
    live_memberships,
)
from backend.schemas.access import Actor, Role, roles_named
from backend.schemas.events import Person
from backend.schemas.roles import MOST_NAMED, MappingPreview, Preview, RoleChange
from backend.services.roles import admins, mappings

MOST_LOOKED_AT = 10_000
"""People whose access is derived, before and after."""

# The change locks rows that events want, too: it is made for so many at a time, and undone.
_AT_ONCE = 1_000

_ACTIVE = "active"

Changes = dict[Role, list[UUID]]


async def preview(database: Database, actor: Actor, wanted: MappingPreview) -> Preview:
    """Who would gain and lose which roles.

    The change is made, `access` is asked before and after, and the change is undone. All of it sees
    one moment, so that what is told is this change's doing alone.

    Raises:
        NotFound: the organization's directories never had the group.
    """

    async def once() -> Preview:
        async with database.transaction() as session:
            _ = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            told = await _try(session, actor.organization_id, wanted)
            await session.rollback()
        return told

    return await take_turns(once)


async def _try(session: AsyncSession, organization_id: str, wanted: MappingPreview) -> Preview:
    found = await _concerned(session, organization_id, wanted)
    people = found[:MOST_LOOKED_AT]
    gains: Changes = defaultdict(list)
    losses: Changes = defaultdict(list)
    last_admin = False
    for first in range(0, max(len(people), 1), _AT_ONCE):
        some = people[first : first + _AT_ONCE]
        before = await _roles_of(session, organization_id, some)
        async with session.begin_nested() as savepoint:
            await _write(session, organization_id, wanted)
            after = await _roles_of(session, organization_id, some)
            if first == 0:
                last_admin = not await admins.has_admin(session, organization_id)
            await savepoint.rollback()
        for user_id in some:
            was, now = set(before[user_id]), set(after[user_id])
            for role in now - was:
                gains[role].append(user_id)
            for role in was - now:
                losses[role].append(user_id)
    return Preview(
        gains=await _shown(session, organization_id, gains),
        losses=await _shown(session, organization_id, losses),
        looked_at=len(people),
        looked_at_all=len(found) <= MOST_LOOKED_AT,
        last_admin=last_admin,
    )


async def _write(session: AsyncSession, organization_id: str, wanted: MappingPreview) -> None:
    if wanted.group_id is not None:
        await mappings.write_group(session, organization_id, wanted.group_id, wanted.roles)
    elif wanted.slug is not None:
        await mappings.write_workos_role(session, organization_id, wanted.slug, wanted.roles)


async def _concerned(
    session: AsyncSession, organization_id: str, wanted: MappingPreview
) -> list[UUID]:
    """Who is active and whom the mapping is of; one more than are looked at, if there are more."""
    if wanted.group_id is not None:
        group = select(DirectoryGroup.id).where(
            DirectoryGroup.organization_id == organization_id, DirectoryGroup.id == wanted.group_id
        )
        if await session.scalar(group) is None:
            raise NotFound
        rows = _members_of(organization_id, wanted.group_id)
    else:
        managed = select(Organization.directory_managed).where(
            Organization.workos_id == organization_id
        )
        has = _with_slug if await session.scalar(managed) else _signed_in_with_slug
        rows = has(organization_id, wanted.slug or "")
    most = literal(MOST_LOOKED_AT + 1, literal_execute=True)
    return list((await session.scalars(rows.limit(most))).all())


def _members_of(organization_id: str, group_id: str) -> Select[*tuple[Any, ...]]:
    return (
        select(User.id)
        .join(
            live_memberships,
            (live_memberships.c.organization_id == User.organization_id)
            & (live_memberships.c.user_key == User.key),
        )
        .where(
            live_memberships.c.organization_id == organization_id,
            live_memberships.c.group_id == group_id,
            live_memberships.c.state == _ACTIVE,
        )
    )


_NONE: ColumnElement[Any] = literal_column("'{}'::text[]")


def _with_slug(organization_id: str, slug: str) -> Select[*tuple[Any, ...]]:
    return (
        select(User.id)
        .join(
            live_directory_users,
            (live_directory_users.c.organization_id == User.organization_id)
            & (live_directory_users.c.user_key == User.key),
        )
        .where(
            live_directory_users.c.organization_id == organization_id,
            live_directory_users.c.role_slugs.contains([slug]),
            live_directory_users.c.role_slugs != _NONE,
            live_directory_users.c.state == _ACTIVE,
        )
        .distinct()
    )


def _signed_in_with_slug(organization_id: str, slug: str) -> Select[*tuple[Any, ...]]:
    return select(User.id).where(
        User.organization_id == organization_id,
        User.role_slugs.contains([slug]),
        User.role_slugs != _NONE,
    )


async def _roles_of(
    session: AsyncSession, organization_id: str, people: list[UUID]
) -> dict[UUID, tuple[Role, ...]]:
    """Each derived by itself: joined, the access of all the organization's people was."""
    wanted = (
        func.unnest(bindparam("people", people, ARRAY(Uuid)))
        .table_valued("id", name="wanted")
        .render_derived()
    )
    now = (
        select(access.c.roles)
        .where(access.c.organization_id == organization_id, access.c.user_id == wanted.c.id)
        .offset(literal_column("0"))
        .correlate(wanted)
        .lateral("now")
    )
    rows = await session.execute(
        select(wanted.c.id, now.c.roles).select_from(wanted).join(now, true())
    )
    return {row.id: roles_named(row.roles) for row in rows}


async def _shown(session: AsyncSession, organization_id: str, changes: Changes) -> list[RoleChange]:
    shown = []
    for role in sorted(changes):
        named = await session.execute(
            select(User.id, User.name)
            .where(
                User.organization_id == organization_id,
                User.id == any_(bindparam("people", changes[role], ARRAY(Uuid))),
            )
            .order_by(User.sort_name, User.id)
            .limit(literal(MOST_NAMED, literal_execute=True))
        )
        examples = [Person(id=row.id, name=row.name) for row in named]
        shown.append(RoleChange(role=role, people=len(changes[role]), examples=examples))
    return shown
