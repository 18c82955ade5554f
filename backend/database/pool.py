"""A pool of the driver's connections, for single statements: it takes microseconds, not tenths."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from backend.database.connections import Connections
from backend.database.faults import DRIVER_FAULTS, ends_connection
from backend.database.waiting import in_time


class ConnectionPool:
    """Connections that are handed out as they are: what runs on them must leave nothing behind.

    Args:
        connect: opens one.
        size: at most so many at a time; whoever comes later waits in turn.
        connections: those of the database, where other pools share its fate.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        size: int,
        connections: Connections | None = None,
    ) -> None:
        self._connections = connections or Connections(connect)
        self._turns = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[asyncpg.Connection] = []
        self._in_use = 0

    def connection(self, deadline: float) -> "_Use":
        """One, for the while; TimeoutError where there is none by then (the loop's clock)."""
        return _Use(self, deadline)

    async def take(self, deadline: float) -> asyncpg.Connection:
        if self._turns:
            self._turns -= 1
        else:
            await self._wait(deadline)
        self._in_use += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                if self._connections.can_use(connection):
                    return connection
                connection.terminate()
            async with asyncio.timeout_at(deadline):
                return await self._connections.open()
        except BaseException:
            self._in_use -= 1
            self._pass_on()
            raise

    async def _wait(self, deadline: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await in_time(turn, deadline)
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was theirs at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._turns += 1

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
        self._in_use -= 1
        self._pass_on()

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

    __slots__ = ("_connection", "_deadline", "_pool")

    def __init__(self, pool: ConnectionPool, deadline: float) -> None:
        self._pool = pool
        self._deadline = deadline

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._pool.take(self._deadline)
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._pool.give_back(self._connection, error)
