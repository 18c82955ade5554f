"""Somebody that an admin does something to: found, locked, with the access of now."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Executor
from backend.errors import NotFound
from backend.models import User, access
from backend.schemas.audit import AccessState, MirrorState


async def lock(session: AsyncSession, organization_id: str, user_id: UUID) -> Row[*tuple[Any, ...]]:
    """Nobody signs in as them, or changes them, until the transaction ends.

    Raises:
        NotFound: also for somebody of another organization.
    """
    return (await lock_all(session, organization_id, [user_id]))[0]


async def lock_all(
    session: AsyncSession, organization_id: str, user_ids: Collection[UUID]
) -> list[Row[*tuple[Any, ...]]]:
    """As `lock`, in one order, so that two do not wait for each other."""
    found = await session.execute(
        select(User.id, User.key, User.name, User.email, User.joined_at, User.blocked_at)
        .where(User.organization_id == organization_id, User.id.in_(set(user_ids)))
        .order_by(User.id)
        .with_for_update(key_share=True)
    )
    rows = list(found.all())
    if len(rows) < len(set(user_ids)):
        raise NotFound
    return rows


async def state_of(executor: Executor, organization_id: str, user_id: UUID) -> AccessState:
    """The access of now, as the audit trail keeps it."""
    found = await executor.execute(
        select(access.c.active, access.c.roles).where(
            access.c.organization_id == organization_id, access.c.user_id == user_id
        )
    )
    row = found.one()
    return AccessState(active=row.active, roles=row.roles)


def mirror(state: AccessState) -> MirrorState:
    return MirrorState(access=state)
