"""What has ended is deleted: sessions, tokens, states, invitations, posts, counts."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_

from backend.database import AutocommitConnection, Database
from backend.models import (
    ApiToken,
    DeletedPost,
    EventHour,
    Invitation,
    RateCount,
    Session,
    UsedState,
)

_BATCH = 5000
# People look up what became of an invitation; a sign-in under way asks for whom a used one was.
_INVITATIONS_REST = timedelta(days=90)
# Three days of them are shown.
_HOURS_REST = timedelta(days=4)

_Ending = type[Session | ApiToken | UsedState | Invitation | DeletedPost | EventHour]

_HAS_ENDED: dict[_Ending, ColumnElement[bool]] = {
    Session: Session.expires_at < func.now(),
    ApiToken: ApiToken.expires_at < func.now(),
    UsedState: UsedState.expires_at < func.now(),
    Invitation: or_(
        Invitation.expires_at < func.now() - _INVITATIONS_REST,
        Invitation.closed_at < func.now() - _INVITATIONS_REST,
    ),
    DeletedPost: DeletedPost.expires_at < func.now(),
    EventHour: EventHour.hour < func.now() - _HOURS_REST,
}


async def delete_ended(database: Database, *, batch: int = _BATCH) -> dict[str, int]:
    """Delete it, an organization after the other, a batch a transaction. How many of each table.

    An organization's rows are read through its keys: no index is kept for what runs once a night.
    """
    async with database.connect() as connection:
        deleted = {
            table.__tablename__: await _delete_from(connection, table, ended, batch)
            for table, ended in _HAS_ENDED.items()
        }
        return deleted | {RateCount.__tablename__: await _delete_counts(connection, batch)}


async def _delete_from(
    connection: AutocommitConnection, table: _Ending, ended: ColumnElement[bool], batch: int
) -> int:
    deleted = 0
    key = tuple(table.__table__.primary_key)
    organization_id = await _next_organization(connection, table, "")
    while organization_id is not None:
        here = table.organization_id == organization_id
        some = select(*key).where(here, ended).limit(batch)
        found = await connection.execute(delete(table).where(here, tuple_(*key).in_(some)))
        deleted += found.rowcount
        if found.rowcount < batch:
            organization_id = await _next_organization(connection, table, organization_id)
    return deleted


async def _delete_counts(connection: AutocommitConnection, batch: int) -> int:
    """They are of no organization; nothing but a count is lost when one is being used again."""
    some = select(RateCount.key).where(RateCount.expires_at < func.now()).limit(batch)
    deleted, found = 0, batch
    while found == batch:
        found = (
            await connection.execute(delete(RateCount).where(RateCount.key.in_(some)))
        ).rowcount
        deleted += found
    return deleted


async def _next_organization(
    connection: AutocommitConnection, table: _Ending, after: str
) -> str | None:
    # Asked of the table itself: a state may name an organization that there is not.
    organization_id: str | None = await connection.scalar(
        select(func.min(table.organization_id)).where(table.organization_id > after)
    )
    return organization_id
