"""One request is one transaction; this is the only place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import QueuePool

from backend.database import migrations
from backend.database.faults import DRIVER_FAULTS
from backend.database.kinds import AutocommitConnection, LockedConnection, SnapshotConnection
from backend.database.locks import session_lock
from backend.database.pool import ConnectionPool
from backend.database.query import Query

# Deriving access takes ten times as long to plan as to run, and the plan never depends on who asks.
_SESSION_SETTINGS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(
            url, timeout=10, command_timeout=30, server_settings=_SESSION_SETTINGS
        )
    except (ValueError, OverflowError) as error:  # asyncpg's, for what it cannot make sense of
        reason = str(error)
        if "int()" in reason:  # also where a password was taken for host and port
            reason = "its port is no number (in a password, write @ : / # as %40 %3A %2F %23)"
        raise ConnectionError(reason) from error


class Database:
    """An engine and its two kinds of session.

    Args:
        url: a libpq address, `postgresql://…`; `sslmode` and several hosts are understood,
            because asyncpg reads it itself.
    """

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self._open = partial(_connect, url)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._open,
            pool_size=pool_size,
            max_overflow=16,
            hide_parameters=True,  # they are people's names and addresses
        )
        self._pool = ConnectionPool(self._open, pool_size)
        self._transactions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

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
        """Run one statement, which is a transaction by itself; for what runs at every request.

        Returns:
            The rows, with their columns by `row["name"]`.
        """
        async with self._pool.connection() as connection:
            return await query.run(connection, values)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the driver, outside the pools: for what stays and listens."""
        connection = await self._open()
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
        return {"transactions": transactions, "statements": self._pool.usage()}

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; a lock keeps two programs from racing."""
        async with self.engine.connect() as connection:
            await connection.run_sync(migrations.upgrade)
            await connection.commit()

    async def is_current(self) -> bool:
        """Whether the schema is this version's."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(migrations.is_at_head)

    async def close(self) -> None:
        await self._pool.close()
        await self.engine.dispose()
