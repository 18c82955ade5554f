"""Background work, on PgQueuer, in the same database: a job is as durable as its cause."""

from typing import cast

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.schemas.jobs import Job


async def enqueue(session: AsyncSession, job: Job, payload: str) -> None:
    """Ask for a job in this transaction; one that waits already is not asked for twice."""
    # A statement of the session's own first: until then the driver is outside the transaction.
    await session.execute(select(1))
    raw = await (await session.connection()).get_raw_connection()
    driver = AsyncpgDriver(cast("asyncpg.Connection", raw.driver_connection))
    await Queries(driver).enqueue(
        job, payload.encode(), dedupe_key=f"{job}:{payload}", on_conflict="skip"
    )
