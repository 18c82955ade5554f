"""Break-glass: one named owner, whom an operator lets in when nobody else can administer."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Executor
from backend.errors import NotFound
from backend.models import Organization, RoleGrant, User
from backend.schemas.access import Actor, AdmissionKind, Role
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.jobs import Enqueue
from backend.schemas.people import BreakGlassOwner
from backend.services import audit
from backend.services.people import admissions, announcing, subject

MOST_HOURS = 72


class Opened(NamedTuple):
    """Who was let in, and until when."""

    user_id: UUID
    name: str
    email: str | None
    until: datetime


async def get_owner(executor: Executor, actor: Actor) -> BreakGlassOwner:
    owner = await executor.scalar(
        select(Organization.break_glass_user_id).where(
            Organization.workos_id == actor.organization_id
        )
    )
    return BreakGlassOwner(user_id=owner)


async def name_owner(session: AsyncSession, actor: Actor, owner: BreakGlassOwner) -> None:
    """Who is let in in an emergency; None: nobody.

    Raises:
        NotFound: there is no such person in the organization.
    """
    if owner.user_id is not None:
        await subject.lock(session, actor.organization_id, owner.user_id)
    await session.execute(
        update(Organization)
        .where(Organization.workos_id == actor.organization_id)
        .values(break_glass_user_id=owner.user_id)
    )
    named = audit.entry(
        AuditAction.BREAK_GLASS_OWNER_NAMED,
        organization_id=actor.organization_id,
        subject_id=owner.user_id or actor.organization_id,
        actor_id=actor.user_id,
    )
    await audit.record(session, named)


async def let_in(
    session: AsyncSession,
    organization_id: str,
    *,
    why: str,
    hours: int,
    enqueue: Enqueue | None = None,
) -> Opened:
    """Let the named owner in as an admin for some hours, by an operator.

    What they hold by the directory or by hand besides stays as it is.

    Args:
        session: its transaction.
        organization_id: whose owner.
        why: what the organization's admins are told.
        hours: for how long.
        enqueue: asks for the mails to them; None: there is no mail server.

    Raises:
        NotFound: there is no such organization, or it has named nobody.
    """
    owner = await session.scalar(
        select(Organization.break_glass_user_id).where(Organization.workos_id == organization_id)
    )
    if owner is None:
        raise NotFound(
            f"There is no organization {organization_id} that has named an owner for emergencies. "
            "An admin names one by PUT /organization/break-glass."
        )
    await subject.lock(session, organization_id, owner)
    person = (
        await session.execute(
            select(User.name, User.email).where(
                User.organization_id == organization_id, User.id == owner
            )
        )
    ).one()
    until = datetime.now(UTC) + timedelta(hours=hours)
    before = await subject.state_of(session, organization_id, owner)
    if not before.active:
        await admissions.admit(
            session,
            organization_id,
            owner,
            AdmissionKind.BREAK_GLASS,
            reason=why,
            until=until,
            admitted_by=None,
        )
    grant = insert(RoleGrant).values(
        organization_id=organization_id, user_id=owner, role=Role.ADMIN, reason=why, until=until
    )
    await session.execute(
        grant.on_conflict_do_update(
            index_elements=["organization_id", "user_id", "role"],
            set_={"reason": why, "until": until, "granted_by": None},
            where=RoleGrant.until < until,  # one without an end stays
        )
    )
    after = await subject.state_of(session, organization_id, owner)
    used = audit.entry(
        AuditAction.BREAK_GLASS_USED,
        organization_id=organization_id,
        subject_id=owner,
        detail=AuditDetail(
            kind=AdmissionKind.BREAK_GLASS,
            reason=why,
            until=until,
            before=subject.mirror(before),
            after=subject.mirror(after),
        ),
    )
    await audit.record(session, used)
    if enqueue is not None:
        await announcing.ask(session, organization_id, used["id"], owner, enqueue)
    return Opened(owner, person.name, person.email, until)
