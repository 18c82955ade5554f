"""Time as the emulator sees it, strictly increasing where events are stamped."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Milliseconds since the epoch, from a source that a test may replace."""

    def __init__(self, source: Callable[[], float] = time.time, last_ms: int = 0) -> None:
        """`source` returns seconds since the epoch; `last_ms` is the newest stamp already given."""
        self.source = source
        self._last_ms = last_ms

    def now_ms(self) -> int:
        return int(self.source() * 1000)

    def tick(self) -> int:
        """A stamp at least 1 ms after every earlier one, even when the source stands still."""
        self._last_ms = max(self._last_ms + 1, self.now_ms())
        return self._last_ms

    def reached_ms(self) -> int:
        """Now, or the newest stamp where many at once have run ahead of the source."""
        return max(self._last_ms, self.now_ms())

    def resume_after(self, last_ms: int) -> None:
        self._last_ms = max(self._last_ms, last_ms)


def iso(ms: int) -> str:
    """`2026-01-15T12:00:00.000Z`, the form WorkOS writes."""
    moment = datetime.fromtimestamp(ms // 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
