"""Sealing: ranges of entries, each hashed together with the seal before, so that a change shows.

No entry is locked or hashed as it is written: nobody waits for it. What is over is sealed later.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Row, Select, Table, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from backend.database import AutocommitConnection, Database, find_horizon, transaction_lock
from backend.models import AuditErasure, AuditEvent, AuditSeal

FIRST = bytes(32)
"""Before the first seal."""

# Entries a seal, but for those of one moment, which are never parted.
MOST = 10_000


class Sealed(NamedTuple):
    seals: int
    entries: int


def lock_name(organization_id: str) -> str:
    """As the SQL function `prune_audit` has it."""
    return f"seal audit {organization_id}"


async def organizations(connection: AutocommitConnection) -> AsyncIterator[str]:
    """All that have entries or seals; NO_ORGANIZATION is one of them, first."""
    here: str | None = ""
    found = await connection.scalar(
        select(AuditEvent.id).where(AuditEvent.organization_id == "").limit(1)
    )
    if found is not None:
        yield ""
    while True:
        nexts = [
            await connection.scalar(
                select(func.min(table.organization_id)).where(table.organization_id > here)
            )
            for table in (AuditEvent, AuditSeal)
        ]
        here = min((one for one in nexts if one is not None), default=None)
        if here is None:
            return
        yield here


async def seal_all(database: Database) -> Sealed:
    """Seal what is over, of every organization."""
    seals = entries = 0
    async with database.connect() as connection:
        known = [one async for one in organizations(connection)]
    for organization_id in known:
        done = await seal(database, organization_id)
        seals, entries = seals + done.seals, entries + done.entries
    return Sealed(seals, entries)


async def seal(database: Database, organization_id: str, *, even_none: bool = False) -> Sealed:
    """Seal what is over of one organization.

    Args:
        database: where it is.
        organization_id: whose.
        even_none: make a seal even where there is no entry, so that the one before can go.
    """
    seals = entries = 0
    while True:
        async with database.transaction() as session:
            done = await _seal_next(session, organization_id, even_none=even_none and not seals)
        if done is None:
            return Sealed(seals, entries)
        seals, entries = seals + 1, entries + done


async def newest(
    executor: AsyncSession | AsyncConnection, organization_id: str
) -> Row[*tuple[Any, ...]] | None:
    """The newest seal; None where nothing is sealed yet."""
    found = await executor.execute(
        select(AuditSeal.number, AuditSeal.to_at, AuditSeal.hash)
        .where(AuditSeal.organization_id == organization_id)
        .order_by(AuditSeal.number.desc())
        .limit(1)
    )
    return found.one_or_none()


async def _seal_next(session: AsyncSession, organization_id: str, *, even_none: bool) -> int | None:
    """How many entries; None when there is nothing to seal."""
    await transaction_lock(session, lock_name(organization_id))
    last = await newest(session, organization_id)
    horizon = await find_horizon(session)
    if horizon is None or (last is not None and horizon <= last.to_at):
        return None
    from_at = None if last is None else last.to_at
    waiting = (
        select(AuditEvent.at)
        .where(*within(organization_id, from_at, horizon))
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(MOST)
        .subquery("waiting")
    )
    counted, to_at = (
        await session.execute(select(func.count(), func.max(waiting.c.at)).select_from(waiting))
    ).one()
    if not counted and not even_none:
        return None
    # With fewer it is the horizon, so that the ranges leave no room between them.
    to_at = to_at if counted == MOST else horizon
    previous = FIRST if last is None else last.hash
    found = (await session.execute(hashed(organization_id, from_at, to_at, previous))).one()
    await session.execute(
        insert(AuditSeal).values(
            organization_id=organization_id,
            number=1 if last is None else last.number + 1,
            from_at=from_at,
            to_at=to_at,
            entries=found.entries,
            previous=previous,
            hash=found.hash,
        )
    )
    return int(found.entries)


def within(organization_id: str, from_at: datetime | None, to_at: datetime) -> list[Any]:
    """The conditions for entries of a range."""
    conditions = [AuditEvent.organization_id == organization_id, AuditEvent.at <= to_at]
    return conditions if from_at is None else [*conditions, AuditEvent.at > from_at]


def leaf_of_entry() -> ColumnElement[bytes]:
    """The hash of a row of `audit_events` as it is."""
    return func.audit_leaf(cast("Table", AuditEvent.__table__).table_valued())


def hashed(
    organization_id: str, from_at: datetime | None, to_at: datetime, previous: bytes
) -> Select[tuple[int, bytes]]:
    """How many entries a range has, and the hash of a seal over them.

    Of an entry from which something was erased counts the hash from before.
    """
    first_erasure = (
        select(AuditErasure.before)
        .where(
            AuditErasure.organization_id == AuditEvent.organization_id,
            AuditErasure.entry_id == AuditEvent.id,
        )
        .order_by(AuditErasure.erasure_id)
        .limit(1)
        .scalar_subquery()
    )
    leaf = func.coalesce(first_erasure, leaf_of_entry())
    joined = func.string_agg(leaf, literal(b"")).aggregate_order_by(AuditEvent.at, AuditEvent.id)
    start = literal(previous)
    return select(
        func.count().label("entries"),
        func.sha256(start.op("||")(func.coalesce(joined, literal(b"")))).label("hash"),
    ).where(*within(organization_id, from_at, to_at))
