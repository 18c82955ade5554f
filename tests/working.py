"""A worker at work in the test's own process."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend import jobs
from backend.database import Database
from backend.workos.client import WorkosClient
from tests.events_api import EventsApi, inbox
from tests.owner import execute_as_owner
from tests.stack import Stack


@asynccontextmanager
async def working(
    stack: Stack, transport: httpx2.AsyncBaseTransport | None = None, **overrides: Any
) -> AsyncIterator[None]:
    usual: dict[str, Any] = {"events_poll_seconds": 1}
    settings = stack.app.state.settings.model_copy(update=usual | overrides)
    client = WorkosClient(settings, transport=transport or EventsApi(stack))
    async with jobs.working(settings, stack.database, client):
        yield
    await client.close()


async def seem_to_work(database: Database) -> None:
    """Leave the traces of a worker: without one, every directory is in trouble."""
    async with database.connect() as connection:
        await connection.execute(
            text(
                """INSERT INTO pgqueuer_schedules (expression, next_run, entrypoint, updated)
                VALUES ('* * * * *', 'infinity', 'of a test', now() + interval '1 day')"""
            )
        )


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.1)


def all_known(stack: Stack) -> Callable[[], Awaitable[bool]]:
    async def known() -> bool:
        kept = {}
        with suppress(DBAPIError):  # our own connections may have been cut, too
            kept = await inbox(stack)
        return all(
            event["id"] in kept
            for event in stack.emulator.events
            if not event["event"].startswith("dsync.token.")
        )

    return known


async def execute(stack: Stack, query: str) -> None:
    """As the owner, who may also break what is there."""
    await execute_as_owner(stack.database, query)
