"""Applying stored events again: safe at any time and in any order, for the merge is a maximum."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, tuple_

from backend.database import AutocommitConnection, Database
from backend.errors import BodyPurged, NotFound
from backend.models import DirectoryEvent
from backend.pagination import EventCursor, Keyset
from backend.schemas.events import MOST_AT_ONCE, Outcome, ReplayRange, ReplayReport, Source
from backend.services.events import inbox, intake, parsing
from backend.services.events.parsing import ReadEvent
from backend.services.sessions import Claim, find_actor
from backend.workos.scope import DirectoryScope

_REPLAYED = (
    DirectoryEvent.organization_id,
    DirectoryEvent.id,
    DirectoryEvent.body,
    DirectoryEvent.occurred_at,
)
_BODIES_AT_ONCE = 50  # each may have megabytes

_OLDEST = Keyset(EventCursor, DirectoryEvent.received_at, DirectoryEvent.id)


async def replay(
    database: Database,
    scope: DirectoryScope,
    event_id: str,
    *,
    by: Claim | None = None,
) -> Outcome:
    """Apply one event again, as a transaction by itself.

    Args:
        database: where it is stored.
        scope: the directories that are listened to.
        event_id: which.
        by: who asks for it, of whose organization it must be; None: the command line.

    Raises:
        NotSignedIn, RoleMissing: they may not any more.
        NotFound: also for an event of another organization than the one given.
        BodyPurged: what it said is not known any more.
    """
    kept = select(*_REPLAYED).where(DirectoryEvent.id == event_id)
    if by is not None:
        kept = kept.where(DirectoryEvent.organization_id == by.proved.organization_id)
    async with database.connect() as connection:
        event = (await connection.execute(kept.limit(1))).one_or_none()
        if event is None:
            raise NotFound("No event has this id; `rollcall events list` shows the newest.")
        if not event.body:
            raise BodyPurged
        read = _read(event, scope)
        return await intake.apply(connection, read, replay=await _replay(by))


async def replay_range(
    database: Database,
    scope: DirectoryScope,
    chosen: ReplayRange,
    *,
    by: Claim | None = None,
) -> ReplayReport:
    """Apply many events again, in batches; those about one person oldest first.

    A fault leaves those before it applied, and so does the end of the access of whoever asks;
    asking again does no harm.
    """
    organization_id = None if by is None else by.proved.organization_id
    outcomes: Counter[Outcome] = Counter()
    still_parked, purged = [], []
    async with database.connect() as connection:
        chosen_rows, next_cursor = await _choose(connection, chosen, organization_id)
        for begin in range(0, len(chosen_rows), _BODIES_AT_ONCE):
            part = await _with_bodies(connection, chosen_rows[begin : begin + _BODIES_AT_ONCE])
            purged += [event.id for event in part if not event.body]
            kept = [event for event in part if event.body]
            read = [_read(event, scope) for event in kept]
            found = await intake.apply_all(connection, read, replay=await _replay(by))
            for event, outcome in zip(kept, found, strict=True):
                if isinstance(outcome, Exception):
                    raise outcome
                outcomes[outcome] += 1
                if outcome is Outcome.PARKED:
                    still_parked.append(event.id)
    ids = {event.id for event in chosen_rows}
    return ReplayReport(
        replayed=outcomes.total(),
        outcomes=dict(outcomes),
        still_parked=still_parked,
        purged=purged,
        unknown=sorted(set(chosen.ids or ()) - ids) if chosen.cursor is None else [],
        next_cursor=next_cursor,
    )


async def _replay(by: Claim | None) -> intake.Replay:
    """Raises NotSignedIn, RoleMissing."""
    return intake.Replay(None if by is None else (await find_actor(by)).user_id)


async def _with_bodies(
    connection: AutocommitConnection, events: Sequence[Row[*tuple[Any, ...]]]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The same, in the same order."""
    names = [(event.organization_id, event.id) for event in events]
    which = tuple_(DirectoryEvent.organization_id, DirectoryEvent.id).in_(names)
    query = select(*_REPLAYED).where(which)
    return (await connection.execute(query.order_by(*_OLDEST.order))).all()


async def _choose(
    connection: AutocommitConnection, chosen: ReplayRange, organization_id: str | None
) -> tuple[Sequence[Row[*tuple[Any, ...]]], str | None]:
    """The events, oldest first, and where to go on when there are more than are done at once."""
    if chosen.ids is None and chosen.outcome is None:
        chosen = chosen.model_copy(update={"outcome": Outcome.PARKED})
    query = select(
        DirectoryEvent.organization_id, DirectoryEvent.id, DirectoryEvent.received_at
    ).where(*inbox.matching(chosen, organization_id))
    if chosen.ids is not None:
        query = query.where(DirectoryEvent.id.in_(chosen.ids))
    return await _OLDEST.fetch(connection, query, chosen.cursor, MOST_AT_ONCE)


def _read(event: Row[*tuple[Any, ...]], scope: DirectoryScope) -> ReadEvent:
    return parsing.read_leniently(
        event.body,
        Source.REPLAY,
        scope,
        at=event.occurred_at,
        kept_under=event.organization_id,
    )
