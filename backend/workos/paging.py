"""Pages of WorkOS's listings as they come, and the pace at which they are asked for."""

import asyncio
import time
from datetime import datetime
from typing import NamedTuple


class EventPage(NamedTuple):
    """Events as they came, oldest first: none is parsed, for one may be malformed."""

    events: list[object]
    following: str | None  # where the next page begins; None after the newest event
    answered_at: datetime  # by WorkOS's clock


class ListPage(NamedTuple):
    """A page of a listing as it came: none of its items is parsed."""

    items: list[object]
    following: str | None


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
