"""The link of an invitation: made, made again for its mail, and followed.

Its secret follows from SESSION_SECRET and the invitation's id. So it need not be stored for the
mail, which is sent later and perhaps by another process; what is stored is its hash.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Database
from backend.errors import SignInRefusal, SignInRefused
from backend.models import Invitation, User
from backend.services import team
from backend.services.sessions import Token
from backend.settings import Settings


class Invited(NamedTuple):
    """For whom an invitation is, so that the sign-in can begin with their address."""

    organization_id: str
    id: UUID
    email: str | None


def token_of(settings: Settings, organization_id: str, invitation_id: UUID) -> Token:
    key = hmac.digest(settings.signing_key().encode(), b"rollcall.invitation", "sha256")
    secret = hmac.digest(key, f"{organization_id}/{invitation_id}".encode(), "sha256")
    return Token(organization_id, urlsafe_b64encode(secret).rstrip(b"=").decode())


def url_of(settings: Settings, token: Token) -> str:
    return f"{settings.public_origin}/invitations/{token}"


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
        select(Invitation.organization_id, Invitation.id, User.email)
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
    return Invited(row.organization_id, row.id, row.email)


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
