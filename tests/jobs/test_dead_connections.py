"""The worker's own connection, outside the pools: it is replaced when it does not answer."""

import asyncio
from urllib.parse import urlsplit

from sqlalchemy import text

from backend import jobs
from backend.database import BACKGROUND, Database
from tests.network import network_to
from tests.stack import running_stack

LISTENING = text(
    "SELECT pid FROM pg_stat_activity WHERE datname = :name "
    "AND pid <> pg_backend_pid() AND query LIKE '%pgqueuer%'"
)


async def listeners(admin: Database, url: str, but_not: frozenset[int]) -> frozenset[int]:
    name = urlsplit(url).path[1:]
    async with asyncio.timeout(30):
        while True:
            async with admin.connect() as connection:
                found = frozenset(await connection.scalars(LISTENING, {"name": name})) - but_not
            if found:
                return found
            await asyncio.sleep(0.2)


async def test_a_worker_whose_connection_a_firewall_forgot_gets_another(
    database: Database, own_database_url: str
) -> None:
    """Issue 9.3."""
    async with network_to(own_database_url) as (network, url):
        own = Database(url, pool_size=2, timeouts=BACKGROUND._replace(statement=2))
        async with running_stack(own) as stack:
            state = stack.app.state
            async with jobs.working(state.settings, own, state.workos):
                before = await listeners(database, own_database_url, frozenset())
                network.forget_connections()
                assert await listeners(database, own_database_url, before)
        await own.close()
