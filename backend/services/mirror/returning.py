"""People who have come back: their groups are read from WorkOS, until a snapshot of them is had.

Memberships from before someone left count no more, and WorkOS may not announce them again.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database, is_content_error
from backend.errors import WorkosUnavailable
from backend.models import DirectoryUser
from backend.models import counting_users as counting
from backend.services.mirror import snapshots
from backend.services.mirror.facts import ACTIVE
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
    connection: AsyncConnection, scope: DirectoryScope, *, without: list[str], limit: int
) -> list[str]:
    """Directory users who are in again and were not read since they left; the latest first."""
    query = (
        select(counting.c.id)
        .join(
            DirectoryUser,
            (DirectoryUser.organization_id == counting.c.organization_id)
            & (DirectoryUser.account_key == counting.c.account_key),
        )
        .where(counting.c.state == ACTIVE, snapshots.left_unread(), counting.c.id.not_in(without))
        .group_by(counting.c.id)
        .order_by(func.max(DirectoryUser.removed_at).desc(), counting.c.id)
        .limit(limit)
    )
    if scope.only is not None:
        query = query.where(counting.c.directory_id == scope.only)
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
    for number, user_id in enumerate(waiting):
        if number:
            await asyncio.sleep(_PACE_SECONDS)
        try:
            async with database.connect() as connection:
                found = await snapshots.read_person(connection, client, user_id)
        except WorkosUnavailable as error:
            backoff.failed(user_id)
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
            backoff.succeeded(user_id)
            read += 1
        else:
            backoff.failed(
                user_id
            )  # gone again, most likely: an event or a reconciliation will tell
    return read
