"""Reconciliations: asking for one, looking at them, confirming and cancelling."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, inspect, not_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend import models
from backend.database import Executor
from backend.errors import AlreadyFinished, NotFound, NotHeld
from backend.pagination import TimeCursor
from backend.schemas.access import Actor
from backend.schemas.jobs import Enqueue, Job
from backend.schemas.reconciliations import (
    UNFINISHED,
    Reconciliation,
    ReconciliationPage,
    State,
    Trigger,
)
from backend.services import audit
from backend.services.reconciliation.completion import SNAPSHOT, conclude

_ROW = inspect(models.Reconciliation).local_table


def lock_name(organization_id: str) -> str:
    """The lock that whoever runs a reconciliation of the organization holds for the while."""
    return f"reconcile {organization_id}"


async def request(
    session: AsyncSession,
    organization_id: str,
    trigger: Trigger,
    *,
    enqueue: Enqueue | None = None,
    requested_by: UUID | None = None,
) -> Reconciliation:
    """Ask for a reconciliation of an organization that the mirror knows; one at a time.

    Args:
        session: whose transaction it is part of.
        organization_id: whose directories are to be read.
        trigger: what asks.
        enqueue: how to have it run in the background; without it the caller runs it.
        requested_by: the account that asks, if a person does.

    Returns:
        The new one, or the one that is unfinished: it goes on where it stopped.
    """
    asked = (
        insert(models.Reconciliation)
        .values(
            id=uuid7(),
            organization_id=organization_id,
            trigger=trigger,
            requested_by=requested_by,
            state=State.QUEUED,
        )
        .on_conflict_do_nothing(
            index_elements=[_ROW.c.organization_id],
            index_where=text("state IN ('queued', 'running')"),
        )
    )
    unfinished = select(_ROW).where(
        _ROW.c.organization_id == organization_id, _ROW.c.state.in_(UNFINISHED)
    )
    row = None
    while row is None:  # the one that was in the way may finish between the two statements
        await session.execute(asked)
        row = (await session.execute(unfinished)).one_or_none()
    if enqueue is not None:
        await enqueue(session, Job.RECONCILE, str(row.id))
    return Reconciliation.model_validate(row)


async def due(executor: Executor, hours: int) -> list[str]:
    """The organizations whose directories have not been read for so many hours.

    One that failed is due again after an hour at most. Unfinished ones count as due: `request`
    returns them, so that one whose process died is taken up again.
    """
    since = func.now() - _ROW.c.created_at
    recent = (
        select(_ROW.c.id)
        .where(
            _ROW.c.organization_id == models.Organization.workos_id,
            _ROW.c.state.not_in(UNFINISHED),
            since
            < case(
                (_ROW.c.state == State.FAILED, timedelta(hours=min(hours, 1))),
                else_=timedelta(hours=hours),
            ),
        )
        .exists()
    )
    rows = await executor.scalars(
        select(models.Organization.workos_id)
        .where(
            models.Organization.directory_managed,
            not_(models.Organization.deleted),
            not_(recent),
        )
        .order_by(models.Organization.workos_id)
    )
    return list(rows)


async def list_page(
    executor: Executor, organization_id: str, *, cursor: TimeCursor | None, limit: int
) -> ReconciliationPage:
    """The organization's reconciliations, newest first."""
    query = (
        select(_ROW)
        .where(_ROW.c.organization_id == organization_id)
        .order_by(_ROW.c.created_at.desc(), _ROW.c.id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        query = query.where(tuple_(_ROW.c.created_at, _ROW.c.id) < tuple_(*cursor))
    rows = (await executor.execute(query)).all()
    page = rows[:limit]
    more = len(rows) > limit
    return ReconciliationPage(
        items=[Reconciliation.model_validate(row) for row in page],
        next_cursor=str(TimeCursor(page[-1].created_at, page[-1].id)) if more else None,
    )


async def get(
    executor: Executor, reconciliation_id: UUID, organization_id: str | None = None
) -> Reconciliation:
    """Raises NotFound, also for one of another organization than the one given."""
    query = select(_ROW).where(_ROW.c.id == reconciliation_id)
    if organization_id is not None:
        query = query.where(_ROW.c.organization_id == organization_id)
    row = (await executor.execute(query)).one_or_none()
    if row is None:
        raise NotFound
    return Reconciliation.model_validate(row)


async def confirm(
    session: AsyncSession,
    reconciliation_id: UUID,
    *,
    organization_id: str | None = None,
    confirmed_by: UUID | None = None,
) -> Reconciliation:
    """Complete one that is held: what it lacks counts no more, but for what newer events say.

    Args:
        session: one that nothing has been done with yet.
        reconciliation_id: which.
        organization_id: whose it must be, if given.
        confirmed_by: the account that confirms, if a person does.

    Raises:
        NotFound: there is none with this id, or it is another organization's.
        NotHeld: it does not wait, or a newer one has taken its place.
    """
    connection = await session.connection(execution_options=SNAPSHOT)
    held = await get(connection, reconciliation_id, organization_id)
    match held.state:
        case State.HELD:
            await conclude(connection, held.id, confirmed=True, confirmed_by=confirmed_by)
        case State.SUPERSEDED:
            raise NotHeld("A newer reconciliation has taken this one's place; look at that one.")
        case _:
            raise NotHeld
    return await get(connection, reconciliation_id)


async def cancel(session: AsyncSession, actor: Actor, reconciliation_id: UUID) -> Reconciliation:
    """Stop one at the next page, or dismiss one that is held: nothing is removed by it.

    Raises:
        NotFound: there is none with this id in the organization.
        AlreadyFinished: it is neither unfinished nor held.
    """
    locked = select(_ROW.c.id).where(_ROW.c.id == reconciliation_id).with_for_update()
    await session.execute(locked)
    found = await get(session, reconciliation_id, actor.organization_id)
    if found.state not in {*UNFINISHED, State.HELD}:
        raise AlreadyFinished
    key = func.hashtextextended(lock_name(actor.organization_id), 0)
    if found.state == State.HELD or await session.scalar(
        select(func.pg_try_advisory_xact_lock(key))
    ):
        # Nobody is running it.
        values: dict[str, Any] = {"state": State.CANCELLED, "finished_at": func.now()}
    else:
        values = {"cancel_requested": True}
    await session.execute(
        update(models.Reconciliation)
        .where(models.Reconciliation.id == reconciliation_id)
        .values(**values)
    )
    await audit.record(
        session,
        "reconciliation.cancel_requested",
        organization_id=actor.organization_id,
        actor_id=actor.user_id,
        subject_id=reconciliation_id,
    )
    return await get(session, reconciliation_id)
