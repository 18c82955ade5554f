"""The pool for single statements: bounded, and over any connection's death at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.database import pool as pool_module
from backend.database.pool import ConnectionPool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(database_url)

    pool = ConnectionPool(connect, size=2)
    yield pool
    await pool.close()


async def server_process(pool: ConnectionPool, sleep: float = 0) -> int:
    async with pool.connection() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid() FROM pg_sleep($1)", sleep)
        return pid


async def test_a_connection_is_used_again(pool: ConnectionPool) -> None:
    assert await server_process(pool) == await server_process(pool)


async def test_never_more_than_its_size(pool: ConnectionPool) -> None:
    pids = await asyncio.gather(*(server_process(pool, 0.02) for _ in range(10)))
    assert len(set(pids)) == 2


async def test_who_waits_too_long_is_told(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_WAIT_SECONDS", 0.02)
    async with pool.connection(), pool.connection():
        with pytest.raises(TimeoutError):
            await server_process(pool)
    assert await server_process(pool)


async def test_a_refused_statement_does_not_cost_the_connection(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with pool.connection() as connection:
            await connection.fetch("SELECT 1 / 0")
    assert await server_process(pool) == before


async def test_a_killed_connection_is_replaced(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(asyncpg.PostgresError):
        async with pool.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await server_process(pool) != before


async def test_an_abandoned_statement_is_not_waited_for(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await server_process(pool, 30)
    assert await server_process(pool) != before
