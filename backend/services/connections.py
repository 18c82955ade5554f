"""SSO connections, their certificates and directories' tokens, as events have told of them."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, literal, select

from backend.database import Executor
from backend.models import (
    Connection,
    ConnectionCertificate,
    DirectoryEvent,
    DirectoryToken,
    live_directories,
)
from backend.schemas.organization import Certificate, Sso, SsoState
from backend.workos.clock import MOST_AHEAD

_ACTIVE = "active"


class RevokedToken(NamedTuple):
    directory_id: str
    directory_name: str | None
    at: datetime


async def find_sso(executor: Executor, organization_id: str) -> Sso:
    found = await executor.execute(
        select(
            Connection.id,
            Connection.name,
            Connection.state,
            Connection.occurred_at,
        ).where(Connection.organization_id == organization_id)
    )
    connections = {row.id: row for row in found}
    states = {row.state for row in connections.values()}
    state = SsoState.UNKNOWN
    if states:
        state = SsoState.ACTIVE if _ACTIVE in states else SsoState.INACTIVE
    since = max((row.occurred_at for row in connections.values()), default=None)
    due = await executor.execute(
        select(ConnectionCertificate.connection_id, ConnectionCertificate.expires_at)
        .where(ConnectionCertificate.organization_id == organization_id, ConnectionCertificate.due)
        .order_by(ConnectionCertificate.expires_at, ConnectionCertificate.connection_id)
    )
    certificates = [
        Certificate(
            connection=(known.name if known else "") or row.connection_id,
            expires_at=row.expires_at,
            days=_days_until(row.expires_at),
        )
        for row in due
        # Nobody signs in by one that is off.
        if (known := connections.get(row.connection_id)) is None or known.state == _ACTIVE
    ]
    return Sso(
        state=state,
        since=since if state is SsoState.INACTIVE else None,
        certificate=certificates[0] if certificates else None,
    )


def _days_until(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - datetime.now(UTC)).days


async def find_revoked_tokens(executor: Executor, organization_id: str) -> list[RevokedToken]:
    """Of live directories that have no token left which is known, and sent nothing since."""
    revoked_at = func.max(DirectoryToken.occurred_at)
    found = await executor.execute(
        select(DirectoryToken.directory_id, live_directories.c.name, revoked_at.label("at"))
        .join(
            live_directories,
            (live_directories.c.organization_id == DirectoryToken.organization_id)
            & (live_directories.c.id == DirectoryToken.directory_id),
        )
        .where(DirectoryToken.organization_id == organization_id)
        .group_by(DirectoryToken.directory_id, live_directories.c.name)
        .having(func.bool_and(DirectoryToken.revoked))
        .order_by(DirectoryToken.directory_id)
    )
    return [
        RevokedToken(row.directory_id, row.name, row.at)
        for row in found.all()
        if not await _has_sent(executor, organization_id, row.directory_id, row.at)
    ]


async def _has_sent(
    executor: Executor, organization_id: str, directory_id: str, after: datetime
) -> bool:
    event = DirectoryEvent
    found = await executor.scalar(
        select(event.id)
        .where(
            event.organization_id == organization_id,
            event.directory_id == directory_id,
            # Has an index. What occurred later comes later, but by another clock.
            event.received_at > after - MOST_AHEAD,
            event.occurred_at > after,
            event.directory_user_id.is_not(None) | event.group_id.is_not(None),
        )
        .order_by(event.received_at.desc(), event.id.desc())
        .limit(literal(1, literal_execute=True))
    )
    return found is not None
