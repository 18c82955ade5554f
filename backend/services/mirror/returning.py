"""People who have come back: a snapshot of them is read from WorkOS, until that is done.

Memberships from before someone left are not live, and WorkOS may not announce them again.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from backend.database import AutocommitConnection, Database, is_content_error
from backend.errors import WorkosUnavailable
from backend.models import DirectoryUser
from backend.models import live_directory_users as live
from backend.services.mirror import snapshots
from backend.services.mirror.rows import ACTIVE
from backend.workos.client import WorkosClient
from backend.workos.scope import DirectoryScope

_PACE_SECONDS = 0.3  # WorkOS allows four such requests a second
_FIRST_BACKOFF = 20
_LONGEST_BACKOFF = 300
_GIVEN_UP_AFTER = 3  # failures in a row, and the rest of the run would fare no better


@dataclass
class Backoff:
    """Whom to leave alone for now, because they could not be read; by this process's clock.

    The key "" is WorkOS itself.
    """

    _until: dict[str, tuple[float, int]] = field(default_factory=dict)

    def failed(self, key: str, at_least: float = 0) -> None:
        failures = self._until.get(key, (0, 0))[1]
        seconds = max(min(_FIRST_BACKOFF * 2**failures, _LONGEST_BACKOFF), at_least)
        self._until[key] = (time.monotonic() + seconds, min(failures + 1, 16))

    def succeeded(self, key: str) -> None:
        self._until.pop(key, None)

    def waiting(self) -> Iterator[str]:
        now = time.monotonic()
        return (key for key, (until, _) in self._until.items() if until > now)


async def list_waiting(
    connection: AutocommitConnection, scope: DirectoryScope, *, without: list[str], limit: int
) -> list[str]:
    """Directory users who are in again and were not read since they left; the latest first."""
    query = (
        select(live.c.id)
        .join(
            DirectoryUser,
            (DirectoryUser.organization_id == live.c.organization_id)
            & (DirectoryUser.user_key == live.c.user_key),
        )
        .where(live.c.state == ACTIVE, snapshots.left_unread(), live.c.id.not_in(without))
        .group_by(live.c.organization_id, live.c.id)
        .order_by(func.max(DirectoryUser.removed_at).desc(), live.c.id)
        .limit(limit)
    )
    if scope.only is not None:
        query = query.where(live.c.directory_id == scope.only)
    return list(await connection.scalars(query))


async def read_waiting(
    database: Database, client: WorkosClient, backoff: Backoff, *, limit: int = 20
) -> int:
    """Read some of those who wait, with their groups; how many were read.

    Who cannot be read is left alone, longer each time, and so is WorkOS when it does not answer.

    Raises:
        DBAPIError, asyncpg.PostgresError: the database failed; who was not read waits on.
    """
    left_alone = list(backoff.waiting())
    if "" in left_alone:
        return 0
    async with database.connect() as connection:
        waiting = await list_waiting(connection, client.scope, without=left_alone, limit=limit)
    read = failures = 0
    for number, directory_user_id in enumerate(waiting):
        if number:
            await asyncio.sleep(_PACE_SECONDS)
        try:
            found = await snapshots.read_person(database, client, directory_user_id)
        except WorkosUnavailable as error:
            backoff.failed(directory_user_id)
            failures += 1
            if error.retry_after or failures == _GIVEN_UP_AFTER:
                backoff.failed("", error.retry_after)
                break
            continue
        except DBAPIError as error:
            if not is_content_error(error):
                raise
            found = False
        failures = 0
        backoff.succeeded("")
        if found:
            backoff.succeeded(directory_user_id)
            read += 1
        else:
            # Gone again, most likely: an event or a reconciliation will tell.
            backoff.failed(directory_user_id)
    return read
