"""Letting somebody in by hand until a day, whatever the directory holds."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import InvalidInput
from backend.models import Admission, Session
from backend.schemas.access import AdmissionKind

LONGEST = timedelta(days=366)


def check_until(until: datetime) -> None:
    """Raises InvalidInput for a day that is over, or more than a year away."""
    now = datetime.now(UTC)
    if until <= now:
        raise InvalidInput("until", "must be in the future")
    if until > now + LONGEST:
        raise InvalidInput("until", "must be within a year from now; extend it when it is near")


async def admit(
    session: AsyncSession,
    organization_id: str,
    user_id: UUID,
    kind: AdmissionKind,
    *,
    reason: str,
    until: datetime,
    admitted_by: UUID | None,
) -> None:
    """From now on, in the place of what they were admitted by before."""
    values = {"kind": kind, "reason": reason, "until": until, "admitted_by": admitted_by}
    await session.execute(
        insert(Admission)
        .values(organization_id=organization_id, user_id=user_id, **values)
        .on_conflict_do_update(
            index_elements=["organization_id", "user_id"],
            set_=values | {"created_at": func.now()},
        )
    )


async def change(
    session: AsyncSession, organization_id: str, user_id: UUID, values: dict[str, Any]
) -> None:
    """Their sessions end no later than they are let in."""
    here = (Admission.organization_id == organization_id) & (Admission.user_id == user_id)
    await session.execute(update(Admission).where(here).values(values))
    until = select(Admission.until).where(here).scalar_subquery()
    await session.execute(
        update(Session)
        .where(Session.organization_id == organization_id, Session.user_id == user_id)
        .values(expires_at=func.least(Session.expires_at, until))
    )


async def withdraw(
    session: AsyncSession, organization_id: str, user_id: UUID, kind: AdmissionKind
) -> bool:
    """Whether they were admitted so."""
    gone = await session.scalar(
        delete(Admission)
        .where(
            Admission.organization_id == organization_id,
            Admission.user_id == user_id,
            Admission.kind == kind,
        )
        .returning(Admission.user_id)
    )
    return gone is not None
