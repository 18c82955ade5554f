"""WorkOS's clock, as the last answer that this task got tells it: what is read has its time."""

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from backend.errors import WorkosFault, WorkosUnavailable

_SNAPSHOT_MARGIN = timedelta(seconds=10)

# A version from further ahead would win against everything that follows: two clocks that are
# kept right differ by less.
MOST_AHEAD = timedelta(minutes=10)

_answered_at: ContextVar[datetime | None] = ContextVar("answered_at", default=None)


def now() -> datetime:
    """Our own clock: for judging WorkOS's, never for a version."""
    return datetime.now(UTC)


async def note_date(response: httpx2.Response) -> None:
    """For the client's response hook."""
    date = response.headers.get("date")
    moment = parsedate_to_datetime(date) if date else None
    if moment is not None and moment.tzinfo is None:  # "-0000", which is UTC all the same
        moment = moment.replace(tzinfo=UTC)
    _answered_at.set(moment)


def answer_time() -> datetime:
    """When WorkOS gave the last answer.

    Raises:
        WorkosUnavailable: it carried no date, or one far in the future.
    """
    answered_at = _answered_at.get()
    if answered_at is None:
        raise WorkosUnavailable(WorkosFault.UNREADABLE)
    if answered_at > now() + MOST_AHEAD:
        raise WorkosUnavailable(WorkosFault.FROM_THE_FUTURE, date=answered_at.isoformat())
    return answered_at


def snapshot_time() -> datetime:
    """The version of what the last call of this task read: WorkOS's clock, less a margin.

    Raises:
        WorkosUnavailable: as for `answer_time`.
    """
    return answer_time() - _SNAPSHOT_MARGIN
