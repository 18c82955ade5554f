"""Single statements on a pool's connections, each answered within its time."""

import asyncio
from typing import Any

from backend.database.faults import ends_connection
from backend.database.pool import ConnectionPool
from backend.database.query import Query

# Of one try, where there may be two: WorkOS and people wait ten for the answer.
_READ_SECONDS = 4
# Of a write there is one try.
_WRITE_SECONDS = 8
# What is counted protects the rest, and must not keep it waiting.
_COUNT_SECONDS = 1
# Less than those above: the driver knows which connection does not answer, the clock does not.
_SERVER_READS_SECONDS = 3.5
_SERVER_WRITES_SECONDS = 6
_SERVER_COUNTS_SECONDS = 0.8


class Reads:
    """Statements that only read: tried once more where the connection turns out dead."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        try:
            return await self._try(query, values)
        except Exception as error:
            if not ends_connection(error):
                raise
        return await self._try(query, values)

    async def _try(self, query: Query, values: dict[str, object]) -> list[Any]:
        return await run(self._pool, query, values, _READ_SECONDS, _SERVER_READS_SECONDS)


class Writes:
    """Statements that write: never tried twice, for the first try may have been committed."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        return await run(self._pool, query, values, _WRITE_SECONDS, _SERVER_WRITES_SECONDS)


class Counts:
    """Statements that count what is limited, on few connections that nothing else waits for."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        return await run(self._pool, query, values, _COUNT_SECONDS, _SERVER_COUNTS_SECONDS)


async def run(
    pool: ConnectionPool,
    query: Query,
    values: dict[str, object],
    seconds: float,
    server_seconds: float,
) -> list[Any]:
    """The rows, in so many seconds at most, of which the server has so many; else TimeoutError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with pool.connection(deadline) as connection:
        if deadline - loop.time() > server_seconds:
            return await query.run(connection, values, server_seconds)
        # Of their own waiting: it says nothing of the connection.
        async with asyncio.timeout_at(deadline):
            return await query.run(connection, values, server_seconds)
