"""Locks that somebody holds for long: only who needs just that waits, and briefly."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from backend.database import Database, Schema
from tests.owner import as_owner
from tests.stack import Stack, as_body, new_event, post_webhook, user_data
from tests.working import until

WORKOS_WAITS = 10


@asynccontextmanager
async def holding(url: str, statement: str) -> AsyncIterator[None]:
    """Somebody's open transaction, in which this statement was run."""
    other = await asyncpg.connect(as_owner(url))
    transaction = other.transaction()
    await transaction.start()
    await other.execute(statement)
    try:
        yield
    finally:
        await transaction.rollback()
        await other.close()


async def about(stack: Stack, person: dict[str, object]) -> int:
    event = new_event("dsync.user.updated", person)
    return (await post_webhook(stack, as_body(event))).status_code


async def test_a_locked_row_keeps_nobody_else_waiting(
    own_stack: Stack, own_database_url: str
) -> None:
    """Issue 9.4: twenty webhooks about one person made everything 503.

    The row stays locked to the end, so whatever waited for it would not be answered 200.
    """
    stack = own_stack
    browser = await stack.sign_in_as("Authors")
    ann, bob = user_data(stack), user_data(stack)
    assert [await about(stack, each) for each in (ann, bob)] == [200, 200]
    locked = f"UPDATE directory_users SET name = name WHERE id = '{ann['id']}'"
    async with holding(own_database_url, locked):
        begun = time.monotonic()
        waiting = [asyncio.create_task(about(stack, ann)) for _ in range(20)]
        await asyncio.sleep(0.3)
        for path in ("/me", "/posts", "/team", "/team?status=joined", "/readyz"):
            assert (await browser.get(path)).status_code == 200, path
        assert await about(stack, bob) == 200
        assert await about(stack, user_data(stack)) == 200
        assert set(await asyncio.gather(*waiting)) == {503}
        assert time.monotonic() - begun < WORKOS_WAITS
    assert await about(stack, ann) == 200


@pytest.mark.parametrize("table", ["directory_users", "directory_events", "users"])
async def test_a_locked_table_is_not_waited_for_until_workos_gives_up(
    own_stack: Stack, own_database_url: str, table: str
) -> None:
    """Issue 9.4: a dump or a migration of 25 seconds held webhooks for 24."""
    stack = own_stack
    browser = await stack.sign_in_as("Authors")
    async with holding(own_database_url, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
        begun = time.monotonic()
        answers = await asyncio.gather(
            *(about(stack, user_data(stack)) for _ in range(6)),
        )
        assert set(answers) == {503}
        assert time.monotonic() - begun < WORKOS_WAITS
        for path in ("/team", "/team?status=joined"):
            begun = time.monotonic()
            assert (await browser.get(path)).status_code in {200, 503}
            assert time.monotonic() - begun < WORKOS_WAITS / 2
    assert await about(stack, user_data(stack)) == 200
    assert (await browser.get("/team")).status_code == 200


async def test_a_transaction_that_its_program_forgot_ends(database: Database) -> None:
    """Issue 9.4: as one of a process that was stopped, which would hold its locks for ever."""
    async with database.connect() as connection:
        limits = (
            await connection.execute(
                text(
                    "SELECT name, setting::int FROM pg_settings WHERE name IN "
                    "('lock_timeout', 'idle_in_transaction_session_timeout')"
                )
            )
        ).all()
    for name, milliseconds in limits:
        assert 0 < milliseconds <= 15_000, name


async def test_a_migration_waits_a_little_at_a_time_and_says_for_whom(
    own_stack: Stack, own_database_url: str
) -> None:
    """Issue 9.4: it stood in line for as long as somebody read, and everybody behind it."""
    browser = await own_stack.sign_in_as("Authors")
    said: list[str] = []
    owner = Database(as_owner(own_database_url), pool_size=1)
    async with holding(own_database_url, "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"):
        migrating = asyncio.create_task(owner.migrate(said.append))
        async with asyncio.timeout(10):
            while not said:
                assert (await browser.get("/posts")).status_code == 200
                await asyncio.sleep(0.1)
        assert not migrating.done()
    await migrating
    await owner.close()
    assert "LOCK TABLE alembic_version" in said[0]
    assert "process " in said[0]
    assert (await own_stack.database.schema()) is Schema.CURRENT


async def test_a_holder_of_another_role_is_named_by_what_may_be_seen(
    own_stack: Stack, own_database_url: str
) -> None:
    """The server hides from an owner who is no superuser what the serving role does."""
    said: list[str] = []

    async def has_said() -> bool:
        return bool(said)

    async with holding(own_database_url, "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"):
        waiting = asyncio.create_task(own_stack.database.migrate(said.append))
        await until(has_said)
    await waiting
    assert re.search(r"trying again: process \d+ \(rollcall\)$", said[0]), said[0]
