"""What is older than an organization keeps its audit log is removed: whole seals, oldest first."""

from datetime import timedelta

from sqlalchemy import BigInteger, case, column, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import AutocommitConnection, Database
from backend.models import NO_ORGANIZATION, Organization, RefusalCount
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import audit
from backend.services.audit_log import seals

LEAST_DAYS = 30
"""Whatever an organization sets, as the SQL function `prune_audit` has it."""


async def prune_all(database: Database) -> int:
    """Remove what is over, of every organization; how many entries."""
    async with database.connect() as connection:
        known = [one async for one in seals.organizations(connection)]
    return sum([await prune(database, organization_id) for organization_id in known])


async def prune(database: Database, organization_id: str) -> int:
    """Remove what is over of one organization, noted as an entry; how many entries."""
    async with database.connect() as connection:
        days = await _days(connection, organization_id)
        if days is None:
            return 0
        newest_is_over = await _newest_is_over(connection, organization_id, days)
    if newest_is_over:
        # The newest seal is never removed: one of nothing takes its place.
        await seals.seal(database, organization_id, even_none=True)
    removed = 0
    async with database.transaction() as session:
        last = None
        while (found := await _prune_next(session, organization_id)) is not None:
            last, entries = found
            removed += entries
        if last is not None:
            pruned = audit.entry(
                AuditAction.AUDIT_PRUNED,
                organization_id=organization_id,
                subject_id=organization_id or None,
                detail=AuditDetail(entries=removed, seal=last),
            )
            await audit.record(session, pruned)
        over = func.now() - timedelta(days=days + 1)
        await session.execute(
            delete(RefusalCount).where(
                RefusalCount.organization_id == organization_id, RefusalCount.hour < over
            )
        )
    return removed


async def _days(connection: AutocommitConnection, organization_id: str) -> int | None:
    """None: for ever. What is of no organization stays as long as the longest of all says."""
    of = Organization.audit_days
    if organization_id == NO_ORGANIZATION:
        wanted = select(case((func.bool_and(of.is_not(None)), func.max(of))))
    else:
        wanted = select(of).where(Organization.workos_id == organization_id)
    days: int | None = await connection.scalar(wanted)
    return None if days is None else max(days, LEAST_DAYS)


async def _newest_is_over(
    connection: AutocommitConnection, organization_id: str, days: int
) -> bool:
    newest = await seals.newest(connection, organization_id)
    if newest is None:
        return False
    age = await connection.scalar(select(func.now() - literal(newest.to_at)))
    return age is not None and age > timedelta(days=days)


async def _prune_next(session: AsyncSession, organization_id: str) -> tuple[int, int] | None:
    """The number of the seal that is removed, and its entries."""
    pruned = func.prune_audit(organization_id).table_valued(
        column("seal", BigInteger), column("entries", BigInteger)
    )
    seal, entries = (await session.execute(select(pruned.c.seal, pruned.c.entries))).one()
    return None if seal is None else (seal, entries)
