"""What is dated in the future is not believed: it would win against every later deactivation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from backend.errors import WorkosFault, WorkosUnavailable
from backend.schemas.events import ParkingReason
from backend.services.events import parked
from backend.services.events.replay import replay
from backend.services.mirror.snapshots import read_person
from backend.workos import clock
from backend.workos.scope import DirectoryScope
from tests.events_api import inbox, one, polling
from tests.stack import Stack, new_event, user_data

LIVE = "SELECT state FROM live_directory_users WHERE id = :id AND state = 'active'"


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def created(stack: Stack, created_at: str) -> dict[str, Any]:
    return new_event("dsync.user.created", user_data(stack), created_at=created_at)


@pytest.mark.parametrize("minutes", [30, 60 * 24 * 365 * 73])
async def test_a_deactivation_wins_against_an_event_from_the_future(
    stack: Stack, minutes: int
) -> None:
    event = created(stack, ahead(minutes=minutes))
    assert await stack.post_event(event) == "parked"
    kept = (await inbox(stack))[event["id"]]
    assert (kept["reason"], kept["field"]) == (ParkingReason.FROM_THE_FUTURE, "created_at")
    left = new_event("dsync.user.updated", event["data"] | {"state": "inactive"})
    assert await stack.post_event(left) == "applied"
    assert await one(stack, LIVE, id=event["data"]["id"]) is None


async def test_clocks_that_differ_by_minutes_park_nothing(stack: Stack) -> None:
    assert await stack.post_event(created(stack, ahead(minutes=5))) == "applied"


async def test_it_is_applied_once_its_time_has_come(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = created(stack, ahead(hours=2))
    assert await stack.post_event(event) == "parked"
    await make_due(stack)
    assert await parked.retry_due(stack.database, DirectoryScope()) == {"parked": 1}
    assert await replay(stack.database, DirectoryScope(), event["id"]) == "parked"
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=2))
    await make_due(stack)
    assert await parked.retry_due(stack.database, DirectoryScope()) == {"applied": 1}
    assert await one(stack, LIVE, id=event["data"]["id"]) is not None


async def make_due(stack: Stack) -> None:
    async with stack.database.connect() as connection:
        await connection.execute(text("UPDATE directory_events SET next_attempt_at = now()"))


async def test_catch_up_parks_it_too(stack: Stack) -> None:
    event = created(stack, "2099-01-01T00:00:00Z")
    async with polling(stack) as poller:
        poller.api.inserted = [event]
        assert (await poller.outcomes())["parked"] == 1
    assert await one(stack, LIVE, id=event["data"]["id"]) is None


async def test_no_snapshot_is_made_of_an_answer_from_the_future(stack: Stack) -> None:
    """By its `Date`: of a person, of the directories, of the events."""
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.clock.advance(86_400)
    client = stack.app.state.workos
    with pytest.raises(WorkosUnavailable) as refused:
        await read_person(stack.database, client, ann.id)
    assert refused.value.fault is WorkosFault.FROM_THE_FUTURE
    async with polling(stack) as poller:
        polled = await poller.poll()
    assert polled is not None
    assert polled.trouble is not None
    assert polled.trouble.reason is WorkosFault.FROM_THE_FUTURE
    stack.clock.advance(-86_400)
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401
