"""Asking WorkOS again while it fails, as often and as slowly as a policy says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from backend.errors import WorkosUnavailable

_CHECK_EVERY_SECONDS = 2  # whether to stop, while WorkOS is left alone

T = TypeVar("T")


class RetryPolicy(NamedTuple):
    """How often one request is tried, and the seconds between: twice as long each time."""

    attempts: int = 12
    backoff: float = 1
    longest_backoff: float = 60
    longest_retry_after: float = 300  # that WorkOS may ask for

    def wait(self, state: RetryCallState) -> float:
        usual = wait_exponential(self.backoff, self.longest_backoff)(state)
        error = _error_of(state)
        asked = error.retry_after if isinstance(error, WorkosUnavailable) else 0
        return min(max(usual, asked), self.longest_retry_after)


class Retrier:
    """Asks until there is an answer, or the policy ends it.

    Args:
        policy: for a WorkOS that fails.
        check_stop: awaited before each request and while waiting; raises to stop.
        note_trouble: awaited with why a request is tried again, and with None when it went well.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        check_stop: Callable[[], Awaitable[None]],
        note_trouble: Callable[[WorkosUnavailable | None], Awaitable[None]],
    ) -> None:
        self._policy = policy
        self._check_stop = check_stop
        self._note_trouble = note_trouble

    async def call(self, request: Callable[[], Awaitable[T]]) -> T:
        """The answer to the request.

        Raises:
            WorkosUnavailable: at the last attempt.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(WorkosUnavailable),
            stop=stop_after_attempt(self._policy.attempts),
            wait=self._policy.wait,
            sleep=self._sleep,
            before_sleep=self._before_sleep,
            reraise=True,
        ):
            with attempt:
                await self._check_stop()
                answer = await request()
                if attempt.retry_state.attempt_number > 1:
                    await self._note_trouble(None)
                return answer
        raise AssertionError  # it returns, or raises the last attempt's error

    async def _before_sleep(self, state: RetryCallState) -> None:
        error = _error_of(state)
        await self._note_trouble(error if isinstance(error, WorkosUnavailable) else None)

    async def _sleep(self, seconds: float) -> None:
        while seconds > 0:
            await self._check_stop()
            await asyncio.sleep(min(seconds, _CHECK_EVERY_SECONDS))
            seconds -= _CHECK_EVERY_SECONDS


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
