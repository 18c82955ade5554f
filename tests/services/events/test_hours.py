"""The hours tell what the inbox holds, whether they were counted in the background or not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from backend import jobs
from backend.database import Database
from backend.models import NO_ORGANIZATION
from backend.services.ended import delete_ended
from backend.services.events import hours
from tests.directory_api import ask, execute
from tests.events_api import one
from tests.owner import execute_as_owner
from tests.stack import Stack, new_event, user_data
from tests.working import until, working

WHOSE = [NO_ORGANIZATION, "org_a", "org_b"]
OURS = WHOSE[1:]

RECEIVE = text("""
    INSERT INTO directory_events (
        organization_id, id, type, source, occurred_at, received_at, outcome
    )
    SELECT :whose, :id, 'dsync.user.updated', 'webhook', now(),
        now() - CAST(:ago AS int) * interval '1 hour', 'applied'
""")
# As apply_events does with one that could not be read at first.
MOVE = text("UPDATE directory_events SET organization_id = :whose WHERE id = :id")
LATER = text(
    "UPDATE directory_events SET received_at = received_at + interval '1 hour' WHERE id = :id"
)
DELETE = text("DELETE FROM directory_events WHERE id = :id")
STORED = text("SELECT events FROM event_hours WHERE organization_id = 'org_a'")
EMPTY = [text("DELETE FROM directory_events"), text("DELETE FROM event_hours")]

KNOWN = st.integers(0, 7).map(lambda number: f"event_{number}")
AGO = st.integers(3, 6)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just(MOVE), KNOWN, st.sampled_from(WHOSE)),
        st.tuples(st.just(LATER), KNOWN, st.none()),
        st.tuples(st.just(DELETE), KNOWN, st.none()),
        st.just(None),  # it is counted
    ),
    max_size=12,
)


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


@pytest.fixture
async def own(own_database_url: str) -> AsyncIterator[Database]:
    own = Database(own_database_url, pool_size=3)
    yield own
    await own.close()


async def told(database: Database, whose: str) -> dict[Any, int]:
    async with database.snapshot() as connection:
        found = await hours.by_hour(connection, whose)
    assert found.complete
    return {hour.since: hour.events for hour in found.hours if hour.events}


async def held(database: Database, whose: str) -> dict[Any, int]:
    query = text("""
        SELECT date_trunc('hour', received_at, 'UTC') AS hour, count(*) AS number
        FROM directory_events
        WHERE organization_id = :whose AND received_at > now() - interval '71 hours' GROUP BY 1
    """)
    async with database.connect() as connection:
        found = (await connection.execute(query, {"whose": whose})).all()
    return {row.hour: row.number for row in found}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    received=st.lists(st.tuples(st.sampled_from(WHOSE), AGO), min_size=1, max_size=8),
    changes=CHANGES,
)
async def test_hours_tell_what_the_inbox_holds(
    own: Database, received: list[tuple[str, int]], changes: list[Any]
) -> None:
    """Whatever becomes of its events, and whenever they are counted."""
    async with own.connect() as connection:
        for statement in EMPTY:
            await connection.execute(statement)
        for number, (whose, ago) in enumerate(received):
            values = {"whose": whose, "ago": ago, "id": f"event_{number}"}
            await connection.execute(RECEIVE, values)
    for change in [None, *changes]:
        if change is None:
            await hours.count_in_background(own)
        else:
            statement, event_id, whose = change
            values = {"id": event_id} | ({} if whose is None else {"whose": whose})
            async with own.connect() as connection:
                await connection.execute(statement, values)
        for whose in OURS:
            assert await told(own, whose) == await held(own, whose)


async def test_an_hour_that_has_changed_is_counted_again(own: Database) -> None:
    async with own.connect() as connection:
        for event_id in ("event_1", "event_2"):
            await connection.execute(RECEIVE, {"whose": "org_a", "ago": 5, "id": event_id})
    for events in (2, 1):
        await hours.count_in_background(own)
        async with own.connect() as connection:
            assert await connection.scalar(STORED) == events
            await connection.execute(DELETE, {"id": "event_1"})
            assert await connection.scalar(STORED) == (None if events == 2 else 1)


async def test_an_event_that_moves_while_its_hour_is_counted(own: Database) -> None:
    """Whoever counts sees it or has their count forgotten; neither is left with half of it."""
    async with own.connect() as connection:
        await connection.execute(RECEIVE, {"whose": "", "ago": 5, "id": "event_1"})
        await connection.execute(RECEIVE, {"whose": "org_a", "ago": 5, "id": "event_2"})
    async with own.transaction() as session:
        await session.execute(MOVE, {"whose": "org_a", "id": "event_1"})
        counting = asyncio.create_task(hours.count_in_background(own))
        await asyncio.sleep(0.5)
        assert not counting.done()
    await counting
    assert list((await told(own, "org_a")).values()) == [2]
    async with own.connect() as connection:
        assert await connection.scalar(STORED) == 2


async def test_an_hour_that_is_over_is_counted_once_by_the_worker(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each the list has as many as were counted, and what comes later is told beside it."""
    adam = await stack.sign_in_as("Admins", "Adam")
    before = await ask(adam, "/directory/events/hours")
    await execute(
        stack,
        "UPDATE directory_events SET received_at = received_at - interval '5 hours'"
        " WHERE organization_id = :org",
        org=stack.organization.id,
    )
    seen = (await ask(adam, "/directory/events/hours"))["hours"]
    monkeypatch.setattr(jobs, "_EVERY_MINUTE", jobs._EVERY_SECOND)
    async with working(stack, events_poll_seconds=0):
        await until(lambda: is_counted(stack))
    # What was stored is what is told: were it counted again, nothing would be found.
    await execute_as_owner(
        stack.database,
        "ALTER TABLE directory_events DISABLE TRIGGER USER",
        "DELETE FROM directory_events",
    )
    counted = (await ask(adam, "/directory/events/hours"))["hours"]
    assert [hour["events"] for hour in counted] == [hour["events"] for hour in seen]
    assert sum(hour["events"] for hour in counted) == sum(h["events"] for h in before["hours"]) > 0
    stack.person("Kim")
    await stack.deliver()
    later = (await ask(adam, "/directory/events/hours"))["hours"]
    assert (later[-1]["events"], later[-6]["events"]) == (1, counted[-6]["events"])


async def is_counted(stack: Stack) -> bool:
    found = await one(stack, "SELECT count(*) FROM event_hours WHERE organization_id = ''")
    return found == {"count": hours.HOURS - 1}


async def test_an_event_that_was_nobodys_when_its_hour_was_counted(stack: Stack) -> None:
    """It is kept as nobody's until the directory that it names is known, and then as theirs."""
    data = user_data(stack)
    del data["organization_id"]
    event = new_event("dsync.user.created", data)
    assert await stack.post_event(event) == "parked"
    await execute(
        stack, "UPDATE directory_events SET received_at = received_at - interval '5 hours'"
    )
    adam = await stack.sign_in_as("Admins", "Adam")
    await hours.count_in_background(stack.database)
    assert (await ask(adam, "/directory/events/hours"))["hours"][-6]["events"] == 0
    await stack.post_event(event)
    for _ in range(2):
        assert (await ask(adam, "/directory/events/hours"))["hours"][-6]["events"] == 1
        await hours.count_in_background(stack.database)


async def test_hours_that_are_not_shown_any_more_go(own: Database) -> None:
    row = "INSERT INTO event_hours SELECT 'org_a', now() - :ago * interval '1 hour', 1"
    async with own.connect() as connection:
        for ago in (71, 95, 97, 500):
            await connection.execute(text(row), {"ago": ago})
    assert (await delete_ended(own))["event_hours"] == 2
