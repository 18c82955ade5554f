"""What becomes of the inbox with time: parked events are tried again, old bodies are purged."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import Row, func, literal, select, tuple_, update

from backend.database import Database
from backend.models import DirectoryEvent
from backend.schemas.events import Outcome, Source
from backend.services.events import intake, parsing
from backend.services.events.parsing import ReadEvent
from backend.workos.scope import DirectoryScope

_BATCH = 5000


async def retry_due(
    database: Database, scope: DirectoryScope, *, limit: int = 200
) -> Counter[Outcome]:
    """Try the parked events again whose time has come, each as a transaction by itself.

    One that stays parked waits twice as long as before, a day at most.

    Raises:
        DBAPIError, asyncpg.PostgresError: the database failed; those it failed at stay due.
    """
    due = (
        select(DirectoryEvent.organization_id, DirectoryEvent.body, DirectoryEvent.occurred_at)
        .where(
            # Spelt out in the statement, or the partial index is not used.
            DirectoryEvent.outcome == literal(Outcome.PARKED.value, literal_execute=True),
            DirectoryEvent.next_attempt_at <= func.now(),
            DirectoryEvent.body.is_not(None),
        )
        .order_by(DirectoryEvent.next_attempt_at, DirectoryEvent.id)
        .limit(limit)
    )
    outcomes: Counter[Outcome] = Counter()
    fault: asyncpg.PostgresError | None = None
    async with database.connect() as connection:
        for kept in (await connection.execute(due)).all():
            try:
                outcome = await intake.apply(connection, _read(kept, scope))
            except asyncpg.PostgresError as error:
                if connection.invalidated:
                    raise
                fault = error  # it holds up no other
                continue
            outcomes[outcome] += 1
    if fault is not None:
        raise fault
    return outcomes


def _read(kept: Row[*tuple[Any, ...]], scope: DirectoryScope) -> ReadEvent:
    return parsing.read_leniently(
        kept.body,
        Source.REPLAY,
        scope,
        at=kept.occurred_at,
        kept_under=kept.organization_id,
    )


async def purge_bodies(database: Database, days: int) -> int:
    """Forget the bodies of events received so long ago; parked ones need theirs. How many."""
    purged = 0
    last = (datetime.fromtimestamp(0).astimezone(), "")
    while True:
        old = (
            select(DirectoryEvent.organization_id, DirectoryEvent.received_at, DirectoryEvent.id)
            .where(
                DirectoryEvent.received_at < func.now() - timedelta(days=days),
                DirectoryEvent.body.is_not(None),
                DirectoryEvent.outcome != Outcome.PARKED,
                tuple_(DirectoryEvent.received_at, DirectoryEvent.id) > tuple_(*last),
            )
            .order_by(DirectoryEvent.received_at, DirectoryEvent.id)
            .limit(_BATCH)
        )
        async with database.connect() as connection:
            batch = (await connection.execute(old)).all()
            if batch:
                await connection.execute(
                    update(DirectoryEvent)
                    .where(
                        tuple_(DirectoryEvent.organization_id, DirectoryEvent.id).in_(
                            [(event.organization_id, event.id) for event in batch]
                        ),
                        DirectoryEvent.outcome != Outcome.PARKED,
                    )
                    .values(body=None)
                )
        purged += len(batch)
        if len(batch) < _BATCH:
            return purged
        last = (batch[-1].received_at, batch[-1].id)
