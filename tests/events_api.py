"""WorkOS's Events API with something in the way: what it shows, hides, or answers instead."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import httpx2
from sqlalchemy import text

from backend.jobs import enqueue
from backend.services.events import catch_up
from backend.services.mirror.facts import HANDLERS
from backend.workos.client import WorkosClient
from tests.stack import Stack

PAST_THE_TRAIL = 180  # seconds; the cursor trails by two minutes

Answer = httpx2.Response | Exception


def answer(status: int, body: object = None, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.Response(status, content=content, headers=headers)


async def nothing() -> None:
    pass


class EventsApi(httpx2.AsyncBaseTransport):
    """The emulator, with a say in each answer to `GET /events`."""

    def __init__(self, stack: Stack) -> None:
        self.emulator = httpx2.ASGITransport(app=stack.emulator.app)
        self.answer: Answer | None = None
        self.hidden: set[str] = set()
        self.inserted: list[object] = []  # before the oldest
        self.before: Callable[[], Awaitable[None]] = nothing
        self.asked: list[str | None] = []  # the `after` of each request
        self.at_once = self.most_at_once = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/events":
            return await self.emulator.handle_async_request(request)
        query = parse_qs(request.url.query.decode())
        self.asked.append(query.get("after", [None])[0])
        await self.before()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._reply(request)
        finally:
            self.at_once -= 1

    async def _reply(self, request: httpx2.Request) -> httpx2.Response:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return httpx2.Response(
                self.answer.status_code, headers=self.answer.headers, content=self.answer.content
            )
        reply = await self.emulator.handle_async_request(request)
        page = json.loads(await reply.aread())
        if "data" in page:
            shown = [event for event in page["data"] if event["id"] not in self.hidden]
            page["data"] = [*(self.inserted if self.asked[-1] is None else []), *shown]
        headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
        return httpx2.Response(
            reply.status_code, headers=headers, content=json.dumps(page).encode()
        )


class Poller:
    """One process that polls, as the job does."""

    def __init__(self, stack: Stack, **overrides: Any) -> None:
        self.stack = stack
        self.api = EventsApi(stack)
        settings = stack.app.state.settings.model_copy(update=overrides)
        self.client = WorkosClient(settings, transport=self.api)

    async def poll(self, seconds: int = 0) -> catch_up.Poll | None:
        return await catch_up.poll(self.stack.database, self.client, enqueue, seconds=seconds)

    async def outcomes(self) -> dict[str, int]:
        done = await self.poll()
        assert done is not None
        assert done.trouble is None, done.trouble
        return {str(outcome): count for outcome, count in done.outcomes.items()}

    async def cursor(self) -> dict[str, Any]:
        row = await one(self.stack, "SELECT * FROM event_cursor")
        assert row is not None
        return row


@asynccontextmanager
async def polling(stack: Stack, **overrides: Any) -> AsyncIterator[Poller]:
    poller = Poller(stack, **overrides)
    yield poller
    await poller.client.close()


async def one(stack: Stack, query: str, **values: Any) -> dict[str, Any] | None:
    async with stack.database.connect() as connection:
        row = (await connection.execute(text(query), values)).mappings().one_or_none()
    return None if row is None else dict(row)


async def inbox(stack: Stack) -> dict[str, dict[str, Any]]:
    """What is in the inbox, by id."""
    async with stack.database.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM directory_events"))).mappings()
        return {row["id"]: dict(row) for row in rows}


def emitted(stack: Stack) -> list[dict[str, Any]]:
    """What a look should bring, oldest first."""
    return [event for event in stack.emulator.events if event["event"] in HANDLERS]
