"""The rows of the mirror that somebody's access is derived from, read as they are."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, ScalarSelect, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from backend.database import SnapshotConnection
from backend.errors import NotFound
from backend.models import (
    Admission,
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryUser,
    Organization,
    RoleGrant,
    RoleMapping,
    User,
    WorkosRoleMapping,
    access,
    live_directory_users,
    live_memberships,
)
from backend.schemas.access import Role

ChainRow = Row[*tuple[Any, ...]]

# What only a newer version knows gives nothing here, and has no name.
_KNOWN = [role.value for role in Role]


def _named(user_id: InstrumentedAttribute[Any]) -> ScalarSelect[str]:
    """Looked up by the key: a join may be planned to hash everybody."""
    named = aliased(User)
    organization_id = user_id.class_.organization_id
    return (
        select(named.name)
        .where(named.organization_id == organization_id, named.id == user_id)
        .scalar_subquery()
    )


async def read_user(
    connection: SnapshotConnection, organization_id: str, user_id: UUID
) -> ChainRow:
    found = await connection.execute(
        select(
            User.id,
            User.organization_id,
            User.key,
            User.name,
            User.email,
            User.joined_at,
            User.blocked_at,
            User.blocked_by,
            User.blocked_reason,
            _named(User.blocked_by).label("blocked_by_name"),
            Organization.directory_managed,
            Organization.default_mappings,
            Organization.role_source,
            Organization.deleted,
            User.role_slugs,
            access.c.active,
            access.c.roles,
        )
        .join(Organization, Organization.workos_id == User.organization_id)
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .where(User.id == user_id, User.organization_id == organization_id)
    )
    user = found.one_or_none()
    if user is None:
        raise NotFound
    return user


async def read_directory_users(
    connection: SnapshotConnection, owner: ChainRow
) -> Sequence[ChainRow]:
    """The directory users that are, or by their id once were, joined to the user."""
    newer = aliased(DirectoryUser)
    namesake = (
        select(newer.id)
        .where(
            newer.organization_id == DirectoryUser.organization_id,
            newer.user_key == DirectoryUser.user_key,
            newer.idp_id == DirectoryUser.idp_id,
            DirectoryUser.idp_id != "",
            newer.directory_id == DirectoryUser.directory_id,
            func.row(newer.occurred_at, newer.event_id, newer.id)
            > func.row(DirectoryUser.occurred_at, DirectoryUser.event_id, DirectoryUser.id),
        )
        .order_by(newer.occurred_at.desc(), newer.event_id.desc(), newer.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(
            DirectoryUser.id,
            DirectoryUser.directory_id,
            DirectoryUser.user_key,
            DirectoryUser.idp_id,
            DirectoryUser.name,
            DirectoryUser.email,
            DirectoryUser.state,
            DirectoryUser.role_slugs,
            DirectoryUser.occurred_at,
            DirectoryUser.event_id,
            DirectoryUser.removed_at,
            DirectoryUser.removed_by,
            DirectoryUser.snapshot_as_of,
            DirectoryUser.snapshot_id,
            Directory.name.label("directory_name"),
            Directory.removed_at.label("directory_removed_at"),
            Directory.complete_as_of,
            Directory.complete_id,
            live_directory_users.c.id.is_not(None).label("live"),
            namesake.label("newer_namesake"),
        )
        .outerjoin(
            Directory,
            (Directory.organization_id == DirectoryUser.organization_id)
            & (Directory.id == DirectoryUser.directory_id),
        )
        .outerjoin(
            live_directory_users,
            (live_directory_users.c.organization_id == DirectoryUser.organization_id)
            & (live_directory_users.c.id == DirectoryUser.id),
        )
        .where(
            DirectoryUser.organization_id == owner.organization_id,
            or_(DirectoryUser.user_key == owner.key, DirectoryUser.id == owner.key),
        )
        .order_by(DirectoryUser.occurred_at.desc().nulls_last(), DirectoryUser.id)
    )
    return rows.all()


async def read_memberships(
    connection: SnapshotConnection, owner: ChainRow, people: list[str]
) -> Sequence[ChainRow]:
    # Looked up by its key: a join may be planned to hash the groups of everybody.
    group = (
        select(
            DirectoryGroup.directory_id,
            DirectoryGroup.name,
            DirectoryGroup.occurred_at,
            DirectoryGroup.event_id,
            DirectoryGroup.removed_at,
        )
        .where(
            DirectoryGroup.organization_id == DirectoryUser.organization_id,
            DirectoryGroup.id == DirectoryMembership.group_id,
        )
        .limit(literal(1, literal_execute=True))
        .lateral("membership_group")
    )
    rows = await connection.execute(
        select(
            DirectoryMembership.directory_user_id,
            DirectoryMembership.group_id,
            DirectoryMembership.present,
            DirectoryMembership.occurred_at,
            DirectoryMembership.event_id,
            DirectoryUser.directory_id.label("person_directory_id"),
            group.c.directory_id.label("group_directory_id"),
            group.c.name,
            group.c.occurred_at.label("group_at"),
            group.c.event_id.label("group_event_id"),
            group.c.removed_at,
        )
        .join(
            DirectoryUser,
            (DirectoryUser.organization_id == DirectoryMembership.organization_id)
            & (DirectoryUser.id == DirectoryMembership.directory_user_id),
        )
        .outerjoin(group, true())
        .where(
            DirectoryMembership.organization_id == owner.organization_id,
            DirectoryMembership.directory_user_id.in_(people),
        )
        .order_by(
            group.c.name,
            DirectoryMembership.group_id,
            DirectoryMembership.directory_user_id,
        )
    )
    return rows.all()


async def read_mappings(
    connection: SnapshotConnection, owner: ChainRow, group_ids: Iterable[str]
) -> dict[str, list[ChainRow]]:
    rows = await connection.execute(
        select(
            RoleMapping.group_id,
            RoleMapping.role,
            RoleMapping.source,
            RoleMapping.removed,
            RoleMapping.event_id,
            RoleMapping.created_at,
        )
        .where(
            RoleMapping.organization_id == owner.organization_id,
            RoleMapping.group_id.in_(group_ids),
            RoleMapping.role.in_(_KNOWN),
        )
        .order_by(RoleMapping.role)
    )
    found: dict[str, list[ChainRow]] = {}
    for row in rows:
        found.setdefault(row.group_id, []).append(row)
    return found


async def read_workos_mappings(
    connection: SnapshotConnection, owner: ChainRow, slugs: Iterable[str]
) -> dict[str, list[ChainRow]]:
    rows = await connection.execute(
        select(
            WorkosRoleMapping.slug,
            WorkosRoleMapping.role,
            WorkosRoleMapping.removed,
            WorkosRoleMapping.created_at,
        )
        .where(
            WorkosRoleMapping.organization_id == owner.organization_id,
            WorkosRoleMapping.slug.in_(slugs),
            WorkosRoleMapping.role.in_(_KNOWN),
        )
        .order_by(WorkosRoleMapping.role)
    )
    found: dict[str, list[ChainRow]] = {}
    for row in rows:
        found.setdefault(row.slug, []).append(row)
    return found


async def read_live_memberships(
    connection: SnapshotConnection, owner: ChainRow
) -> set[tuple[str, str]]:
    """Person and group of each membership that is live."""
    rows = await connection.execute(
        select(live_memberships.c.directory_user_id, live_memberships.c.group_id).where(
            live_memberships.c.organization_id == owner.organization_id,
            live_memberships.c.user_key == owner.key,
        )
    )
    return {(row.directory_user_id, row.group_id) for row in rows}


async def read_grants(connection: SnapshotConnection, owner: ChainRow) -> Sequence[ChainRow]:
    rows = await connection.execute(
        select(
            RoleGrant.role,
            RoleGrant.created_at,
            RoleGrant.granted_by,
            RoleGrant.reason,
            RoleGrant.until,
            (RoleGrant.until <= func.now()).is_(True).label("over"),
            User.name,
        )
        .outerjoin(
            User,
            (User.organization_id == RoleGrant.organization_id) & (User.id == RoleGrant.granted_by),
        )
        .where(
            RoleGrant.user_id == owner.id,
            RoleGrant.organization_id == owner.organization_id,
            RoleGrant.role.in_(_KNOWN),
        )
        .order_by(RoleGrant.role)
    )
    return rows.all()


async def read_admission(connection: SnapshotConnection, owner: ChainRow) -> ChainRow | None:
    found = await connection.execute(
        select(
            Admission.kind,
            Admission.reason,
            Admission.admitted_by,
            _named(Admission.admitted_by).label("admitted_by_name"),
            Admission.created_at,
            Admission.until,
            func.coalesce(Admission.until > func.now(), true()).label("is_open"),
        ).where(Admission.organization_id == owner.organization_id, Admission.user_id == owner.id)
    )
    return found.one_or_none()
