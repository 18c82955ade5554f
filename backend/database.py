"""One request is one transaction; this is the only place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import asyncpg
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Select, func, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.sql.compiler import SQLCompiler

from alembic import command
from backend.connections import ConnectionPool
from backend.settings import SettingsError

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()

_OLDEST_SERVER = 160_000

_ROOT = Path(__file__).parent.parent

# What the driver raises when it is used without SQLAlchemy's wrapping.
DRIVER_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

# What the driver itself raises while it connects; SQLAlchemy wraps only what comes later.
CONNECTION_FAULTS = (OSError, TimeoutError, PoolTimeoutError, asyncpg.PostgresConnectionError)


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
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection without BEGIN and COMMIT: each statement is a transaction by itself."""
        async with self._autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads, and whose statements all see the same moment."""
        async with self._snapshots.connect() as connection:
            yield connection

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator["LockedConnection | None"]:
        """A connection that holds the lock of this name for the while; None: another has it.

        The database releases the lock when the connection ends, however this program ends.
        """
        async with self.engine.connect() as connection:
            key = func.hashtextextended(name, 0)
            if not await connection.scalar(select(func.pg_try_advisory_lock(key))):
                yield None
                return
            await connection.commit()
            try:
                yield LockedConnection(connection)
                await connection.execute(select(func.pg_advisory_unlock(key)))
                await connection.commit()
            except BaseException:
                await connection.invalidate()
                raise

    async def fetch(self, query: "Query", **values: object) -> list[Any]:
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

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; a lock keeps two programs from racing."""
        async with self.engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()

    async def is_current(self) -> bool:
        """Whether the schema is this version's."""
        async with self.engine.connect() as connection:
            return await connection.run_sync(_at_head)

    async def close(self) -> None:
        await self._pool.close()
        await self.engine.dispose()


class LockedConnection:
    """Transactions on the one connection that holds a lock: without the lock nothing is written."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def transaction(
        self, isolation_level: str = "READ COMMITTED"
    ) -> AsyncIterator[AsyncConnection]:
        self._connection = await self._connection.execution_options(isolation_level=isolation_level)
        async with self._connection.begin():
            yield self._connection


# Either kind runs a statement alike.
Executor = AsyncSession | AsyncConnection


class Query:
    """A statement that is compiled once and run on the driver: for what runs at every request.

    Args:
        statement: a select with a `bindparam` for each value.
        seconds: how long it may take, where that is not the usual.
    """

    def __init__(
        self, statement: Select[*tuple[Any, ...]], *, seconds: float | None = None
    ) -> None:
        self._statement = statement
        self._seconds = seconds

    @cached_property
    def _compiled(self) -> tuple[str, list[str]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        return str(compiled), list(compiled.positiontup or ())

    async def rows(self, on: "Database | AsyncConnection", **values: object) -> list[Any]:
        """The rows, with their columns by `row["name"]`.

        Args:
            on: a connection where the statement must run on that one; else the database.
            values: one for each `bindparam`.
        """
        if isinstance(on, Database):
            return await on.fetch(self, **values)
        raw = await on.get_raw_connection()
        driver = cast("asyncpg.Connection", raw.driver_connection)
        try:
            return await self.run(driver, values)
        except DRIVER_FAULTS:
            if driver.is_closed():
                # The pool has not seen the fault and would hand the dead connection out again.
                await on.invalidate()
            raise

    async def run(self, driver: asyncpg.Connection, values: dict[str, object]) -> list[Any]:
        sql, names = self._compiled
        rows: list[Any] = await driver.fetch(
            sql, *[values[name] for name in names], timeout=self._seconds
        )
        return rows


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config(toml_file=_ROOT / "pyproject.toml")
    config.set_main_option("script_location", str(_ROOT / "alembic"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _OLDEST_SERVER:
        raise SettingsError(
            f"The database of DATABASE_URL is PostgreSQL {version // 10_000}: "
            f"Rollcall needs {_OLDEST_SERVER // 10_000} or later."
        )
    connection.exec_driver_sql("SELECT pg_advisory_lock(727465)")
    connection.commit()
    try:
        if not _heads(connection) <= {script.revision for script in _scripts().walk_revisions()}:
            raise SettingsError(
                "The database has the schema of a newer Rollcall: run that version, "
                "or choose another database with DATABASE_URL or ROLLCALL_HOME."
            )
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
    finally:
        connection.exec_driver_sql("SELECT pg_advisory_unlock(727465)")


def _at_head(connection: Connection) -> bool:
    return _heads(connection) == set(_scripts().get_heads())


def _heads(connection: Connection) -> set[str]:
    """The revisions that the database is at; none in an empty one."""
    return set(MigrationContext.configure(connection).get_current_heads())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def is_content_error(error: Exception) -> bool:
    """Whether the data itself was refused (classes 22 and 23), or was too long for an index (54).

    Anything else is a passing fault.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(cause, "sqlstate", None) or ""
    return sqlstate[:2] in {"22", "23", "54"}
