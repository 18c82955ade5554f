"""Invitations: a one-time link for one person. It grants nothing; it leads to the sign-in."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.database import Database
from backend.errors import NotFound, NotInvitable, SignInRefusal, SignInRefused
from backend.models import Invitation, User
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction
from backend.schemas.team import InvitationLink, TeamStatus
from backend.services import audit, team
from backend.services.sessions import Token

LIFETIME = timedelta(days=7)


class Invited(NamedTuple):
    """For whom an invitation is, so that the sign-in can begin with their address."""

    organization_id: str
    email: str | None


async def create(session: AsyncSession, actor: Actor, user_id: UUID, origin: str) -> InvitationLink:
    """Invite someone; a link given before stops working.

    Raises:
        NotFound: there is no such person in the organization.
        NotInvitable: they have joined, or are deactivated.
    """
    # The row lock lets two inviters take turns instead of failing on the unique index.
    await session.execute(
        select(User.id)
        .where(User.id == user_id, User.organization_id == actor.organization_id)
        .with_for_update(key_share=True)
    )
    member = await team.get(session, actor, user_id)
    if member.status not in {TeamStatus.INVITABLE, TeamStatus.INVITED}:
        raise NotInvitable
    await close_all(session, actor.organization_id, user_id)
    token = Token.new(actor.organization_id)
    expires_at = await session.scalar(
        insert(Invitation)
        .values(
            organization_id=actor.organization_id,
            id=uuid7(),
            token_hash=token.hash,
            user_id=user_id,
            invited_by=actor.user_id,
            expires_at=func.now() + LIFETIME,
        )
        .returning(Invitation.expires_at)
    )
    created = audit.entry(
        AuditAction.INVITATION_CREATED,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
    )
    await audit.record(session, created)
    return InvitationLink(url=f"{origin}/invitations/{token}", expires_at=expires_at)


async def withdraw(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Raises NotFound when no invitation of this person is open."""
    closed = await session.scalar(
        update(Invitation)
        .where(
            Invitation.user_id == user_id,
            Invitation.organization_id == actor.organization_id,
            team.INVITATION_IS_OPEN,
        )
        .values(closed_at=func.now())
        .returning(Invitation.id)
    )
    if closed is None:
        raise NotFound("This person has no open invitation.")
    withdrawn = audit.entry(
        AuditAction.INVITATION_WITHDRAWN,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
    )
    await audit.record(session, withdrawn)


async def find(database: Database, link: str) -> Invited:
    """For whom an open invitation is. Looking does not use it up.

    Args:
        database: where it is stored.
        link: the last part of its address.

    Raises:
        SignInRefused: it is unknown, used, withdrawn or too old.
    """
    token = Token.parse(link)
    open_one = (
        select(Invitation.organization_id, User.email)
        .join(
            User,
            (User.organization_id == Invitation.organization_id) & (User.id == Invitation.user_id),
        )
        .where(
            Invitation.organization_id == token.organization_id,
            Invitation.token_hash == token.hash,
            team.INVITATION_IS_OPEN,
        )
    )
    async with database.connect() as connection:
        row = (await connection.execute(open_one)).one_or_none()
    if row is None:
        raise SignInRefused(SignInRefusal.INVITATION_INVALID)
    return Invited(row.organization_id, row.email)


async def is_for(session: AsyncSession, link: str, user_id: UUID) -> bool:
    """Whether the link was made for this person, used up by now or not."""
    token = Token.parse(link)
    found = await session.scalar(
        select(Invitation.id).where(
            Invitation.organization_id == token.organization_id,
            Invitation.token_hash == token.hash,
            Invitation.user_id == user_id,
        )
    )
    return found is not None


async def accept(session: AsyncSession, organization_id: str, user_id: UUID) -> None:
    """End the open invitations of somebody who has signed in, by one of them or not."""
    if await close_all(session, organization_id, user_id):
        accepted = audit.entry(
            AuditAction.INVITATION_ACCEPTED,
            organization_id=organization_id,
            subject_id=user_id,
            actor_id=user_id,
        )
        await audit.record(session, accepted)


async def close_all(session: AsyncSession, organization_id: str, user_id: UUID) -> bool:
    """End every open invitation of a person; whether one was good still."""
    closed = await session.scalars(
        update(Invitation)
        .where(
            Invitation.organization_id == organization_id,
            Invitation.user_id == user_id,
            Invitation.closed_at.is_(None),
        )
        .values(closed_at=func.now())
        .returning(Invitation.expires_at > func.now())
    )
    return any(closed.all())
