"""How much the directories hold: of a small organization now, of a large one by the job."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.database import Database
from backend.services.explanation import counts
from emulator.testing import User
from tests.directory_api import ask
from tests.events_api import one
from tests.stack import Stack
from tests.working import until, working

BOUND = 3
ALL = {"active_people": 4, "people": 4, "groups": 2, "memberships": 3}


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few people there are too many, and whoever looks has them counted at once."""
    monkeypatch.setattr(counts, "MOST_COUNTED", BOUND)
    monkeypatch.setattr(counts, "_LEAST_AGE", timedelta(0))
    monkeypatch.setattr(counts, "_TIMES_AS_LONG", 0)
    monkeypatch.setattr("backend.jobs._COUNT_PAUSE", timedelta(0))
    monkeypatch.setattr("backend.jobs._LONGEST_SLEEP", timedelta(seconds=0.2))


async def large(stack: Stack, *more: User) -> httpx.AsyncClient:
    """An admin of an organization that is too large to count at a look."""
    stack.group("Designers", stack.person("Ann"), stack.person("Kim"))
    if not more:
        stack.person("Zoe")
    return await stack.sign_in_as("Admins", "Adam")


async def look(browser: httpx.AsyncClient) -> tuple[Any, list[str], datetime | None]:
    found = await ask(browser, "/directory")
    (directory,) = found["directories"]
    at = found["counts_as_of"]
    return directory["counts"], found["more"], at and datetime.fromisoformat(at)


async def asked_for(stack: Stack) -> list[str]:
    found = await one(
        stack,
        "SELECT array_agg(convert_from(payload, 'UTF8')) AS whose FROM pgqueuer"
        " WHERE entrypoint = 'count_directories'",
    )
    return (found or {})["whose"] or []


async def do_the_job(stack: Stack) -> None:
    async def is_done() -> bool:
        return await asked_for(stack) == []

    async with working(stack, events_poll_seconds=0):
        await until(is_done)


async def test_a_large_one_is_counted_behind_the_first_look(stack: Stack) -> None:
    """Which says of what it has seen the end, and of what not; the next one has it all."""
    adam = await large(stack)
    bounded, more, at = await look(adam)
    assert bounded == ALL | {"active_people": BOUND, "people": BOUND}
    assert (more, at) == (["people"], None)
    await do_the_job(stack)
    found, more, at = await look(adam)
    assert (found, more) == (ALL, [])
    assert at is not None
    assert timedelta(0) < datetime.now(UTC) - at < timedelta(minutes=2)


async def test_it_is_asked_for_once_by_however_many_look(stack: Stack) -> None:
    """And by nobody who does not want it; a token that may read is enough."""
    adam = await large(stack)
    await ask(adam, "/directory", counts=False)
    assert await asked_for(stack) == []
    made = await adam.post("/tokens", json={"name": "t", "scopes": ["read"]})
    async with stack.browser() as program:
        program.headers["Authorization"] = f"Bearer {made.json()['secret']}"
        for browser in (program, adam, adam):
            await look(browser)
            assert await asked_for(stack) == [stack.organization.id]


async def test_it_is_counted_anew_when_something_has_changed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    adam = await large(stack)
    await look(adam)
    await do_the_job(stack)
    _, _, at = await look(adam)
    assert await asked_for(stack) == []
    stack.person("Leo")
    await stack.deliver()
    for least, longer in ((timedelta(hours=1), 0), (timedelta(0), 10**9)):
        # Not so soon, or not so soon after what took so long.
        monkeypatch.setattr(counts, "_LEAST_AGE", least)
        monkeypatch.setattr(counts, "_TIMES_AS_LONG", longer)
        assert await look(adam) == (ALL, [], at)
        assert await asked_for(stack) == []
    monkeypatch.setattr(counts, "_TIMES_AS_LONG", 0)
    assert await look(adam) == (ALL, [], at)
    assert await asked_for(stack) == [stack.organization.id]
    await do_the_job(stack)
    found, more, later = await look(adam)
    assert (found, more) == (ALL | {"active_people": 5, "people": 5}, [])
    assert at is not None
    assert later is not None
    assert later > at


async def test_it_is_counted_anew_after_a_while_though_nothing_was_noted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    adam = await large(stack)
    await look(adam)
    await do_the_job(stack)
    await look(adam)
    assert await asked_for(stack) == []
    monkeypatch.setattr(counts, "_MOST_AGE", timedelta(0))
    await look(adam)
    assert await asked_for(stack) == [stack.organization.id]


async def test_one_that_has_become_small_is_counted_at_the_look(stack: Stack) -> None:
    zoe = stack.person("Zoe")
    adam = await large(stack, zoe)
    await look(adam)
    await do_the_job(stack)
    stack.emulator.deactivate_user(zoe)
    await stack.deliver()
    _, _, at = await look(adam)
    assert at is not None
    await do_the_job(stack)
    assert await one(stack, "SELECT count(*) FROM directory_counts") == {"count": 0}
    assert await look(adam) == (ALL | {"active_people": 3, "people": 3}, [], None)
    assert await asked_for(stack) == []


async def test_invariant_9_nobody_is_told_what_others_have(stack: Stack) -> None:
    await look(await large(stack))
    await do_the_job(stack)
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins", "Eve")
    few = {"active_people": 1, "people": 1, "groups": 1, "memberships": 1}
    assert await look(eve) == (few, [], None)
    assert await asked_for(stack) == []


async def test_what_fails_is_tried_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    adam = await large(stack)
    await look(adam)
    count, failed = counts.count_in_background, list[str]()

    async def fails_once(database: Database, organization_id: str) -> None:
        if not failed:
            failed.append(organization_id)
            raise ConnectionError("away")
        await count(database, organization_id)

    monkeypatch.setattr(counts, "count_in_background", fails_once)
    await do_the_job(stack)
    assert "count_directories" in caplog.text
    found, more, _ = await look(adam)
    assert (found, more) == (ALL, [])


async def test_two_workers_do_not_count_one_organization_at_once(stack: Stack) -> None:
    here = stack.organization.id
    await look(await large(stack))
    async with stack.database.locked(f"count directories {here}") as lock:
        assert lock is not None
        await counts.count_in_background(stack.database, here)
    assert await one(stack, "SELECT count(*) FROM directory_counts") == {"count": 0}
    await counts.count_in_background(stack.database, here)
    assert await one(stack, "SELECT count(*) FROM directory_counts") == {"count": 1}
