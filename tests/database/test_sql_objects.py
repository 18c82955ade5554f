"""The files of backend/sql are what the database holds, and any difference is a migration."""

from collections.abc import AsyncIterator, Sequence

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import AddColumnOp, CreateIndexOp, MigrateOperation, UpgradeOps
from alembic.util import CommandError
from sqlalchemy import Boolean, Column, Connection, Table, Text, false, inspect, text

from backend.database import Database
from backend.database.sql_objects import SOURCES, SqlObject, SqlOp, catalogue, complete, sources
from backend.models.access import views
from tests.database.test_migrations import run
from tests.owner import as_owner

FILES = sorted(SOURCES.glob("*/*.sql"))


@pytest.fixture
async def own(own_database_url: str) -> AsyncIterator[Database]:
    own = Database(as_owner(own_database_url), pool_size=1)
    yield own
    await own.close()


def test_each_file_is_named_after_the_one_thing_it_makes() -> None:
    for path in FILES:
        code = [line for line in path.read_text().splitlines() if not line.startswith("--")]
        kind = path.parent.name.removesuffix("s").upper()
        assert code[0].startswith(f"CREATE OR REPLACE {kind} {path.stem}"), path
        assert path.read_text().count("CREATE OR REPLACE") == 1, path


def test_no_line_is_long() -> None:
    assert max(len(line) for source in sources() for line in source.splitlines()) <= 100


@pytest.mark.parametrize("view", views.sorted_tables, ids=lambda view: view.name)
async def test_the_models_have_the_columns_of_the_views(database: Database, view: Table) -> None:
    """Their names, in their order, and their types with collations."""

    def columns(connection: Connection) -> list[tuple[str, str]]:
        found = inspect(connection).get_columns(view.name)
        return [(each["name"], each["type"].compile(connection.dialect)) for each in found]

    async with database.engine.connect() as connection:
        found = await connection.run_sync(columns)
    dialect = database.engine.dialect
    assert [(each.name, each.type.compile(dialect)) for each in view.columns] == found


async def test_every_view_has_a_model(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_view_names())
    assert set(found) == {view.name for view in views.sorted_tables}


@pytest.mark.parametrize(
    ("drift", "what"),
    [
        ("DROP TRIGGER audit_events_append_only ON audit_events", "add_trigger"),
        ("DROP VIEW access", "add_view"),
        ("CREATE VIEW stray AS SELECT 1 AS one", "remove_view"),
        ("CREATE FUNCTION stray() RETURNS int LANGUAGE sql AS 'SELECT 1'", "remove_function"),
        ("ALTER FUNCTION merge_facts VOLATILE SET work_mem = '1MB'", "change_function"),
        ("ALTER VIEW access RENAME COLUMN roles TO held", "remove_view"),
        ("ALTER VIEW access SET (security_barrier)", "change_view"),
        ("ALTER FUNCTION folded SET work_mem = '1MB'", "change_function"),
    ],
)
async def test_a_difference_is_noticed(own: Database, drift: str, what: str) -> None:
    await run(own, "check")
    async with own.connect() as connection:
        await connection.execute(text(drift))
    with pytest.raises(CommandError, match=what):
        await run(own, "check")


NOTE = AddColumnOp("posts", Column("note", Text))
NO_REMOVED = AddColumnOp(
    "role_mappings", Column("removed", Boolean, server_default=false(), nullable=False)
).reverse()
BY_NAME = CreateIndexOp("ix_users_by_name", "users", ["organization_id", "sort_name"])
# With the function that takes the rows of one of them.
ALL_VIEWS = [
    "access",
    "is_live_membership",
    "live_directories",
    "live_directory_users",
    "live_groups",
    "live_memberships",
]

# What is changed of which file, with which change of tables: what is dropped, what is made anew.
CHANGES: dict[str, tuple[list[tuple[str, str, str]], list[MigrateOperation], list[str], list[str]]]
CHANGES = {
    "nothing": ([], [], [], []),
    "a table whose columns a function makes": ([], [BY_NAME], [], []),
    "remarks alone": ([("access", "-- Whether", "-- If")], [], [], []),
    "a function's body": (
        [("refuse_change", "is append only", "only grows")], [], [], ["refuse_change"],
    ),
    "a view's condition": (
        [("access", "AND NOT r.removed", "AND r.removed")], [], [], ["access"],
    ),
    "what a view shows": (
        [("live_directory_users", "u.email, ", "")],
        [],
        ["access", "is_live_membership", "live_directory_users", "live_memberships"],
        ["access", "is_live_membership", "live_directory_users", "live_memberships"],
    ),
    "what a function takes": (
        [("is_live", "complete_id text\n", "complete_id text, more int DEFAULT 0\n")],
        [],
        sorted([*ALL_VIEWS, "is_live"]),
        sorted([*ALL_VIEWS, "is_live"]),
    ),
    "a view of a new column": (
        [("access", "admitted.active,", "admitted.active, (SELECT min(note) FROM posts) AS note,")],
        [NOTE],
        ["access"],
        ["access"],
    ),
    "a column that a view looks at no more": (
        [("access", "AND NOT r.removed", "")], [NO_REMOVED], ALL_VIEWS, ALL_VIEWS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_carried_out_both_ways(own: Database, change: str) -> None:
    edits, tables, dropped, made = CHANGES[change]
    texts = {path.stem: path.read_text() for path in FILES}
    for name, old, new in edits:
        assert texts[name].count(old) == 1, name
        texts[name] = texts[name].replace(old, new)

    def there_and_back(connection: Connection) -> tuple[list[str], list[str]]:
        before = held(connection)
        upgrade = UpgradeOps(list(tables))
        complete(connection, upgrade, list(texts.values()))
        assert held(connection) == before
        carry_out(connection, upgrade.ops)
        nothing = UpgradeOps([])
        complete(connection, nothing, list(texts.values()))
        assert nothing.ops == []
        carry_out(connection, upgrade.reverse().ops)
        assert held(connection) == before
        ops = [each for each in upgrade.ops if isinstance(each, SqlOp)]
        return (
            sorted(each.old.name.partition("(")[0] for each in ops if each.old and not each.new),
            sorted(each.new.name.partition("(")[0] for each in ops if each.new),
        )

    async with own.engine.connect() as connection:
        assert await connection.run_sync(there_and_back) == (dropped, made)


def held(connection: Connection) -> set[SqlObject]:
    return set(catalogue(connection).values())


def carry_out(connection: Connection, operations: Sequence[MigrateOperation]) -> None:
    run = Operations(MigrationContext.configure(connection))
    for each in operations:
        if isinstance(each, SqlOp):
            connection.exec_driver_sql(each.statement)
        else:
            run.invoke(each)


async def test_what_makes_a_column_is_not_read_anew_by_each_write(database: Database) -> None:
    """A function in SQL would be put in the place of its call, by every statement that writes."""
    made_by = text("""
        SELECT DISTINCT p.proname, l.lanname
        FROM pg_attrdef AS d
        INNER JOIN pg_depend AS on_it
            ON on_it.objid = d.oid AND on_it.refclassid = 'pg_proc'::regclass
        INNER JOIN pg_proc AS p ON p.oid = on_it.refobjid
        INNER JOIN pg_language AS l ON l.oid = p.prolang
        WHERE on_it.classid = 'pg_attrdef'::regclass AND l.lanname <> 'internal'
    """)
    async with database.connect() as connection:
        found = {tuple(row) for row in await connection.execute(made_by)}
    assert found == {("folded", "plpgsql"), ("words_of", "plpgsql")}


async def test_what_belongs_to_an_extension_is_no_difference(own: Database) -> None:
    async with own.connect() as connection:
        await connection.execute(text("CREATE EXTENSION pg_stat_statements"))
        made = "SELECT count(*) FROM pg_views WHERE viewname LIKE 'pg_stat_statements%'"
        assert await connection.scalar(text(made)) > 0
    await run(own, "check")


async def test_a_file_that_makes_two_objects_is_refused(own: Database) -> None:
    def two(connection: Connection) -> None:
        complete(connection, UpgradeOps([]), [*sources(), "SELECT 1"])

    async with own.engine.connect() as connection:
        with pytest.raises(ValueError, match="one object of its own: SELECT 1"):
            await connection.run_sync(two)
