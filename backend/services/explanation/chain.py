"""The rows of the mirror that somebody's access is derived from, read as they are."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from backend.errors import NotFound
from backend.models import (
    Directory,
    DirectoryEvent,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryUser,
    Organization,
    RoleGrant,
    RoleMapping,
    User,
    access,
    counting_memberships,
    counting_users,
)

ChainRow = Row[*tuple[Any, ...]]


async def read_account(
    connection: AsyncConnection, organization_id: str, account_id: UUID
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
            Organization.directory_managed,
            Organization.default_mappings,
            Organization.deleted,
            access.c.active,
            access.c.roles,
        )
        .join(Organization, Organization.workos_id == User.organization_id)
        .join(access, access.c.user_id == User.id)
        .where(User.id == account_id, User.organization_id == organization_id)
    )
    account = found.one_or_none()
    if account is None:
        raise NotFound
    return account


async def read_directory_users(connection: AsyncConnection, owner: ChainRow) -> Sequence[ChainRow]:
    """The directory users that are, or by their id once were, joined to the account."""
    newer = aliased(DirectoryUser)
    namesake = (
        select(newer.id)
        .where(
            newer.directory_id == DirectoryUser.directory_id,
            newer.idp_id == DirectoryUser.idp_id,
            DirectoryUser.idp_id != "",
            newer.organization_id == DirectoryUser.organization_id,
            func.row(newer.occurred_at, newer.event_id, newer.id)
            > func.row(DirectoryUser.occurred_at, DirectoryUser.event_id, DirectoryUser.id),
        )
        .order_by(newer.occurred_at.desc(), newer.event_id.desc(), newer.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    removed_by = (
        select(func.min(DirectoryEvent.id))
        .where(
            DirectoryEvent.user_id == DirectoryUser.id,
            DirectoryEvent.organization_id == DirectoryUser.organization_id,
            DirectoryEvent.group_id.is_(None),
            DirectoryEvent.occurred_at == DirectoryUser.removed_at,
        )
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(
            DirectoryUser.id,
            DirectoryUser.directory_id,
            DirectoryUser.account_key,
            DirectoryUser.idp_id,
            DirectoryUser.name,
            DirectoryUser.email,
            DirectoryUser.state,
            DirectoryUser.occurred_at,
            DirectoryUser.event_id,
            DirectoryUser.removed_at,
            DirectoryUser.read_as_of,
            DirectoryUser.read_id,
            Directory.name.label("directory_name"),
            Directory.removed_at.label("directory_removed_at"),
            Directory.complete_as_of,
            Directory.complete_id,
            counting_users.c.id.is_not(None).label("counts"),
            namesake.label("newer_namesake"),
            removed_by.label("removed_by"),
        )
        .outerjoin(Directory, Directory.id == DirectoryUser.directory_id)
        .outerjoin(counting_users, counting_users.c.id == DirectoryUser.id)
        .where(
            DirectoryUser.organization_id == owner.organization_id,
            or_(DirectoryUser.account_key == owner.key, DirectoryUser.id == owner.key),
        )
        .order_by(DirectoryUser.occurred_at.desc().nulls_last(), DirectoryUser.id)
    )
    return rows.all()


async def read_memberships(connection: AsyncConnection, people: list[str]) -> Sequence[ChainRow]:
    rows = await connection.execute(
        select(
            DirectoryMembership.user_id,
            DirectoryMembership.group_id,
            DirectoryMembership.directory_id,
            DirectoryMembership.present,
            DirectoryMembership.occurred_at,
            DirectoryMembership.event_id,
            DirectoryUser.directory_id.label("person_directory_id"),
            DirectoryGroup.directory_id.label("group_directory_id"),
            DirectoryGroup.name,
            DirectoryGroup.occurred_at.label("group_at"),
            DirectoryGroup.event_id.label("group_event_id"),
            DirectoryGroup.removed_at,
        )
        .join(DirectoryUser, DirectoryUser.id == DirectoryMembership.user_id)
        .outerjoin(
            DirectoryGroup,
            (DirectoryGroup.id == DirectoryMembership.group_id)
            & (DirectoryGroup.organization_id == DirectoryUser.organization_id),
        )
        .where(DirectoryMembership.user_id.in_(people))
        .order_by(DirectoryGroup.name, DirectoryMembership.group_id, DirectoryMembership.user_id)
    )
    return rows.all()


async def read_mappings(
    connection: AsyncConnection, owner: ChainRow, group_ids: Iterable[str]
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
        )
        .order_by(RoleMapping.role)
    )
    found: dict[str, list[ChainRow]] = {}
    for row in rows:
        found.setdefault(row.group_id, []).append(row)
    return found


async def read_counting_memberships(
    connection: AsyncConnection, owner: ChainRow
) -> set[tuple[str, str]]:
    """Person and group of each membership that the view counts."""
    rows = await connection.execute(
        select(counting_memberships.c.user_id, counting_memberships.c.group_id).where(
            counting_memberships.c.organization_id == owner.organization_id,
            counting_memberships.c.account_key == owner.key,
        )
    )
    return {(row.user_id, row.group_id) for row in rows}


async def read_grants(connection: AsyncConnection, owner: ChainRow) -> Sequence[ChainRow]:
    rows = await connection.execute(
        select(RoleGrant.role, RoleGrant.created_at, RoleGrant.granted_by, User.name)
        .outerjoin(User, User.id == RoleGrant.granted_by)
        .where(
            RoleGrant.user_id == owner.id,
            RoleGrant.organization_id == owner.organization_id,
        )
        .order_by(RoleGrant.role)
    )
    return rows.all()
