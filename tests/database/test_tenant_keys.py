"""Invariant 9 in the catalogue: every key, foreign key and index begins with the organization."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database
from tests.owner import as_owner

# The column that says whose a row is.
TENANT = {"organizations": "workos_id"}

OF_NO_TENANT = {
    "event_cursor": "how far the one Events API has been read, for the whole deployment",
    "forged_webhooks": "who sent them is a stranger to every organization",
    "rate_counts": "strangers are counted, too: whose it is, is in the key where it is somebody's",
    "alembic_version": "the schema's own",
    "pgqueuer": "the queue's own: a job names its organization in its payload",
    "pgqueuer_log": "the queue's own",
    "pgqueuer_schedules": "the queue's own",
    "pgqueuer_statistics": "the queue's own",
}

BEGIN_OTHERWISE = {
    "ix_directory_events_received_at_id": "the command line lists, and purging ends, those of all",
    "ix_organization_domains_verified": "who signs in says a domain, and no organization yet",
    "ix_directory_events_parked": "what is due is tried again, whosever it is",
}

TABLES = """
    SELECT c.relname, ARRAY(
        SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull
    )
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
"""

# Whatever has columns in an order: name, table, first column; a foreign key is here twice, by the
# columns it has and by those it refers to.
KEYS = """
    SELECT i.relname, t.relname, pg_get_indexdef(i.oid, 1, true)
    FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_class t ON t.oid = x.indrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
    UNION ALL
    SELECT f.conname, t.relname, a.attname
    FROM pg_constraint f
    CROSS JOIN LATERAL (VALUES (f.conrelid, f.conkey[1]), (f.confrelid, f.confkey[1])) s (oid, n)
    JOIN pg_class t ON t.oid = s.oid
    JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = s.n
    WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace
"""


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    """Of the owner, who may also make what must not be there."""
    owner = Database(as_owner(database._url), pool_size=1)
    async with owner.engine.connect() as connection:
        yield connection
        await connection.rollback()
    await owner.close()


async def tables_of_nobody(connection: AsyncConnection) -> set[str]:
    tables = await connection.execute(text(TABLES))
    return {name for name, columns in tables if TENANT.get(name, "organization_id") not in columns}


async def keys_that_begin_otherwise(connection: AsyncConnection) -> set[str]:
    return {
        name
        for name, table, first in await connection.execute(text(KEYS))
        if table not in OF_NO_TENANT and first != TENANT.get(table, "organization_id")
    }


async def test_every_table_says_whose_a_row_is(connection: AsyncConnection) -> None:
    assert await tables_of_nobody(connection) == set(OF_NO_TENANT)


async def test_every_key_and_index_begins_with_the_organization(
    connection: AsyncConnection,
) -> None:
    assert await keys_that_begin_otherwise(connection) == set(BEGIN_OTHERWISE)


@pytest.mark.parametrize(
    "key",
    [
        "ALTER TABLE posts ADD CONSTRAINT stray UNIQUE (id)",
        "ALTER TABLE posts ADD CONSTRAINT stray UNIQUE (author_id, organization_id)",
        "CREATE INDEX stray ON posts (created_at) INCLUDE (organization_id)",
        "CREATE INDEX stray ON posts (lower(organization_id))",
        """CREATE TABLE other (
            organization_id text NOT NULL, id uuid, CONSTRAINT stray PRIMARY KEY (id)
        )""",
        """ALTER TABLE posts ADD CONSTRAINT stray FOREIGN KEY (title, organization_id)
            REFERENCES users (key, organization_id)""",
        """ALTER TABLE posts ADD CONSTRAINT stray FOREIGN KEY (organization_id, title)
            REFERENCES users (key, organization_id)""",
    ],
)
async def test_a_key_without_it_is_noticed(connection: AsyncConnection, key: str) -> None:
    await connection.execute(text("CREATE UNIQUE INDEX by_key ON users (key, organization_id)"))
    await connection.execute(text("DELETE FROM posts"))  # of other tests: they would not fit
    before = await keys_that_begin_otherwise(connection)
    await connection.execute(text(key))
    assert await keys_that_begin_otherwise(connection) - before == {"stray"}


@pytest.mark.parametrize("columns", ["id uuid", "organization_id text"])
async def test_a_table_without_it_is_noticed(connection: AsyncConnection, columns: str) -> None:
    await connection.execute(text(f"CREATE TABLE stray ({columns})"))
    assert "stray" in await tables_of_nobody(connection)
