"""The rate limit of /directory_users: so many requests a second for each directory."""

import time
from collections import deque

from emulator.workos.api.errors import ApiError

WINDOW_SECONDS = 1.0


class RateLimit:
    """A sliding window for each key."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}

    def take(self, key: str, per_second: int) -> None:
        """Raises ApiError 429 with Retry-After; `per_second` 0 is no limit."""
        if per_second == 0:
            return
        now = time.monotonic()
        seen = self._seen.setdefault(key, deque())
        while seen and now - seen[0] >= WINDOW_SECONDS:
            seen.popleft()
        if len(seen) >= per_second:
            raise ApiError(
                429, "Rate limit exceeded.", "rate_limit_exceeded", headers={"Retry-After": "1"}
            )
        seen.append(now)
