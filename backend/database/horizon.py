"""Up to when everything is committed: what has the time of its transaction is complete before."""

from datetime import datetime

from sqlalchemy import text

from backend.database.kinds import Executor

# A row has the time at which its transaction began. So nothing is over of the time since the
# oldest one that is under way; of what other roles do, such as a backup, we only see that it is.
# And nothing of the last seconds: one that has just begun may not be seen yet.
_HORIZON = text("""
    SELECT nullif(
        least(
            now() - interval '10 seconds',
            min(CASE WHEN a.usesysid IS NOT NULL THEN coalesce(a.xact_start, '-infinity') END)
        ),
        '-infinity'
    )
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND EXISTS (
        SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted
    )
""")


async def find_horizon(executor: Executor) -> datetime | None:
    """What is older is over, and the next statement sees it committed; None: it is not known."""
    found: datetime | None = await executor.scalar(_HORIZON)
    return found
