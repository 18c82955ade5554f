"""A pool of the driver's connections, for single statements: it takes microseconds, not tenths."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from backend.database.connections import Connections
from backend.database.faults import DRIVER_FAULTS, ends_connection

_WAIT_SECONDS = 10


class ConnectionPool:
    """Connections that are handed out as they are: what runs on them must leave nothing behind.

    Args:
        connect: opens one.
        size: at most so many at a time; whoever comes later waits ten seconds for one.
        connections: those of the database, where other pools share its fate.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        size: int,
        connections: Connections | None = None,
    ) -> None:
        self._connections = connections or Connections(connect)
        self._turns = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []
        self._in_use = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Raises TimeoutError when all are in use for too long."""
        if self._turns.locked():
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        try:
            self._in_use += 1
            connection = await self._take()
            try:
                yield connection
            except Exception as error:
                if ends_connection(error):
                    self._connections.give_up(connection)
                elif isinstance(error, asyncpg.PostgresError):
                    self._idle.append(connection)
                else:
                    connection.terminate()
                raise
            except BaseException:
                # A statement that was given up may still be running on it.
                connection.terminate()
                raise
            else:
                self._idle.append(connection)
        finally:
            self._in_use -= 1
            self._turns.release()

    def usage(self) -> dict[str, int]:
        """How many connections are in use and idle."""
        return {"in_use": self._in_use, "idle": len(self._idle)}

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if self._connections.can_use(connection):
                return connection
            connection.terminate()
        return await self._connections.open()

    async def close(self) -> None:
        while self._idle:
            # A server that does not answer must not keep us waiting for its good-bye.
            with suppress(*DRIVER_FAULTS):
                await self._idle.pop().close(timeout=2)
