"""Catching up: whatever becomes of webhooks and of WorkOS, no event is lost and none holds up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from backend.database import Database
from backend.workos import clock
from tests.events_api import PAST_THE_TRAIL, Poller, answer, emitted, inbox, nothing, one, polling
from tests.owner import owning
from tests.stack import Stack


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    """There is one cursor in a deployment, so each test has a database of its own."""
    return own_stack


@pytest.fixture
async def poller(stack: Stack) -> AsyncIterator[Poller]:
    async with polling(stack) as poller:
        yield poller


async def test_invariant_7_everything_works_without_any_webhook(
    stack: Stack, poller: Poller
) -> None:
    """As on a developer's machine without a tunnel: only later than by webhook."""
    ann, bob = stack.person("Ann"), stack.person("Bob")
    authors = stack.group("Authors", ann)
    assert (await poller.outcomes())["applied"] == len(emitted(stack))
    writer, reader = await stack.sign_in(ann), await stack.sign_in(bob)
    assert await stack.roles(writer) == ["member", "author"]
    assert await stack.roles(reader) == ["member"]

    stack.emulator.add_member(authors, bob)
    stack.emulator.remove_member(authors, ann)
    await poller.outcomes()
    assert await stack.roles(writer) == ["member"]
    assert await stack.roles(reader) == ["member", "author"]

    stack.emulator.deactivate_user(bob)
    await poller.outcomes()
    assert (await reader.get("/me")).status_code == 401
    assert await stack.refused(bob) == "deactivated"
    assert {event["source"] for event in (await inbox(stack)).values()} == {"catch_up"}


async def test_many_pages(stack: Stack, poller: Poller) -> None:
    for _ in range(230):
        stack.person()
    assert (await poller.outcomes())["applied"] == len(emitted(stack))
    assert len(poller.api.asked) == 3
    assert await poller.outcomes() == {}


async def test_a_webhook_does_not_move_the_cursor(stack: Stack, poller: Poller) -> None:
    """An event that WorkOS still holds back may be older than one that came by webhook."""
    early, late = stack.person("Ann"), stack.person("Bob")
    stack.skip()
    bob = emitted(stack)[-1]
    await poller.outcomes()
    before = await poller.cursor()
    assert before["after"] is None
    stack.clock.advance(PAST_THE_TRAIL)
    carl = stack.person("Carl")
    await stack.deliver()
    assert await poller.cursor() == before
    # Carl is known, Bob hidden: had the webhook moved the cursor, nobody would look back.
    assert await poller.outcomes() == {}
    assert (await poller.cursor())["after"] == bob["id"]
    assert (await one(stack, "SELECT count(*) FROM live_directory_users")) == {"count": 3}
    assert len({early.id, late.id, carl.id}) == 3


async def test_an_event_that_is_held_back_is_not_lost(stack: Stack, poller: Poller) -> None:
    stack.person("Ann")
    stack.clock.advance(10)
    await poller.outcomes()
    stack.emulator.settings.events_held_back_seconds = 3
    bob = stack.person("Bob")
    assert await poller.outcomes() == {}
    assert await stack.refused("stranger@acme.example") == "not_in_directory"
    stack.clock.advance(4)
    assert await poller.outcomes() == {"applied": 1}
    assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=bob.id)


@pytest.mark.parametrize("looks", [1, 5])
async def test_an_event_that_appears_behind_newer_ones_is_not_lost(
    stack: Stack, poller: Poller, looks: int
) -> None:
    """For two minutes the cursor does not pass what is not to be seen yet."""
    await poller.outcomes()
    stack.clock.advance(PAST_THE_TRAIL)
    ann = stack.person("Ann")
    hidden = emitted(stack)[-1]["id"]
    poller.api.hidden = {hidden}
    bob = stack.person("Bob")
    assert await poller.outcomes() == {"applied": 1}
    for _ in range(looks):
        stack.clock.advance(100 / looks)
        assert await poller.outcomes() == {}
    assert (await poller.cursor())["after"] < hidden
    poller.api.hidden = set()
    assert await poller.outcomes() == {"applied": 1}
    for person in (ann, bob):
        assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=person.id)


async def test_the_cursor_follows_two_minutes_behind(stack: Stack, poller: Poller) -> None:
    stack.person("Ann")
    old = emitted(stack)[-1]
    await poller.outcomes()
    assert (await poller.cursor())["after"] is None
    stack.clock.advance(PAST_THE_TRAIL)
    stack.person("Bob")
    assert await poller.outcomes() == {"applied": 1}
    cursor = await poller.cursor()
    assert cursor["after"] == old["id"]
    assert cursor["occurred_at"] == datetime.fromisoformat(old["created_at"])
    await poller.outcomes()
    assert poller.api.asked == [None, None, old["id"]]


async def test_an_old_event_and_the_cursor_are_one_transaction(
    stack: Stack, poller: Poller
) -> None:
    """Given up at any moment: what is not behind the cursor's event in the inbox comes again."""
    for _ in range(130):
        stack.person()
    everything = [event["id"] for event in emitted(stack)]
    stack.clock.advance(PAST_THE_TRAIL)
    stopped = 0
    while True:
        task = asyncio.create_task(poller.poll())
        # At another moment each time, and later and later, or a slow machine would never be done.
        await asyncio.wait({task}, timeout=0.02 + 0.013 * (stopped % 7) * (1 + stopped // 14))
        if task.done():
            break
        task.cancel()
        await asyncio.wait({task})
        stopped += 1
        known = set(await inbox(stack))
        row = await one(stack, "SELECT after FROM event_cursor")
        if row is not None and row["after"] is not None:
            upto = everything.index(row["after"])
            assert known >= set(everything[: upto + 1])
    assert stopped > 2
    assert set(await inbox(stack)) == set(everything)
    assert (await poller.cursor())["after"] == everything[-1]
    assert len(await applied(stack)) == len(everything)


async def applied(stack: Stack) -> list[str]:
    async with stack.database.connect() as connection:
        query = """SELECT event_id FROM audit_events
            WHERE action ~ '^(dsync|organization)' AND event_id IS NOT NULL"""
        return list(await connection.scalars(text(query)))


def go_by_its_clock(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks pass for us, too: an answer from the future is not believed."""
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(stack.clock(), UTC))


class TestCursor:
    async def test_expired(
        self, stack: Stack, poller: Poller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_by_its_clock(stack, monkeypatch)
        stack.person("Ann")
        await poller.outcomes()
        stack.clock.advance(PAST_THE_TRAIL)
        await poller.outcomes()
        assert (await poller.cursor())["after"] is not None
        stack.person("Bob")
        stack.clock.advance(20 * 86400)
        carl = stack.person("Carl")
        stack.clock.advance(20 * 86400)
        await self.expires(stack, poller)
        assert await one(stack, "SELECT id FROM live_directory_users WHERE id = :id", id=carl.id)
        stack.clock.advance(PAST_THE_TRAIL)
        assert await poller.outcomes() == {}
        assert (await poller.cursor())["after"] == emitted(stack)[-1]["id"]

    async def test_unknown(self, stack: Stack, poller: Poller) -> None:
        """Of another environment, say."""
        await poller.outcomes()
        async with stack.database.connect() as connection:
            await connection.execute(text("UPDATE event_cursor SET after = 'event_other'"))
        await self.expires(stack, poller)

    async def expires(self, stack: Stack, poller: Poller) -> None:
        """It is said, everything is reconciled, and events are read from the oldest there is."""
        poller.api.asked.clear()
        done = await poller.poll()
        assert done is not None
        assert (done.failures, done.trouble) == (0, None)
        assert poller.api.asked[0] is not None
        assert poller.api.asked[1] is None
        cursor = await poller.cursor()
        assert cursor["failures"] == 0
        assert "All organizations are being reconciled" in cursor["error"]
        asked = await one(stack, "SELECT id, organization_id, trigger FROM reconciliations")
        assert asked is not None
        assert asked["organization_id"] == stack.organization.id
        assert asked["trigger"] == "expired_cursor"
        payload = f"{stack.organization.id}/{asked['id']}".encode()
        job = await one(stack, "SELECT entrypoint, payload FROM pgqueuer")
        assert job == {"entrypoint": "reconcile", "payload": payload}
        # It is said until that is done, and then no more.
        await poller.poll()
        assert (await poller.cursor())["error"] is not None
        async with stack.database.connect() as connection:
            await connection.execute(text("UPDATE reconciliations SET state = 'completed'"))
        await poller.poll()
        assert (await poller.cursor())["error"] is None

    async def test_a_refusal_that_is_not_about_the_cursor(
        self, stack: Stack, poller: Poller
    ) -> None:
        """The same request without it is refused too: nothing is forgotten or reconciled."""
        await poller.outcomes()
        stack.clock.advance(PAST_THE_TRAIL)
        await poller.outcomes()
        before = await poller.cursor()
        assert before["after"] is not None
        poller.api.answer = answer(400, {"message": "events: unknown type"})
        done = await poller.poll()
        assert done is not None
        assert done.failures == 1
        cursor = await poller.cursor()
        assert cursor["after"] == before["after"]
        assert cursor["error"] == "WorkOS answered with status 400. Nothing was changed."
        assert await one(stack, "SELECT id FROM reconciliations") is None


async def test_other_directories_are_ignored(stack: Stack) -> None:
    """As for webhooks, when WORKOS_DIRECTORY_ID names one."""
    other = stack.emulator.create_directory(stack.organization.id, "Other")
    stranger = stack.emulator.create_user(other.id, email="stranger@acme.example")
    ann = stack.person("Ann")
    async with polling(stack, workos_directory_id=stack.directory.id) as poller:
        await poller.outcomes()
    people = await one(stack, "SELECT array_agg(id) AS ids FROM directory_users")
    assert people == {"ids": [ann.id]}
    kept = [
        event["outcome"]
        for event in (await inbox(stack)).values()
        if event["directory_user_id"] == stranger.id
    ]
    assert kept == ["ignored"]


class TestOnePoller:
    async def test_of_two_at_once_one_polls(
        self, stack: Stack, poller: Poller, own_database_url: str
    ) -> None:
        stack.person()
        asked, answered = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            asked.set()
            await answered.wait()

        poller.api.before = hold
        first = asyncio.create_task(poller.poll())
        await asked.wait()
        poller.api.before = nothing
        usual, other = stack.app.state.database, Database(own_database_url, pool_size=1)
        stack.app.state.database = other
        assert await poller.poll() is None
        stack.app.state.database = usual
        answered.set()
        assert await first is not None
        assert poller.api.most_at_once == 1
        # The lock is free again, whichever connection comes next.
        assert await poller.poll() is not None
        await other.close()

    async def test_not_before_it_is_time(self, poller: Poller) -> None:
        assert await poller.poll(60) is not None
        assert await poller.poll(60) is None
        assert len(poller.api.asked) == 1


async def test_the_history_of_a_first_start_is_read_from_its_oldest(
    stack: Stack, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_by_its_clock(stack, monkeypatch)
    stack.person("Ann")
    stack.clock.advance(25 * 86400)
    assert (await poller.outcomes())["applied"] == len(emitted(stack))


async def test_a_restored_backup_learns_who_left_since(
    stack: Stack, poller: Poller, owner_url: str, own_database_url: str
) -> None:
    """Their webhooks were answered 200 by the database that is lost."""
    ann = stack.person("Ann")
    await poller.outcomes()
    browser = await stack.sign_in(ann)
    name = own_database_url.rsplit("/", 1)[1]
    async with owning(owner_url) as connection:
        await stack.database.close()
        await connection.execute(f"CREATE DATABASE {name}_backup TEMPLATE {name}")
    stack.skip()
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401

    async with owning(owner_url) as connection:
        await stack.database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.execute(f"ALTER DATABASE {name}_backup RENAME TO {name}")
    assert (await browser.get("/me")).status_code == 200
    assert await poller.outcomes() == {"applied": 1}
    assert (await browser.get("/me")).status_code == 401
