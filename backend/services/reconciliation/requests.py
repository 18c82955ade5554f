"""Reconciliations: asking for one, looking at them, confirming and cancelling."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, inspect, not_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend import models
from backend.database import Executor, try_transaction_lock
from backend.errors import AlreadyFinished, NotFound, NotHeld
from backend.pagination import Keyset, TimeCursor
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.jobs import Enqueue, Job
from backend.schemas.reconciliations import (
    UNFINISHED,
    Reconciliation,
    ReconciliationPage,
    State,
    Trigger,
)
from backend.services import audit
from backend.services.reconciliation.completion import ONE_MOMENT, conclude

_ROW = inspect(models.Reconciliation).local_table
_NEWEST = Keyset(TimeCursor, _ROW.c.created_at, _ROW.c.id, descending=True)


def lock_name(organization_id: str) -> str:
    """The lock that whoever runs a reconciliation of the organization holds for the while."""
    return f"reconcile {organization_id}"


def job_payload(organization_id: str, reconciliation_id: UUID) -> str:
    return f"{organization_id}/{reconciliation_id}"


def of_job_payload(payload: str) -> tuple[str, UUID]:
    """Raises ValueError for what `job_payload` never made."""
    organization_id, _, reconciliation_id = payload.rpartition("/")
    return organization_id, UUID(reconciliation_id)


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
        requested_by: who asks, if a person does.

    Returns:
        The new one, or the one that is unfinished: it goes on where it stopped.
    """
    asked = (
        insert(models.Reconciliation)
        .values(
            organization_id=organization_id,
            id=uuid7(),
            trigger=trigger,
            requested_by=requested_by,
            state=State.QUEUED,
        )
        .on_conflict_do_nothing(
            index_elements=[_ROW.c.organization_id],
            index_where=text("state IN ('queued', 'running')"),
        )
        .returning(_ROW.c.id)
    )
    unfinished = select(_ROW).where(
        _ROW.c.organization_id == organization_id, _ROW.c.state.in_(UNFINISHED)
    )
    row = None
    while row is None:  # the one that was in the way may finish between the two statements
        is_new = await session.scalar(asked) is not None
        row = (await session.execute(unfinished)).one_or_none()
        if is_new and row is not None:
            requested = audit.entry(
                AuditAction.RECONCILIATION_REQUESTED,
                organization_id=organization_id,
                subject_id=row.id,
                actor_id=requested_by,
                detail=AuditDetail(source=trigger),
            )
            await audit.record(session, requested)
    if enqueue is not None:
        await enqueue(session, Job.RECONCILE, job_payload(organization_id, row.id))
    return Reconciliation.model_validate(row)


async def due(executor: Executor, hours: int) -> list[str]:
    """The organizations whose directories have not been read for so many hours.

    One that failed is due again after an hour at most. Unfinished ones count as due: `request`
    returns them, so that one whose process died goes on.
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
    query = select(_ROW).where(_ROW.c.organization_id == organization_id)
    rows, next_cursor = await _NEWEST.fetch(executor, query, cursor, limit)
    return ReconciliationPage(
        items=[Reconciliation.model_validate(row) for row in rows], next_cursor=next_cursor
    )


async def get(executor: Executor, organization_id: str, reconciliation_id: UUID) -> Reconciliation:
    """Raises NotFound, also for one of another organization."""
    found = await executor.execute(
        select(_ROW).where(
            _ROW.c.organization_id == organization_id, _ROW.c.id == reconciliation_id
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return Reconciliation.model_validate(row)


async def owner_of(executor: Executor, reconciliation_id: UUID) -> str:
    """Whose a reconciliation is, for an operator who only has its id.

    Raises:
        NotFound: there is none with this id.
    """
    owner = await executor.scalar(
        select(_ROW.c.organization_id).where(_ROW.c.id == reconciliation_id)
    )
    if owner is None:
        raise NotFound
    return str(owner)


async def confirm(
    session: AsyncSession,
    organization_id: str,
    reconciliation_id: UUID,
    *,
    confirmed_by: UUID | None = None,
) -> Reconciliation:
    """Complete one that is held: what it lacks is live no more, but for what newer events say.

    Args:
        session: one that nothing has been done with yet.
        organization_id: whose it must be.
        reconciliation_id: which.
        confirmed_by: who confirms, if a person does.

    Raises:
        NotFound: there is none with this id, or it is another organization's.
        NotHeld: it does not wait, or a newer one has taken its place.
    """
    connection = await session.connection(execution_options=ONE_MOMENT)
    held = await get(connection, organization_id, reconciliation_id)
    match held.state:
        case State.HELD:
            await conclude(
                connection,
                organization_id,
                reconciliation_id,
                confirmed=True,
                confirmed_by=confirmed_by,
            )
            confirmation = audit.entry(
                AuditAction.RECONCILIATION_CONFIRMED,
                organization_id=organization_id,
                subject_id=reconciliation_id,
                actor_id=confirmed_by,
            )
            await audit.record(connection, confirmation)
        case State.SUPERSEDED:
            raise NotHeld("A newer reconciliation has taken this one's place; look at that one.")
        case _:
            raise NotHeld
    return await get(connection, organization_id, reconciliation_id)


async def cancel(session: AsyncSession, actor: Actor, reconciliation_id: UUID) -> Reconciliation:
    """Stop one at the next page, or dismiss one that is held: nothing is removed by it.

    Raises:
        NotFound: there is none with this id in the organization.
        AlreadyFinished: it is neither unfinished nor held.
    """
    organization_id = actor.organization_id
    this = (_ROW.c.organization_id == organization_id) & (_ROW.c.id == reconciliation_id)
    await session.execute(select(_ROW.c.id).where(this).with_for_update())
    found = await get(session, organization_id, reconciliation_id)
    if found.state not in {*UNFINISHED, State.HELD}:
        raise AlreadyFinished
    values: dict[str, Any] = {"cancel_requested": True}
    noted = [AuditAction.RECONCILIATION_CANCEL_REQUESTED]
    if found.state == State.HELD or await try_transaction_lock(session, lock_name(organization_id)):
        # Nobody is running it.
        values = {"state": State.CANCELLED, "finished_at": func.now()}
        noted.append(AuditAction.RECONCILIATION_CANCELLED)
    await session.execute(update(models.Reconciliation).where(this).values(**values))
    entries = [
        audit.entry(
            action,
            organization_id=organization_id,
            subject_id=reconciliation_id,
            actor_id=actor.user_id,
        )
        for action in noted
    ]
    await audit.record(session, *entries)
    return await get(session, organization_id, reconciliation_id)
