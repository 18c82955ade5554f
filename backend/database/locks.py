"""Advisory locks: the database's, by name, so that they end with whoever holds them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Function, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database.kinds import Executor


def _key(name: str) -> Function[int]:
    return func.hashtextextended(name, 0)


@asynccontextmanager
async def session_lock(connection: AsyncConnection, name: str) -> AsyncIterator[bool]:
    """The lock of this name for the while, if nobody else has it; however this program ends.

    Args:
        connection: one whose statements are transactions by themselves.
        name: of the lock.
    """
    mine = await connection.scalar(select(func.pg_try_advisory_lock(_key(name))))
    try:
        yield bool(mine)
    except BaseException:
        if mine:
            await connection.invalidate()  # or the pool would keep the lock
        raise
    if mine and not connection.invalidated:
        try:
            await connection.execute(select(func.pg_advisory_unlock(_key(name))))
        except BaseException:
            await connection.invalidate()
            raise


async def transaction_lock(executor: Executor, name: str) -> None:
    """Wait for the lock of this name; it is held to the end of the transaction."""
    await executor.execute(select(func.pg_advisory_xact_lock(_key(name))))


async def try_transaction_lock(executor: Executor, name: str) -> bool:
    """As `transaction_lock`; False at once when another has it."""
    return bool(await executor.scalar(select(func.pg_try_advisory_xact_lock(_key(name)))))
