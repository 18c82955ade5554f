"""What tests do as the owner of the tables: break them, or look into the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from backend.database import Database
from backend.embedded_postgres import SERVING, Addresses

_of_the_run: list[Addresses] = []


def remember(addresses: Addresses) -> None:
    _of_the_run.append(addresses)


def _user(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[0]


def as_owner(url: str) -> str:
    """The same address, for the owner."""
    for serving, owner in _of_the_run:
        url = url.replace(f"//{_user(serving)}@", f"//{_user(owner)}@")
    return url


async def migrate(owner_url: str) -> None:
    """Migrate, and give the serving role what it needs."""
    owner = Database(owner_url, pool_size=1)
    await owner.migrate(serving_role=SERVING)
    await owner.close()


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
