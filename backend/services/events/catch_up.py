"""Catching up from WorkOS's Events API: what no webhook brought, with a cursor of its own.

WorkOS holds new events back for some seconds, and one may appear behind newer ones. So the cursor
trails: each poll begins two minutes back, goes on to the newest, and skips what is known.
"""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, bindparam, case, column, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.database import (
    AutocommitConnection,
    Database,
    Query,
    is_our_fault,
    looked_up,
    remedy,
    session_lock,
)
from backend.errors import CursorExpired, WorkosFault, WorkosUnavailable
from backend.models import (
    NO_ORGANIZATION,
    Directory,
    DirectoryEvent,
    EventCursor,
    Organization,
    Reconciliation,
)
from backend.schemas.events import Outcome, Source
from backend.schemas.jobs import Enqueue
from backend.schemas.reconciliations import FailureReason, State, Trigger
from backend.services.events import intake, parsing
from backend.services.events.parsing import ReadEvent
from backend.services.mirror.facts import HANDLERS
from backend.services.reconciliation import requests as reconciliations
from backend.workos.client import WorkosClient
from backend.workos.models import Envelope
from backend.workos.paging import EventPage, arriving
from backend.workos.scope import DirectoryScope

_log = logging.getLogger(__name__)

_ONE_POLLER = "catch-up"  # the lock of whoever polls
_TRAIL = timedelta(minutes=2)
_MOST_PAGES = 4  # that are applied at once
_LONGEST_BACKOFF = timedelta(minutes=5)
_LONGEST_RETRY_AFTER = 3600.0

_EXPIRED = (
    "WorkOS does not know the event any more up to which events were read, so some may have been "
    "missed. All organizations are being reconciled, and events are read from the oldest again."
)


_asked = (
    func.unnest(
        bindparam("organization_ids", type_=ARRAY(Text)),
        bindparam("ids", type_=ARRAY(Text)),
        bindparam("directory_ids", type_=ARRAY(Text)),
    )
    .table_valued(
        column("organization_id", Text(collation="C")),
        column("id", Text(collation="C")),
        column("directory_id", Text(collation="C")),
        name="asked",
    )
    .render_derived()
)
# What names no organization may be kept as its directory's.
_keeper = (
    select(DirectoryEvent.id)
    .join(Directory, Directory.organization_id == DirectoryEvent.organization_id)
    .where(Directory.id == _asked.c.directory_id, DirectoryEvent.id == _asked.c.id)
)
_kept = select(DirectoryEvent.id).where(
    DirectoryEvent.organization_id == _asked.c.organization_id, DirectoryEvent.id == _asked.c.id
)
_KNOWN = Query(
    select(_asked.c.id).where(
        looked_up(_kept) | ((_asked.c.organization_id == NO_ORGANIZATION) & looked_up(_keeper))
    )
)


class Poll(NamedTuple):
    """What a poll of WorkOS's events came to; `failures` in a row, 0 when it went well."""

    outcomes: Counter[Outcome]
    failures: int
    trouble: "Trouble | None"


class Trouble(NamedTuple):
    """Why it did not go well: the code, and the words."""

    reason: WorkosFault | FailureReason
    error: str
    retry_after: float = 0


async def poll(
    database: Database,
    client: WorkosClient,
    enqueue: Enqueue,
    *,
    seconds: int,
) -> Poll | None:
    """Take in what WorkOS has, a page at a time; None when it is not time, or not our turn.

    Args:
        database: where the cursor is: one for the whole deployment.
        client: WorkOS.
        enqueue: how to ask for reconciliations when the cursor has expired.
        seconds: until the next poll; longer after failures.

    Raises:
        DBAPIError, asyncpg.PostgresError: the database failed; what was taken in stays, and the
            next poll goes on from there.
    """
    outcomes: Counter[Outcome] = Counter()
    # Events and cursor are written by the session that holds the lock: who loses it writes nothing.
    async with database.connect() as connection, session_lock(connection, _ONE_POLLER) as mine:
        if not mine or not await _is_due(connection):
            return None
        try:
            pages = _pages(connection, database, client, enqueue)
            trouble = await _take_in_all(connection, pages, client.scope, outcomes)
        except WorkosUnavailable as unavailable:
            trouble = Trouble(unavailable.fault, unavailable.detail, unavailable.retry_after)
        if trouble is None:
            failures = await _note_success(connection, seconds)
        else:
            failures = await _note_failure(connection, trouble, seconds)
    return Poll(outcomes, failures, trouble)


async def _is_due(connection: AutocommitConnection) -> bool:
    await connection.execute(insert(EventCursor).values(id=1).on_conflict_do_nothing())
    due = or_(EventCursor.next_poll_at.is_(None), EventCursor.next_poll_at <= func.now())
    return await connection.scalar(select(EventCursor.id).where(due)) is not None


async def _pages(
    connection: AutocommitConnection,
    database: Database,
    client: WorkosClient,
    enqueue: Enqueue,
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
        await _begin_again(database, enqueue, client.scope)
    yield first
    async for page in pages:
        yield page


async def _begin_again(database: Database, enqueue: Enqueue, scope: DirectoryScope) -> None:
    """Forget the cursor, and have everything reconciled in the background: one transaction."""
    managed = select(Organization.workos_id).where(
        Organization.directory_managed, ~Organization.deleted
    )
    if scope.only is not None:
        owner = select(Directory.organization_id).where(Directory.id == scope.only)
        managed = managed.where(Organization.workos_id.in_(owner))
    async with database.transaction() as session:
        for organization_id in (await session.scalars(managed)).all():
            await reconciliations.request(
                session, organization_id, Trigger.EXPIRED_CURSOR, enqueue=enqueue
            )
        await session.execute(
            update(EventCursor).values(
                after=None,
                occurred_at=None,
                failures=0,
                reason=WorkosFault.CURSOR_EXPIRED,
                error=_EXPIRED,
            )
        )


class _Item(NamedTuple):
    """One event of a page.

    `place` is whether it can be read on from; `settles` is whether nothing can appear before it any
    more.
    """

    event: ReadEvent
    place: bool
    settles: bool


def _items(page: EventPage, scope: DirectoryScope) -> list[_Item]:
    items = []
    for sent in page.events:
        event = parsing.read_leniently(
            json.dumps(sent).encode(),
            Source.CATCH_UP,
            scope,
            at=page.answered_at,
            sent_at=page.answered_at,
        )
        # What is malformed, or from the future, is passed by: it says nothing of what is settled.
        named = isinstance(sent, dict) and sent.get("id") == event.envelope.id
        at = event.envelope.created_at
        place = event.is_event and named and at <= page.answered_at
        items.append(_Item(event, place, settles=at <= page.answered_at - _TRAIL))
    return items


async def _read_pages(
    pages: AsyncIterator[EventPage], scope: DirectoryScope
) -> AsyncIterator[list[_Item]]:
    async for page in pages:
        yield _items(page, scope)


def _log_what_stays(event_id: str, error: Exception) -> None:
    """A fault that does not pass by itself."""
    if is_our_fault(error):
        _log.error("catch-up: %s: database fault that is ours", event_id, exc_info=error)
    elif told := remedy(error):
        _log.warning("catch-up: %s: %s%s", event_id, error, told)


async def _take_in_all(
    connection: AutocommitConnection,
    pages: AsyncIterator[EventPage],
    scope: DirectoryScope,
    outcomes: Counter[Outcome],
) -> Trouble | None:
    """Take in each event; what is wrong where the database failed on some, which stay ahead."""
    failed: list[str] = []
    settled = True  # whether the cursor may still move
    # What the next ones say is read while the database is at work.
    async with aclosing(arriving(_read_pages(pages, scope), _MOST_PAGES)) as arrived:
        async for together in arrived:
            items = [item for page in together for item in page]
            results = await _take_in(connection, [item.event for item in items])
            passed: Envelope | None = None
            for item in items:
                envelope = item.event.envelope
                # A fault holds up no other event, but the cursor.
                fault = isinstance(results.get(envelope.id), Exception)
                if fault or (item.place and not item.settles):
                    settled = False
                elif settled and item.place:
                    passed = envelope
            if passed is not None:
                await connection.execute(
                    update(EventCursor).values(after=passed.id, occurred_at=passed.created_at)
                )
            outcomes.update(found for found in results.values() if isinstance(found, Outcome))
            failed.extend(name for name, found in results.items() if isinstance(found, Exception))
    if failed:
        return Trouble(
            FailureReason.DATABASE_FAILED,
            f"The database failed on {len(failed)} events, {failed[0]} the first.",
        )
    return None


async def _take_in(
    connection: AutocommitConnection, events: list[ReadEvent]
) -> dict[str, Outcome | Exception]:
    """By id, what became of those that were not known."""
    known = await _known(connection, events)
    new = {event.envelope.id: event for event in events if event.envelope.id not in known}
    found = await intake.apply_all(connection, list(new.values()))
    results = dict(zip(new, found, strict=True))
    for name, result in results.items():
        if isinstance(result, Exception):
            _log_what_stays(name, result)
    return results


async def _known(connection: AutocommitConnection, events: list[ReadEvent]) -> set[str]:
    """Those that are in the inbox, parked ones too: these have a job of their own."""
    rows = [event.row for event in events]
    found = await _KNOWN.rows(
        connection,
        organization_ids=[row["organization_id"] for row in rows],
        ids=[row["id"] for row in rows],
        directory_ids=[row["directory_id"] for row in rows],
    )
    return {row["id"] for row in found}


async def _note_success(connection: AutocommitConnection, seconds: int) -> int:
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
            reason=case(((EventCursor.failures == 0) & reconciling, EventCursor.reason)),
            error=case(((EventCursor.failures == 0) & reconciling, EventCursor.error)),
        )
    )
    return 0


async def _note_failure(connection: AutocommitConnection, trouble: Trouble, seconds: int) -> int:
    usual = timedelta(seconds=seconds)
    doubled = usual * func.power(2, func.least(EventCursor.failures, 10))
    wait = func.greatest(
        usual,
        func.least(doubled, _LONGEST_BACKOFF),
        timedelta(seconds=min(trouble.retry_after, _LONGEST_RETRY_AFTER)),
    )
    failures = await connection.scalar(
        update(EventCursor)
        .values(
            polled_at=func.now(),
            next_poll_at=func.now() + wait,
            failures=EventCursor.failures + 1,
            reason=trouble.reason,
            error=trouble.error,
        )
        .returning(EventCursor.failures)
    )
    return int(failures or 0)
