"""Models and migrations agree, and the way down works as well as the way up."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text

from alembic import command
from backend.database import Database, alembic_config
from tests.stack import running_stack


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url, pool_size=2)
    yield database
    await database.close()


async def run(database: Database, what: str, *args: str) -> None:
    def work(connection: Connection) -> None:
        getattr(command, what)(alembic_config(connection), *args)
        connection.commit()

    async with database.engine.connect() as connection:
        await connection.run_sync(work)


async def objects(database: Database) -> set[str]:
    query = """
        SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT 'function ' || proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    """
    async with database.connect() as session:
        return set(await session.scalars(text(query)))


async def test_models_and_migrations_agree(empty: Database) -> None:
    await empty.migrate()
    await run(empty, "check")  # raises when a migration is missing


async def test_down_to_nothing_and_up_again(empty: Database) -> None:
    assert not await empty.is_current()
    await empty.migrate()
    assert await empty.is_current()
    full = await objects(empty)
    assert "relation directory_events" in full
    await run(empty, "downgrade", "base")
    assert not await empty.is_current()
    assert await objects(empty) == {"relation alembic_version", "relation alembic_version_pkc"}
    await empty.migrate()
    assert await objects(empty) == full
    await empty.migrate()
    assert await empty.is_current()


async def test_two_programs_that_migrate_at_once(empty_database_url: str) -> None:
    both = [Database(empty_database_url, pool_size=1) for _ in range(2)]
    await asyncio.gather(*(database.migrate() for database in both))
    assert await both[0].is_current()
    for database in both:
        await database.close()


async def test_invariant_12_the_audit_trail_is_append_only(database: Database) -> None:
    for statement in (
        "DELETE FROM audit_events",
        "UPDATE audit_events SET action = 'x'",
        "TRUNCATE audit_events",
    ):
        async with database.transaction() as session:
            with pytest.raises(Exception, match="audit_events is append only"):
                await session.execute(text(statement))
            await session.rollback()


async def test_readiness_follows_the_schema(empty: Database) -> None:
    async with running_stack(empty) as stack, stack.browser() as browser:
        outdated = await browser.get("/readyz")
        assert (outdated.status_code, outdated.headers["retry-after"]) == (503, "1")
        assert "rollcall migrate" in outdated.json()["detail"]
        assert (await browser.get("/healthz")).json() == {"status": "ok"}
        await empty.migrate()
        assert (await browser.get("/readyz")).json() == {"status": "ok"}
