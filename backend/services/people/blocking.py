"""Blocked by hand: refused whatever the directory says; and signed out everywhere."""

from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import NotYourself
from backend.models import ApiToken, Session, User
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.people import Block
from backend.services import access_ends, audit
from backend.services.people import subject
from backend.services.roles import admins


async def block(session: AsyncSession, actor: Actor, user_id: UUID, block: Block) -> None:
    """End somebody's access until they are unblocked; who is blocked already stays so.

    Raises:
        NotFound: there is no such person in the organization.
        NotYourself: an admin would block themselves.
        LastAdmin: nobody would be left to administer.
    """
    await admins.take_turns_by_hand(session, actor.organization_id)
    person = await subject.lock(session, actor.organization_id, user_id)
    if person.blocked_at is not None:
        return
    before = await subject.state_of(session, actor.organization_id, user_id)
    await session.execute(
        update(User)
        .where(User.organization_id == actor.organization_id, User.id == user_id)
        .values(blocked_at=func.now(), blocked_by=actor.user_id, blocked_reason=block.reason)
    )
    await admins.refuse_to_lose_the_last(session, actor.organization_id)
    if user_id == actor.user_id:
        raise NotYourself
    await access_ends.end_for(session, actor.organization_id, [user_id])
    after = await subject.state_of(session, actor.organization_id, user_id)
    blocked = audit.entry(
        AuditAction.USER_BLOCKED,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(
            reason=block.reason, before=subject.mirror(before), after=subject.mirror(after)
        ),
    )
    await audit.record(session, blocked)


async def unblock(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Let the directory decide again; who is not blocked stays so.

    Raises:
        NotFound: there is no such person in the organization.
    """
    person = await subject.lock(session, actor.organization_id, user_id)
    if person.blocked_at is None:
        return
    before = await subject.state_of(session, actor.organization_id, user_id)
    await session.execute(
        update(User)
        .where(User.organization_id == actor.organization_id, User.id == user_id)
        .values(blocked_at=None, blocked_by=None, blocked_reason=None)
    )
    # What was made while they were being blocked does not come back with them.
    await access_ends.end_for(session, actor.organization_id, [user_id])
    after = await subject.state_of(session, actor.organization_id, user_id)
    unblocked = audit.entry(
        AuditAction.USER_UNBLOCKED,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(before=subject.mirror(before), after=subject.mirror(after)),
    )
    await audit.record(session, unblocked)


async def sign_out(session: AsyncSession, actor: Actor, user_id: UUID, *, tokens: bool) -> None:
    """End somebody's sessions, and their API tokens too where it is asked for.

    Raises:
        NotFound: there is no such person in the organization.
    """
    await subject.lock(session, actor.organization_id, user_id)
    ended = {}
    for table in (Session, ApiToken) if tokens else (Session,):
        gone = await session.execute(
            delete(table)
            .where(table.organization_id == actor.organization_id, table.user_id == user_id)
            .returning(table.id)
        )
        ended[table] = len(gone.all())
    signed_out = audit.entry(
        AuditAction.USER_SIGNED_OUT,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(sessions=ended[Session], tokens=ended.get(ApiToken)),
    )
    await audit.record(session, signed_out)
