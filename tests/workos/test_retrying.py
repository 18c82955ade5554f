"""How often WorkOS is asked again, how long it is left alone, and that one can stop meanwhile."""

import pytest

from backend.errors import WorkosFault, WorkosUnavailable
from backend.workos.retrying import Retrier, RetryPolicy

BUSY = WorkosUnavailable(WorkosFault.UNEXPECTED_STATUS, status=503)


class Stopped(Exception):
    pass


class Attempts:
    """Requests that fail so often, by a clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: list[WorkosUnavailable]) -> None:
        self.failures = failures
        self.asked_at: list[float] = []
        self.checked_at: list[float] = []
        self.notes: list[str | None] = []
        self.stop_at = float("inf")
        self.now = 0.0

        async def sleep(seconds: float) -> None:
            self.now += seconds

        monkeypatch.setattr("backend.workos.retrying.asyncio.sleep", sleep)

    async def check_stop(self) -> None:
        self.checked_at.append(self.now)
        if self.now >= self.stop_at:
            raise Stopped

    async def note(self, error: WorkosUnavailable | None) -> None:
        self.notes.append(None if error is None else error.detail)

    async def request(self) -> str:
        self.asked_at.append(self.now)
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def call(self, policy: RetryPolicy | None = None) -> str:
        retrier = Retrier(policy or RetryPolicy(), self.check_stop, self.note)
        return await retrier.call(self.request)

    @property
    def waits(self) -> list[float]:
        return [
            later - earlier
            for earlier, later in zip(self.asked_at, self.asked_at[1:], strict=False)
        ]


async def test_twice_as_long_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, [BUSY] * 11)
    assert await attempts.call() == "answer"
    assert attempts.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert attempts.notes == [BUSY.detail] * 11 + [None]


async def test_the_last_attempt_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, [BUSY] * 20)
    with pytest.raises(WorkosUnavailable, match="503"):
        await attempts.call()
    assert len(attempts.asked_at) == 12
    assert attempts.notes == [BUSY.detail] * 11


@pytest.mark.parametrize(("asked", "waits"), [(0.5, 1), (90, 90), (3600, 300)])
async def test_retry_after(monkeypatch: pytest.MonkeyPatch, asked: float, waits: float) -> None:
    limited = WorkosUnavailable(WorkosFault.RATE_LIMITED, retry_after=asked)
    attempts = Attempts(monkeypatch, [limited])
    await attempts.call()
    assert attempts.waits == [waits]


async def test_it_looks_whether_to_stop_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = WorkosUnavailable(WorkosFault.RATE_LIMITED, retry_after=300)
    attempts = Attempts(monkeypatch, [limited])
    attempts.stop_at = 7
    with pytest.raises(Stopped):
        await attempts.call()
    assert attempts.checked_at == [0, 0, 2, 4, 6, 8]
    assert attempts.asked_at == [0]


async def test_what_is_no_fault_of_workos_is_raised_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = Attempts(monkeypatch, [])

    async def fail() -> None:
        attempts.asked_at.append(0)
        raise LookupError

    with pytest.raises(LookupError):
        await Retrier(RetryPolicy(), attempts.check_stop, attempts.note).call(fail)
    assert len(attempts.asked_at) == 1
    assert attempts.notes == []


async def test_without_trouble_nothing_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, [])
    assert await attempts.call() == "answer"
    assert attempts.notes == []
