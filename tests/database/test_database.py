"""The database: addresses, transactions, snapshots, and what is a passing fault."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.database import CONNECTION_FAULTS, Database, is_content_error
from tests.owner import execute_as_owner
from tests.stack import Stack

TOO_LONG = "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) n"


@pytest.fixture
async def table(database: Database) -> AsyncIterator[str]:
    name = f"of_a_test_{secrets.token_hex(4)}"
    await execute_as_owner(database, f"CREATE TABLE {name} (n int PRIMARY KEY CHECK (n > 0))")
    yield name
    await execute_as_owner(database, f"DROP TABLE {name}")


async def rows(database: Database, table: str) -> list[int]:
    async with database.connect() as session:
        return list(await session.scalars(text(f"SELECT n FROM {table} ORDER BY n")))


async def insert_and_fail(database: Database, table: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(f"INSERT INTO {table} VALUES (2)"))
        raise ZeroDivisionError


async def execute(database: Database, *statements: str) -> None:
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def test_a_transaction_commits_or_leaves_nothing(database: Database, table: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(f"INSERT INTO {table} VALUES (1)"))
        assert await rows(database, table) == []
    assert await rows(database, table) == [1]
    with pytest.raises(ZeroDivisionError):
        await insert_and_fail(database, table)
    assert await rows(database, table) == [1]


async def test_a_reading_session_begins_no_transaction(database: Database) -> None:
    async with database.connect() as session:
        first = await session.scalar(text("SELECT now()"))
        await asyncio.sleep(0.01)
        assert await session.scalar(text("SELECT now()")) > first


@pytest.mark.parametrize(
    ("statement", "content"),
    [
        ("INSERT INTO {0} VALUES (-1)", True),
        ("INSERT INTO {0} VALUES (NULL)", True),
        ("SELECT 1 / 0", True),
        ("SELECT 'x'::jsonb", True),
        ("CREATE TEMP TABLE t (x text PRIMARY KEY); INSERT INTO t " + TOO_LONG, True),
        ("SELECT pg_terminate_backend(pg_backend_pid())", False),
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(1)", False),
    ],
)
async def test_content_or_passing_fault(
    database: Database, table: str, statement: str, *, content: bool
) -> None:
    with pytest.raises(DBAPIError) as raised:
        await execute(database, *statement.format(table).split("; "))
    assert is_content_error(raised.value) == content
    # The pool has got over it.
    assert await rows(database, table) == []


async def test_deadlock_is_a_passing_fault(database: Database, table: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(f"INSERT INTO {table} VALUES (1), (2)"))
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with database.transaction() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            await session.execute(text(f"SELECT FROM {table} WHERE n = {first} FOR UPDATE"))
            await met.wait()
            await session.execute(text(f"SELECT FROM {table} WHERE n = {second} FOR UPDATE"))

    ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    (failed,) = [error for error in ended if error is not None]
    assert isinstance(failed, DBAPIError)
    assert not is_content_error(failed)


class TestAddress:
    """DATABASE_URL is libpq's: it reaches asyncpg as it was written."""

    async def test_sslmode(self, database_url: str) -> None:
        for mode in ("disable", "allow", "prefer"):
            await self.works(f"{database_url}?sslmode={mode}")
        with pytest.raises(CONNECTION_FAULTS):
            await self.works(f"{database_url}?sslmode=require")

    async def test_postgres_is_postgresql(self, database_url: str) -> None:
        await self.works(database_url.replace("postgresql://", "postgres://"))

    async def test_several_hosts(self, database_url: str) -> None:
        before, at, after = database_url.partition("@")
        await self.works(f"{before}{at}127.0.0.1:1,{after}")

    async def test_what_is_passed_on(
        self, monkeypatch: pytest.MonkeyPatch, database_url: str
    ) -> None:
        seen: list[Any] = []
        usual = asyncpg.connect

        async def connect(*args: Any, **more: Any) -> Any:
            seen.append(args)
            return await usual(*args, **more)

        monkeypatch.setattr(asyncpg, "connect", connect)
        url = f"{database_url}?sslmode=disable&application_name=rollcall-test"
        assert await self.works(url, "SHOW application_name") == "rollcall-test"
        assert seen[0][0] == url

    async def works(self, url: str, query: str = "SELECT 1") -> Any:
        database = Database(url, pool_size=1)
        try:
            async with database.connect() as session:
                return await session.scalar(text(query))
        finally:
            await database.close()


async def test_a_commit_that_fails_is_not_answered_as_done(own_stack: Stack) -> None:
    """The transaction ends before the answer goes out: nothing is 201 that was not stored."""
    ann = await own_stack.sign_in_as("Authors")
    await execute_as_owner(
        own_stack.database,
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'at the commit' USING ERRCODE = 'serialization_failure'; END $$",
        "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON posts "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    answer = await ann.post("/posts", json={"title": "t", "content": "c"})
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")
    assert (await ann.get("/posts")).json()["items"] == []
