"""The pool for single statements: bounded, and over any connection's death at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.database.pool import ConnectionPool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(database_url)

    pool = ConnectionPool(connect, size=2)
    yield pool
    await pool.close()


def soon(seconds: float = 10) -> float:
    return asyncio.get_running_loop().time() + seconds


async def server_process(pool: ConnectionPool, sleep: float = 0, *, within: float = 10) -> int:
    async with pool.connection(soon(within)) as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid() FROM pg_sleep($1)", sleep)
        return pid


async def test_a_connection_is_used_again(pool: ConnectionPool) -> None:
    assert await server_process(pool) == await server_process(pool)


async def test_never_more_than_its_size(pool: ConnectionPool) -> None:
    pids = await asyncio.gather(*(server_process(pool, 0.02) for _ in range(10)))
    assert len(set(pids)) == 2


async def test_who_waits_too_long_is_told(pool: ConnectionPool) -> None:
    async with pool.connection(soon()), pool.connection(soon()):
        with pytest.raises(TimeoutError):
            await server_process(pool, within=0.02)
    assert await server_process(pool)


async def test_who_stops_waiting_takes_nobodys_turn(pool: ConnectionPool) -> None:
    """Neither one that was given up before, nor one given up in the moment it came."""
    async with pool.connection(soon()):
        async with pool.connection(soon()):
            leaving = [asyncio.create_task(server_process(pool)) for _ in range(3)]
            await asyncio.sleep(0)
            leaving[0].cancel()
            await asyncio.sleep(0)
        leaving[1].cancel()  # the turn is theirs since the block's end
        await asyncio.gather(*leaving, return_exceptions=True)
        assert [task.cancelled() for task in leaving] == [True, True, False]
    pids = await asyncio.gather(*(server_process(pool, 0.02) for _ in range(6)))
    assert len(set(pids)) == 2
    assert pool.usage() == {"in_use": 0, "idle": 2}


async def test_a_refused_statement_does_not_cost_the_connection(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with pool.connection(soon()) as connection:
            await connection.fetch("SELECT 1 / 0")
    assert await server_process(pool) == before


async def test_a_killed_connection_is_replaced(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(asyncpg.PostgresError):
        async with pool.connection(soon()) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await server_process(pool) != before


async def test_an_abandoned_statement_is_not_waited_for(pool: ConnectionPool) -> None:
    before = await server_process(pool)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await server_process(pool, 30)
    assert await server_process(pool) != before
