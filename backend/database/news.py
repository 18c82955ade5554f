"""That something was committed in an organization: told to every process, and heard by one ear."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.database.engine import Database
from backend.database.faults import CONNECTION_FAULTS, DRIVER_FAULTS
from backend.database.kinds import AutocommitConnection

_log = logging.getLogger(__name__)

CHANNEL = "rollcall_news"
EVERYWHERE = "*"

_FAULTS = (*DRIVER_FAULTS, *CONNECTION_FAULTS, DBAPIError)
_TELL = text("SELECT pg_notify(:channel, :payload)")
_TOGETHER_SECONDS = 0.05
_MOST_BYTES = 7000
_PAUSE_SECONDS = 2


async def tell_everywhere(connection: AutocommitConnection) -> None:
    """For programs that change things seldom, and in whichever organization."""
    await connection.execute(_TELL, {"channel": CHANNEL, "payload": EVERYWHERE})


class Teller:
    """Tells, behind the answers, of organizations where something was committed.

    A NOTIFY within a transaction makes all commits of the database wait for each other. So it is
    told afterwards, of many at once. What is lost when a process dies is found by whoever looks
    without having been told.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, organization_id: str) -> None:
        """Takes no time of the request's. Nobody follows what is of no organization."""
        if not organization_id:
            return
        self._changed.add(organization_id)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._tell())

    async def close(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_PAUSE_SECONDS)
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _tell(self) -> None:
        await asyncio.sleep(_TOGETHER_SECONDS)
        while self._changed:
            payload = self._changed.pop()
            while self._changed and len(payload) < _MOST_BYTES:
                payload += f" {self._changed.pop()}"
            try:
                async with self._database.connect() as connection:
                    await connection.execute(_TELL, {"channel": CHANNEL, "payload": payload})
            except _FAULTS as error:
                _log.info("news could not be told: %s", error)
                self._changed.update(payload.split())
                await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def hearing(
    database: Database, heard: Callable[[set[str]], None]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Call with the organizations that are told of, as long as the block lasts.

    After each time that nothing could be heard for a while, it is `EVERYWHERE`. The value waits
    until it listens.
    """
    listens = asyncio.Event()

    def on_news(_connection: object, _pid: object, _channel: object, payload: object) -> None:
        heard(set(str(payload).split()))

    async def listen() -> None:
        while True:
            with suppress(*_FAULTS):
                async with database.listening() as connection:
                    await _hear(connection, on_news, listens, heard)
            listens.clear()
            await asyncio.sleep(_PAUSE_SECONDS)

    task = asyncio.create_task(listen())

    async def ready() -> None:
        await listens.wait()

    try:
        yield ready
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _hear(
    connection: asyncpg.Connection,
    on_news: Callable[..., None],
    listens: asyncio.Event,
    heard: Callable[[set[str]], None],
) -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await connection.add_listener(CHANNEL, on_news)
    listens.set()
    heard({EVERYWHERE})
    await lost.wait()
