"""Running a reconciliation: read WorkOS's listings, merge them in parts, complete or hold.

Each part is merged in a transaction of its own together with the position behind it. So a crash
loses nothing, and cancelling or failing leaves only what WorkOS does list.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, inspect, or_, select, text, tuple_, union, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from backend import models
from backend.database import Database, LockedConnection, is_content_error
from backend.errors import WorkosUnavailable
from backend.schemas.reconciliations import Drift, Progress, Reconciliation, State
from backend.services.reconciliation import completion as reconciliation_outcome
from backend.services.reconciliation import requests as reconciliations
from backend.services.reconciliation.batch import Batch
from backend.services.reconciliation.checkpoint import Checkpoint
from backend.services.reconciliation.reader import Reader
from backend.services.reconciliation.transitions import finish, take_up
from backend.workos.client import WorkosClient
from backend.workos.retrying import RetryPolicy

_log = logging.getLogger(__name__)

_ROW = inspect(models.Reconciliation).local_table

_LOOK_EVERY_SECONDS = 1.0
_MERGE_TRIES = 5
_TAKE_TURNS = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock timeout

OnProgress = Callable[[Progress], None]


class Interrupted(Exception):
    """It was asked to stop; it goes on from there when it is run again."""


class _Cancelled(Exception):
    pass


async def run(
    database: Database,
    client: WorkosClient,
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
        reconciliation_id: which; of `reconciliations.request`.
        on_progress: called after each page.
        should_stop: asked before each page.
        retry_policy: for a WorkOS that fails.

    Raises:
        DBAPIError: a fault of the database; it can be run again, and goes on where it was.
        Interrupted: by `should_stop`.
        NotFound: there is none with this id.
    """
    async with database.connect() as connection:
        asked = await reconciliations.get(connection, reconciliation_id)
    async with database.locked(reconciliations.lock_name(asked.organization_id)) as lock:
        taken = None if lock is None else await take_up(lock, reconciliation_id)
        if lock is not None and taken is not None:
            reconciliation_id = taken.id
            running = _Run(
                lock,
                taken.id,
                taken.organization_id,
                on_progress=on_progress,
                should_stop=should_stop,
            )
            await running.run(client, taken, retry_policy or RetryPolicy())
    async with database.connect() as connection:
        return await reconciliations.get(connection, reconciliation_id)


class _Run:
    """One process's go at one reconciliation, on the connection that holds its lock."""

    def __init__(
        self,
        lock: LockedConnection,
        reconciliation_id: UUID,
        organization_id: str,
        *,
        on_progress: OnProgress | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._lock = lock
        self._id = reconciliation_id
        self._organization_id = organization_id
        self._version = reconciliation_outcome.version(reconciliation_id)
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._looked_at = 0.0
        self._as_of: datetime | None = None
        self._drift = Drift()

    async def run(self, client: WorkosClient, row: Row[Any], retry_policy: RetryPolicy) -> None:
        self._as_of = row.as_of
        self._drift = Drift.model_validate(row.drift)
        reader = Reader(
            client,
            self._organization_id,
            checkpoint=Checkpoint.model_validate(row.position),
            progress=Progress.model_validate(row.progress),
            retry_policy=retry_policy,
            check_stop=self._look_up,
            note_trouble=self._note_trouble,
            groups_after=self._groups_after,
        )
        try:
            await self._read(reader)
        except _Cancelled:
            await self._give_up(State.CANCELLED)
        except WorkosUnavailable as error:
            await self._give_up(State.FAILED, error.detail)
        except DBAPIError as error:
            if not is_content_error(error):
                raise
            await self._give_up(State.FAILED, f"The database refused what was listed: {error.orig}")
        else:
            await reconciliation_outcome.conclude_run(self._lock, self._id)

    async def _give_up(self, state: State, error: str | None = None) -> None:
        async with self._lock.transaction() as connection:
            await finish(connection, self._id, state, error)

    async def _read(self, reader: Reader) -> None:
        batch = Batch()
        if self._as_of is None:
            opening = await reader.open(await self._known_directories())
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

    async def _look_up(self) -> None:
        if self._should_stop():
            raise Interrupted
        if time.monotonic() - self._looked_at < _LOOK_EVERY_SECONDS:
            return
        self._looked_at = time.monotonic()
        async with self._lock.transaction() as connection:
            asked = select(_ROW.c.cancel_requested).where(_ROW.c.id == self._id)
            if await connection.scalar(asked):
                raise _Cancelled

    async def _note_trouble(self, why: str | None) -> None:
        """While it waits for WorkOS, the row says so."""
        if why is not None:
            _log.warning("Reading from WorkOS is tried again: %s", why)
        async with self._lock.transaction() as connection:
            await connection.execute(
                update(models.Reconciliation).where(_ROW.c.id == self._id).values(error=why)
            )

    async def _known_directories(self) -> list[str]:
        """Those that were not removed, and those of which anybody counts: an event may have told
        of their people, and none of themselves.
        """
        directory = models.Directory
        found = [
            select(directory.id).where(
                directory.organization_id == self._organization_id,
                or_(
                    directory.removed_at.is_(None),
                    directory.removed_at < directory.occurred_at,
                    directory.removed_at <= directory.complete_as_of,
                ),
            )
        ]
        found += [
            select(view.c.directory_id).where(view.c.organization_id == self._organization_id)
            for view in (models.counting_users, models.counting_groups)
        ]
        async with self._lock.transaction() as connection:
            return list(await connection.scalars(union(*found)))

    async def _groups_after(self, directory_id: str, group_id: str | None) -> list[str]:
        """The groups of this reading, or newer than it, that follow."""
        group = models.DirectoryGroup
        async with self._lock.transaction() as connection:
            found = await connection.scalars(
                select(group.id)
                .where(
                    group.organization_id == self._organization_id,
                    group.directory_id == directory_id,
                    group.id > (group_id or ""),
                    tuple_(group.occurred_at, group.event_id) >= tuple_(self._as_of, self._version),
                )
                .order_by(group.id)
                .limit(100)
            )
            return list(found)

    async def _save(self, reader: Reader, batch: Batch) -> None:
        """Merge what was read, together with the position behind it."""
        for tries_left in reversed(range(_MERGE_TRIES)):
            try:
                added = await self._merge(reader, batch)
                break
            except DBAPIError as error:
                if not tries_left or getattr(error.orig, "sqlstate", "") not in _TAKE_TURNS:
                    raise
                _log.info("Merging a listing took turns with an event, and is tried again.")
        else:
            raise AssertionError
        if batch.grows_the_mirror(added):
            # Until then the planner takes the tables for empty, in live requests too.
            async with self._lock.transaction() as connection:
                await connection.execute(text(f"ANALYZE {batch.tables}"))
        batch.clear()

    async def _merge(self, reader: Reader, batch: Batch) -> int:
        drift = self._drift.model_copy(deep=True)
        async with self._lock.transaction() as connection:
            # A part that a crash takes is read again: its position goes with it.
            await connection.execute(text("SET LOCAL synchronous_commit = off"))
            if batch.facts():
                found = await connection.scalar(
                    select(
                        func.merge_listing(
                            self._as_of,
                            self._version,
                            bindparam("facts", batch.facts(), JSONB),
                            type_=JSONB,
                        )
                    )
                )
                drift.add(found or {})
            await connection.execute(
                update(models.Reconciliation)
                .where(_ROW.c.id == self._id)
                .values(
                    as_of=self._as_of,
                    position=reader.checkpoint.model_dump(mode="json"),
                    progress=reader.progress.model_dump(mode="json"),
                    drift=drift.model_dump(mode="json", exclude_none=True),
                )
            )
        added = drift.added - self._drift.added
        self._drift = drift
        return added
