"""What tests do as the owner of the tables: break them, or look into the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from backend.database import Database
from backend.embedded_postgres import Addresses

_of_the_run: list[Addresses] = []


def remember(addresses: Addresses) -> None:
    _of_the_run.append(addresses)


def _user(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[0]


def serving_role(url: str) -> str:
    return urlsplit(url).username or ""


def as_owner(url: str) -> str:
    """The same address, for the owner."""
    for serving, owner in _of_the_run:
        url = url.replace(f"//{_user(serving)}@", f"//{_user(owner)}@")
    return url


@asynccontextmanager
async def owning(where: str | Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner's to the same database."""
    url = where._url if isinstance(where, Database) else where
    connection = await asyncpg.connect(as_owner(url))
    try:
        yield connection
    finally:
        await connection.close()


async def execute_as_owner(where: str | Database, *statements: str) -> None:
    async with owning(where) as connection, connection.transaction():
        for statement in statements:
            await connection.execute(statement)
