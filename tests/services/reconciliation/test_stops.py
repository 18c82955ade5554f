"""Stopping a reconciliation, going on with it, and its retries and memory."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.services.reconciliation import completion as reconciliation_outcome
from backend.services.reconciliation import requests as reconciliations
from backend.services.reconciliation import run as reconciliation_run
from backend.services.reconciliation.batch import Batch
from backend.services.reconciliation.run import Interrupted
from backend.workos.client import WorkosClient
from backend.workos.retrying import RetryPolicy
from tests.reconciling import (
    REQUESTS,
    Wire,
    answer,
    complete_as_of,
    completed,
    mirror,
    reconcile,
    request,
    source,
)
from tests.stack import Stack


class TestStopping:
    async def test_cancelled_at_a_page(
        self, company: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciliation_run, "_CHECK_EVERY_SECONDS", 0)
        asked = await request(company)
        before = await mirror(company)

        async def meddle(number: int, _request: Any) -> None:
            if number == 5:
                async with company.database.transaction() as session:
                    await session.execute(
                        text("UPDATE reconciliations SET cancel_requested = true WHERE id = :id"),
                        {"id": asked},
                    )

        wire = Wire(company, meddle)
        done = await reconcile(company, wire=wire, only=asked)
        assert (done.state, len(wire.paths)) == ("cancelled", 5)
        assert before["memberships"] <= (await mirror(company))["memberships"]
        assert await complete_as_of(company) is None

    async def test_interrupted_and_taken_up_again(self, company: Stack) -> None:
        wire = Wire(company)
        asked = await request(company)
        with pytest.raises(Interrupted):
            await reconcile(company, wire=wire, only=asked, should_stop=lambda: len(wire.paths) > 5)
        again = Wire(company)
        await completed(company, wire=again, only=asked)
        assert len(wire.paths) + len(again.paths) == REQUESTS
        assert await mirror(company) == await source(company)

    async def test_a_worker_that_is_killed_leaves_no_lock(self, company: Stack) -> None:
        asked = await request(company)
        reached = asyncio.Event()

        async def meddle(number: int, _request: Any) -> None:
            if number == 5:
                reached.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(reconcile(company, meddle, only=asked))
        await reached.wait()
        task.cancel()
        await asyncio.wait({task})
        await completed(company, only=asked)


class TestRetries:
    async def test_while_it_tries_again_the_state_says_why(self, stack: Stack) -> None:
        """Also in the admin's status; when WorkOS answers, or another process goes on, no more."""
        adam = await stack.sign_in_as("Admins", "Adam")
        asked = await request(stack)
        seen: list[Any] = []
        policy = RetryPolicy(attempts=3, backoff=0)

        async def meddle(number: int, _request: Any) -> httpx2.Response | None:
            async with stack.database.connect() as connection:
                seen.append(
                    (await reconciliations.get(connection, stack.organization.id, asked)).error
                )
            if number == 9:
                raise asyncio.CancelledError
            if number == 6:
                seen.append((await adam.get("/directory")).json()["status"])
            return answer({"message": "busy"}, 503) if number in {5, 6, 8} else None

        with pytest.raises(asyncio.CancelledError):
            await reconcile(stack, meddle, only=asked, retry_policy=policy)
        why = "WorkOS answered with status 503. Nothing was changed."
        status = f"A reconciliation is trying again to read from WorkOS: {why}"
        assert seen == [None, None, None, None, None, why, status, why, None, why]
        done = await completed(stack, only=asked)
        assert done.error is None

    async def test_a_passing_fault_is_tried_again(self, company: Stack) -> None:
        async def meddle(number: int, _request: Any) -> httpx2.Response | None:
            if number % 2:
                return (
                    answer({}, 429, **{"Retry-After": "0"}) if number % 4 == 1 else answer({}, 502)
                )
            return None

        await completed(company, meddle, retry_policy=RetryPolicy(attempts=3, backoff=0))
        assert await mirror(company) == await source(company)

    async def test_retry_after_is_honoured(
        self, company: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr("backend.workos.retrying.asyncio.sleep", sleep)

        async def meddle(number: int, _request: Any) -> httpx2.Response | None:
            return answer({}, 429, **{"Retry-After": "7"}) if number == 4 else None

        await completed(company, meddle, retry_policy=RetryPolicy(attempts=2, backoff=0))
        assert sum(slept) == 7

    async def test_four_requests_a_second_are_not_exceeded(self, stack: Stack) -> None:
        """Against the emulator's own limit, which is WorkOS's."""
        stack.emulator.settings.directory_users_per_second = 4
        for name in ("A", "B", "C", "D", "E"):
            stack.group(name)
        await stack.deliver()
        stack.clock.advance(60)
        client = WorkosClient(
            stack.app.state.settings, transport=httpx2.ASGITransport(app=stack.emulator.app)
        )
        asked = await request(stack)
        done = await reconciliation_run.run(
            stack.database,
            client,
            stack.organization.id,
            asked,
            retry_policy=RetryPolicy(attempts=1),
        )
        await client.close()
        assert done.state == "completed", done.error

    async def test_a_fault_of_the_database_is_no_failure(self, company: Stack) -> None:
        """It is raised, so that the job is tried again; then it goes on."""
        asked = await request(company)

        async def meddle(number: int, _request: Any) -> None:
            if number == 5:
                async with company.database.connect() as connection:
                    await connection.execute(
                        text(
                            "SELECT pg_terminate_backend(pid) FROM pg_locks"
                            " WHERE locktype = 'advisory' AND database ="
                            " (SELECT oid FROM pg_database WHERE datname = current_database())"
                        )
                    )

        with pytest.raises(DBAPIError):
            await reconcile(company, meddle, only=asked)
        await completed(company, only=asked)

    async def test_deadlocks_take_turns(self, company: Stack) -> None:
        """Live events and a reconciliation at once, many times over: each takes effect."""
        people = [company.person("Live") for _ in range(30)]
        for person in people:
            company.emulator.update_user(person, first_name="Alive")
        events = company.skip()

        async def meddle(_number: int, _request: Any) -> None:
            batch = [events.pop() for _ in range(min(8, len(events)))]
            delivering.extend(asyncio.create_task(company.post_event(each)) for each in batch)

        delivering: list[asyncio.Task[str]] = []
        await completed(company, meddle)
        outcomes = await asyncio.gather(*delivering)
        assert "parked" not in outcomes
        assert await mirror(company) == await source(company)


async def test_memory_is_bounded_by_the_size_of_a_part(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are merged as they fill, and none holds more than a few pages more than it may."""
    monkeypatch.setattr("backend.services.reconciliation.batch._LARGEST", 250)
    people = [stack.person("Ann") for _ in range(230)]
    for name in ("A", "B", "C"):
        stack.group(name, *people)
    await stack.deliver()
    sizes: list[int] = []
    clear = Batch.clear

    def noting(batch: Batch) -> None:
        sizes.append(len(batch))
        clear(batch)

    monkeypatch.setattr(Batch, "clear", noting)
    await completed(stack)
    assert sum(sizes) == 230 * 4 + 3
    assert max(sizes) <= 250 + 100


async def test_an_event_that_comes_while_it_completes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Completing is one snapshot; what it meets of a newer event makes it begin again."""
    stack.person("Ann")
    await stack.deliver()
    looks: list[Any] = []
    shortage = reconciliation_outcome._shortage

    async def meet(connection: Any, organization_id: str, count: Any, version: Any) -> Any:
        looks.append(count.kind)
        if len(looks) == 1:
            stack.clock.advance(60)
            stack.emulator.delete_directory(stack.directory.id)
            await stack.deliver()
        return await shortage(connection, organization_id, count, version)

    monkeypatch.setattr(reconciliation_outcome, "_shortage", meet)

    async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path == "/directory_users":
            return answer({"data": [], "list_metadata": {"after": None, "before": None}})
        return None

    done = await reconcile(stack, meddle)
    assert (done.state, looks) == ("held", ["people", "groups"] * 2)
    assert (await mirror(stack))["people"] == set()
