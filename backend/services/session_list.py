"""The sessions that somebody has: seen, and ended."""

from ipaddress import ip_address
from uuid import UUID

import ua_parser
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import AutocommitConnection
from backend.errors import NotFound
from backend.models import Organization, Session, User
from backend.schemas import sessions as schemas
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import audit
from backend.services.sessions import is_in_use

_MOST = 200  # of one person; the newest are shown


async def list_all(
    connection: AutocommitConnection, actor: Actor, user_id: UUID
) -> schemas.SessionList:
    """The person's sessions, the last used first.

    Raises:
        NotFound: there is no such person in the organization.
    """
    if user_id != actor.user_id:
        await _find(connection, actor.organization_id, user_id)
    found = await connection.execute(
        select(Session)
        .join(Organization, Organization.workos_id == Session.organization_id)
        .where(*_of(actor.organization_id, user_id), is_in_use())
        .with_only_columns(*Session.__table__.c)
        .order_by(Session.last_used_at.desc(), Session.id)
        .limit(_MOST)
    )
    items = [
        schemas.Session(
            id=row.id,
            device=device_in_words(row.user_agent),
            place=place_in_words(row.address),
            address=row.address,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            current=row.id == actor.session_id,
        )
        for row in found
    ]
    return schemas.SessionList(items=items)


async def end(session: AsyncSession, actor: Actor, user_id: UUID, session_id: UUID) -> None:
    """Raises NotFound when the person has no such session."""
    if not await _delete(session, actor, user_id, Session.id == session_id):
        raise NotFound


async def end_others(session: AsyncSession, actor: Actor) -> None:
    """All of the actor's but the one that asks."""
    others = [] if actor.session_id is None else [Session.id != actor.session_id]
    await _delete(session, actor, actor.user_id, *others)


async def _delete(
    session: AsyncSession, actor: Actor, user_id: UUID, *which: ColumnElement[bool]
) -> int:
    ended = await session.execute(
        delete(Session).where(*_of(actor.organization_id, user_id), *which).returning(Session.id)
    )
    entries = [
        audit.entry(
            AuditAction.SESSION_ENDED,
            organization_id=actor.organization_id,
            subject_id=user_id,
            actor_id=actor.user_id,
            detail=AuditDetail(session_id=str(session_id)),
        )
        for session_id in ended.scalars()
    ]
    await audit.record(session, *entries)
    return len(entries)


def _of(organization_id: str, user_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Session.organization_id == organization_id, Session.user_id == user_id


async def _find(connection: AutocommitConnection, organization_id: str, user_id: UUID) -> None:
    found = await connection.scalar(
        select(func.count()).where(User.organization_id == organization_id, User.id == user_id)
    )
    if not found:
        raise NotFound


def device_in_words(user_agent: str | None) -> str:
    if not user_agent:
        return "An unknown device"
    found = ua_parser.parse(user_agent)
    names = [part.family for part in (found.user_agent, found.os) if part is not None]
    return ", ".join(names) or "An unknown device"


def place_in_words(address: str | None) -> str:
    """As much as an address tells by itself."""
    if address is None:
        return "an unknown place"
    try:
        known = ip_address(address)
    except ValueError:
        return "an unknown place"
    if known.is_loopback:
        return "this computer"
    return "a private network" if known.is_private else address
