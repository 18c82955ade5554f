"""Applying stored events again: safe at any time and in any order, for the merge is a maximum."""

from collections import Counter
from uuid import UUID

from sqlalchemy import select

from backend.database import Database
from backend.errors import BodyPurged, NotFound
from backend.models import DirectoryEvent
from backend.pagination import EventCursor, Keyset
from backend.schemas.events import MOST_AT_ONCE, Outcome, ReplayRange, ReplayReport, Source
from backend.services.events import inbox, intake, parsing
from backend.workos.scope import DirectoryScope

_OLDEST = Keyset(EventCursor, DirectoryEvent.received_at, DirectoryEvent.id)


async def replay(
    database: Database,
    scope: DirectoryScope,
    event_id: str,
    *,
    organization_id: str | None = None,
    actor_id: UUID | None = None,
) -> Outcome:
    """Apply one event again, as a transaction by itself.

    Args:
        database: where it is stored.
        scope: the directories that are listened to.
        event_id: which.
        organization_id: whose it must be; None for anybody's, for the command line.
        actor_id: who asks for it, for the audit trail.

    Raises:
        NotFound: also for an event of another organization than the one given.
        BodyPurged: what it said is not known any more.
    """
    kept = select(
        DirectoryEvent.organization_id, DirectoryEvent.body, DirectoryEvent.occurred_at
    ).where(DirectoryEvent.id == event_id)
    if organization_id is not None:
        kept = kept.where(DirectoryEvent.organization_id == organization_id)
    async with database.connect() as connection:
        event = (await connection.execute(kept.limit(1))).one_or_none()
        if event is None:
            raise NotFound("No event has this id; `rollcall events list` shows the newest.")
        if not event.body:
            raise BodyPurged
        read = parsing.read_leniently(
            event.body,
            Source.REPLAY,
            scope,
            at=event.occurred_at,
            kept_under=event.organization_id,
        )
        return await intake.apply(connection, read, replay=intake.Replay(actor_id))


async def replay_range(
    database: Database,
    scope: DirectoryScope,
    chosen: ReplayRange,
    *,
    organization_id: str | None = None,
    actor_id: UUID | None = None,
) -> ReplayReport:
    """Apply many events again, oldest first, each as a transaction by itself.

    A fault on the way leaves those before it applied; asking again does no harm.
    """
    events, next_cursor = await _choose(database, chosen, organization_id)
    outcomes: Counter[Outcome] = Counter()
    still_parked, purged = [], []
    for owner, event_id in events:
        try:
            outcome = await replay(
                database, scope, event_id, organization_id=owner, actor_id=actor_id
            )
        except BodyPurged:
            purged.append(event_id)
            continue
        outcomes[outcome] += 1
        if outcome is Outcome.PARKED:
            still_parked.append(event_id)
    found = {event_id for _, event_id in events}
    return ReplayReport(
        replayed=outcomes.total(),
        outcomes=dict(outcomes),
        still_parked=still_parked,
        purged=purged,
        unknown=sorted(set(chosen.ids or ()) - found) if chosen.cursor is None else [],
        next_cursor=next_cursor,
    )


async def _choose(
    database: Database, chosen: ReplayRange, organization_id: str | None
) -> tuple[list[tuple[str, str]], str | None]:
    """Organization and id of each, oldest first, and where to go on when there are more than are
    done at once.
    """
    if chosen.ids is None and chosen.outcome is None:
        chosen = chosen.model_copy(update={"outcome": Outcome.PARKED})
    query = select(
        DirectoryEvent.received_at, DirectoryEvent.id, DirectoryEvent.organization_id
    ).where(*inbox.matching(chosen, organization_id))
    if chosen.ids is not None:
        query = query.where(DirectoryEvent.id.in_(chosen.ids))
    async with database.connect() as connection:
        rows, next_cursor = await _OLDEST.fetch(connection, query, chosen.cursor, MOST_AT_ONCE)
    return [(row.organization_id, row.id) for row in rows], next_cursor
