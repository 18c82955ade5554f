"""Sends what is due, many at once, and writes down what came back."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from emulator.store import Row
from emulator.workos.webhooks import deliveries
from emulator.workos.webhooks.deliveries import Attempt
from emulator.workos.webhooks.http import HttpPoster, NoAnswerError, Reply
from emulator.workos.webhooks.signature import HEADER, corrupted, sign
from emulator.workos.world import World

Post = Callable[[dict[str, str], bytes, float], Awaitable[Reply]]
MS = 1000
BATCH = 256
LONGEST_SLEEP = 5.0
SHORTEST_SLEEP = 0.01
SETTLE_SECONDS = 0.005
WRITE_SECONDS = 0.02
PROBE_SECONDS = 0.5
PATIENT_PROBES = 600


class Pump:
    """One webhook endpoint and the task that serves it."""

    def __init__(self, world: World, url: str, secret: str, post: Post | None) -> None:
        """`post` replaces HTTP: it is given headers, body and the timeout in seconds."""
        self.world = world
        self.url = url
        self.secret = secret
        self._poster = HttpPoster(url)
        self._post = post or self._poster.post
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[Row] = deque()
        self._taken: set[int] = set()
        self._write_at = 0.0
        self._finished: list[Attempt] = []
        self._unreachable = 0
        self._probe_at = 0.0
        self._sending: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.world.on_delivery.append(self.wake)
        self._task = asyncio.create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        """What is under way is given up; it is due again at the next start."""
        if self._task is None:
            return
        self.world.on_delivery.remove(self.wake)
        tasks = [self._task, *self._sending]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._write_down()
        self._queue.clear()
        self._taken.clear()
        self._poster.close()

    def wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def settle(self, timeout_seconds: float) -> bool:
        """Wait until everything due was tried once; False when time ran out or nobody listens."""
        if self._task is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._taken or deliveries.first_attempts_wait(self.world):
                    if self._unreachable:
                        return False
                    await asyncio.sleep(SETTLE_SECONDS)
                return not self._unreachable
        return False

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._launch()
            if self._time_to_write():
                self._write_down()
                self._launch()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._sleep_seconds()):
                    await self._wake.wait()

    def _time_to_write(self) -> bool:
        """Each write costs a transaction: a busy moment's answers share one."""
        if not self._finished:
            return False
        quiet = not self._sending and not self._queue
        return quiet or self._unreachable > 0 or time.monotonic() >= self._write_at

    def _sleep_seconds(self) -> float:
        if self._finished:
            return max(self._write_at - time.monotonic(), 0)
        if self._sending:
            return LONGEST_SLEEP
        if self._unreachable:
            return max(self._probe_at - time.monotonic(), SHORTEST_SLEEP)
        due_at = deliveries.next_due_at(self.world)
        if due_at is None:
            return LONGEST_SLEEP
        wait = (due_at - self.world.clock.now_ms()) / MS
        return min(max(wait, SHORTEST_SLEEP), LONGEST_SLEEP)

    def _launch(self) -> None:
        """Hand what is due to as many senders as may run at once; a dead receiver gets probes."""
        if self._unreachable:
            if self._sending or time.monotonic() < self._probe_at:
                return
            patient = self._unreachable < PATIENT_PROBES
            self._probe_at = time.monotonic() + (PROBE_SECONDS if patient else LONGEST_SLEEP)
            self._take(deliveries.oldest(self.world))
        elif len(self._queue) < self.world.settings.deliveries_at_once:
            self._take(deliveries.due(self.world, BATCH, self._taken))
        while self._queue and len(self._sending) < self.world.settings.deliveries_at_once:
            task = asyncio.create_task(self._send(self._queue.popleft()))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _take(self, rows: list[Row]) -> None:
        self._queue += rows
        self._taken |= {row["id"] for row in rows}

    async def _send(self, row: Row) -> None:
        attempt = await self.attempt(row)
        if not self._finished:
            self._write_at = time.monotonic() + WRITE_SECONDS
        self._finished.append(attempt)

    def _sent(self, task: asyncio.Task[None]) -> None:
        # Woken any earlier, the pump would still count this sender and go back to sleep.
        self._sending.discard(task)
        self._wake.set()

    async def attempt(self, row: Row) -> Attempt:
        """Sign and send one delivery now."""
        world = self.world
        body = row["body"].encode()
        at = world.clock.now_ms()
        header = sign(self.secret, body, at)
        started = time.perf_counter()
        status: int | None = None
        unreachable = False
        try:
            if at < world.faults.webhooks_down_until:
                raise ConnectionError("the network is down (a fault set by hand)")
            headers = {HEADER: corrupted(header) if row["corrupt"] else header}
            reply = await self._post(headers, body, world.settings.timeout_seconds)
            status, answer = reply.status, reply.text
        except TimeoutError:
            answer = f"no answer within {world.settings.timeout_seconds:g} s"
        except OSError as error:
            unreachable = not isinstance(error, NoAnswerError)
            answer = str(error) or type(error).__name__
        took = int((time.perf_counter() - started) * MS)
        return Attempt(row, at, took, status, answer, unreachable)

    def _write_down(self) -> None:
        finished, self._finished = self._finished, []
        deliveries.record(self.world, finished)
        self._taken -= {attempt.delivery["id"] for attempt in finished}
        if any(not attempt.unreachable for attempt in finished):
            if self._unreachable:
                deliveries.release_unanswered(self.world)
            self._unreachable = 0
        elif finished:
            self._unreachable += 1
            self._probe_at = time.monotonic() + PROBE_SECONDS
            # What is queued would only fail one after the other; it stays due in the store.
            self._taken -= {row["id"] for row in self._queue}
            self._queue.clear()
