"""A pool of the driver's connections, for single statements: it takes microseconds, not tenths."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

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

    def connection(self) -> "_Use":
        """One, for the while; raises TimeoutError when all are in use for too long."""
        return _Use(self)

    @property
    def is_ready(self) -> bool:
        """Whether nobody would have to wait for one."""
        idle = self._idle
        return bool(idle) and not self._turns.locked() and self._connections.can_use(idle[-1])

    async def take(self) -> asyncpg.Connection:
        if self._turns.locked():
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        self._in_use += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                if self._connections.can_use(connection):
                    return connection
                connection.terminate()
            return await self._connections.open()
        except BaseException:
            self._release()
            raise

    def give_back(self, connection: asyncpg.Connection, error: BaseException | None) -> None:
        """After the use that ended in this error, if in any."""
        if error is None:
            self._idle.append(connection)
        elif not isinstance(error, Exception):
            # A statement that was given up may still be running on it.
            connection.terminate()
        elif ends_connection(error):
            self._connections.give_up(connection)
        elif isinstance(error, asyncpg.PostgresError):
            self._idle.append(connection)
        else:
            connection.terminate()
        self._release()

    def _release(self) -> None:
        self._in_use -= 1
        self._turns.release()

    def usage(self) -> dict[str, int]:
        """How many connections are in use and idle."""
        return {"in_use": self._in_use, "idle": len(self._idle)}

    async def close(self) -> None:
        while self._idle:
            # A server that does not answer must not keep us waiting for its good-bye.
            with suppress(*DRIVER_FAULTS):
                await self._idle.pop().close(timeout=2)


class _Use:
    """A context manager by hand: one of the library's makes a generator each time."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._pool.give_back(self._connection, error)
