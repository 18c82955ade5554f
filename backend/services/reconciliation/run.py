"""Running a reconciliation: read WorkOS's listings, merge them in parts, complete or hold.

Each part is merged in a transaction of its own together with the checkpoint behind it. So a crash
loses nothing, and cancelling or failing leaves only what WorkOS does list.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, inspect, select, text, tuple_, union, update
from sqlalchemy.exc import DBAPIError

from backend import models
from backend.database import Database, LockedConnection, is_content_error, take_turns
from backend.errors import WorkosFault, WorkosUnavailable
from backend.schemas.reconciliations import (
    Drift,
    FailureReason,
    Progress,
    Reconciliation,
    State,
)
from backend.services.mirror.rows import Version
from backend.services.reconciliation import completion, requests
from backend.services.reconciliation.batch import Batch
from backend.services.reconciliation.checkpoint import Checkpoint
from backend.services.reconciliation.drift import merge_part
from backend.services.reconciliation.reader import Reader
from backend.services.reconciliation.transitions import finish, resume
from backend.workos.client import WorkosClient
from backend.workos.retrying import RetryPolicy

_log = logging.getLogger(__name__)

_ROW = inspect(models.Reconciliation).local_table

_CHECK_EVERY_SECONDS = 1.0

OnProgress = Callable[[Progress], None]


class Interrupted(Exception):
    """It was asked to stop; it goes on from there when it is run again."""


class _Cancelled(Exception):
    pass


async def run(
    database: Database,
    client: WorkosClient,
    organization_id: str,
    reconciliation_id: UUID,
    *,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    retry_policy: RetryPolicy | None = None,
) -> Reconciliation:
    """Run one to its end, from where it stopped; that WorkOS cannot be read is its state `failed`.

    Nothing happens when it is finished, or when another process is running it. One that stopped
    too long ago is given up, and a fresh one is run instead.

    Args:
        database: the mirror.
        client: where the listings are read.
        organization_id: whose.
        reconciliation_id: which; of `requests.request`.
        on_progress: called after each page.
        should_stop: asked before each page.
        retry_policy: for a WorkOS that fails.

    Raises:
        DBAPIError: a fault of the database; it can be run again, and goes on where it was.
        Interrupted: by `should_stop`.
        NotFound: there is none with this id.
    """
    async with database.connect() as connection:
        await requests.get(connection, organization_id, reconciliation_id)
    async with database.locked(requests.lock_name(organization_id)) as lock:
        row = None if lock is None else await resume(lock, organization_id, reconciliation_id)
        if lock is not None and row is not None:
            reconciliation_id = row.id
            running = _Run(lock, row, on_progress=on_progress, should_stop=should_stop)
            await running.run(client, retry_policy or RetryPolicy())
    async with database.connect() as connection:
        return await requests.get(connection, organization_id, reconciliation_id)


class _Run:
    """One process's go at one reconciliation, on the connection that holds its lock."""

    def __init__(
        self,
        lock: LockedConnection,
        row: Row[Any],
        *,
        on_progress: OnProgress | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._lock = lock
        self._row = row
        self._organization_id: str = row.organization_id
        self._this = (_ROW.c.organization_id == row.organization_id) & (_ROW.c.id == row.id)
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._checked_at = 0.0
        self._as_of: datetime | None = row.as_of
        self._drift = Drift.model_validate(row.drift)

    def _version_at(self, as_of: datetime) -> Version:
        return completion.version_of(self._row.id, as_of)

    @property
    def _version(self) -> Version:
        assert self._as_of is not None, "the reader is opened first"
        return self._version_at(self._as_of)

    async def run(self, client: WorkosClient, retry_policy: RetryPolicy) -> None:
        reader = Reader(
            client,
            self._organization_id,
            checkpoint=Checkpoint.model_validate(self._row.checkpoint),
            progress=Progress.model_validate(self._row.progress),
            retry_policy=retry_policy,
            check_stop=self._check_stop,
            note_trouble=self._note_trouble,
            groups_after=self._groups_after,
            version_at=self._version_at,
            as_of=self._as_of,
        )
        try:
            await self._read(reader)
        except _Cancelled:
            await self._give_up(State.CANCELLED)
        except WorkosUnavailable as error:
            await self._give_up(State.FAILED, error.fault, error.detail)
        except DBAPIError as error:
            if not is_content_error(error):
                raise
            refused = f"The database refused what was listed: {error.orig}"
            await self._give_up(State.FAILED, FailureReason.DATABASE_REFUSED, refused)
        else:
            await completion.conclude_run(self._lock, self._organization_id, self._row.id)

    async def _give_up(
        self,
        state: Literal[State.FAILED, State.CANCELLED],
        reason: WorkosFault | FailureReason | None = None,
        error: str | None = None,
    ) -> None:
        async with self._lock.transaction() as connection:
            await finish(connection, self._row, state, reason, error)

    async def _read(self, reader: Reader) -> None:
        batch = Batch()
        if self._as_of is None:
            opening = await reader.open(
                await self._known_directories(), await self._known_connections()
            )
            self._as_of = opening.as_of
            batch.add(opening.facts)
            await self._save(reader, batch)
        try:
            while reader.checkpoint.directories:
                step = await reader.step()
                batch.add(step.facts)
                if self._on_progress is not None:
                    self._on_progress(reader.progress)
                if batch.is_full or step.is_boundary:
                    await self._save(reader, batch)
        except (Interrupted, _Cancelled, WorkosUnavailable):
            await self._save(reader, batch)
            raise

    async def _check_stop(self) -> None:
        if self._should_stop():
            raise Interrupted
        if time.monotonic() - self._checked_at < _CHECK_EVERY_SECONDS:
            return
        self._checked_at = time.monotonic()
        async with self._lock.transaction() as connection:
            if await connection.scalar(select(_ROW.c.cancel_requested).where(self._this)):
                raise _Cancelled

    async def _note_trouble(self, error: WorkosUnavailable | None) -> None:
        """While it waits for WorkOS, the row says so."""
        if error is not None:
            _log.warning("Reading from WorkOS is tried again: %s", error.detail)
        values = {"reason": error and error.fault, "error": error and error.detail}
        async with self._lock.transaction() as connection:
            await connection.execute(
                update(models.Reconciliation).where(self._this).values(**values)
            )

    async def _known_directories(self) -> list[str]:
        """Those that are live, and those of which anybody is: an event may have told of their
        people, and none of themselves.
        """
        live = models.live_directories
        found = [select(live.c.id).where(live.c.organization_id == self._organization_id)]
        found += [
            select(view.c.directory_id).where(view.c.organization_id == self._organization_id)
            for view in (models.live_directory_users, models.live_groups)
        ]
        async with self._lock.transaction() as connection:
            return list(await connection.scalars(union(*found)))

    async def _known_connections(self) -> list[str]:
        known = select(models.Connection.id).where(
            models.Connection.organization_id == self._organization_id
        )
        async with self._lock.transaction() as connection:
            return list(await connection.scalars(known))

    async def _groups_after(self, directory_id: str, group_id: str | None) -> list[str]:
        """The groups of this snapshot, or newer than it, that follow."""
        group = models.DirectoryGroup
        async with self._lock.transaction() as connection:
            found = await connection.scalars(
                select(group.id)
                .where(
                    group.organization_id == self._organization_id,
                    group.directory_id == directory_id,
                    group.id > (group_id or ""),
                    tuple_(group.occurred_at, group.event_id) >= tuple_(*self._version),
                )
                .order_by(group.id)
                .limit(100)
            )
            return list(found)

    async def _save(self, reader: Reader, batch: Batch) -> None:
        """Merge what was read, together with the checkpoint behind it."""
        added = await take_turns(partial(self._merge, reader, batch))
        if batch.grows_the_mirror(added):
            # Until then the planner takes the tables for empty, in live requests too.
            async with self._lock.transaction() as connection:
                await connection.execute(text(f"ANALYZE {batch.tables}"))
        batch.clear()

    async def _merge(self, reader: Reader, batch: Batch) -> int:
        drift = self._drift.model_copy(deep=True)
        facts = batch.facts()
        async with self._lock.transaction() as connection:
            # A part that a crash takes is read again: its checkpoint goes with it.
            await connection.execute(text("SET LOCAL synchronous_commit = off"))
            if facts:
                part = await merge_part(connection, self._organization_id, facts, self._version)
                drift.add(part)
            await connection.execute(
                update(models.Reconciliation)
                .where(self._this)
                .values(
                    as_of=self._as_of,
                    checkpoint=reader.checkpoint.model_dump(mode="json"),
                    progress=reader.progress.model_dump(mode="json"),
                    drift=drift.model_dump(mode="json", exclude_none=True),
                )
            )
        added = drift.added - self._drift.added
        self._drift = drift
        return added
