"""The kinds of connection, as types, so that the wrong one does not type-check."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NewType

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

# Each statement is a transaction by itself: for what reads, or writes by one statement.
AutocommitConnection = NewType("AutocommitConnection", AsyncConnection)

# It only reads, and all its statements see one moment: for an answer that several of them make.
SnapshotConnection = NewType("SnapshotConnection", AsyncConnection)

# Whatever runs a statement, where the kind does not matter.
Executor = AsyncSession | AsyncConnection


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
