"""Resuming a reconciliation, where it stopped or afresh, and finishing it."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, func, insert, inspect, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend import models
from backend.database import LockedConnection
from backend.errors import WorkosFault
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.reconciliations import UNFINISHED, FailureReason, State
from backend.services import audit

_ROW = inspect(models.Reconciliation).local_table

STALE_AFTER = timedelta(hours=6)


async def resume(
    lock: LockedConnection, organization_id: str, reconciliation_id: UUID
) -> Row[Any] | None:
    """The row to run; a fresh one where the old is too old to go on; None when it is finished."""
    async with lock.transaction() as connection:
        started = (
            update(models.Reconciliation)
            .where(_ROW.c.organization_id == organization_id, _ROW.c.state.in_(UNFINISHED))
            .values(
                state=State.RUNNING,
                reason=None,
                error=None,
                started_at=func.coalesce(_ROW.c.started_at, func.now()),
            )
            .returning(_ROW, (_ROW.c.as_of < func.now() - STALE_AFTER).label("is_stale"))
        )
        found = await connection.execute(started.where(_ROW.c.id == reconciliation_id))
        row: Row[Any] | None = found.one_or_none()
        if row is None or not row.is_stale:
            return row
        await finish(
            connection,
            row,
            State.FAILED,
            FailureReason.ABANDONED,
            "It stopped halfway and was not taken up again for hours. A fresh one was begun.",
        )
        fresh = uuid7()
        await connection.execute(
            insert(models.Reconciliation).values(
                organization_id=organization_id,
                id=fresh,
                trigger=row.trigger,
                requested_by=row.requested_by,
                state=State.QUEUED,
            )
        )
        found = await connection.execute(started.where(_ROW.c.id == fresh))
        return found.one()


async def finish(
    connection: AsyncConnection,
    row: Row[Any],
    state: Literal[State.FAILED, State.CANCELLED],
    reason: WorkosFault | FailureReason | None = None,
    error: str | None = None,
) -> None:
    await connection.execute(
        update(models.Reconciliation)
        .where(_ROW.c.organization_id == row.organization_id, _ROW.c.id == row.id)
        .values(state=state, reason=reason, error=error, finished_at=func.now())
    )
    cancelled = state is State.CANCELLED
    ended = audit.entry(
        AuditAction.RECONCILIATION_CANCELLED if cancelled else AuditAction.RECONCILIATION_FAILED,
        organization_id=row.organization_id,
        subject_id=row.id,
        actor_id=row.requested_by,
        detail=AuditDetail(reason=reason, detail=error),
    )
    await audit.record(connection, ended)
