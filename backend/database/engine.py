"""One request is one transaction; this is the only place that commits."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, cast

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from backend.database import migrating, migrations, privileges
from backend.database.address import connect
from backend.database.connections import OPENED_BY, Connections
from backend.database.event_batches import Events
from backend.database.faults import DRIVER_FAULTS, ends_connection
from backend.database.kinds import AutocommitConnection, LockedConnection, SnapshotConnection
from backend.database.locks import session_lock
from backend.database.migrations import Schema
from backend.database.planning import BY_INDEX
from backend.database.pool import ConnectionPool
from backend.database.privileges import ServingRole
from backend.database.query import BatchedQuery, Query
from backend.database.read_batches import ReadBatches
from backend.database.statements import Counts, Reads, Writes

_log = logging.getLogger(__name__)

_SESSION_SETTINGS = {
    # Deriving access takes ten times as long to plan as to run, and the plan never depends on who
    # asks.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    # A statement that is given up loses its connection before the driver's request to cancel it is
    # out: the server looks whether anybody is still there, or it would go on to the answer.
    "client_connection_check_interval": "1s",
}

# Connections for what is counted: a statement on one row takes a fraction of a millisecond.
_COUNTING = 2

_WRITABLE = text("SELECT NOT current_setting('transaction_read_only')::boolean")


class Timeouts(NamedTuple):
    """How many seconds what may take; a statement that is given up soon ends at the server, too."""

    lock: float = 3
    idle_transaction: float = 15
    statement: float | None = 6
    connecting: float = 3
    turn: float = 3


REQUESTS = Timeouts()
"""WorkOS waits ten seconds for an answer; whatever is waited for in turn stays below that."""

BACKGROUND = Timeouts(statement=30, turn=30)
"""For what nobody waits for."""

_MIGRATING = Timeouts(idle_transaction=0, statement=None, turn=30)


async def _connect(url: str, timeouts: Timeouts) -> asyncpg.Connection:
    settings = (
        _SESSION_SETTINGS
        | (BY_INDEX if timeouts is REQUESTS else {})
        | {
            "lock_timeout": f"{timeouts.lock * 1000:.0f}ms",
            "idle_in_transaction_session_timeout": f"{timeouts.idle_transaction * 1000:.0f}ms",
        }
    )
    try:
        return await connect(
            url, settings, connecting=timeouts.connecting, statement=timeouts.statement
        )
    except (ValueError, OverflowError) as error:  # asyncpg's, for what it cannot make sense of
        reason = str(error)
        if "int()" in reason:  # also where a password was taken for host and port
            reason = "its port is no number (in a password, write @ : / # as %40 %3A %2F %23)"
        raise ConnectionError(reason) from error


class Database:
    """An engine and its two kinds of session; beside it pools for single statements.

    Args:
        url: a libpq address, `postgresql://…`.
        pool_size: connections for transactions; as many for what runs at every request, and as
            many for events, so that neither keeps the others waiting; two more for counting.
            Whoever comes when all are in use waits in turn: to open one more for a request, and
            to close it behind, costs more than most requests do.
        overflow: so many are opened for transactions all the same: for work that holds its
            connections for long.
        timeouts: how long things may take.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 16,
        overflow: int = 0,
        timeouts: Timeouts = REQUESTS,
    ) -> None:
        self._url = url
        self._connect = partial(_connect, url, timeouts)
        self._connections = Connections(self._connect)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connections.open,
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=timeouts.turn,
            hide_parameters=True,  # they are people's names and addresses
        )
        event.listen(self.engine.sync_engine, "checkout", self._refuse_dead)
        event.listen(self.engine.sync_engine, "handle_error", self._give_up_dead)
        sizes = (pool_size, pool_size, _COUNTING)
        pools = [ConnectionPool(self._connect, size, self._connections) for size in sizes]
        self._pools = pools
        self._reads, self.events, self.counts = Reads(pools[0]), Events(pools[1]), Counts(pools[2])
        self._read_batches, self._writes = ReadBatches(self._reads), Writes(pools[0])
        self._transactions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def _refuse_dead(
        self, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object
    ) -> None:
        driver = connection.driver_connection
        if "used" in record.info and not self._connections.can_use(driver):
            driver.terminate()  # SQLAlchemy would wait for its good-bye
            raise DisconnectionError
        record.info.update({"used": True, OPENED_BY: self._connections})

    def _give_up_dead(self, context: ExceptionContext) -> None:
        fault = context.original_exception
        cancelled = not isinstance(fault, Exception)
        if context.connection is None or not (cancelled or ends_connection(fault)):
            return
        driver = cast("asyncpg.Connection", context.connection.connection.driver_connection)
        if cancelled:
            driver.terminate()  # SQLAlchemy would wait for its good-bye
        else:
            self._connections.give_up(driver)
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False  # `_refuse_dead` does it, without waiting

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends and rolls back when it raises."""
        async with self._transactions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AutocommitConnection]:
        """A connection without BEGIN and COMMIT: each statement is a transaction by itself."""
        async with self._autocommit.connect() as connection:
            yield AutocommitConnection(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SnapshotConnection]:
        """A connection that only reads, and whose statements all see the same moment."""
        async with self._snapshots.connect() as connection:
            yield SnapshotConnection(connection)

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[LockedConnection | None]:
        """A connection that holds the lock of this name for the while; None: another has it.

        The database releases the lock when the connection ends, however this program ends.
        """
        async with self.engine.connect() as connection, session_lock(connection, name) as mine:
            await connection.commit()
            yield LockedConnection(connection) if mine else None

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        """Run one statement that reads, by itself; for what runs at every request.

        Returns:
            The rows, with their columns by `row["name"]`.
        """
        if isinstance(query, BatchedQuery):
            return await self._read_batches.fetch(query, **values)
        return await self._reads.fetch(query, **values)

    async def write(self, query: Query, **values: object) -> list[Any]:
        """Run one statement that writes, by itself, and commit it; the rows as of `fetch`."""
        return await self._writes.fetch(query, **values)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the driver, outside the pools: for what stays and listens."""
        connection = await self._connect()
        try:
            yield connection
        finally:
            # A server that is gone must not keep us waiting for its good-bye.
            with suppress(*DRIVER_FAULTS):
                await connection.close(timeout=2)

    def usage(self) -> dict[str, dict[str, int]]:
        """Of each pool, how many connections are in use and idle."""
        pool = self.engine.pool
        transactions = (
            {"in_use": pool.checkedout(), "idle": pool.checkedin()}
            if isinstance(pool, QueuePool)
            else {}
        )
        names = ("reads", "events", "counts")
        single = {name: pool.usage() for name, pool in zip(names, self._pools, strict=True)}
        return {"transactions": transactions, **single}

    async def migrate(
        self, say: Callable[[str], None] = _log.warning, *, serving_role: str | None = None
    ) -> Schema:
        """Bring the schema to the newest revision; a lock keeps two programs from racing.

        Args:
            say: is told who holds a lock that is in the way.
            serving_role: is given what it needs, if it is another than ours.
        """
        connect = partial(_connect, self._url, _MIGRATING)
        return await migrating.upgrade(connect, say, serving_role)

    async def role(self) -> ServingRole:
        """As whom we are connected."""
        async with self.engine.connect() as connection:
            found = await connection.run_sync(privileges.find)
        assert found is not None
        return found

    async def lacking(self) -> list[str]:
        """The privileges that our role needs and does not have."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(privileges.lacking)

    async def is_writable(self) -> bool:
        """Whether it can be written to; if not, our connections may lead to a server of before."""
        async with self.engine.connect() as connection:
            writable = await connection.scalar(_WRITABLE)
            if not writable:
                raw = await connection.get_raw_connection()
                self._connections.give_up(cast("asyncpg.Connection", raw.driver_connection))
                await connection.invalidate()
        return bool(writable)

    async def schema(self) -> Schema:
        """What the schema is to this version."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(migrations.schema)

    async def close(self) -> None:
        self._connections.end_given_up()
        for pool in self._pools:
            await pool.close()
        await self.engine.dispose()
