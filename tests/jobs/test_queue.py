"""What is asked for is done: once, also when the worker stops half-way."""

import asyncio
import time

import httpx2
import pytest
from sqlalchemy import text

from backend import jobs
from backend.schemas.jobs import Job
from backend.schemas.reconciliations import Trigger
from backend.services.reconciliation import requests as reconciliations
from tests.events_api import EventsApi, one
from tests.stack import Stack
from tests.working import execute, until, working


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


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

        async def holds_nothing() -> bool:  # once the server has noticed that it is gone
            held = await one(
                stack,
                """SELECT
                    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
                    (SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND query ILIKE 'LISTEN%') AS listening""",
            )
            return held == {"locks": 0, "listening": 0}

        await until(holds_nothing)

    async def test_a_reconciliation_is_taken_up_by_the_next_worker(self, stack: Stack) -> None:
        stack.person("Ann")
        stack.clock.advance(15)
        slow = Slow(stack, "/directory_users")
        wanted = await ask(stack)
        async with working(stack, slow, events_poll_seconds=0):
            await asyncio.wait_for(slow.waits.wait(), 20)
        job = await one(stack, "SELECT status::text, payload FROM pgqueuer")
        assert job == {"status": "queued", "payload": f"{stack.organization.id}/{wanted}".encode()}
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
            # Left to its own clock, it would look again only after 30 seconds.
            await until(lambda: is_completed(stack, wanted))
        assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=ann.id)
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
            "payload": f"{stack.organization.id}/{asked['id']}".encode()
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

            await until(is_gone)


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
