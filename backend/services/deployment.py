"""How the whole deployment is, as numbers for the metrics."""

import asyncio
from datetime import timedelta
from math import nan

from sqlalchemy import TIMESTAMP, ColumnElement, column, func, literal, select, table
from sqlalchemy.exc import DBAPIError

from backend.database import CONNECTION_FAULTS, DRIVER_FAULTS, Database
from backend.metrics import CONNECTIONS, CURSOR_LAG, OLDEST_PARKED, WORKER_ALIVE
from backend.models import DirectoryEvent, EventCursor
from backend.schemas.events import Outcome

_SILENCE = timedelta(minutes=1)  # the most frequent job runs every ten seconds
_SECONDS = 2  # that a scrape waits for the database

# Also while a job runs and when none is due: registering, beginning and its heartbeat count.
worker_seen_at = (
    select(func.max(column("updated", TIMESTAMP(timezone=True))))
    .select_from(table("pgqueuer_schedules"))
    .scalar_subquery()
)
worker_alive: ColumnElement[bool] = func.coalesce(worker_seen_at > func.now() - _SILENCE, False)

_PARKED = literal(Outcome.PARKED.value, literal_execute=True)
_LOOK = select(
    func.extract(
        "epoch",
        func.now()
        - select(func.min(DirectoryEvent.received_at))
        .where(DirectoryEvent.outcome == _PARKED)
        .scalar_subquery(),
    ).label("parked"),
    func.extract("epoch", func.now() - select(EventCursor.occurred_at).scalar_subquery()).label(
        "lag"
    ),
    worker_alive.label("alive"),
)


async def measure(database: Database) -> None:
    """Bring the gauges up to date; NaN where the database does not say."""
    for pool, states in database.usage().items():
        for state, number in states.items():
            CONNECTIONS.labels(pool, state).set(number)
    try:
        async with asyncio.timeout(_SECONDS), database.connect() as connection:
            found = (await connection.execute(_LOOK)).one()
    except (*CONNECTION_FAULTS, *DRIVER_FAULTS, DBAPIError):
        for gauge in (OLDEST_PARKED, CURSOR_LAG, WORKER_ALIVE):
            gauge.set(nan)
    else:
        OLDEST_PARKED.set(found.parked or 0)
        CURSOR_LAG.set(nan if found.lag is None else found.lag)
        WORKER_ALIVE.set(found.alive)
