"""Erasing a person's name and addresses from the audit log; the seals hold all the same."""

from uuid import UUID

from sqlalchemy import Text, Uuid, cast, func, null, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.errors import NotFound
from backend.models import User
from backend.schemas.audit_log import AuditErasure, AuditErasureCreate


async def erase(
    session: AsyncSession,
    organization_id: str,
    wanted: AuditErasureCreate,
    *,
    actor_id: UUID | None = None,
) -> AuditErasure:
    """Erase them from every entry that is there by now, noted as an entry of its own.

    Args:
        session: whose transaction it is part of.
        organization_id: whose log.
        wanted: whose name.
        actor_id: who asks for it, if a person does.

    Raises:
        NotFound: there is no such user in the organization.
    """
    if wanted.user_id is not None:
        known = select(User.id).where(
            User.organization_id == organization_id, User.id == wanted.user_id
        )
        if await session.scalar(known) is None:
            raise NotFound
    erasure_id = uuid7()
    entries = await session.scalar(
        select(
            func.erase_from_audit(
                organization_id,
                cast(wanted.user_id, Uuid) if wanted.user_id else cast(null(), Uuid),
                cast(wanted.email, Text),
                cast(actor_id, Uuid),
                erasure_id,
            )
        )
    )
    return AuditErasure(id=erasure_id, entries=entries or 0)
