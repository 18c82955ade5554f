"""What the database holds beside tables, as source: one file for each view, function and trigger.

Alembic's autogenerate learns of them here. What the files mean is asked of PostgreSQL itself: in a
savepoint that is rolled back, everything is created anew from the files and read back from the
catalogue, so that only real differences count.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import renderers
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import MigrateOperation, UpgradeOps
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

SOURCES = Path(__file__).parent.parent / "sql"

# What belongs to an extension is the extension's.
# `shape` is what CREATE OR REPLACE cannot change: what a view shows, what a function takes and
# returns.
_CATALOGUE = """
    SELECT 'VIEW' AS kind, c.oid::regclass::text AS name,
        format(
            E'CREATE OR REPLACE VIEW %s%s AS\\n%s', c.oid::regclass,
            ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)
        ) AS definition,
        ARRAY(
            SELECT format(
                '%s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation
            )
            FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0
            ORDER BY a.attnum
        ) AS shape
    FROM pg_class c
    WHERE c.relkind = 'v' AND c.relnamespace = current_schema()::regnamespace
        AND c.oid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.deptype = 'e')
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, pg_get_functiondef(p.oid),
        ARRAY[pg_get_function_result(p.oid), pg_get_function_arguments(p.oid)]
    FROM pg_proc p
    WHERE p.prokind = 'f' AND p.pronamespace = current_schema()::regnamespace
        AND p.oid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.deptype = 'e')
    UNION ALL
    SELECT 'TRIGGER', format('%I ON %s', t.tgname, t.tgrelid::regclass),
        replace(pg_get_triggerdef(t.oid), 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), '{}'
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""

_TABLES_STAND_ON = """
    SELECT DISTINCT p.oid::regprocedure::text
    FROM pg_proc p
    JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
    WHERE d.classid IN ('pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_constraint'::regclass)
        AND p.pronamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True)
class SqlObject:
    """One object as the catalogue has it; `source` is its file's text, where it has one."""

    kind: str
    name: str
    definition: str
    shape: tuple[str, ...]
    source: str | None = None

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"


class SqlOp(MigrateOperation):
    """One statement: what it makes an end of is what its reverse brings back."""

    def __init__(self, old: SqlObject | None, new: SqlObject | None) -> None:
        self.old, self.new = old, new

    def reverse(self) -> "SqlOp":
        return SqlOp(self.new, self.old)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        one = self.new or self.old
        assert one is not None
        what = "add" if self.old is None else "remove" if self.new is None else "change"
        return (f"{what}_{one.kind.lower()}", one.name)

    @property
    def statement(self) -> str:
        if self.new is not None:
            return (self.new.source or self.new.definition).strip()
        assert self.old is not None
        return f"DROP {self.old.key}"


@renderers.dispatch_for(SqlOp)
def _render(context: AutogenContext, operation: SqlOp) -> str:
    statement = operation.statement
    # Alembic indents every line that it writes, and a function's body counts to the last space.
    if "\n" not in statement or '"""' in statement:
        text = repr(statement)
    else:
        context.imports.add("from textwrap import dedent")
        raw = "r" if "\\" in statement else ""
        text = f'dedent({raw}"""\n{statement}\n""")'
    # By the driver itself: to op.execute, `[:20]` would be a parameter called 20.
    return f"op.get_bind().exec_driver_sql({text})"


def sources(folder: Path = SOURCES) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("*/*.sql"))]


def catalogue(connection: Connection) -> dict[str, SqlObject]:
    rows = connection.exec_driver_sql(_CATALOGUE)
    found = (SqlObject(row.kind, row.name, row.definition, tuple(row.shape)) for row in rows)
    # pgqueuer installs its own.
    return {held.key: held for held in found if "pgqueuer" not in held.key}


@contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def _each_run(connection: Connection, statements: Iterable[str]) -> Iterator[str]:
    """Run all in whatever order works, which is that of the result."""
    waiting = list(statements)
    while waiting:
        refused: dict[str, DBAPIError] = {}
        for statement in waiting:
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(statement)
            except DBAPIError as error:
                refused[statement] = error
            else:
                yield statement
        if len(refused) == len(waiting):
            raise refused[waiting[0]]
        waiting = list(refused)


def _fell(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Drop these; what is gone, with all that stood on them."""
    before = catalogue(connection)
    for key in keys:
        connection.exec_driver_sql(f"DROP {key.replace(' ', ' IF EXISTS ', 1)} CASCADE")
    return before.keys() - catalogue(connection).keys()


def _set_aside(connection: Connection) -> set[str]:
    """Make room for everything anew; what columns are made by stays, under another name."""
    for name in connection.exec_driver_sql(_TABLES_STAND_ON).scalars().all():
        was = f"{name.partition('(')[0]}_as_it_was"
        connection.exec_driver_sql(f"ALTER FUNCTION {name} RENAME TO {was}")
    aside = {key for key in catalogue(connection) if "_as_it_was(" in key}
    _fell(connection, catalogue(connection).keys() - aside)
    return aside


def _change_tables(connection: Connection, operations: UpgradeOps) -> None:
    """The tables as they will be: a view may show a column that the same migration adds."""
    run = Operations(MigrationContext.configure(connection))

    def each(some: Iterable[MigrateOperation]) -> None:
        for one in some:
            if hasattr(one, "ops"):
                each(one.ops)
            else:
                run.invoke(one)

    each(operations.ops)


def _desired(connection: Connection, tables: UpgradeOps, texts: list[str]) -> list[SqlObject]:
    """What the files make, in an order in which it can be made."""
    found: list[SqlObject] = []
    with _undone(connection):
        aside = _set_aside(connection)
        _change_tables(connection, tables)
        for source in _each_run(connection, texts):
            now = catalogue(connection)
            new = now.keys() - aside - {held.key for held in found}
            if len(new) != 1:
                raise ValueError(f"Each file must create one object of its own: {source[:200]}")
            found.append(replace(now[new.pop()], source=source))
    return found


def _in_the_way(connection: Connection, tables: UpgradeOps, unfit: set[str]) -> set[str]:
    """What must be dropped first: what is unfit, what stands on it or holds fast to a column."""
    with _undone(connection):
        gone = _fell(connection, unfit)
        try:
            with connection.begin_nested():
                _change_tables(connection, tables)
        except DBAPIError:
            views = [key for key in catalogue(connection) if key.startswith("VIEW ")]
            gone |= _fell(connection, views)
    return gone


def _changes(connection: Connection, tables: UpgradeOps, texts: list[str]) -> list[SqlOp]:
    """The operations that lead from what the database holds to what the files say."""
    current = catalogue(connection)
    desired = _desired(connection, tables, texts)
    shapes = {held.key: held.shape for held in desired}
    unfit = {key for key, held in current.items() if shapes.get(key) != held.shape}
    gone = _in_the_way(connection, tables, unfit)
    with _undone(connection):
        drops = {SqlOp(current[key], None).statement: current[key] for key in sorted(gone)}
        ops = [SqlOp(drops[statement], None) for statement in _each_run(connection, drops)]
    for held in desired:
        old = None if held.key in gone else current.get(held.key)
        if old is None or old.definition != held.definition:
            ops.append(SqlOp(old, held))
    return ops


def complete(connection: Connection, upgrade: UpgradeOps, texts: list[str]) -> None:
    """Add to the changes of tables what else leads to what the files say.

    Before a table changes, what stands on it is gone; what is new stands on the new one.
    """
    found = _changes(connection, upgrade, texts)
    upgrade.ops[:0] = [one for one in found if one.new is None]
    upgrade.ops.extend(one for one in found if one.new is not None)


def _compare(
    context: AutogenContext, upgrade: UpgradeOps, _schemas: set[str | None]
) -> PriorityDispatchResult:
    assert context.connection is not None
    complete(context.connection, upgrade, sources())
    return PriorityDispatchResult.CONTINUE


def setup(plugin: Plugin) -> None:
    plugin.add_autogenerate_comparator(_compare, "schema", priority=DispatchPriority.LAST)
