"""Catching up while WorkOS or the database fails, or sends nonsense: nothing is lost or held up."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from backend.embedded_postgres import SERVING
from backend.schemas.events import ParkingReason
from tests.events_api import PAST_THE_TRAIL, Poller, answer, emitted, inbox, nothing, one, polling
from tests.owner import execute_as_owner
from tests.stack import Stack, new_event, user_data
from tests.working import until


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    """There is one cursor in a deployment, so each test has a database of its own."""
    return own_stack


@pytest.fixture
async def poller(stack: Stack) -> AsyncIterator[Poller]:
    async with polling(stack) as poller:
        yield poller


def without(event: dict[str, Any], name: str, **more: object) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name} | more


NOT_A_NUMBER: dict[str, object] = {"custom_attributes": {"x": float("nan")}}

# What WorkOS sends in place of a good event, and the id under which it is kept; "" is its own.
MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "null": (lambda _: None, "malformed_"),
    "text": (lambda _: "\ud800", "malformed_"),
    "list": (lambda _: [], "malformed_"),
    "nothing": (lambda _: {}, "malformed_"),
    "no id": (lambda good: without(good, "id"), "malformed_"),
    "id of another kind": (lambda good: good | {"id": 7}, "malformed_"),
    "long id": (lambda good: good | {"id": "x" * 300}, "malformed_"),
    "no type": (lambda good: without(good, "event"), ""),
    "no data": (lambda good: without(good, "data"), ""),
    "data is a list": (lambda good: good | {"data": []}, ""),
    "no time": (lambda good: without(good, "created_at"), ""),
    "impossible time": (lambda good: good | {"created_at": "soon"}, ""),
    "unusable data": (lambda good: good | {"data": {"id": 1}}, ""),
    "no number": (lambda good: good | {"data": good["data"] | NOT_A_NUMBER}, ""),
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_malformed_event_is_parked_alone(stack: Stack, poller: Poller, kind: str) -> None:
    """Invariant 5: it is kept with its reason, and holds up no other event and no cursor."""
    good = new_event("dsync.user.created", user_data(stack))
    spoil, kept_as = MALFORMED[kind]
    sent = spoil(good)
    stack.person("Ann")
    stack.clock.advance(PAST_THE_TRAIL)
    poller.api.inserted = [sent]
    everything = len(emitted(stack))
    assert await poller.outcomes() == {"applied": everything, "parked": 1}
    (kept,) = [event for event in (await inbox(stack)).values() if event["outcome"] == "parked"]
    assert kept["id"].startswith(kept_as or good["id"])
    assert kept["reason"] in {*ParkingReason}
    assert kept["detail"]
    assert json.dumps(json.loads(kept["body"])) == json.dumps(sent)
    assert await poller.outcomes() == {}
    assert (await poller.cursor())["after"] == emitted(stack)[-1]["id"]


async def test_a_page_of_nothing_but_malformed_events(stack: Stack, poller: Poller) -> None:
    stack.skip()
    poller.api.hidden = {event["id"] for event in emitted(stack)}
    poller.api.inserted = [{"number": number} for number in range(100)]
    assert await poller.outcomes() == {"parked": 100}
    assert await poller.outcomes() == {}


async def test_an_event_from_the_future_holds_up_no_cursor(stack: Stack, poller: Poller) -> None:
    event = new_event("dsync.user.created", user_data(stack), created_at="9000-01-01T00:00:00Z")
    poller.api.inserted = [event]
    stack.clock.advance(PAST_THE_TRAIL)
    assert await poller.outcomes() == {"applied": len(emitted(stack)), "parked": 1}
    assert (await poller.cursor())["after"] == emitted(stack)[-1]["id"]


LAST_PAGE = {"data": [], "list_metadata": {"before": None, "after": None}}
DATED = {"Date": "Tue, 24 Nov 2026 09:00:00 GMT"}
FAULTS: dict[str, tuple[httpx2.Response | Exception, str]] = {
    "refused": (httpx2.ConnectError("refused"), "did not answer"),
    "timeout": (httpx2.ReadTimeout("too slow"), "did not answer"),
    "cut off": (httpx2.RemoteProtocolError("cut off"), "did not answer"),
    "401": (answer(401, {"message": "Unauthorized"}), "WORKOS_API_KEY"),
    "403": (answer(403, {"message": "Forbidden"}), "WORKOS_API_KEY"),
    "404": (answer(404, {"message": "Not found"}), "404"),
    "422": (answer(422, {"message": "Unprocessable"}), "422"),
    "429": (answer(429, {"message": "Too many"}), "429"),
    "500": (answer(500, b"<html>oops</html>"), "500"),
    "503": (answer(503, b""), "503"),
    "redirect": (answer(302, b"", Location="https://evil.example/"), "cannot be read"),
    "html": (answer(200, b"<html>"), "cannot be read"),
    "nothing": (answer(200, b""), "cannot be read"),
    "null": (answer(200, None), "cannot be read"),
    "list": (answer(200, []), "cannot be read"),
    "empty object": (answer(200, {}), "cannot be read"),
    "null data": (answer(200, {"data": None}), "cannot be read"),
    "no date": (answer(200, LAST_PAGE), "cannot be read"),
    "bad date": (answer(200, LAST_PAGE, Date="yesterday"), "cannot be read"),
    "no word of what follows": (answer(200, {"data": []}, **DATED), "cannot be read"),
    "null for what follows": (
        answer(200, {"data": [], "list_metadata": None}, **DATED),
        "cannot be read",
    ),
    "half a word of what follows": (
        answer(200, {"data": [], "list_metadata": {"before": None}}, **DATED),
        "cannot be read",
    ),
    "a number for what follows": (
        answer(200, {"data": [], "list_metadata": {"after": 3}}, **DATED),
        "cannot be read",
    ),
    "a cycle": (
        answer(200, {"data": [], "list_metadata": {"after": "event_1"}}, **DATED),
        "in circles",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_workos_without_a_usable_answer(stack: Stack, poller: Poller, fault: str) -> None:
    """Nothing changes, it is said why, and the first success puts all right."""
    stack.person("Ann")
    await poller.outcomes()
    stack.clock.advance(PAST_THE_TRAIL)
    await poller.outcomes()
    before = await poller.cursor()
    stack.person("Bob")
    poller.api.answer, reason = FAULTS[fault]
    for failures in (1, 2):
        done = await poller.poll(1)
        assert done is not None
        assert done.failures == failures
        assert done.trouble is not None
        assert reason in done.trouble.error
        cursor = await poller.cursor()
        assert (cursor["failures"], cursor["reason"], cursor["error"]) == (
            failures,
            *done.trouble[:2],
        )
        assert (cursor["after"], cursor["occurred_at"]) == (before["after"], before["occurred_at"])
        await make_due(stack)
    poller.api.answer = None
    assert await poller.outcomes() == {"applied": 1}
    cursor = await poller.cursor()
    assert (cursor["failures"], cursor["error"]) == (0, None)


async def make_due(stack: Stack) -> None:
    async with stack.database.connect() as connection:
        await connection.execute(text("UPDATE event_cursor SET next_poll_at = now()"))


async def test_waits_grow_to_five_minutes(stack: Stack, poller: Poller) -> None:
    poller.api.answer = answer(500)
    waits = []
    for _ in range(9):
        await poller.poll(5)
        waits.append(await wait_of(poller))
        await make_due(stack)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    poller.api.answer = None
    assert await poller.poll(5) is not None
    assert await wait_of(poller) == 5
    assert await poller.poll(5) is None


@pytest.mark.parametrize(("asked", "waits"), [("90", 90), ("999999999999", 3600), ("soon", 5)])
async def test_retry_after_is_honoured(poller: Poller, asked: str, waits: int) -> None:
    poller.api.answer = answer(429, {"message": "Too many"}, **{"Retry-After": asked})
    await poller.poll(5)
    assert await wait_of(poller) == waits
    assert len(poller.api.asked) == 1


async def wait_of(poller: Poller) -> int:
    cursor = await poller.cursor()
    wait: timedelta = cursor["next_poll_at"] - cursor["polled_at"]
    return round(wait.total_seconds())


async def test_a_fault_in_the_middle_of_the_pages(stack: Stack, poller: Poller) -> None:
    """The first page stays taken in; the next look goes on from there."""
    for _ in range(150):
        stack.person()
    stack.clock.advance(PAST_THE_TRAIL)

    async def fail_the_second_page() -> None:
        if poller.api.asked[-1] is not None:
            poller.api.answer = answer(500)

    poller.api.before = fail_the_second_page
    done = await poller.poll()
    assert done is not None
    assert (done.outcomes.total(), done.failures) == (100, 1)
    assert (await poller.cursor())["after"] == emitted(stack)[99]["id"]
    poller.api.answer, poller.api.before = None, nothing
    assert await poller.outcomes() == {"applied": len(emitted(stack)) - 100}


@pytest.mark.parametrize("length", [1, 2, 3])
async def test_pages_in_a_cycle_are_a_failure(stack: Stack, poller: Poller, length: int) -> None:
    """What they hold is taken in all the same: the listing's end is what is missing."""
    events = [new_event("dsync.user.created", user_data(stack)) for _ in range(length)]

    async def next_page() -> None:
        number = (len(poller.api.asked) - 1) % length
        page = {"data": [events[number]], "list_metadata": {"after": f"event_{number}"}}
        poller.api.answer = answer(200, page, **DATED)

    poller.api.before = next_page
    done = await poller.poll()
    assert done is not None
    assert (done.failures, done.outcomes.total()) == (1, length)
    assert done.trouble is not None
    assert done.trouble.error == "WorkOS's listing of events goes round in circles."
    assert len(poller.api.asked) <= 4 * length


class TestDatabase:
    """Invariant 5: a fault of the database rolls back, and no event is skipped for it."""

    async def test_a_fault_at_one_event_holds_up_the_cursor_alone(
        self, stack: Stack, poller: Poller
    ) -> None:
        ann, bob = stack.person("Ann"), stack.person("Bob")
        stack.clock.advance(PAST_THE_TRAIL)
        await self.deadlock_at(stack, ann.id)
        done = await poller.poll()
        assert done is not None
        assert done.failures == 1
        known = await inbox(stack)
        missing = [event for event in emitted(stack) if event["id"] not in known]
        assert [event["data"]["id"] for event in missing] == [ann.id]
        assert done.trouble is not None
        assert missing[0]["id"] in done.trouble.error
        assert (await poller.cursor())["after"] < missing[0]["id"]
        assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=bob.id)
        await execute_as_owner(stack.database, "DROP TRIGGER for_a_test ON directory_users")
        assert await poller.outcomes() == {"applied": 1}
        assert (await poller.cursor())["after"] == emitted(stack)[-1]["id"]

    async def test_a_privilege_that_is_missing_is_said_with_what_to_do(
        self, stack: Stack, poller: Poller, caplog: pytest.LogCaptureFixture
    ) -> None:
        ann = stack.person("Ann")
        stack.clock.advance(PAST_THE_TRAIL)
        await execute_as_owner(stack.database, f"REVOKE INSERT ON directory_users FROM {SERVING}")
        done = await poller.poll()
        assert done is not None
        assert done.failures == 1
        assert "permission denied for table directory_users. Run `rollcall migrate`" in caplog.text
        await execute_as_owner(stack.database, f"GRANT INSERT ON directory_users TO {SERVING}")
        await poller.outcomes()
        assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=ann.id)

    async def deadlock_at(self, stack: Stack, user_id: str) -> None:
        await execute_as_owner(
            stack.database,
            """CREATE FUNCTION fail_for_a_test() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'seen' USING ERRCODE = '40P01'; END $$""",
            f"""CREATE TRIGGER for_a_test BEFORE INSERT ON directory_users
            FOR EACH ROW WHEN (NEW.id = '{user_id}') EXECUTE FUNCTION fail_for_a_test()""",
        )

    async def test_a_connection_that_is_cut(self, stack: Stack, poller: Poller) -> None:
        """Whoever lost the lock writes nothing more; the next look goes on."""
        for _ in range(120):
            stack.person()
        stack.clock.advance(1)  # past the times of so many events

        async def first_page_is_there() -> bool:
            return len(await inbox(stack)) == 100

        async def cut_at_the_second_page() -> None:
            if poller.api.asked[-1] is not None:
                poller.api.before = nothing
                await until(first_page_is_there)  # the second is asked for meanwhile
                await self.cut(stack)

        poller.api.before = cut_at_the_second_page
        with pytest.raises(Exception, match=r"clos|terminat"):
            await poller.poll()
        assert len(await inbox(stack)) == 100
        await poller.outcomes()
        assert len(await inbox(stack)) == len(emitted(stack))

    async def cut(self, stack: Stack) -> None:
        query = """SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
            WHERE locktype = 'advisory' AND database =
                (SELECT oid FROM pg_database WHERE datname = current_database())"""
        async with stack.database.connect() as connection:
            await connection.execute(text(query))
