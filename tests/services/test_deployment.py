"""What the metrics say of the whole deployment."""

import math

import httpx
import pytest

from backend.database import Database
from tests.stack import Stack, new_event, running_stack, user_data
from tests.working import execute, seem_to_work


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


async def measured(stack: Stack, name: str) -> float:
    async with stack.browser() as browser:
        answer: httpx.Response = await browser.get("/metrics")
    assert answer.status_code == 200
    (line,) = [row for row in answer.text.splitlines() if row.startswith(f"{name} ")]
    return float(line.removeprefix(name))


async def test_the_oldest_parked_event(stack: Stack) -> None:
    assert await measured(stack, "rollcall_oldest_parked_seconds") == 0
    data = user_data(stack)
    del data["state"]
    assert await stack.post_event(new_event("dsync.user.created", data)) == "parked"
    await execute(stack, "UPDATE directory_events SET received_at = now() - interval '1 hour'")
    assert 3600 <= await measured(stack, "rollcall_oldest_parked_seconds") < 3700


async def test_the_cursors_lag(stack: Stack) -> None:
    assert math.isnan(await measured(stack, "rollcall_cursor_lag_seconds"))
    await execute(
        stack, "INSERT INTO event_cursor (occurred_at) VALUES (now() - interval '5 minutes')"
    )
    assert 300 <= await measured(stack, "rollcall_cursor_lag_seconds") < 400


async def test_whether_a_worker_is_alive(stack: Stack) -> None:
    assert await measured(stack, "rollcall_worker_alive") == 0
    await seem_to_work(stack.database)
    assert await measured(stack, "rollcall_worker_alive") == 1


async def test_the_pools(stack: Stack) -> None:
    for pool in ("transactions", "reads", "events", "counts"):
        for state in ("in_use", "idle"):
            name = f'rollcall_database_connections{{pool="{pool}",state="{state}"}}'
            assert await measured(stack, name) >= 0


async def test_without_a_database_there_are_metrics_all_the_same() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
    async with running_stack(nowhere) as stack:
        assert math.isnan(await measured(stack, "rollcall_worker_alive"))
    await nowhere.close()
