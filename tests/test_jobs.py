"""The worker: what it does by the clock and from the queue, and that nothing stops it for good."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend import jobs
from backend.database import Database
from backend.main import create_app
from backend.schemas.jobs import Job
from backend.schemas.reconciliations import Trigger
from backend.services import reconciliations
from backend.workos_client import WorkosClient
from tests.events_api import EventsApi, inbox, one
from tests.stack import Stack


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


@asynccontextmanager
async def working(
    stack: Stack, transport: httpx2.AsyncBaseTransport | None = None, **overrides: Any
) -> AsyncIterator[None]:
    usual: dict[str, Any] = {"events_poll_seconds": 1}
    settings = stack.app.state.settings.model_copy(update=usual | overrides)
    client = WorkosClient(settings, transport=transport or EventsApi(stack))
    async with jobs.working(settings, stack.database, client):
        yield
    await client.close()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.1)


def all_known(stack: Stack) -> Callable[[], Awaitable[bool]]:
    async def known() -> bool:
        kept = {}
        with suppress(DBAPIError):  # our own connections may have been cut, too
            kept = await inbox(stack)
        return all(
            event["id"] in kept
            for event in stack.emulator.events
            if not event["event"].startswith("dsync.token.")
        )

    return known


async def execute(stack: Stack, query: str) -> None:
    async with stack.database.connect() as connection:
        await connection.execute(text(query))


async def test_it_catches_up(stack: Stack) -> None:
    ann = stack.person("Ann")
    async with working(stack):
        await until(all_known(stack))
        browser = await stack.sign_in(ann)
        stack.emulator.deactivate_user(ann)

        async def is_out() -> bool:
            return (await browser.get("/me")).status_code == 401

        await until(is_out)


async def test_it_reads_who_came_back(stack: Stack) -> None:
    """By webhooks alone, and without a new sign-in."""
    ann = stack.person("Ann")
    stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.deactivate_user(ann)
    stack.clock.advance(60)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    assert await stack.roles(browser) == ["member"]
    async with working(stack, events_poll_seconds=0):

        async def has_the_roles() -> bool:
            return await stack.roles(browser) == ["member", "author"]

        await until(has_the_roles)


async def test_it_catches_up_only_when_asked_to(stack: Stack) -> None:
    stack.person("Ann")
    api = EventsApi(stack)
    async with working(stack, api, events_poll_seconds=0):
        await asyncio.sleep(4)
    assert api.asked == []
    names = await one(
        stack, "SELECT array_agg(entrypoint ORDER BY entrypoint) AS all FROM pgqueuer_schedules"
    )
    assert names == {"all": ["read_returned", "retry_parked", "tidy_up"]}


async def test_two_workers_are_one_poller(stack: Stack, own_database_url: str) -> None:
    api = EventsApi(stack)
    other = Database(own_database_url, pool_size=2)
    client = WorkosClient(stack.app.state.settings, transport=api)
    settings = stack.app.state.settings.model_copy(update={"events_poll_seconds": 1})
    begun = time.monotonic()
    async with working(stack, api), jobs.working(settings, other, client):
        for _ in range(8):
            stack.person()
            await asyncio.sleep(1)
        await until(all_known(stack))
    await client.close()
    await other.close()
    assert api.most_at_once == 1
    assert 3 <= len(api.asked) <= time.monotonic() - begun + 2


class TestFaults:
    async def test_connections_that_are_cut_come_back(
        self, stack: Stack, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with working(stack):
            for _ in range(2):
                stack.person()
                await until(all_known(stack))
                await cut_everything(stack)
            stack.person()
            await until(all_known(stack), 30)
        assert "The worker lost its database, and tries again" in caplog.text
        assert "Traceback" not in caplog.text

    async def test_without_its_tables_it_is_heard_and_hurts_nobody(
        self, stack: Stack, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The web application goes on; the worker goes on as soon as it can."""
        await execute(stack, "ALTER TABLE pgqueuer_schedules RENAME TO gone")
        settings = stack.app.state.settings.model_copy(update={"events_poll_seconds": 1})
        client = WorkosClient(settings, transport=EventsApi(stack))
        app = create_app(
            settings, database=stack.database, workos=client, check_pages=False, with_worker=True
        )
        async with app.router.lifespan_context(app):
            await asyncio.sleep(1)
            stack.app.state.database = app.state.database
            async with stack.browser() as browser:
                assert (await browser.get("/readyz")).status_code == 200
            assert "The worker failed, and begins again" in caplog.text
            await execute(stack, "ALTER TABLE gone RENAME TO pgqueuer_schedules")
            await until(all_known(stack))
        await client.close()

    async def test_an_error_of_ours_is_logged_and_the_rest_goes_on(
        self, stack: Stack, caplog: pytest.LogCaptureFixture
    ) -> None:
        await execute(stack, "ALTER TABLE event_cursor RENAME COLUMN failures TO gone")
        async with working(stack):
            await asyncio.sleep(3)
            assert "catch_up: database fault" in caplog.text
            await execute(stack, "ALTER TABLE event_cursor RENAME COLUMN gone TO failures")
            await until(all_known(stack))


async def cut_everything(stack: Stack) -> None:
    """As when the server restarts."""
    await execute(
        stack,
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()""",
    )


class Slow(EventsApi):
    """A WorkOS that takes its time for what begins so."""

    def __init__(self, stack: Stack, path: str) -> None:
        super().__init__(stack)
        self.path = path
        self.waits = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith(self.path) and not self.goes_on.is_set():
            self.waits.set()
            await self.goes_on.wait()
        return await super().handle_async_request(request)


class TestStopping:
    async def test_it_stops_soon_and_leaves_nothing_claimed(self, stack: Stack) -> None:
        slow = Slow(stack, "/events")
        async with working(stack, slow):
            await asyncio.wait_for(slow.waits.wait(), 20)
            begun = time.monotonic()
        assert time.monotonic() - begun < 6
        claimed = await one(
            stack, "SELECT count(*) FROM pgqueuer_schedules WHERE status <> 'queued'"
        )
        assert claimed == {"count": 0}
        locks = await one(stack, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert locks == {"count": 0}
        listening = await one(
            stack,
            """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND query ILIKE 'LISTEN%'""",
        )
        assert listening == {"count": 0}

    async def test_a_reconciliation_is_taken_up_by_the_next_worker(self, stack: Stack) -> None:
        stack.person("Ann")
        stack.clock.advance(15)
        slow = Slow(stack, "/directory_users")
        wanted = await ask(stack)
        async with working(stack, slow, events_poll_seconds=0):
            await asyncio.wait_for(slow.waits.wait(), 20)
        job = await one(stack, "SELECT status::text, payload FROM pgqueuer")
        assert job == {"status": "queued", "payload": wanted.encode()}
        async with working(stack, events_poll_seconds=0):
            await until(lambda: is_completed(stack, wanted))


async def ask(stack: Stack) -> str:
    stack.skip()
    async with stack.database.transaction() as session:
        await session.execute(
            text("INSERT INTO organizations (workos_id, directory_managed) VALUES (:id, true)"),
            {"id": stack.organization.id},
        )
        asked = await reconciliations.request(
            session, stack.organization.id, Trigger.API, enqueue=jobs.enqueue
        )
    return str(asked.id)


async def is_completed(stack: Stack, reconciliation_id: str) -> bool:
    row = await one(
        stack, "SELECT state, error FROM reconciliations WHERE id = :id", id=reconciliation_id
    )
    assert row is not None
    assert row["state"] != "failed", row
    return bool(row["state"] == "completed")


class TestReconciling:
    async def test_the_queue_is_worked_off(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        stack.clock.advance(15)
        async with working(stack, events_poll_seconds=0):
            await asyncio.sleep(1)
            wanted = await ask(stack)
            await until(lambda: is_completed(stack, wanted), 5)
        assert await one(stack, "SELECT id FROM counting_users WHERE id = :id", id=ann.id)
        assert await one(stack, "SELECT id FROM pgqueuer") is None

    async def test_by_the_clock(self, stack: Stack) -> None:
        """RECONCILE_HOURS: whoever was not reconciled for so long; again only after that time."""
        stack.person("Ann")
        await stack.deliver()
        settings = stack.app.state.settings.model_copy(update={"reconcile_hours": 24})
        worker = jobs.Worker(settings, stack.database, stack.app.state.workos, asyncio.Event())
        await worker.request_reconciliations()
        await worker.request_reconciliations()
        asked = await one(stack, "SELECT id, trigger, state FROM reconciliations")
        assert asked is not None
        assert (asked["trigger"], asked["state"]) == ("schedule", "queued")
        assert await one(stack, "SELECT payload FROM pgqueuer") == {
            "payload": str(asked["id"]).encode()
        }
        await execute(stack, "UPDATE reconciliations SET state = 'completed'")
        await execute(stack, "DELETE FROM pgqueuer")
        await worker.request_reconciliations()
        assert await one(stack, "SELECT id FROM pgqueuer") is None
        await execute(stack, "UPDATE reconciliations SET created_at = now() - interval '25 hours'")
        await worker.request_reconciliations()
        assert await one(stack, "SELECT count(*) FROM pgqueuer") == {"count": 1}

    async def test_a_reconciliation_that_is_unknown_is_dropped(self, stack: Stack) -> None:
        async with stack.database.transaction() as session:
            await jobs.enqueue(session, Job.RECONCILE, "01985b7e-0000-7000-8000-000000000000")
        async with working(stack, events_poll_seconds=0):

            async def is_gone() -> bool:
                return await one(stack, "SELECT id FROM pgqueuer") is None

            await until(is_gone, 5)


async def test_it_tidies_up(stack: Stack) -> None:
    stack.person("Ann")
    await stack.deliver()
    await jobs_done_long_ago(stack)
    for days, bodies in ((0, 3), (90, 0)):
        settings = stack.app.state.settings.model_copy(update={"event_body_days": days})
        await jobs.Worker(
            settings, stack.database, stack.app.state.workos, asyncio.Event()
        ).tidy_up()
        assert await one(stack, "SELECT count(body) FROM directory_events") == {"count": bodies}
    assert await one(stack, "SELECT count(*) FROM pgqueuer_log") == {"count": 1}


async def jobs_done_long_ago(stack: Stack) -> None:
    await execute(stack, "UPDATE directory_events SET received_at = now() - interval '91 days'")
    for days in (1, 31):
        await execute(
            stack,
            f"""INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)
            VALUES (now() - interval '{days} days', 1, 'successful', 0, 'reconcile')""",
        )


class TestEnqueue:
    async def test_a_job_is_as_durable_as_its_cause(self, stack: Stack) -> None:
        """It must not survive a rollback, and waits once however often it is asked for."""

        async def fail() -> None:
            async with stack.database.transaction() as session:
                await jobs.enqueue(session, Job.RECONCILE, "x")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await one(stack, "SELECT id FROM pgqueuer") is None
        for _ in range(2):
            async with stack.database.transaction() as session:
                await jobs.enqueue(session, Job.RECONCILE, "x")
        assert await one(stack, "SELECT payload FROM pgqueuer") == {"payload": b"x"}
