"""What is limited: what strangers can make us do, by client; writing, by user."""

import logging
import math
import time
from collections.abc import Callable
from typing import NamedTuple

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter

from backend.database import Database
from backend.errors import TooManyRequests
from backend.metrics import RATE_LIMITED
from backend.services.rate_counts import FAULTS, RateCounts

_log = logging.getLogger(__name__)

# By client. A company may be behind one address: ten thousand people sign in within a quarter of
# an hour, and one in twenty is slow or comes back twice.
SIGN_INS_BEGUN = RateLimitItemPerMinute(600, namespace="sign_ins_begun")
CALLBACKS_REFUSED = RateLimitItemPerMinute(300, 10, namespace="callbacks_refused")
SIGNATURES_REFUSED = RateLimitItemPerMinute(120, namespace="signatures_refused")
LOGOUTS_REFUSED = RateLimitItemPerMinute(120, namespace="logouts_refused")
TOKENS_REFUSED = RateLimitItemPerMinute(600, namespace="tokens_refused")

# By user.
WRITES = RateLimitItemPerMinute(300, namespace="writes")
INVITATIONS = RateLimitItemPerMinute(120, namespace="invitations")  # each may be a mail
REPLAYS = RateLimitItemPerMinute(60, namespace="replays")
EXPORTS = RateLimitItemPerHour(60, namespace="exports")
RECONCILIATIONS = RateLimitItemPerHour(60, namespace="reconciliations")

# For so long nobody waits for a store that has just not answered.
_LEFT_ALONE_SECONDS = 5
_MOST_REMEMBERED = 10_000


class Usage(NamedTuple):
    """Of a limit: how often it may be used within the next seconds."""

    limit: RateLimitItem
    remaining: int
    seconds: int


class RateLimiter:
    """The limits of a deployment, as one process of it sees them.

    Whoever has reached a limit is remembered until its window ends, so that refusing them costs
    the store nothing. While the store is away nothing is limited.

    Args:
        database: where they are counted, when something is.
        on: whether there are limits at all.
        clock: in seconds, from anywhere.
    """

    def __init__(
        self, database: Database, *, on: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._on = on
        self._clock = clock
        self._reached: dict[str, float] = {}
        self._away = False
        self._ask_again_at = 0.0

    async def use(self, limit: RateLimitItem, *of: str) -> Usage | None:
        """Count one use; None where nothing is limited.

        Raises:
            TooManyRequests: there were too many.
        """
        return await self._ask(limit, of, counted=True)

    async def check(self, limit: RateLimitItem, *of: str) -> None:
        """Raises TooManyRequests when there is no room for another use, and counts none."""
        await self._ask(limit, of, counted=False)

    async def _ask(
        self, limit: RateLimitItem, of: tuple[str, ...], *, counted: bool
    ) -> Usage | None:
        now = self._clock()
        if not self._on or now < self._ask_again_at:
            return None
        key = limit.key_for(*of)
        if (seconds := self._reached.get(key, 0) - now) > 0:
            raise _refusal(limit, seconds)
        strategy = FixedWindowRateLimiter(RateCounts(self._database))
        try:
            within = await (strategy.hit if counted else strategy.test)(limit, *of)
            window = await strategy.get_window_stats(limit, *of)
        except FAULTS as error:
            self._note_away(error)
            return None
        self._away = False
        seconds = window.reset_time - time.time()
        if not within:
            self._remember(key, now, seconds)
            raise _refusal(limit, seconds)
        return Usage(limit, window.remaining, _whole(seconds))

    def _remember(self, key: str, now: float, seconds: float) -> None:
        if len(self._reached) >= _MOST_REMEMBERED:
            self._reached = {of: until for of, until in self._reached.items() if until > now}
        if len(self._reached) < _MOST_REMEMBERED:
            self._reached[key] = now + seconds

    def _note_away(self, error: BaseException) -> None:
        self._ask_again_at = self._clock() + _LEFT_ALONE_SECONDS
        if not self._away:
            cause = str(error) or type(error).__name__
            _log.warning("limits: nothing is limited while it cannot be counted: %s", cause)
        self._away = True


class Allowance:
    """What one request may use of a limit; `usage` is how much was left, once it was used."""

    def __init__(self, limiter: RateLimiter, limit: RateLimitItem, *of: str) -> None:
        self._limiter = limiter
        self._limit = limit
        self._of = of
        self.usage: Usage | None = None

    async def use(self) -> None:
        """Raises TooManyRequests."""
        try:
            self.usage = await self._limiter.use(self._limit, *self._of)
        except TooManyRequests as error:
            self.usage = Usage(self._limit, 0, error.seconds)
            raise

    async def check(self) -> None:
        """Raises TooManyRequests when it is used up; nothing is counted."""
        try:
            await self._limiter.check(self._limit, *self._of)
        except TooManyRequests as error:
            self.usage = Usage(self._limit, 0, error.seconds)
            raise


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _refusal(limit: RateLimitItem, seconds: float) -> TooManyRequests:
    RATE_LIMITED.labels(limit.namespace).inc()
    return TooManyRequests(limit.namespace, _whole(seconds))
