"""The audit trail: who changed what, or which event did."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.models import AuditEvent


async def record(
    session: AsyncSession,
    action: str,
    *,
    organization_id: str,
    actor_id: UUID | None,
    subject_id: object,
    **detail: object,
) -> None:
    await session.execute(
        insert(AuditEvent).values(
            id=uuid7(),
            organization_id=organization_id,
            action=action,
            actor_id=actor_id,
            subject_id=str(subject_id),
            detail=detail,
        )
    )
