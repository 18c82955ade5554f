"""Models and migrations agree, and the way down works as well as the way up."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import Connection, text

from alembic import command
from backend.database import Database, Schema, alembic_config
from backend.schemas.events import Source
from backend.services.events import parsing
from backend.workos.scope import DirectoryScope
from tests.database.plans import TENANT_COLUMN
from tests.owner import execute_as_owner
from tests.stack import Stack, as_body, new_event, running_stack, user_data

# Nobody has many of these, so an organization is taken for one of average size.
A_FEW_IN_EACH = {
    "connection_certificates",
    "connections",
    "directories",
    "directory_counts",
    "directory_tokens",
    "organization_domains",
    "organizations",
    "used_states",
    "workos_role_mappings",
    "workos_roles",
}


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
        WHERE pronamespace = 'public'::regnamespace AND oid NOT IN (
            SELECT objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
        )
        UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    """
    async with database.connect() as session:
        return set(await session.scalars(text(query)))


async def test_models_and_migrations_agree(empty: Database) -> None:
    await empty.migrate()
    await run(empty, "check")  # raises when a migration is missing


async def test_the_planner_knows_a_typical_company_before_there_is_one(empty: Database) -> None:
    """A new index counts its table's rows anew: then these are taught again."""
    await empty.migrate()
    async with empty.connect() as session:
        few = text("SELECT relname FROM pg_class WHERE relname = ANY(:taught) AND reltuples < 500")
        assert list(await session.scalars(few, {"taught": list(TENANT_COLUMN)})) == ["used_states"]


async def test_autovacuum_finds_nothing_to_do_in_empty_tables(empty: Database) -> None:
    """It would tell the planner that they are empty, and plans that suit that are kept."""
    await empty.migrate()
    query = text("""
        SELECT s.relname, greatest(s.n_dead_tup, s.n_mod_since_analyze, s.n_ins_since_vacuum),
            (SELECT coalesce(min(o.option_value::int), 50)
                FROM pg_options_to_table(c.reloptions) AS o
                WHERE o.option_name LIKE 'autovacuum_%_threshold' HAVING count(*) = 3)
        FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
    """)
    async with empty.connect() as session:
        found = {
            name: (changed, waits_for)
            for name, changed, waits_for in await session.execute(query)
            if name in TENANT_COLUMN
        }
    assert found.keys() == TENANT_COLUMN.keys()
    assert max(changed for changed, _ in found.values()) > 0  # it has been counted
    due = {name for name, (changed, waits_for) in found.items() if changed >= (waits_for or 50)}
    assert due == set()
    assert min(waits_for or 0 for _, waits_for in found.values()) == 10_000


async def test_each_organization_is_taken_for_the_largest(empty: Database) -> None:
    """From the start, and after every ANALYZE; a new table must say whether it is of these."""
    await empty.migrate()
    asked = text("""
        SELECT attrelid::regclass::text FROM pg_attribute
        WHERE attname = 'organization_id' AND 'n_distinct=1' = ANY (attoptions)
    """)
    taught = text("""
        SELECT tablename FROM pg_stats WHERE attname = 'organization_id' AND n_distinct = 1
    """)
    large = TENANT_COLUMN.keys() - A_FEW_IN_EACH
    async with empty.connect() as session:
        assert set(await session.scalars(asked)) == large
        assert set(await session.scalars(taught)) >= large


async def test_tables_with_rows_are_analysed_and_empty_ones_stay_taught(empty: Database) -> None:
    rows = """
        INSERT INTO organizations (workos_id) VALUES ('o'), ('p');
        INSERT INTO users (organization_id, id, key, name)
        SELECT workos_id, gen_random_uuid(), n, '' FROM organizations, generate_series(1, 50) AS n;
        ANALYZE users
    """
    known = text("""
        SELECT s.n_distinct, c.reltuples FROM pg_stats AS s
        JOIN pg_class AS c ON c.oid = s.tablename::regclass
        WHERE s.tablename IN ('posts', 'users') AND s.attname = 'organization_id'
        ORDER BY s.tablename
    """)
    async with empty.engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0020"))
        for statement in rows.split(";"):
            await connection.execute(text(statement))
        assert list(await connection.execute(known)) == [(1, 2000), (2, 100)]
        await connection.commit()
    await empty.migrate()
    async with empty.connect() as session:
        assert list(await session.execute(known)) == [(1, 2000), (1, 100)]


async def test_users_are_kept_and_folded_on_the_way(empty: Database) -> None:
    async with empty.engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0001"))
        await connection.execute(text("INSERT INTO organizations (workos_id) VALUES ('o')"))
        row = "INSERT INTO users (organization_id, id, key, name, email) VALUES"
        await connection.execute(text(f"{row} ('o', gen_random_uuid(), 'k', 'Åsa', 'Å@X.example')"))
        await connection.commit()
    await empty.migrate()
    query = text("SELECT sort_name, search_text FROM users")
    async with empty.connect() as session:
        assert (await session.execute(query)).one() == ("asa", "asa\na@x.example")
    await run(empty, "downgrade", "0001")
    async with empty.connect() as session:
        assert await session.scalar(text("SELECT sort_name FROM users")) == "åsa"


async def test_down_to_nothing_and_up_again(empty: Database) -> None:
    assert await empty.schema() is Schema.OUTDATED
    await empty.migrate()
    assert await empty.schema() is Schema.CURRENT
    full = await objects(empty)
    assert "relation directory_events" in full
    await run(empty, "downgrade", "base")
    assert await empty.schema() is Schema.OUTDATED
    assert await objects(empty) == {"relation alembic_version", "relation alembic_version_pkc"}
    await empty.migrate()
    assert await objects(empty) == full
    await empty.migrate()
    assert await empty.schema() is Schema.CURRENT


async def test_two_programs_that_migrate_at_once(empty_database_url: str) -> None:
    both = [Database(empty_database_url, pool_size=1) for _ in range(2)]
    await asyncio.gather(*(database.migrate() for database in both))
    assert await both[0].schema() is Schema.CURRENT
    for database in both:
        await database.close()


@pytest.mark.usefixtures("database")
async def test_invariant_12_the_audit_trail_is_append_only(owner_url: str) -> None:
    """Not even its owner changes it by a slip; the serving role may not try."""
    for statement in (
        "DELETE FROM audit_events",
        "UPDATE audit_events SET action = 'x'",
        "TRUNCATE audit_events",
    ):
        with pytest.raises(asyncpg.RaiseError, match="audit_events is append only"):
            await execute_as_owner(owner_url, statement)


async def test_readiness_follows_the_schema(empty: Database) -> None:
    async with running_stack(empty) as stack, stack.browser() as browser:
        outdated = await browser.get("/readyz")
        assert (outdated.status_code, outdated.headers["retry-after"]) == (503, "1")
        assert "rollcall migrate" in outdated.json()["detail"]
        assert (await browser.get("/healthz")).json() == {"status": "ok"}
        await empty.migrate()
        assert (await browser.get("/readyz")).json() == {"status": "ok"}


async def give_it_a_revision(database: Database, *revisions: str) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM alembic_version"))
        for revision in revisions:
            await session.execute(
                text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision}
            )


async def test_a_newer_schema_is_ready_and_says_so(empty: Database) -> None:
    """In a rolling deployment the old replicas serve on, and after a rollback they serve again."""
    await empty.migrate()
    for newer in (["9999"], ["8f2c1a", "0b77de"]):
        await give_it_a_revision(empty, *newer)
        assert await empty.schema() is Schema.NEWER
        assert await empty.migrate() is Schema.NEWER
        async with running_stack(empty) as stack, stack.browser() as browser:
            answer = await browser.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (200, "ok")
            assert "newer Rollcall" in answer.json()["detail"]
            ann = await stack.sign_in_as("Authors")
            assert (await ann.get("/posts")).status_code == 200
    async with empty.connect() as connection:  # migrating has left it alone
        found = await connection.scalars(text("SELECT version_num FROM alembic_version"))
        assert set(found) == {"8f2c1a", "0b77de"}


async def test_another_programs_schema_is_not_taken_for_a_newer_one(empty: Database) -> None:
    async with empty.transaction() as session:
        await session.execute(text("CREATE TABLE alembic_version (version_num text)"))
    await give_it_a_revision(empty, "8f2c1a")
    assert await empty.migrate() is Schema.FOREIGN
    async with running_stack(empty) as stack, stack.browser() as browser:
        answer = await browser.get("/readyz")
        assert answer.status_code == 503
        assert "another program" in answer.json()["detail"]
    assert await objects(empty) == {"relation alembic_version"}


async def test_a_program_of_the_version_before_goes_on_delivering(stack: Stack) -> None:
    """In a rolling deployment it calls the function that it knows, with the parameters it knows."""
    body = as_body(new_event("dsync.user.created", user_data(stack)))
    event = parsing.read(body, Source.WEBHOOK, DirectoryScope())
    query = text(
        "SELECT apply_events(CAST(:events AS jsonb), :user_keys, :bodies, CAST(:facts AS jsonb), "
        ":audit_ids, false, NULL)"
    )
    values = {
        "events": json.dumps([event.row]),
        "user_keys": [event.row["user_key"]],
        "bodies": [event.body],
        "facts": json.dumps(event.facts),
    }
    async with stack.database.connect() as connection:
        outcomes = [
            await connection.scalar(query, {**values, "audit_ids": [uuid4()]}) for _ in range(2)
        ]
    assert outcomes == [["applied"], ["duplicate"]]
