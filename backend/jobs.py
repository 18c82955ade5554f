"""Background work, on PgQueuer, in the same database: a job is as durable as its cause."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import NamedTuple, cast
from uuid import UUID

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job as QueuedJob
from pgqueuer.models import Schedule as Tick
from pgqueuer.queries import Queries
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import CONNECTION_FAULTS, DRIVER_FAULTS, Database, is_our_fault, remedy
from backend.database.news import tell_everywhere
from backend.errors import NotFound
from backend.metrics import CATCH_UP_FAILURES, DIRECTORY_EVENTS
from backend.schemas.jobs import Job, Schedule
from backend.schemas.reconciliations import UNFINISHED, Trigger
from backend.services import access_ends, ended
from backend.services.audit_log import retention, seals
from backend.services.events import catch_up
from backend.services.events import hours as event_hours
from backend.services.events import parked as parked_events
from backend.services.explanation import counts as directory_counts
from backend.services.invitations import inviting, mailing
from backend.services.mirror import returning as returning_people
from backend.services.people import announcing
from backend.services.people.announcing import Announcement
from backend.services.reconciliation import requests
from backend.services.reconciliation.run import Interrupted
from backend.services.reconciliation.run import run as run_reconciliation
from backend.settings import Settings
from backend.workos.client import WorkosClient

logger = logging.getLogger(__name__)

_FAULTS = (*DRIVER_FAULTS, *CONNECTION_FAULTS, DBAPIError)

_GRACE_SECONDS = 3  # for what runs when the worker is told to stop
_LONGEST_PAUSE = 30
_STABLE_SECONDS = 60  # a worker that ran for so long begins a new count of failures
_ATTEMPTS = 10
_LOOK_AGAIN = timedelta(seconds=30)
# New jobs wake the worker; one that is to be tried again does not.
_LONGEST_SLEEP = timedelta(seconds=30)

_MAILS_AT_ONCE = 4
# Over about three hours: for so long a server may be away, or greylist us.
_MAIL_ATTEMPTS = 11
_MAIL_PAUSE = timedelta(seconds=15)
_LONGEST_MAIL_PAUSE = timedelta(hours=1)
# Whoever looks asks for it again.
_COUNT_ATTEMPTS = 3
_COUNT_PAUSE = timedelta(seconds=15)

_EVERY_MINUTE = "* * * * *"
_EVERY_5_MINUTES = "*/5 * * * *"
_EVERY_NIGHT = "17 3 * * *"
_EVERY_10_SECONDS = "* * * * * */10"
_EVERY_5_SECONDS = "* * * * * */5"
_EVERY_SECOND = "* * * * * *"
_OFTEN = 10

_DELETE_OLD_LOG = text("DELETE FROM pgqueuer_log WHERE created < now() - interval '30 days'")


async def enqueue(session: AsyncSession, job: Job, payload: str) -> None:
    """Ask for a job in this transaction; one that waits already is not asked for twice."""
    # A statement of the session's own first: until then the driver is outside the transaction.
    await session.execute(select(1))
    raw = await (await session.connection()).get_raw_connection()
    driver = AsyncpgDriver(cast("asyncpg.Connection", raw.driver_connection))
    await Queries(driver).enqueue(
        job, payload.encode(), dedupe_key=f"{job}:{payload}", on_conflict="skip"
    )


class Worker(NamedTuple):
    """What the jobs work with; `stop` ends them."""

    settings: Settings
    database: Database
    client: WorkosClient
    stop: asyncio.Event

    async def catch_up(self) -> None:
        done = await catch_up.poll(
            self.database,
            self.client,
            enqueue,
            seconds=self.settings.events_poll_seconds,
        )
        if done is None:
            return
        for outcome, count in done.outcomes.items():
            DIRECTORY_EVENTS.labels(outcome).inc(count)
        CATCH_UP_FAILURES.set(done.failures)
        if done.outcomes:
            await self._tell()
        if done.trouble is not None and done.failures == 1:
            logger.warning("Catch-up failed, and is tried again: %s", done.trouble.error)

    async def retry_parked(self) -> None:
        outcomes = await parked_events.retry_due(self.database, self.client.scope)
        for outcome, count in outcomes.items():
            DIRECTORY_EVENTS.labels(outcome).inc(count)
        if outcomes:
            await self._tell()

    async def count_directories(self, organization_id: str, _is_last_try: bool) -> None:
        await directory_counts.count_in_background(self.database, organization_id)

    async def count_hours(self) -> None:
        await event_hours.count_in_background(self.database)

    async def tidy_up(self) -> None:
        if self.settings.event_body_days:
            await parked_events.purge_bodies(self.database, self.settings.event_body_days)
        await ended.delete_ended(self.database)
        await retention.prune_all(self.database)
        async with self.database.connect() as connection:
            await access_ends.end_everywhere(connection)
            await connection.execute(_DELETE_OLD_LOG)

    async def end_access(self) -> None:
        async with self.database.connect() as connection:
            await access_ends.end_where_changed(connection)

    async def seal_audit(self) -> None:
        await seals.seal_all(self.database)

    async def request_reconciliations(self) -> None:
        async with self.database.transaction() as session:
            for organization_id in await requests.due(session, self.settings.reconcile_hours):
                await requests.request(session, organization_id, Trigger.SCHEDULE, enqueue=enqueue)

    async def reconcile(self, organization_id: str, reconciliation_id: UUID) -> None:
        """Raises RetryRequested while another process is at it, for that one may die."""
        reconciliation = await run_reconciliation(
            self.database,
            self.client,
            organization_id,
            reconciliation_id,
            should_stop=self.stop.is_set,
        )
        await self._tell()
        if reconciliation.state in UNFINISHED:
            raise RetryRequested(_LOOK_AGAIN, "another process is running it")

    async def _tell(self) -> None:
        async with self.database.connect() as connection:
            await tell_everywhere(connection)

    async def mail_invitation(self, asked: str, is_last_try: bool) -> None:
        """Raises MailNotSent while it is to be tried again."""
        of = inviting.of_job_payload(asked)
        await mailing.mail(self.database, self.settings, *of, is_last_try=is_last_try)

    async def mail_break_glass(self, asked: str, is_last_try: bool) -> None:
        """Raises MailNotSent while it is to be tried again."""
        announcement = Announcement.parse(asked)
        await announcing.mail(self.database, self.settings, announcement, is_last_try=is_last_try)


async def work(worker: Worker) -> None:
    """Do the background work until `stop`; without a database it waits for one.

    Never raises: whoever runs it beside something else is not taken along.
    """
    failures = 0
    while not worker.stop.is_set():
        begun = time.monotonic()
        try:
            await _work_while_connected(worker)
        except _FAULTS as error:
            logger.warning(
                "The worker lost its database, and tries again: %s%s", error, remedy(error)
            )
        except Exception:
            logger.exception("The worker failed, and begins again")
        if time.monotonic() - begun > _STABLE_SECONDS:
            failures = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(min(2**failures, _LONGEST_PAUSE)):
                await worker.stop.wait()
        failures += 1


@asynccontextmanager
async def working(
    settings: Settings, database: Database, client: WorkosClient
) -> AsyncIterator[None]:
    """The background work beside whatever the block does; it ends with the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(Worker(settings, database, client, stop)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait({task}, timeout=_GRACE_SECONDS * 3)
        task.cancel()
        await asyncio.wait({task})


async def _work_while_connected(worker: Worker) -> None:
    async with worker.database.listening() as connection:
        queuer = PgQueuer.from_asyncpg_connection(connection)
        _register(queuer, worker)
        lost = asyncio.Event()

        def end(_connection: object) -> None:
            lost.set()
            queuer.shutdown.set()

        connection.add_termination_listener(end)
        stopping = asyncio.create_task(worker.stop.wait())
        stopping.add_done_callback(lambda _: queuer.shutdown.set())
        try:
            # Nobody looks at its statistics.
            await queuer.run(
                dequeue_timeout=_LONGEST_SLEEP,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(),
            )
        finally:
            connection.remove_termination_listener(end)
            stopping.cancel()
        if lost.is_set():
            raise ConnectionError("the connection was closed")


def _register(queuer: PgQueuer, worker: Worker) -> None:
    settings = worker.settings
    backoff = returning_people.Backoff()

    async def read_returned() -> None:
        await returning_people.read_waiting(worker.database, worker.client, backoff)

    def schedule(name: Schedule, expression: str, job: Callable[[], Awaitable[None]]) -> None:
        async def tick(_tick: Tick) -> None:
            await _on_schedule(worker, name, job)

        queuer.schedule(name, expression, accepts_context=False)(tick)

    if settings.events_poll_seconds:
        # It only asks whether it is time: when the next poll is due, the cursor's row says.
        often = settings.events_poll_seconds < _OFTEN
        schedule(Schedule.CATCH_UP, _EVERY_SECOND if often else _EVERY_5_SECONDS, worker.catch_up)
    if settings.reconcile_hours:
        schedule(Schedule.REQUEST_RECONCILIATIONS, _EVERY_MINUTE, worker.request_reconciliations)
    schedule(Schedule.SEAL_AUDIT, _EVERY_5_MINUTES, worker.seal_audit)
    schedule(Schedule.COUNT_HOURS, _EVERY_MINUTE, worker.count_hours)
    schedule(Schedule.TIDY_UP, _EVERY_NIGHT, worker.tidy_up)
    schedule(Schedule.RETRY_PARKED, _EVERY_MINUTE, worker.retry_parked)
    schedule(Schedule.READ_RETURNED, _EVERY_10_SECONDS, read_returned)
    schedule(Schedule.END_ACCESS, _EVERY_10_SECONDS, worker.end_access)

    @queuer.entrypoint(Job.RECONCILE, concurrency_limit=1, accepts_context=False)
    async def reconcile(job: QueuedJob) -> None:
        await _reconcile(worker, job)

    @queuer.entrypoint(Job.MAIL_INVITATION, concurrency_limit=_MAILS_AT_ONCE, accepts_context=False)
    async def mail_invitation(job: QueuedJob) -> None:
        await _mail(worker, job, worker.mail_invitation)

    @queuer.entrypoint(
        Job.MAIL_BREAK_GLASS, concurrency_limit=_MAILS_AT_ONCE, accepts_context=False
    )
    async def mail_break_glass(job: QueuedJob) -> None:
        await _mail(worker, job, worker.mail_break_glass)

    @queuer.entrypoint(Job.COUNT_DIRECTORIES, concurrency_limit=1, accepts_context=False)
    async def count_directories(job: QueuedJob) -> None:
        await _try(worker, job, worker.count_directories, _COUNT_ATTEMPTS, _COUNT_PAUSE)


async def _on_schedule(worker: Worker, name: Schedule, job: Callable[[], Awaitable[None]]) -> None:
    try:
        await _until_stopped(worker.stop, job())
    except _FAULTS as error:
        if is_our_fault(error):
            logger.exception("%s: database fault that is ours", name)
        else:
            told = remedy(error)
            logger.warning("%s: database fault, tried again: %s%s", name, error, told)
    except Exception:
        logger.exception("%s failed", name)


async def _reconcile(worker: Worker, job: QueuedJob) -> None:
    asked = (job.payload or b"").decode()
    try:
        reconciling = worker.reconcile(*requests.of_job_payload(asked))
        finished = await _until_stopped(worker.stop, reconciling)
    except RetryRequested:
        raise
    except NotFound:
        logger.warning("There is no reconciliation %s to run", asked)
        return
    except Interrupted:
        finished = False
    except (Exception, asyncio.CancelledError) as error:
        # Also when PgQueuer gives up its connection: it would call the job off for good.
        if job.attempts >= _ATTEMPTS:
            logger.exception("Reconciliation %s failed for good", asked)
            raise
        told = remedy(error)
        logger.warning("Reconciliation %s is tried again: %r%s", asked, error, told)
        raise RetryRequested(timedelta(seconds=min(2**job.attempts, 300))) from error
    if not finished:
        raise RetryRequested(reason="the worker stopped")


async def _mail(
    worker: Worker, job: QueuedJob, send: Callable[[str, bool], Awaitable[None]]
) -> None:
    pause = min(_MAIL_PAUSE * 2**job.attempts, _LONGEST_MAIL_PAUSE)
    await _try(worker, job, send, _MAIL_ATTEMPTS, pause)


async def _try(
    worker: Worker,
    job: QueuedJob,
    do: Callable[[str, bool], Awaitable[None]],
    attempts: int,
    pause: timedelta,
) -> None:
    """Do what was asked for, which is told whether it is the last try."""
    asked = (job.payload or b"").decode()
    is_last_try = job.attempts + 1 >= attempts
    try:
        finished = await _until_stopped(worker.stop, do(asked, is_last_try))
    except (Exception, asyncio.CancelledError) as error:
        if is_last_try:
            logger.exception("%s %s failed for good", job.entrypoint, asked)
            raise
        told = remedy(error)
        logger.warning("%s %s is tried again: %s%s", job.entrypoint, asked, error, told)
        raise RetryRequested(pause) from error
    if not finished:
        raise RetryRequested(reason="the worker stopped")


async def _until_stopped(stop: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether it came to its end; once asked to stop, it has a few seconds for that."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=_GRACE_SECONDS)
        if task.done():
            task.result()
        return task.done()
    finally:
        stopping.cancel()
        task.cancel()
        await asyncio.wait({task})
