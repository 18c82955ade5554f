"""The worker: what it does by the clock and from the queue, and that nothing stops it for good."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from backend import jobs
from backend.database import Database
from backend.main import create_app
from backend.workos.client import WorkosClient
from tests.events_api import EventsApi, one
from tests.stack import Stack
from tests.working import all_known, execute, until, working


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


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
    await stack.sign_in(ann)
    stack.emulator.deactivate_user(ann)
    stack.clock.advance(60)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    browser = await stack.open_session(ann)
    assert await stack.roles(browser) == ["member"]
    async with working(stack, events_poll_seconds=0):

        async def has_the_roles() -> bool:
            return await stack.roles(browser) == ["member", "author"]

        await until(has_the_roles)


async def test_it_catches_up_only_when_asked_to(stack: Stack) -> None:
    stack.person("Ann")
    api = EventsApi(stack)
    expected = [
        "count_hours", "end_access", "read_returned", "retry_parked", "seal_audit", "tidy_up",
    ]  # fmt: skip

    async def has_begun() -> bool:
        names = await one(
            stack, "SELECT array_agg(entrypoint ORDER BY entrypoint) AS all FROM pgqueuer_schedules"
        )
        return names == {"all": expected}

    async with working(stack, api, events_poll_seconds=0):
        await until(has_begun)
        await asyncio.sleep(4)
    assert await has_begun()
    assert api.asked == []


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
        """Cut at the wrong moment, a claim is held for 30 seconds more (decision 0010)."""
        async with working(stack):
            for _ in range(2):
                stack.person()
                await until(all_known(stack), 60)
                await cut_everything(stack)
            stack.person()
            await until(all_known(stack), 60)
        assert "The worker lost its database, and tries again" in caplog.text
        # PgQueuer's own log, which nobody is shown, may hold one.
        ours = [record for record in caplog.records if record.name.startswith("backend")]
        assert all(record.exc_info is None for record in ours)

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
            await until(has_logged(caplog, "The worker failed, and begins again"))
            stack.app.state.database = app.state.database
            async with stack.browser() as browser:
                assert (await browser.get("/readyz")).status_code == 200
            await execute(stack, "ALTER TABLE gone RENAME TO pgqueuer_schedules")
            await until(all_known(stack))
        await client.close()

    async def test_an_error_of_ours_is_logged_and_the_rest_goes_on(
        self, stack: Stack, caplog: pytest.LogCaptureFixture
    ) -> None:
        await execute(stack, "ALTER TABLE event_cursor RENAME COLUMN failures TO gone")
        async with working(stack):
            await until(has_logged(caplog, "catch_up: database fault"))
            await execute(stack, "ALTER TABLE event_cursor RENAME COLUMN gone TO failures")
            await until(all_known(stack))


def has_logged(caplog: pytest.LogCaptureFixture, said: str) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return said in caplog.text

    return has


async def cut_everything(stack: Stack) -> None:
    """As when the server restarts."""
    await execute(
        stack,
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()""",
    )


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
