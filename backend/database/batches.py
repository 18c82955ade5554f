"""Events that wait at the same moment are written together, by one of those who brought them."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

from backend.database.pool import ConnectionPool
from backend.database.query import Query
from backend.database.statements import run
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


class Joined(Generic[T, R]):
    """Somebody who waits with an item: for the result, or for their turn to find everybody's."""

    __slots__ = (
        "_begun",
        "_clock",
        "_deadline",
        "_has_left",
        "_loop",
        "_result",
        "item",
        "keys",
        "kind",
        "size",
    )

    def __init__(self, item: T, kind: Hashable, keys: Collection[str], size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.item, self.kind, self.keys, self.size = item, kind, keys, size
        self._begun: asyncio.Future[Batch[T, R] | None] = self._loop.create_future()
        self._result: R | Exception | None = None
        self._has_left = False
        self._deadline = self._loop.time() + _SECONDS
        self._clock = self._loop.call_at(self._deadline, self.answer, TimeoutError())

    async def turn(self) -> "Batch[T, R] | None":
        """The batch that is now theirs to run; None: the result is there."""
        if self._result is not None:
            return None
        try:
            return await self._begun
        except asyncio.CancelledError:
            self._has_left = True
            self._clock.cancel()
            if self._begun.done() and not self._begun.cancelled():
                batch = self._begun.result()  # it became theirs at the same moment
                if batch is not None:
                    batch.abandon()
            raise

    def result(self) -> R:
        """Raises what the item failed at; TimeoutError: it may have been written."""
        if isinstance(self._result, Exception):
            raise self._result
        assert self._result is not None
        return self._result

    @property
    def is_there(self) -> bool:
        """Whether they want a result, and have none: nobody else would take a turn."""
        return self._result is None and not self._has_left

    @property
    def waits(self) -> bool:
        return not self._begun.done()

    def begin(self, batch: "Batch[T, R]") -> asyncio.Timeout:
        """Say that it is their turn; how long they have."""
        self.wait_again()
        self._clock.cancel()
        self._begun.set_result(batch)
        return asyncio.timeout_at(self._deadline)

    def wait_again(self) -> None:
        """After a turn of theirs."""
        if self._begun.done():
            self._begun = self._loop.create_future()

    def answer(self, result: R | Exception) -> None:
        """The result, unless it comes too late."""
        if self._result is not None or self._begun.cancelled():
            return
        self._clock.cancel()
        self._result = result
        if self.waits:
            self._begun.set_result(None)


class Batch(Generic[T, R]):
    """What is to be run together by the first of them; a context, whose end begins the next."""

    def __init__(self, events: "Events", joined: Sequence[Joined[T, R]]) -> None:
        self._events = events
        self._joined = joined
        self._time = joined[0].begin(self)
        self._again: list[Joined[T, R]] = []
        self.keys = [key for one in joined for key in one.keys]
        self.items = [one.item for one in joined]

    def answer(self, results: Sequence[R | Exception | None]) -> None:
        """Of each item, in order; None: run it again, by itself where nobody was answered."""
        for one, result in zip(self._joined, results, strict=True):
            if result is None:
                self._again.append(one)
            else:
                one.answer(result)

    def abandon(self) -> None:
        """Whoever was to run it leaves."""
        self._events.end(self, self._joined[1:], alone=False)

    async def __aenter__(self) -> "Batch[T, R]":
        await self._time.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """A fault is everybody's; whoever runs out of time, or leaves, does so alone."""
        first, *others = self._joined
        try:
            await self._time.__aexit__(kind, raised, traceback)
        except TimeoutError as error:
            first.answer(error)
            self._again = others
        else:
            if isinstance(raised, Exception):
                self.answer([raised] * len(self._joined))
            elif raised is not None:
                self._again = others
        alone = raised is None and len(self._again) == len(self._joined)
        self._events.end(self, self._again, alone=alone)
        # They know it, and it knows them: only the collector would find what was sent.
        self._joined = ()
        self.items = []
        return isinstance(raised, Exception) or self._time.expired()


class Events:
    """The statements that apply events, on connections that nothing else waits for.

    One batch is under way at a time; what comes meanwhile makes the next one. What comes while
    nothing is under way is run at once.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: list[Joined[Any, Any]] = []
        self._bytes_waiting = 0
        self._keys: Counter[str] = Counter()  # of the batches under way
        self._under_way: set[Batch[Any, Any]] = set()
        self._held_up: set[Batch[Any, Any]] = set()

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        return await run(self._pool, query, values, _SECONDS, _SERVER_SECONDS)

    def join(self, item: T, *, kind: Hashable, keys: Collection[str], size: int) -> Joined[T, Any]:
        """Wait with an item.

        Args:
            item: what is to be written.
            kind: what it may be run together with: others of this kind; None: nothing.
            keys: what it writes. Those that share a key are run one after the other: in the
                database they would be in each other's way, and hold connections while they wait.
            size: in bytes.

        Raises:
            TooManyWaiting: it is not run.
        """
        if len(self._waiting) >= _MOST_WAITING or self._bytes_waiting > _MOST_BYTES_WAITING:
            raise TooManyWaiting
        joined: Joined[T, Any] = Joined(item, kind, keys, size)
        self._waiting.append(joined)
        self._bytes_waiting += size
        self._begin()
        return joined

    def end(
        self, batch: Batch[Any, Any], again: Sequence[Joined[Any, Any]], *, alone: bool
    ) -> None:
        """It is not under way any more; some are to be run again, each by itself or together."""
        self._under_way.discard(batch)
        self._held_up.discard(batch)
        self._keys.subtract(batch.keys)
        self._keys = +self._keys
        again = [one for one in again if one.is_there]
        if alone:
            for one in again:
                self._start([one])
        else:
            for one in again:
                one.wait_again()
            self._waiting[:0] = again
        self._begin()

    def _begin(self) -> None:
        while len(self._under_way) == len(self._held_up) and (joined := self._next()):
            self._start(joined)

    def _start(self, joined: Sequence[Joined[Any, Any]]) -> None:
        batch = Batch(self, joined)
        self._under_way.add(batch)
        self._keys.update(batch.keys)
        asyncio.get_running_loop().call_later(_HELD_UP_SECONDS, self._look_at, batch)

    def _next(self) -> list[Joined[Any, Any]]:
        """The first that can be run, and what can be run with it."""
        batch: list[Joined[Any, Any]] = []
        left: list[Joined[Any, Any]] = []
        size = 0
        taken = set(self._keys)
        for one in self._waiting:
            if not one.waits:  # they have left
                continue
            fits = not batch or (
                one.kind is not None
                and one.kind == batch[0].kind
                and len(batch) < _MOST_TOGETHER
                and size + one.size <= MOST_BYTES_TOGETHER
            )
            if fits and taken.isdisjoint(one.keys):
                batch.append(one)
                size += one.size
            else:
                left.append(one)
            # Also of what is left: what shares a key with it comes after it.
            taken.update(one.keys)
        self._waiting = left
        self._bytes_waiting = sum(one.size for one in left)
        return batch

    def _look_at(self, batch: Batch[Any, Any]) -> None:
        if batch in self._under_way:
            self._held_up.add(batch)
            self._begin()
