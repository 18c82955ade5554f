"""The role that serves owns nothing and may do no more than it needs."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.database import Database
from backend.embedded_postgres import SERVING
from backend.models import Base
from backend.settings import SettingsError
from tests.owner import as_owner, execute_as_owner, owning
from tests.stack import Stack, as_body, new_event, post_webhook, user_data
from tests.working import until, working

ATTRIBUTES = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")

OWNED = """
    SELECT count(*) FROM (
        SELECT relowner FROM pg_class UNION ALL SELECT proowner FROM pg_proc
        UNION ALL SELECT nspowner FROM pg_namespace UNION ALL SELECT datdba FROM pg_database
        UNION ALL SELECT typowner FROM pg_type UNION ALL SELECT defaclrole FROM pg_default_acl
    ) owned (by) WHERE by = current_user::regrole
"""

REFUSED = [
    "UPDATE audit_events SET action = 'x'",
    "DELETE FROM audit_events",
    "TRUNCATE audit_events",
    "SELECT FROM audit_events FOR UPDATE",
    "UPDATE audit_seals SET hash = ''",
    "DELETE FROM audit_seals",
    "INSERT INTO audit_erasures VALUES ('o', gen_random_uuid(), gen_random_uuid(), '', '')",
    "DELETE FROM audit_erasures",
    "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_events_append_only ON audit_events",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_events EXECUTE FUNCTION refuse_change()",
    "DROP TABLE audit_events",
    "ALTER TABLE audit_events ADD COLUMN mine text",
    "CREATE INDEX mine ON posts (title)",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "DROP VIEW access",
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE DATABASE mine",
    "CREATE EXTENSION file_fdw",
    "CREATE ROLE mine",
    "ALTER ROLE rollcall_serving SUPERUSER",
    "SET ROLE rollcall",
    "SET SESSION AUTHORIZATION rollcall",
    "SET session_replication_role = replica",
    "UPDATE alembic_version SET version_num = '9999'",
    "TRUNCATE posts",
    "COPY posts TO PROGRAM 'cat'",
    "COPY posts FROM '/etc/passwd'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_reload_conf()",
]


@pytest.fixture
async def owner(own_database_url: str) -> AsyncIterator[Database]:
    owner = Database(as_owner(own_database_url), pool_size=1)
    yield owner
    await owner.close()


@asynccontextmanager
async def withdrawn(where: str | Database, privilege: str, on: str) -> AsyncIterator[None]:
    await execute_as_owner(where, f"REVOKE {privilege} ON {on} FROM {SERVING}")
    yield
    await execute_as_owner(where, f"GRANT {privilege} ON {on} TO {SERVING}")


async def test_the_role_that_serves_is_nobody_special_and_owns_nothing(database: Database) -> None:
    async with database.connect() as connection:
        found = await connection.execute(
            text(f"SELECT {', '.join(ATTRIBUTES)} FROM pg_roles WHERE rolname = current_user")
        )
        assert not any(found.one())
        assert await connection.scalar(text(OWNED)) == 0
        member_of = "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole"
        assert await connection.scalar(text(member_of)) == 0
    role = await database.role()
    assert (role.name, role.may_do_all) == (SERVING, False)


@pytest.mark.parametrize("statement", REFUSED)
async def test_invariant_12_what_the_role_that_serves_may_not(
    database: Database, statement: str
) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with database.connect() as connection:
            await connection.execute(text(statement))
    assert getattr(refused.value.orig, "sqlstate", None) == "42501", refused.value


async def test_it_may_use_every_table_and_only_add_to_the_audit_log(database: Database) -> None:
    usual = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    query = text("""
        SELECT c.relname, ARRAY(
            SELECT p FROM unnest(
                '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN}'::text[]
            ) p
            WHERE has_table_privilege(c.oid, p) ORDER BY p
        ) FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace = 'public'::regnamespace
        AND c.relname NOT LIKE 'of_a_test%'
    """)
    async with database.connect() as connection:
        may = {row[0]: row[1] for row in await connection.execute(query)}
    less = {
        "audit_events": ["INSERT", "SELECT"],
        "audit_seals": ["INSERT", "SELECT"],
        "audit_erasures": ["SELECT"],
        "alembic_version": ["SELECT"],
    }
    views = {name for name in may if name == "access" or name.startswith("live_")}
    assert may == {name: less.get(name, usual) for name in may.keys() - views} | {
        name: ["SELECT"] for name in views
    }
    assert set(Base.metadata.tables) <= may.keys()
    assert await database.lacking() == []


async def test_a_table_of_a_later_migration_can_be_used_at_once(
    owner: Database, own_stack: Stack
) -> None:
    """Between the migration and the next grants, by the owner's default privileges."""
    serving = own_stack.database
    await execute_as_owner(
        serving,
        "CREATE TABLE later (id bigserial PRIMARY KEY, n int)",
        "CREATE FUNCTION later_too() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "REVOKE EXECUTE ON FUNCTION later_too() FROM PUBLIC",
        "CREATE VIEW trail AS SELECT * FROM audit_events",
    )
    async with serving.transaction() as session:
        for statement in (
            "INSERT INTO later (n) VALUES (1)",
            "UPDATE later SET n = 2",
            "DELETE FROM later",
            "SELECT later_too()",
        ):
            await session.execute(text(statement))
    assert await serving.lacking() == []
    await owner.migrate(serving_role=SERVING)
    # A view has its owner's rights, so none may be written through.
    with pytest.raises(DBAPIError, match="permission denied for view trail"):
        async with serving.transaction() as session:
            await session.execute(text("DELETE FROM trail"))


async def test_migrating_puts_right_what_was_given_and_taken(
    owner: Database, own_stack: Stack
) -> None:
    serving = own_stack.database
    await execute_as_owner(
        serving,
        f"GRANT ALL ON audit_events, posts TO {SERVING}",
        f"REVOKE ALL ON sessions FROM {SERVING}",
        f"REVOKE USAGE ON SEQUENCE pgqueuer_id_seq FROM {SERVING}",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT TRUNCATE ON TABLES TO {SERVING}",
    )
    assert await serving.lacking() == [
        "USAGE on pgqueuer_id_seq",
        *(f"{privilege} on sessions" for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")),
    ]
    await owner.migrate(serving_role=SERVING)
    assert await serving.lacking() == []
    await execute_as_owner(serving, "CREATE TABLE later (id int)")
    for statement in (
        "UPDATE audit_events SET action = 'x'",
        "TRUNCATE posts",
        "TRUNCATE later",
        "CREATE TABLE mine (id int)",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with serving.transaction() as session:
                await session.execute(text(statement))


async def test_what_is_as_it_should_be_is_not_granted_again(
    owner: Database, own_database_url: str
) -> None:
    """Each grant makes every session plan anew."""
    async with owning(own_database_url) as connection:
        rows = "SELECT array_agg(xmin::text ORDER BY oid) FROM pg_class"
        before = await connection.fetchval(rows)
        await owner.migrate(serving_role=SERVING)
        assert await connection.fetchval(rows) == before


async def test_an_owner_who_is_no_superuser_migrates_and_gives(
    empty_database_url: str, own_stack: Stack
) -> None:
    """As at a hoster's: two roles that may log in, of which one owns the database."""
    del own_stack
    name = empty_database_url.rsplit("/", 1)[1]
    owner_role, serving_role = f"owner_{secrets.token_hex(4)}", f"Serving {secrets.token_hex(4)}"
    await execute_as_owner(
        empty_database_url,
        f"CREATE ROLE {owner_role} LOGIN PASSWORD 'owns'",
        f"CREATE ROLE \"{serving_role}\" LOGIN PASSWORD 'serves'",
        f"ALTER DATABASE {name} OWNER TO {owner_role}",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
    )
    at = empty_database_url.rpartition("@")[2]
    owner = Database(f"postgresql://{owner_role}:owns@{at}", pool_size=1)
    try:
        await owner.migrate(serving_role=serving_role)
        assert (await owner.role()).may_do_all
        with pytest.raises(SettingsError, match="no_such of DATABASE_URL is not in the database"):
            await owner.migrate(serving_role="no_such")
        serving = Database(
            f"postgresql://{serving_role.replace(' ', '%20')}:serves@{at}", pool_size=2
        )
        assert await serving.lacking() == []
        assert not (await serving.role()).may_do_all
        async with serving.transaction() as session:
            await session.execute(text("CREATE TEMPORARY TABLE t (id int) ON COMMIT DROP"))
        await serving.close()
    finally:
        await owner.close()
        await execute_as_owner(
            empty_database_url,
            f"DROP OWNED BY {owner_role} CASCADE",
            f"ALTER DATABASE {name} OWNER TO rollcall",
            f'DROP OWNED BY "{serving_role}"',
            f'DROP ROLE {owner_role}, "{serving_role}"',
        )


async def test_a_privilege_that_is_missing_is_said_with_what_to_do(
    own_stack: Stack, own_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It was 500 `Something went wrong here`, and a traceback."""
    ann = await own_stack.sign_in_as("Authors")
    async with withdrawn(own_database_url, "INSERT", "posts"):
        refused = await ann.post("/posts", json={"title": "t", "content": "c"})
        ready = await ann.get("/readyz")
    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert "lacks a privilege in its database" in refused.json()["detail"]
    (line,) = [r.getMessage() for r in caplog.records if "permission denied" in r.getMessage()]
    assert "Run `rollcall migrate` with MIGRATION_DATABASE_URL" in line
    assert ready.status_code == 503
    assert ready.json()["detail"].startswith("The role of DATABASE_URL lacks INSERT on posts. Run")
    assert (await ann.get("/readyz")).status_code == 200
    assert (await ann.post("/posts", json={"title": "t", "content": "c"})).status_code == 201


@pytest.mark.parametrize("table", ["audit_events", "directory_users", "directory_events"])
async def test_invariant_5_an_event_that_may_not_be_written_is_delivered_again(
    own_stack: Stack, own_database_url: str, table: str
) -> None:
    """It is no fault of the event's: nothing is parked."""
    body = as_body(new_event("dsync.user.created", user_data(own_stack)))
    async with withdrawn(own_database_url, "INSERT", table):
        assert (await post_webhook(own_stack, body)).status_code == 503
    answer = await post_webhook(own_stack, body)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "applied")


async def test_the_background_work_needs_no_more(own_stack: Stack) -> None:
    """Claims, schedules, notifications, temporary tables: all by the role that owns nothing."""
    admin = await own_stack.sign_in_as("Admins", "Adam")
    async with working(own_stack):
        asked = await admin.post("/directory/reconciliations")
        assert asked.status_code == 202, asked.text
        path = f"/directory/reconciliations/{asked.json()['id']}"

        async def is_done() -> bool:
            return (await admin.get(path)).json()["state"] not in {"queued", "running"}

        await until(is_done)
        done = (await admin.get(path)).json()
    assert (done["state"], done["error"]) == ("completed", None)
