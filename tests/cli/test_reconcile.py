"""`rollcall reconcile`: its exit code and what it says, from an empty database on."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from backend.cli import reconcile as cli_reconcile
from backend.cli.main import app
from backend.services.reconciliation.run import run
from backend.settings import Settings, get_settings
from backend.workos.client import WorkosClient
from backend.workos.retrying import RetryPolicy
from tests.reconciling import mirror, source
from tests.stack import Stack


@pytest.fixture
def wire(stack: Stack) -> httpx2.AsyncBaseTransport:
    return httpx2.ASGITransport(app=stack.emulator.app)


@pytest.fixture(autouse=True)
def _configured(
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    wire: httpx2.AsyncBaseTransport,
) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("WORKOS_API_KEY", stack.emulator.api_key)
    monkeypatch.setenv("WORKOS_BASE_URL", "http://emulator.localhost")
    client = partial(WorkosClient, transport=wire, listings_per_second=0)
    monkeypatch.setattr(cli_reconcile, "WorkosClient", client)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


async def rollcall(stack: Stack, *args: str) -> Result:
    stack.clock.advance(60)
    command = ("reconcile", "--organization", stack.organization.id, *args)
    return await asyncio.to_thread(CliRunner().invoke, app, command)


async def test_from_nothing_to_what_workos_lists(stack: Stack) -> None:
    """As on a fresh start or after a restore: no event ever named the organization."""
    stack.group("Authors", stack.person("Ann"))
    first = await rollcall(stack)
    assert first.exit_code == 0, first.output
    lines = [line.split() for line in first.stdout.splitlines()]
    assert lines[0] == f"{stack.organization.id}: reading its directories from WorkOS".split()
    assert ["people", "1", "0", "0"] in lines
    assert ["memberships", "1", "0", "0"] in lines
    assert await mirror(stack) == await source(stack)
    second = await rollcall(stack)
    assert second.stdout.endswith("the mirror was what WorkOS lists; nothing differed.\n")


async def test_an_organization_without_directories(stack: Stack) -> None:
    stack.emulator.delete_directory(stack.directory.id)
    result = await rollcall(stack)
    assert result.exit_code == 1
    assert result.stderr == "There is no directory to read, neither in the mirror nor at WorkOS.\n"


async def test_held_and_confirmed(stack: Stack) -> None:
    people = [stack.person("Ann") for _ in range(11)]
    await stack.deliver()
    for person in people:
        stack.emulator.delete_user(person)
    result = await rollcall(stack)
    assert result.exit_code == 3
    (said,) = result.stderr.splitlines()
    assert "held. 11 people would lose access or a role; more than 10 wait." in said
    assert "Nothing was removed." in said
    assert len((await mirror(stack))["people"]) == 11
    reconciliation = said.split("--confirm ")[1].split("`")[0]
    confirmed = await rollcall(stack, "--confirm", reconciliation)
    assert confirmed.exit_code == 0, confirmed.output
    assert ["people", "0", "0", "11"] in [line.split() for line in confirmed.stdout.splitlines()]
    assert await mirror(stack) == await source(stack)
    again = await rollcall(stack, "--confirm", reconciliation)
    assert again.exit_code == 1
    assert again.stderr == "Only a reconciliation that is held can be confirmed.\n"


async def test_the_database_fails_while_it_confirms(stack: Stack) -> None:
    """A sentence, and what is held waits on."""
    people = [stack.person("Ann") for _ in range(11)]
    await stack.deliver()
    for person in people:
        stack.emulator.delete_user(person)
    held = await rollcall(stack)
    reconciliation = held.stderr.split("--confirm ")[1].split("`")[0]
    cancel = text(
        """SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
        WHERE query LIKE '%directories%FOR UPDATE' AND wait_event_type = 'Lock'"""
    )
    async with stack.database.transaction() as session, stack.database.connect() as other:
        lock = text("SELECT id FROM directories WHERE id = :id FOR UPDATE")
        await session.execute(lock, {"id": stack.directory.id})
        confirming = asyncio.create_task(rollcall(stack, "--confirm", reconciliation))
        while not await other.scalar(cancel):
            assert not confirming.done()
            await asyncio.sleep(0.05)
        result = await confirming
    assert result.exit_code == 1
    assert result.stderr.startswith("The database of DATABASE_URL cannot be used: canceling")
    assert (await rollcall(stack, "--confirm", reconciliation)).exit_code == 0


async def test_a_reconciliation_that_nobody_knows(stack: Stack) -> None:
    result = await rollcall(stack, "--confirm", "01920000-0000-7000-8000-000000000000")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


async def test_without_a_key(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As beside `make run` with nothing configured: the real WorkOS is not asked."""
    monkeypatch.setenv("WORKOS_API_KEY", "")
    result = await rollcall(stack)
    assert result.exit_code == 1
    assert "WORKOS_API_KEY is empty" in result.stderr


@pytest.mark.parametrize("away_from", ["/directories", "/directory_users"])
async def test_workos_away(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, away_from: str, wire: Any
) -> None:
    ask = wire.handle_async_request

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == away_from:
            raise httpx2.ConnectError("refused")
        answer: httpx2.Response = await ask(request)
        return answer

    monkeypatch.setattr(wire, "handle_async_request", handle)
    monkeypatch.setattr(
        "backend.services.reconciliation.run.RetryPolicy",
        partial(RetryPolicy, attempts=2, backoff=0),
    )
    stack.person("Ann")
    await stack.deliver()
    result = await rollcall(stack)
    assert result.exit_code == 1
    assert "WorkOS did not answer in time." in result.stderr
    assert len((await mirror(stack))["people"]) == 1


async def test_stopped_by_a_person_and_taken_up_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.group("Authors", *(stack.person("Ann") for _ in range(3)))
    stops = [False, False, False, True]

    async def run_until_stopped(*args: Any, **more: Any) -> Any:
        more["should_stop"] = lambda: stops.pop(0)
        return await run(*args, **more)

    monkeypatch.setattr(cli_reconcile, "run", run_until_stopped)
    stopped = await rollcall(stack)
    assert stopped.exit_code == 130, stopped.output
    assert stopped.stderr == "Stopped. `rollcall reconcile` goes on from here, within six hours.\n"
    monkeypatch.setattr(cli_reconcile, "run", run)
    assert (await rollcall(stack)).exit_code == 0
    assert await mirror(stack) == await source(stack)
