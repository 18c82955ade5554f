"""The end of a snapshot: completed, or held for an admin when too much would be removed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend import models
from backend.database import LockedConnection, take_turns
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.reconciliations import UNFINISHED, Drift, Hold, ShortListing, State
from backend.services import audit
from backend.services.mirror.rows import Version
from backend.services.reconciliation.checkpoint import Checkpoint, CountedRows
from backend.services.reconciliation.removals import Ended, Losses, Removals
from backend.services.roles import admins

_ROW = inspect(models.Reconciliation).local_table

# One moment, so that what is noted as lost is this snapshot's doing alone.
ONE_MOMENT = {"isolation_level": "REPEATABLE READ"}


def version_of(reconciliation_id: UUID, as_of: datetime) -> Version:
    """The version of what a reconciliation reads."""
    return Version(as_of, f"snapshot_{reconciliation_id}")


async def conclude_run(
    lock: LockedConnection, organization_id: str, reconciliation_id: UUID
) -> None:
    """Complete or hold what has been read to its end, whatever events come meanwhile."""

    async def once() -> None:
        async with lock.transaction(**ONE_MOMENT) as connection:
            await conclude(connection, organization_id, reconciliation_id)

    await take_turns(once)


async def conclude(
    connection: AsyncConnection,
    organization_id: str,
    reconciliation_id: UUID,
    *,
    confirmed: bool = False,
    confirmed_by: UUID | None = None,
) -> None:
    """Complete a snapshot that was read to its end, or hold it unless that was `confirmed`."""
    wanted = {State.HELD} if confirmed else UNFINISHED
    row = (
        await connection.execute(
            select(_ROW)
            .where(
                _ROW.c.organization_id == organization_id,
                _ROW.c.id == reconciliation_id,
                _ROW.c.state.in_(wanted),
            )
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        return
    checkpoint = Checkpoint.model_validate(row.checkpoint)
    version = version_of(row.id, row.as_of)
    short = [
        found
        for count in checkpoint.counts
        if (found := await _shortage(connection, organization_id, count, version)) is not None
    ]
    ended = Ended(checkpoint.read, checkpoint.gone)
    removals = Removals(connection, organization_id, version, ended)
    removed = await removals.find()
    async with connection.begin_nested() as savepoint:
        losses = await removals.carry_out()
        is_held = not confirmed and (losses.are_too_many or losses.last_admin or bool(short))
        if is_held:
            await savepoint.rollback()
        else:
            await removals.conclude()
    if is_held:
        await _hold(connection, row, version, removed, losses, short)
    else:
        await _complete(
            connection, row, version, removed, losses, confirmed_by, confirmed=confirmed
        )
    await _supersede_older(connection, row)


async def _shortage(
    connection: AsyncConnection, organization_id: str, count: CountedRows, version: Version
) -> ShortListing | None:
    """Whether fewer were listed than WorkOS counted, by more than events have changed since.

    What was listed is what this snapshot wrote: a page that came twice brought nobody new.
    """
    model = models.DirectoryUser if count.kind == "people" else models.DirectoryGroup
    written = (model.occurred_at == version.occurred_at) & (model.event_id == version.event_id)
    newest = func.greatest(model.occurred_at, model.removed_at)
    found = await connection.execute(
        select(
            func.count().filter(written).label("listed"),
            func.count().filter(newest > version.occurred_at).label("changed"),
        ).where(model.organization_id == organization_id, model.directory_id == count.directory_id)
    )
    listed, changed = found.one()
    if count.counted - listed <= changed:
        return None
    return ShortListing(**count.model_dump(), listed=listed)


async def _hold(
    connection: AsyncConnection,
    row: Row[Any],
    version: Version,
    removed: Drift,
    losses: Losses,
    short: list[ShortListing],
) -> None:
    hold = Hold(
        **losses._asdict(),
        removed={
            kind: counts["removed"]
            for kind, counts in removed.counts().items()
            if counts["removed"]
        },
        short=short,
    )
    await _end(connection, row, State.HELD, held=hold.model_dump(mode="json"))
    held = audit.entry(
        AuditAction.RECONCILIATION_HELD,
        organization_id=row.organization_id,
        subject_id=row.id,
        actor_id=row.requested_by,
        event_id=version.event_id,
        detail=AuditDetail(people=hold.people, limit=hold.limit),
    )
    await audit.record(connection, held)


async def _complete(
    connection: AsyncConnection,
    row: Row[Any],
    version: Version,
    removed: Drift,
    losses: Losses,
    confirmed_by: UUID | None,
    *,
    confirmed: bool,
) -> None:
    drift = Drift.model_validate(row.drift)
    drift.add(removed)
    await _end(
        connection,
        row,
        State.COMPLETED,
        drift=drift.model_dump(mode="json", exclude_none=True),
        confirmed_by=confirmed_by,
    )
    completed = audit.entry(
        AuditAction.RECONCILIATION_COMPLETED,
        organization_id=row.organization_id,
        subject_id=row.id,
        actor_id=confirmed_by or row.requested_by,
        event_id=version.event_id,
        detail=AuditDetail(drift=drift.counts(), lost_access=losses.people, confirmed=confirmed),
    )
    await audit.record(connection, completed)
    if losses.last_admin:
        await admins.note_gone(connection, row.organization_id, version.event_id)


async def _end(connection: AsyncConnection, row: Row[Any], state: State, **values: object) -> None:
    await connection.execute(
        update(models.Reconciliation)
        .where(_ROW.c.organization_id == row.organization_id, _ROW.c.id == row.id)
        .values(state=state, finished_at=func.now(), **values)
    )


async def _supersede_older(connection: AsyncConnection, row: Row[Any]) -> None:
    """A newer snapshot knows more than those that wait."""
    await connection.execute(
        update(models.Reconciliation)
        .where(
            _ROW.c.organization_id == row.organization_id,
            _ROW.c.state == State.HELD,
            _ROW.c.id != row.id,
            _ROW.c.as_of <= row.as_of,
        )
        .values(state=State.SUPERSEDED)
    )
