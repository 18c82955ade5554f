"""Parked events: tried again until they can be applied, and kept as long as that takes."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from backend.errors import BodyPurged
from backend.services.events import parked as parked_events
from backend.services.events import replay as replays
from backend.workos.scope import DirectoryScope
from tests.events_api import inbox, one, polling
from tests.owner import execute_as_owner
from tests.stack import Stack, new_event, user_data


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


async def execute(stack: Stack, *statements: str) -> None:
    await execute_as_owner(stack.database, *statements)


async def park(stack: Stack, *, minutes_ago: int = 0) -> dict[str, Any]:
    """Somebody whom the database refuses until `allow`."""
    event = new_event("dsync.user.created", user_data(stack))
    await execute(
        stack,
        "ALTER TABLE directory_users DROP CONSTRAINT IF EXISTS for_a_test",
        "ALTER TABLE directory_users ADD CONSTRAINT for_a_test CHECK (false) NOT VALID",
    )
    assert await stack.post_event(event) == "parked"
    if minutes_ago:
        await execute(
            stack,
            f"""UPDATE directory_events
            SET next_attempt_at = now() - interval '{minutes_ago} minutes'
            WHERE id = '{event["id"]}'""",
        )
    return event


async def allow(stack: Stack) -> None:
    await execute(stack, "ALTER TABLE directory_users DROP CONSTRAINT for_a_test")


async def retry(stack: Stack, **options: Any) -> dict[str, int]:
    outcomes = await parked_events.retry_due(stack.database, DirectoryScope(), **options)
    return {str(outcome): count for outcome, count in outcomes.items()}


async def test_it_is_applied_once_its_cause_is_gone(stack: Stack) -> None:
    event = await park(stack, minutes_ago=1)
    assert await retry(stack) == {"parked": 1}
    await allow(stack)
    assert await retry(stack) == {}  # it waits
    await execute(stack, "UPDATE directory_events SET next_attempt_at = now()")
    assert await retry(stack) == {"applied": 1}
    kept = (await inbox(stack))[event["id"]]
    assert (kept["outcome"], kept["attempts"]) == ("applied", 3)
    assert (kept["reason"], kept["detail"], kept["next_attempt_at"]) == (None, None, None)
    assert await one(stack, "SELECT id FROM live_directory_users")
    assert await retry(stack) == {}


async def test_each_try_waits_twice_as_long_a_day_at_most(stack: Stack) -> None:
    event = await park(stack)
    waits = []
    for _ in range(13):
        await execute(stack, "UPDATE directory_events SET next_attempt_at = now()")
        assert await retry(stack) == {"parked": 1}
        row = await one(
            stack,
            "SELECT next_attempt_at - now() AS wait FROM directory_events WHERE id = :id",
            id=event["id"],
        )
        assert row is not None
        wait: timedelta = row["wait"]
        waits.append(round(wait.total_seconds() / 60))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440]


async def test_the_longest_due_come_first_and_not_all_at_once(stack: Stack) -> None:
    events = [await park(stack, minutes_ago=minutes) for minutes in (1, 3, 2)]
    assert await retry(stack, limit=2) == {"parked": 2}
    tried = [(await inbox(stack))[event["id"]]["attempts"] for event in events]
    assert tried == [1, 2, 2]


async def test_what_is_no_event_stays_as_it_is(stack: Stack) -> None:
    """It has the same id at every try, so that it is one row however often it is tried."""
    async with polling(stack) as poller:
        poller.api.inserted = [{"number": 1}]
        poller.api.hidden = {event["id"] for event in stack.emulator.events}
        assert await poller.outcomes() == {"parked": 1}
    ((event_id, before),) = (await inbox(stack)).items()
    await execute(stack, "UPDATE directory_events SET next_attempt_at = now()")
    assert await retry(stack) == {"parked": 1}
    ((same_id, after),) = (await inbox(stack)).items()
    assert same_id == event_id
    assert after["attempts"] == 2
    for name in ("occurred_at", "body", "reason", "detail"):
        assert after[name] == before[name]


async def test_invariant_5_a_passing_fault_leaves_it_due_and_holds_up_no_other(
    stack: Stack,
) -> None:
    first, second = await park(stack, minutes_ago=9), await park(stack, minutes_ago=1)
    await allow(stack)
    await execute(
        stack,
        """CREATE FUNCTION fail_for_a_test() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'seen' USING ERRCODE = '40P01'; END $$""",
        f"""CREATE TRIGGER for_a_test BEFORE INSERT ON directory_users FOR EACH ROW
        WHEN (NEW.id = '{first["data"]["id"]}') EXECUTE FUNCTION fail_for_a_test()""",
    )
    before = (await inbox(stack))[first["id"]]
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await retry(stack)
    after = await inbox(stack)
    assert after[first["id"]] == before
    assert after[second["id"]]["outcome"] == "applied"
    await execute(stack, "DROP TRIGGER for_a_test ON directory_users")
    assert await retry(stack) == {"applied": 1}


class TestPurge:
    async def test_old_bodies_go_and_rows_stay(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parked_events, "_BATCH", 2)
        for _ in range(5):
            stack.person()
        await stack.deliver()
        parked = await park(stack)
        await allow(stack)
        await execute(stack, "UPDATE directory_events SET received_at = now() - interval '91 days'")
        new = new_event("dsync.user.created", user_data(stack))
        assert await stack.post_event(new) == "applied"
        before = await inbox(stack)
        assert await parked_events.purge_bodies(stack.database, 90) == len(before) - 2
        after = await inbox(stack)
        assert after.keys() == before.keys()
        assert {key for key, event in after.items() if event["body"]} == {parked["id"], new["id"]}
        assert await parked_events.purge_bodies(stack.database, 90) == 0

        # The id is known for good, and what is gone is said.
        gone = stack.emulator.events[0]
        assert await stack.post_event(gone) == "duplicate"
        with pytest.raises(BodyPurged):
            await replays.replay(stack.database, DirectoryScope(), gone["id"])
        # What was parked can still be applied, and goes then.
        assert await stack.post_event(parked) == "applied"
        assert await parked_events.purge_bodies(stack.database, 90) == 1

    async def test_nothing_is_old(self, stack: Stack) -> None:
        await stack.deliver()
        assert await parked_events.purge_bodies(stack.database, 1) == 0
