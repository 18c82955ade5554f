"""The end of a reading: completed, or held for an admin when too much would be removed."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    DateTime,
    Row,
    Text,
    bindparam,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend import models
from backend.database import DRIVER_FAULTS, LockedConnection, Query
from backend.schemas.reconciliations import UNFINISHED, Drift, Hold, ShortListing, State
from backend.services.reconciliation.checkpoint import Checkpoint, CountedRows

_ROW = inspect(models.Reconciliation).local_table

# One snapshot, so that what is noted as lost is this reading's doing alone.
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}

# Usually a fraction of a second; longer where many would lose access, of whom it is derived.
_COMPLETE = Query(
    select(
        func.complete_reading(
            bindparam("organization", type_=Text),
            bindparam("occurred", type_=DateTime(timezone=True)),
            bindparam("reading", type_=Text),
            bindparam("listed", type_=ARRAY(Text)),
            bindparam("gone", type_=JSONB),
            bindparam("doubtful", type_=Boolean),
            bindparam("confirmed", type_=Boolean),
        )
    ),
    seconds=900,
)

_TRIES = 5
_SERIALIZATION_FAILURE = "40001"


def version(reconciliation_id: UUID) -> str:
    """What takes an event's id in the versions of the rows that it reads."""
    return f"reading_{reconciliation_id}"


async def conclude_run(lock: LockedConnection, reconciliation_id: UUID) -> None:
    """Complete or hold what has been read to its end, whatever events come meanwhile."""
    for tries_left in reversed(range(_TRIES)):
        try:
            async with lock.transaction(**SNAPSHOT) as connection:
                await conclude(connection, reconciliation_id)
        except (DBAPIError, *DRIVER_FAULTS) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not tries_left or getattr(cause, "sqlstate", "") != _SERIALIZATION_FAILURE:
                raise
        else:
            return


async def conclude(
    connection: AsyncConnection,
    reconciliation_id: UUID,
    *,
    confirmed: bool = False,
    confirmed_by: UUID | None = None,
) -> None:
    """Complete a reading that was read to its end, or hold it unless that was `confirmed`."""
    wanted = {State.HELD} if confirmed else UNFINISHED
    row = (
        await connection.execute(
            select(_ROW)
            .where(_ROW.c.id == reconciliation_id, _ROW.c.state.in_(wanted))
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        return
    position = Checkpoint.model_validate(row.position)
    short = [
        found
        for count in position.counts
        if (found := await _shortage(connection, count, row.as_of, version(row.id))) is not None
    ]
    rows = await _COMPLETE.rows(
        connection,
        organization=row.organization_id,
        occurred=row.as_of,
        reading=version(row.id),
        listed=position.read,
        gone=json.dumps({key: at.isoformat() for key, at in position.gone.items()}),
        doubtful=bool(short),
        confirmed=confirmed,
    )
    result: dict[str, Any] = rows[0][0]
    await _note(connection, row, result, short, confirmed=confirmed, confirmed_by=confirmed_by)


async def _shortage(
    connection: AsyncConnection, count: CountedRows, as_of: datetime, reading: str
) -> ShortListing | None:
    """Whether fewer were listed than WorkOS counted, by more than events have changed since.

    What was listed is what this reading wrote: a page that came twice brought nobody new.
    """
    model = models.DirectoryUser if count.kind == "people" else models.DirectoryGroup
    written = (model.occurred_at == as_of) & (model.event_id == reading)
    newest = func.greatest(model.occurred_at, model.removed_at)
    found = await connection.execute(
        select(
            func.count().filter(written).label("listed"),
            func.count().filter(newest > as_of).label("changed"),
        ).where(model.directory_id == count.directory_id)
    )
    listed, changed = found.one()
    if count.counted - listed <= changed:
        return None
    return ShortListing(**count.model_dump(), listed=listed)


async def _note(
    connection: AsyncConnection,
    row: Row[Any],
    result: dict[str, Any],
    short: list[ShortListing],
    *,
    confirmed: bool,
    confirmed_by: UUID | None,
) -> None:
    removed: dict[str, dict[str, Any]] = result["removed"]
    values: dict[str, Any] = {"finished_at": func.now()}
    if "held" in result:
        hold = Hold(
            **result["held"],
            removed={kind: report["removed"] for kind, report in removed.items()},
            short=short,
        )
        values |= {"state": State.HELD, "held": hold.model_dump(mode="json")}
        detail: dict[str, Any] = {"people": hold.people, "limit": hold.limit}
    else:
        drift = Drift.model_validate(row.drift)
        drift.add(removed)
        values |= {
            "state": State.COMPLETED,
            "drift": drift.model_dump(mode="json", exclude_none=True),
            "confirmed_by": confirmed_by,
        }
        detail = {"drift": drift.counts(), "lost_access": result["lost"], "confirmed": confirmed}
    await connection.execute(
        update(models.Reconciliation).where(_ROW.c.id == row.id).values(**values)
    )
    # A newer reading knows more than those that wait.
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
    await connection.execute(
        insert(models.AuditEvent).values(
            id=uuid7(),
            organization_id=row.organization_id,
            action=f"reconciliation.{values['state']}",
            actor_id=confirmed_by or row.requested_by,
            event_id=version(row.id),
            subject_id=str(row.id),
            detail=detail,
        )
    )
