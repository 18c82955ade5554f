"""Which connections may be used: the first one that turns out dead takes all the others along."""

from collections.abc import Awaitable, Callable
from weakref import WeakSet

import asyncpg

OPENED_BY = "opened_by"
"""Where SQLAlchemy's pool notes of a connection to whom it is given up."""


class Connections:
    """Opens connections for all pools of one database, and gives them up for all of them.

    A firewall that forgot one has forgotten the others; a server that became read-only is the
    same at the other end of each. Were each found out by a request of its own, as many requests
    would fail.

    Args:
        connect: opens one.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self._connect = connect
        self._trusted: WeakSet[asyncpg.Connection] = WeakSet()
        self._given_up: WeakSet[asyncpg.Connection] = WeakSet()

    async def open(self) -> asyncpg.Connection:
        connection = await self._connect()
        self._trusted.add(connection)
        return connection

    def can_use(self, connection: asyncpg.Connection) -> bool:
        return connection in self._trusted and not connection.is_closed()

    def give_up(self, connection: asyncpg.Connection) -> None:
        """This one at once, and all that are open now as soon as nobody uses them."""
        if connection in self._trusted:
            # One that was given up before says nothing about those that were opened since.
            self._given_up |= self._trusted
            self._trusted = WeakSet()
        connection.terminate()

    def end_given_up(self) -> None:
        """Those that nobody has used since: they may not answer a good-bye."""
        while self._given_up:
            self._given_up.pop().terminate()
