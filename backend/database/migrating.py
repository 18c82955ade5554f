"""Migrating beside programs that run: locks are waited for a few seconds at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from backend.database import migrations
from backend.database.faults import DRIVER_FAULTS, LOCK_TIMEOUT, sqlstate
from backend.database.migrations import Schema

Connect = Callable[[], Awaitable[asyncpg.Connection]]

_LOOK_EVERY_SECONDS = 0.5
_PAUSE_SECONDS = 2  # whoever stood in line behind us goes first

_HOLDERS = """
    SELECT format(
        'process %s (%s%s)%s', pid, usename, ', ' || nullif(application_name, ''),
        -- Of another role's process a role sees the rest only if it may see everybody's.
        CASE WHEN state IS NOT NULL THEN format(
            ', %s for %s s: %s', state,
            extract(epoch FROM now() - coalesce(xact_start, state_change))::int,
            left(regexp_replace(query, '\\s+', ' ', 'g'), 80)
        ) END
    )
    FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1)) ORDER BY xact_start
"""


async def upgrade(connect: Connect, say: Callable[[str], None], serving_role: str | None) -> Schema:
    """Bring the schema to the newest revision, however long somebody else holds a lock.

    Args:
        connect: opens a connection; its `lock_timeout` is how long is waited at a time.
        say: is told who holds a lock, each time it was waited for in vain.
        serving_role: is given what it needs; None: the owner serves, too.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    while True:
        holders: set[str] = set()
        try:
            async with engine.connect() as connection, _watched(connection, connect, holders):
                schema = await connection.run_sync(migrations.upgrade, serving_role)
                await connection.commit()
        except DBAPIError as error:
            if sqlstate(error) != LOCK_TIMEOUT:
                raise
        else:
            return schema
        who = "; ".join(sorted(holders)) or "somebody who has gone"
        say(f"Waiting for a lock that another program holds, trying again: {who}")
        await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def _watched(
    connection: AsyncConnection, connect: Connect, holders: set[str]
) -> AsyncIterator[None]:
    """Collect who is in this connection's way."""
    pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    await connection.rollback()

    async def look() -> None:
        with suppress(*DRIVER_FAULTS):
            observer = await connect()
            try:
                while True:
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
                    if found := await observer.fetch(_HOLDERS, pid):
                        holders.clear()
                        holders.update(row[0] for row in found)
            finally:
                observer.terminate()

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait({looking})
