"""Sessions: opened by a sign-in, looked up at every request, ended by signing out."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.database import Database, Query
from backend.errors import NotSignedIn
from backend.models import Organization, Session, User, access
from backend.schemas.access import Actor, roles_named

LIFETIME = timedelta(days=14)

_ACTOR = Query(
    select(
        User.id,
        User.name,
        User.email,
        User.organization_id,
        Organization.name.label("organization_name"),
        access.c.roles,
    )
    .join(Session, Session.user_id == User.id)
    .join(Organization, Organization.workos_id == User.organization_id)
    .join(access, access.c.user_id == User.id)
    .where(
        Session.token_hash == bindparam("token_hash"),
        Session.expires_at > func.now(),
        access.c.active,
    )
)


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def find_actor(database: Database, token: str) -> Actor:
    """Whoever holds this session token, with the access they have now, in one statement.

    Raises:
        NotSignedIn: the session is unknown or over, or the person is no longer active.
    """
    rows = await database.fetch(_ACTOR, token_hash=hash_token(token))
    if not rows:
        raise NotSignedIn
    row = rows[0]
    return Actor(
        user_id=row["id"],
        name=row["name"],
        email=row["email"],
        organization_id=row["organization_id"],
        organization_name=row["organization_name"],
        roles=roles_named(row["roles"]),
    )


async def open_session(session: AsyncSession, user_id: UUID, organization_id: str) -> str:
    """A new session's secret; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    await session.execute(
        delete(Session).where(Session.user_id == user_id, Session.expires_at < func.now())
    )
    await session.execute(
        insert(Session).values(
            id=uuid7(),
            token_hash=hash_token(token),
            organization_id=organization_id,
            user_id=user_id,
            expires_at=func.now() + LIFETIME,
        )
    )
    return token


async def end_session(session: AsyncSession, token: str) -> None:
    await session.execute(delete(Session).where(Session.token_hash == hash_token(token)))
