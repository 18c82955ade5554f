"""WorkOS's listings, page after page, and the pace at which pages are asked for.

A page that is broken, or pages that go round in circles, are an error: whoever took them for the
end of the listing would take the rest for removed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

from backend.errors import WorkosFault, WorkosUnavailable

ItemT = TypeVar("ItemT")


class Page(NamedTuple, Generic[ItemT]):
    """A page of a listing."""

    items: list[ItemT]
    following: str | None  # the cursor of the next page; None after the last


class EventPage(NamedTuple):
    """Events as they came, oldest first: none is parsed, for one may be malformed."""

    events: list[object]
    following: str | None
    answered_at: datetime  # by WorkOS's clock


class _HasNext(Protocol):
    @property
    def following(self) -> str | None: ...


PageT = TypeVar("PageT", bound=_HasNext)


class NotListed(Exception):
    """WorkOS does not know what it was asked for, or for the listing of what."""


class CycleDetector:
    """Notices a cursor that comes again, whatever the length of the cycle (Brent)."""

    def __init__(self) -> None:
        self._mark: str | None = None
        self._left = self._length = 1

    def closes(self, cursor: str) -> bool:
        if cursor == self._mark:
            return True
        self._left -= 1
        if not self._left:
            self._length *= 2
            self._mark, self._left = cursor, self._length
        return False


class Pages(Generic[PageT]):
    """Every page of a listing, in order: an asynchronous iterator.

    A page is handed on before its cursor is judged: what it holds is good in any case.

    Args:
        resource: what is listed, for people to read.
        fetch: gets the page that follows a cursor, or the first.
        after: the cursor to begin behind.

    Raises:
        WorkosUnavailable: by `fetch`, or the cursors go round in circles.
    """

    def __init__(
        self,
        resource: str,
        fetch: Callable[[str | None], Awaitable[PageT]],
        after: str | None = None,
    ) -> None:
        self._resource = resource
        self._fetch = fetch
        self._after = after
        self._has_ended = False
        self._cycle = CycleDetector()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> PageT:
        if self._has_ended:
            raise StopAsyncIteration
        if self._after is not None and self._cycle.closes(self._after):
            raise WorkosUnavailable(WorkosFault.CIRCULAR_LISTING, resource=self._resource)
        page = await self._fetch(self._after)
        self._after = page.following
        self._has_ended = page.following is None
        return page


def parse_page(answer: object) -> Page[object]:
    """A page whose items are still as they came.

    Raises:
        WorkosUnavailable: it is broken, or does not say what follows.
    """
    match answer:
        case {"data": list(items), "list_metadata": {"after": str() | None as following}}:
            return Page(items, following or None)
        case _:
            raise WorkosUnavailable(WorkosFault.UNREADABLE)


class Pace:
    """So many calls a second for each key, one after another."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second else 0
        self._next: dict[str, float] = {}

    async def wait(self, key: str) -> None:
        now = time.monotonic()
        turn = max(now, self._next.get(key, now))
        self._next[key] = turn + self._gap
        await asyncio.sleep(turn - now)
        # From when it really goes: whoever wakes up late must not be followed too soon.
        self._next[key] = max(self._next[key], time.monotonic() + self._gap)


async def arriving(pages: AsyncIterator[ItemT], most: int) -> AsyncGenerator[list[ItemT], None]:
    """The pages that have come while the caller was at work with those before, in order.

    The next ones are asked for meanwhile. What came before a fault is handed on before it is
    raised. To be closed: whoever leaves early leaves a request under way.

    Args:
        pages: of a listing, or what was made of each.
        most: as many are waiting at most.
    """
    came: asyncio.Queue[ItemT | None] = asyncio.Queue()
    room = asyncio.Semaphore(most)

    async def ask() -> None:
        try:
            async for page in pages:
                await room.acquire()
                came.put_nowait(page)
        finally:
            came.put_nowait(None)  # whatever has ended it

    asking = asyncio.create_task(ask())
    ended = False
    try:
        while not ended:
            found = [await came.get()]
            while not came.empty():
                found.append(came.get_nowait())
            together = [page for page in found if page is not None]
            ended = len(together) < len(found)
            for _ in together:
                room.release()
            if together:
                yield together
        await asking  # which raises what it ended in
    finally:
        asking.cancel()
        await asyncio.wait([asking])
