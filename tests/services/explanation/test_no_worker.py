"""An admin is told when nobody does the background work."""

from typing import Any

from tests.stack import Stack, new_event, user_data
from tests.working import execute, until, working

TOLD = "No worker runs, so nothing is fetched, tried again, tidied up or reconciled"


async def status(stack: Stack) -> dict[str, Any]:
    admin = await stack.sign_in_as("Admins", "Adam")
    answer = await admin.get("/directory", params={"counts": False})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_no_worker_has_ever_run(own_stack: Stack) -> None:
    found = await status(own_stack)
    assert found["attention"] is True
    assert [trouble["code"] for trouble in found["troubles"]] == ["no_worker"]
    assert found["status"] == f"{TOLD}: start `rollcall worker`."
    assert found["worker"] == {"alive": False, "seen_at": None}


async def test_a_worker_runs_and_then_is_gone(own_stack: Stack) -> None:
    async with working(own_stack, events_poll_seconds=0):

        async def is_seen() -> bool:
            return bool((await status(own_stack))["worker"]["alive"])

        await until(is_seen)
        found = await status(own_stack)
        assert found["troubles"] == []
    # Also one that was cut off in the middle of a job.
    await execute(
        own_stack,
        """UPDATE pgqueuer_schedules SET status = 'picked', heartbeat = now() - interval '70 s',
        updated = now() - interval '70 s', last_run = now() - interval '70 s'""",
    )
    found = await status(own_stack)
    assert [trouble["code"] for trouble in found["troubles"]] == ["no_worker"]
    assert found["status"].startswith(f"{TOLD}; the last sign of one is of 20")


async def test_it_is_said_beside_other_troubles(own_stack: Stack) -> None:
    admin = await own_stack.sign_in_as("Admins", "Adam")
    data = user_data(own_stack)
    del data["state"]
    assert await own_stack.post_event(new_event("dsync.user.created", data)) == "parked"
    found = (await admin.get("/directory")).json()
    codes = {trouble["code"] for trouble in found["troubles"]}
    assert codes == {"no_worker", "events_parked"}
