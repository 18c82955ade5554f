"""Events that wait at the same moment are written together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from backend.database.pool import ConnectionPool
from backend.database.query import Query
from backend.database.statements import run
from backend.database.waiting import in_time
from backend.errors import TooManyWaiting

# WorkOS waits ten for the answer.
_SECONDS = 8
# Less than that: the driver knows which connection does not answer, the clock does not.
_SERVER_SECONDS = 6
# A batch that takes so long waits for a lock; it must not hold up what comes after it.
_HELD_UP_SECONDS = 0.05

_MOST_TOGETHER = 64
MOST_BYTES_TOGETHER = 4 * 1024 * 1024
_MOST_WAITING = 1000
_MOST_BYTES_WAITING = 64 * 1024 * 1024

T = TypeVar("T")
R = TypeVar("R")

Write = Callable[[Sequence[T]], Awaitable[Sequence[R | None]]]
"""Writes items together; of each its result, or None: again, by itself where none has one."""


@dataclass(eq=False, slots=True)
class _Waiting(Generic[T, R]):
    item: T
    write: Write[T, R]
    kind: Hashable
    keys: Collection[str]
    size: int
    result: "asyncio.Future[R]"

    def fits(self, batch: "_Batch", size: int) -> bool:
        """Whether it can be written together with these, of so many bytes."""
        return not batch or (
            self.kind is not None
            and self.kind == batch[0].kind
            and len(batch) < _MOST_TOGETHER
            and size + self.size <= MOST_BYTES_TOGETHER
        )


_Batch = list[_Waiting[Any, Any]]


class Events:
    """The statements that apply events, on connections that nothing else waits for.

    One batch is under way at a time; what comes meanwhile makes the next one. What comes while
    nothing is under way is written at once, with what comes in the same turn of the loop.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: _Batch = []
        self._bytes_waiting = 0
        self._is_due = False
        self._keys: Counter[str] = Counter()  # of the batches under way
        self._under_way: set[asyncio.Task[None]] = set()
        self._held_up: set[asyncio.Task[None]] = set()

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        return await run(self._pool, query, values, _SECONDS, _SERVER_SECONDS)

    async def together(
        self, write: Write[T, R], item: T, *, kind: Hashable, keys: Collection[str], size: int
    ) -> R:
        """Have an item written, together with others that wait.

        Args:
            write: as it is written; whoever leaves does not keep it from being done.
            item: what is to be written.
            kind: what it may be written together with: others of this kind; None: nothing.
            keys: what it writes. Those that share a key are written one after the other: in the
                database they would be in each other's way, and hold connections while they wait.
            size: in bytes.

        Raises:
            TooManyWaiting: it is not written.
            TimeoutError: it may have been written.
        """
        if len(self._waiting) >= _MOST_WAITING or self._bytes_waiting > _MOST_BYTES_WAITING:
            raise TooManyWaiting
        loop = asyncio.get_running_loop()
        one: _Waiting[T, R] = _Waiting(item, write, kind, keys, size, loop.create_future())
        self._waiting.append(one)
        self._bytes_waiting += size
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._begin)
        return await in_time(one.result, loop.time() + _SECONDS)

    def _begin(self) -> None:
        self._is_due = False
        while not self._under_way and (batch := self._next()):
            self._start(batch)

    def _next(self) -> _Batch:
        """The first that can be written, and what can be written with it."""
        batch: _Batch = []
        left: _Batch = []
        size = 0
        taken = set(self._keys)
        for one in self._waiting:
            if one.result.done():  # they have left
                continue
            if taken.isdisjoint(one.keys) and one.fits(batch, size):
                batch.append(one)
                size += one.size
            else:
                left.append(one)
            # Also of what is left: what shares a key with it comes after it.
            taken.update(one.keys)
        self._waiting = left
        self._bytes_waiting = sum(one.size for one in left)
        return batch

    def _start(self, batch: _Batch) -> None:
        for one in batch:
            self._keys.update(one.keys)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._write(batch))
        self._under_way.add(task)
        task.add_done_callback(self._end)  # also of one that was cancelled
        loop.call_later(_HELD_UP_SECONDS, self._look_at, task)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if task in self._under_way:
            self._under_way.remove(task)
            self._held_up.add(task)
            self._begin()

    def _end(self, task: asyncio.Task[None] | None) -> None:
        self._under_way -= {task}
        self._held_up -= {task}
        self._begin()

    async def _write(self, batch: _Batch) -> None:
        """A fault is everybody's."""
        results: Sequence[Any]
        try:
            results = await batch[0].write([one.item for one in batch])
        except Exception as error:  # noqa: BLE001 (it is theirs who brought them)
            results = [error] * len(batch)
        for one in batch:
            self._keys.subtract(one.keys)
        self._keys = +self._keys
        told = [*zip(batch, results, strict=True)]
        again = [one for one, result in told if result is None and not one.result.done()]
        if len(again) == len(batch):
            for one in again:
                self._start([one])
        else:
            self._waiting[:0] = again
        # The next one goes to the database first: meanwhile these are answered.
        self._end(asyncio.current_task())
        for one, result in told:
            if result is None or one.result.done():
                continue
            if isinstance(result, Exception):
                one.result.set_exception(result)
            else:
                one.result.set_result(result)
