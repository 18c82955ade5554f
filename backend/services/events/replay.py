"""Applying stored events again: safe at any time and in any order, for the merge is a maximum."""

from collections import Counter
from uuid import UUID

from sqlalchemy import ColumnElement, literal, select, tuple_

from backend.database import Database
from backend.errors import BodyPurged, NotFound
from backend.models import DirectoryEvent
from backend.pagination import EventCursor
from backend.schemas.directory_sync import Outcome, Source
from backend.schemas.events import MOST_AT_ONCE, ReplayRange, ReplayReport
from backend.services.events import inbox
from backend.services.events import intake as directory_sync


async def replay(
    database: Database,
    event_id: str,
    *,
    organization_id: str | None = None,
    actor_id: UUID | None = None,
    only_directory: str = "",
) -> Outcome:
    """Apply one event again, as a transaction by itself.

    Args:
        database: where it is stored.
        event_id: which.
        organization_id: whose it must be; None for anybody's, for the command line.
        actor_id: who asks for it, for the audit trail.
        only_directory: see `directory_sync.read`.

    Raises:
        NotFound: also for an event of another organization than the one given.
        BodyPurged: what it said is not known any more.
    """
    wanted: list[ColumnElement[bool]] = [DirectoryEvent.id == event_id]
    if organization_id is not None:
        wanted.append(DirectoryEvent.organization_id == organization_id)
    async with database.connect() as connection:
        found = await connection.execute(
            select(DirectoryEvent.body, DirectoryEvent.occurred_at).where(*wanted)
        )
        event = found.one_or_none()
        if event is None:
            raise NotFound("No event has this id; `rollcall events list` shows the newest.")
        if not event.body:
            raise BodyPurged
        return await directory_sync.receive(
            connection,
            event.body,
            Source.REPLAY,
            only_directory=only_directory,
            again=True,
            actor_id=actor_id,
            malformed_at=event.occurred_at,
        )


async def replay_range(
    database: Database,
    chosen: ReplayRange,
    *,
    organization_id: str | None = None,
    actor_id: UUID | None = None,
    only_directory: str = "",
) -> ReplayReport:
    """Apply many events again, oldest first, each as a transaction by itself.

    A fault on the way leaves those before it applied; asking again does no harm.
    """
    ids, next_cursor = await _choose(database, chosen, organization_id)
    outcomes: Counter[Outcome] = Counter()
    still_parked, purged = [], []
    for event_id in ids:
        try:
            outcome = await replay(
                database,
                event_id,
                organization_id=organization_id,
                actor_id=actor_id,
                only_directory=only_directory,
            )
        except BodyPurged:
            purged.append(event_id)
            continue
        outcomes[outcome] += 1
        if outcome is Outcome.PARKED:
            still_parked.append(event_id)
    return ReplayReport(
        replayed=outcomes.total(),
        outcomes=dict(outcomes),
        still_parked=still_parked,
        purged=purged,
        unknown=sorted(set(chosen.ids or ()) - set(ids)) if chosen.cursor is None else [],
        next_cursor=next_cursor,
    )


async def _choose(
    database: Database, chosen: ReplayRange, organization_id: str | None
) -> tuple[list[str], str | None]:
    """The ids, oldest first, and where to go on when there are more than are done at once."""
    if chosen.ids is None and chosen.outcome is None:
        chosen = chosen.model_copy(update={"outcome": Outcome.PARKED})
    query = (
        select(DirectoryEvent.received_at, DirectoryEvent.id)
        .where(*inbox.matching(chosen, organization_id))
        .order_by(DirectoryEvent.received_at, DirectoryEvent.id)
        .limit(literal(MOST_AT_ONCE + 1, literal_execute=True))
    )
    if chosen.ids is not None:
        query = query.where(DirectoryEvent.id.in_(chosen.ids))
    if chosen.cursor is not None:
        after = EventCursor.parse(chosen.cursor)
        query = query.where(tuple_(DirectoryEvent.received_at, DirectoryEvent.id) > tuple_(*after))
    async with database.connect() as connection:
        rows = (await connection.execute(query)).all()
    page = rows[:MOST_AT_ONCE]
    more = len(rows) > MOST_AT_ONCE
    last = str(EventCursor(page[-1].received_at, page[-1].id)) if more else None
    return [row.id for row in page], last
