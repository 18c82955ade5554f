"""Invitations: a one-time link for one person. It grants nothing; it leads to the sign-in."""

import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from uuid_utils.compat import uuid7

from backend.errors import NotFound, NotInvitable, SignInRefusal, SignInRefused
from backend.models import Invitation, User
from backend.schemas.access import Actor
from backend.schemas.team import InvitationLink, TeamStatus
from backend.services import audit, team
from backend.services.sessions import hash_token

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
    await close_all(session, user_id)
    token = secrets.token_urlsafe(32)
    expires_at = await session.scalar(
        insert(Invitation)
        .values(
            id=uuid7(),
            token_hash=hash_token(token),
            organization_id=actor.organization_id,
            user_id=user_id,
            invited_by=actor.user_id,
            expires_at=func.now() + LIFETIME,
        )
        .returning(Invitation.expires_at)
    )
    await audit.record(
        session,
        "invitation.created",
        organization_id=actor.organization_id,
        actor_id=actor.user_id,
        subject_id=user_id,
    )
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
    await audit.record(
        session,
        "invitation.withdrawn",
        organization_id=actor.organization_id,
        actor_id=actor.user_id,
        subject_id=user_id,
    )


async def find(connection: AsyncConnection, token: str) -> Invited:
    """For whom an open invitation is. Looking does not use it up.

    Raises:
        SignInRefused: it is unknown, used, withdrawn or too old.
    """
    row = (
        await connection.execute(
            select(Invitation.organization_id, User.email)
            .join(User, User.id == Invitation.user_id)
            .where(Invitation.token_hash == hash_token(token), team.INVITATION_IS_OPEN)
        )
    ).one_or_none()
    if row is None:
        raise SignInRefused(SignInRefusal.INVITATION_INVALID)
    return Invited(row.organization_id, row.email)


async def is_for(session: AsyncSession, token: str, user_id: UUID) -> bool:
    """Whether the link was made for this person, used up by now or not."""
    found = await session.scalar(
        select(Invitation.id).where(
            Invitation.token_hash == hash_token(token), Invitation.user_id == user_id
        )
    )
    return found is not None


async def close_all(session: AsyncSession, user_id: UUID) -> None:
    """End every open invitation of a person: they have joined, or a newer one takes over."""
    await session.execute(
        update(Invitation)
        .where(Invitation.user_id == user_id, Invitation.closed_at.is_(None))
        .values(closed_at=func.now())
    )
