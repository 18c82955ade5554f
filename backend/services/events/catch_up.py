"""Catching up from WorkOS's Events API: what no webhook brought, with a cursor of its own.

WorkOS holds new events back for some seconds, and one may appear behind newer ones. So the cursor
trails: each look begins two minutes back, goes on to the newest, and skips what is known.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import asyncpg
from sqlalchemy import ARRAY, Text, any_, case, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database
from backend.errors import CursorExpired, WorkosUnavailable
from backend.models import Directory, DirectoryEvent, EventCursor, Organization, Reconciliation
from backend.schemas.directory_sync import Outcome, Source
from backend.schemas.jobs import Enqueue
from backend.schemas.reconciliations import State, Trigger
from backend.services.events import intake as directory_sync
from backend.services.mirror.facts import HANDLERS
from backend.services.reconciliation import requests as reconciliations
from backend.workos.client import WorkosClient
from backend.workos.models import Envelope
from backend.workos.paging import EventPage

_ONE_POLLER = 727466  # the advisory lock of whoever polls
_TRAIL = timedelta(minutes=2)
_LONGEST_BACKOFF = timedelta(minutes=5)
_LONGEST_RETRY_AFTER = 3600.0

_EXPIRED = (
    "WorkOS does not know the event any more up to which events were read, so some may have been "
    "missed. All organizations are being reconciled, and events are read from the oldest again."
)


class Poll(NamedTuple):
    """What a look at WorkOS's events came to; `failures` in a row, 0 when it went well."""

    outcomes: Counter[Outcome]
    failures: int
    error: str | None


async def poll(
    database: Database,
    client: WorkosClient,
    enqueue: Enqueue,
    *,
    seconds: int,
    only_directory: str = "",
) -> Poll | None:
    """Take in what WorkOS has, one transaction an event; None when it is not time, or not our turn.

    Args:
        database: where the cursor is: one for the whole deployment.
        client: WorkOS.
        enqueue: how to ask for reconciliations when the cursor has expired.
        seconds: until the next look; longer after failures.
        only_directory: see `directory_sync.read`.

    Raises:
        DBAPIError, asyncpg.PostgresError: the database failed; what was taken in stays, and the
            next look goes on from there.
    """
    outcomes: Counter[Outcome] = Counter()
    async with database.connect() as connection, _only_poller(connection) as mine:
        if not mine or not await _is_due(connection):
            return None
        retry_after = 0.0
        try:
            pages = _pages(connection, database, client, enqueue, only_directory)
            error = await _take_in_all(connection, pages, only_directory, outcomes)
        except WorkosUnavailable as unavailable:
            error, retry_after = unavailable.detail, unavailable.retry_after
        if error is None:
            failures = await _note_success(connection, seconds)
        else:
            failures = await _note_failure(connection, error, seconds, retry_after)
    return Poll(outcomes, failures, error)


@asynccontextmanager
async def _only_poller(connection: AsyncConnection) -> AsyncIterator[bool]:
    # Events and cursor are written by the session that holds the lock: who loses it writes nothing.
    mine = await connection.scalar(select(func.pg_try_advisory_lock(_ONE_POLLER)))
    try:
        yield bool(mine)
    finally:
        if mine and not connection.invalidated:
            try:
                await connection.execute(select(func.pg_advisory_unlock(_ONE_POLLER)))
            except BaseException:
                await connection.invalidate()  # or the pool would keep the lock
                raise


async def _is_due(connection: AsyncConnection) -> bool:
    await connection.execute(insert(EventCursor).values(id=1).on_conflict_do_nothing())
    due = or_(EventCursor.next_poll_at.is_(None), EventCursor.next_poll_at <= func.now())
    return await connection.scalar(select(EventCursor.id).where(due)) is not None


async def _pages(
    connection: AsyncConnection,
    database: Database,
    client: WorkosClient,
    enqueue: Enqueue,
    only_directory: str,
) -> AsyncIterator[EventPage]:
    """From the cursor to the newest event."""
    after = await connection.scalar(select(EventCursor.after))
    pages = client.event_pages(HANDLERS, after)
    try:
        first = await anext(pages)
    except CursorExpired:
        # First see that it is the cursor that WorkOS refuses, and not the request.
        pages = client.event_pages(HANDLERS, None)
        first = await anext(pages)
        await _begin_again(database, enqueue, only_directory)
    yield first
    async for page in pages:
        yield page


async def _begin_again(database: Database, enqueue: Enqueue, only_directory: str) -> None:
    """Forget the cursor, and have everything reconciled in the background: one transaction."""
    managed = select(Organization.workos_id).where(
        Organization.directory_managed, ~Organization.deleted
    )
    if only_directory:
        owner = select(Directory.organization_id).where(Directory.id == only_directory)
        managed = managed.where(Organization.workos_id.in_(owner))
    async with database.transaction() as session:
        for organization_id in (await session.scalars(managed)).all():
            await reconciliations.request(
                session, organization_id, Trigger.EXPIRED_CURSOR, enqueue=enqueue
            )
        await session.execute(
            update(EventCursor).values(after=None, occurred_at=None, failures=0, error=_EXPIRED)
        )


class _Item(NamedTuple):
    """One event of a page; `place` is whether it can be read on from."""

    event: Envelope
    reading: directory_sync.Reading
    body: bytes
    place: bool


def _items(page: EventPage, only_directory: str) -> list[_Item]:
    items = []
    for sent in page.events:
        body = json.dumps(sent).encode()
        event, reading = directory_sync.read_leniently(body, page.answered_at, only_directory)
        # What is malformed, or from the future, is passed by: it says nothing of what is settled.
        named = isinstance(sent, dict) and sent.get("id") == event.id
        place = reading.is_event and named and event.created_at <= page.answered_at
        items.append(_Item(event, reading, body, place))
    return items


async def _take_in_all(
    connection: AsyncConnection,
    pages: AsyncIterator[EventPage],
    only_directory: str,
    outcomes: Counter[Outcome],
) -> str | None:
    """Take in each event; what is wrong where the database failed on some, which stay ahead."""
    failed: list[str] = []
    settled = True  # whether the cursor may still move
    async for page in pages:
        items = _items(page, only_directory)
        known = await _known(connection, [item.event.id for item in items])
        passed: Envelope | None = None
        for item in items:
            if item.place and item.event.created_at > page.answered_at - _TRAIL:
                settled = False
            moves = settled and item.place
            if item.event.id in known:
                passed = item.event if moves else passed
                continue
            try:
                outcome = await directory_sync.take_in(
                    connection,
                    item.event,
                    item.reading,
                    item.body,
                    Source.CATCH_UP,
                    moves_cursor=moves,
                )
            except asyncpg.PostgresError:
                if connection.invalidated:
                    raise
                # It holds up no other event, but the cursor.
                failed.append(item.event.id)
                settled = False
                continue
            known.add(item.event.id)
            outcomes[outcome] += 1
            passed = None if moves else passed
        if passed is not None:
            await connection.execute(
                update(EventCursor).values(after=passed.id, occurred_at=passed.created_at)
            )
    if failed:
        return f"The database failed on {len(failed)} events, {failed[0]} the first."
    return None


async def _known(connection: AsyncConnection, event_ids: list[str]) -> set[str]:
    """Those that are in the inbox, parked ones too: these have a job of their own."""
    among = any_(cast(literal(event_ids, ARRAY(Text)), ARRAY(Text)))
    found = await connection.scalars(select(DirectoryEvent.id).where(DirectoryEvent.id == among))
    return set(found)


async def _note_success(connection: AsyncConnection, seconds: int) -> int:
    # That the cursor expired is said until everything has been reconciled.
    reconciling = (
        select(Reconciliation.id)
        .where(
            Reconciliation.trigger == Trigger.EXPIRED_CURSOR,
            Reconciliation.state.in_([State.QUEUED, State.RUNNING, State.HELD]),
        )
        .exists()
    )
    await connection.execute(
        update(EventCursor).values(
            polled_at=func.now(),
            next_poll_at=func.now() + timedelta(seconds=seconds),
            failures=0,
            error=case(((EventCursor.failures == 0) & reconciling, EventCursor.error)),
        )
    )
    return 0


async def _note_failure(
    connection: AsyncConnection, error: str, seconds: int, retry_after: float
) -> int:
    usual = timedelta(seconds=seconds)
    doubled = usual * func.power(2, func.least(EventCursor.failures, 10))
    wait = func.greatest(
        usual,
        func.least(doubled, _LONGEST_BACKOFF),
        timedelta(seconds=min(retry_after, _LONGEST_RETRY_AFTER)),
    )
    failures = await connection.scalar(
        update(EventCursor)
        .values(
            polled_at=func.now(),
            next_poll_at=func.now() + wait,
            failures=EventCursor.failures + 1,
            error=error,
        )
        .returning(EventCursor.failures)
    )
    return int(failures or 0)
