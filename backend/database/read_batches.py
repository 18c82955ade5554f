"""Who reads the same at the same moment is answered by one statement."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from backend.database.faults import is_content_error
from backend.database.query import BatchedQuery, Fetches
from backend.database.waiting import in_time

_MOST_UNDER_WAY = 2
_MOST_TOGETHER = 8
# A batch that takes so long waits for a lock; it must not hold up what comes after it.
_HELD_UP_SECONDS = 0.05
# For two tries: people wait ten for the answer.
_SECONDS = 8


class _Asking(NamedTuple):
    values: dict[str, object]
    rows: asyncio.Future[list[Any]]


class ReadBatches:
    """What comes while others are under way makes the next batch; one alone waits for nobody.

    Setting a statement up takes PostgreSQL longer than finding one person by it.

    Args:
        reads: runs a statement.
    """

    def __init__(self, reads: Fetches) -> None:
        self._reads = reads
        self._waiting: dict[tuple[BatchedQuery, Hashable], list[_Asking]] = {}
        self._is_due = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._held_up: set[asyncio.Task[None]] = set()

    async def fetch(self, query: BatchedQuery, **values: object) -> list[Any]:
        """The rows of these values; TimeoutError where there are none in time."""
        loop = asyncio.get_running_loop()
        asking = _Asking(values, loop.create_future())
        self._waiting.setdefault((query, query.in_common(values)), []).append(asking)
        if not self._is_due:
            # Who comes in the same turn of the loop is in the same batch.
            self._is_due = True
            loop.call_soon(self._begin)
        return await in_time(asking.rows, loop.time() + _SECONDS)

    def _begin(self) -> None:
        self._is_due = False
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._under_way) < _MOST_UNDER_WAY:
            batch = loop.create_task(self._answer(*self._next()))
            self._under_way.add(batch)
            batch.add_done_callback(self._end)
            loop.call_later(_HELD_UP_SECONDS, self._look_at, batch)

    def _next(self) -> tuple[BatchedQuery, list[_Asking]]:
        same = next(iter(self._waiting))
        waiting = self._waiting.pop(same)
        if left := waiting[_MOST_TOGETHER:]:
            self._waiting[same] = left  # behind what else is waited for
        query, _ = same
        return query, waiting[:_MOST_TOGETHER]

    def _end(self, batch: asyncio.Task[None] | None) -> None:
        self._under_way -= {batch}
        self._held_up -= {batch}
        self._begin()

    def _look_at(self, batch: asyncio.Task[None]) -> None:
        if batch in self._under_way:
            self._under_way.remove(batch)
            self._held_up.add(batch)
            self._begin()

    async def _answer(self, query: BatchedQuery, waiting: Sequence[_Asking]) -> None:
        asking = [one for one in waiting if not one.rows.done()]  # the others have left
        if not asking:
            return
        try:
            rows = await self._reads.fetch(query, **query.together([one.values for one in asking]))
        except Exception as error:  # noqa: BLE001 (it is theirs who asked)
            if len(asking) > 1 and is_content_error(error):
                for one in asking:  # it is a value that one of them gave
                    await self._answer(query, [one])
                return
            for one in asking:
                if not one.rows.done():
                    one.rows.set_exception(error)
            return
        # The next one goes to the database first: meanwhile these are answered.
        self._end(asyncio.current_task())
        found: list[list[Any]] = [[] for _ in asking]
        for row in rows:
            found[row["number"] - 1].append(row)
        for one, its_rows in zip(asking, found, strict=True):
            if not one.rows.done():
                one.rows.set_result(its_rows)
