"""What the database holds beside tables, as source: one file for each view, function and trigger.

Alembic's autogenerate learns of them here. What the files mean is asked of PostgreSQL itself: in a
savepoint that is rolled back, everything is created anew from the files and read back from the
catalogue, so that only real differences count.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

# `columns` is what CREATE OR REPLACE cannot change both ways: what a view shows, what a function
# takes and returns.
_CATALOGUE = """
    SELECT 'VIEW' AS kind, c.oid::regclass::text AS name,
        'CREATE OR REPLACE VIEW ' || c.oid::regclass || ' AS' || chr(10) || pg_get_viewdef(c.oid)
            AS definition,
        ARRAY(
            SELECT format(
                '%s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation
            )
            FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0
            ORDER BY a.attnum
        ) || coalesce(c.reloptions, '{}') AS columns
    FROM pg_class c
    WHERE c.relkind = 'v' AND c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure::text,
        pg_get_functiondef(p.oid),
        ARRAY[pg_get_function_result(p.oid), pg_get_function_arguments(p.oid)]
    FROM pg_proc p
    WHERE p.prokind IN ('f', 'p') AND p.pronamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'TRIGGER', format('%I ON %s', t.tgname, t.tgrelid::regclass),
        replace(pg_get_triggerdef(t.oid), 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), '{}'
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""

# Whose definition names whom. The text of a function leaves no trace here, and needs none.
_DEPENDENTS = """
    WITH RECURSIVE named AS (
        SELECT 'pg_class'::regclass AS class, c.oid, 'VIEW ' || c.oid::regclass AS key
        FROM pg_class c
        WHERE c.relkind = 'v'
        UNION ALL
        SELECT 'pg_proc'::regclass, p.oid,
            CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || p.oid::regprocedure
        FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'pg_trigger'::regclass, t.oid,
            format('TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
        FROM pg_trigger t
        WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'pg_rewrite'::regclass, r.oid, 'VIEW ' || r.ev_class::regclass
        FROM pg_rewrite r
        UNION ALL
        SELECT 'pg_type'::regclass, y.oid, 'VIEW ' || y.typrelid::regclass
        FROM pg_type y
        WHERE y.typrelid <> 0
    )
    SELECT DISTINCT lower.key, upper.key
    FROM pg_depend d
    JOIN named lower ON lower.class = d.refclassid AND lower.oid = d.refobjid
    JOIN named upper ON upper.class = d.classid AND upper.oid = d.objid
    WHERE lower.key <> upper.key
"""


@dataclass(frozen=True)
class Held:
    """One object as the catalogue has it; `source` is its file's text, where it has one."""

    kind: str
    name: str
    definition: str
    columns: tuple[str, ...]
    source: str | None = None

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"

    def replaces(self, other: "Held") -> bool:
        """Whether CREATE OR REPLACE leads from the other to this one, and back again."""
        return self.columns == other.columns


class _SqlOp(MigrateOperation):
    """One statement: what it makes an end of is what its reverse brings back."""

    def __init__(self, old: Held | None, new: Held | None) -> None:
        self.old, self.new = old, new

    def reverse(self) -> "_SqlOp":
        return _SqlOp(self.new, self.old)

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


@renderers.dispatch_for(_SqlOp)
def _render(context: AutogenContext, operation: _SqlOp) -> str:
    # By the driver itself: to op.execute, `[:20]` would be a parameter called 20.
    statement = operation.statement
    if "\n" not in statement and not {'"', "\\"} & set(statement):
        return f'op.get_bind().exec_driver_sql("{statement}")'
    # Alembic indents every line that it writes, and a function's body counts to the last space.
    context.imports.add("from textwrap import dedent")
    quoted = f'"""\n{statement}\n"""'
    if "\\" in statement:
        quoted = f"r{quoted}"
    if '"""' in statement:
        quoted = repr(statement)
    return f"op.get_bind().exec_driver_sql(\n    dedent({quoted})\n)"


def sources(folder: Path = SOURCES) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("*/*.sql"))]


def _ours(key: str) -> bool:
    return "pgqueuer" not in key  # it installs its own


def _catalogue(connection: Connection) -> dict[str, Held]:
    rows = connection.exec_driver_sql(_CATALOGUE)
    found = (Held(row.kind, row.name, row.definition, tuple(row.columns)) for row in rows)
    return {held.key: held for held in found if _ours(held.key)}


def _dependents(connection: Connection) -> dict[str, set[str]]:
    above: dict[str, set[str]] = {}
    for lower, upper in connection.exec_driver_sql(_DEPENDENTS):
        above.setdefault(lower, set()).add(upper)
    return above


@contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def _created(connection: Connection, texts: Iterable[str]) -> list[Held]:
    """Create all in whatever order works, which is the order of the result."""
    order: list[Held] = []
    known = set(_catalogue(connection))
    waiting = list(texts)
    while waiting:
        later: list[str] = []
        refused: DBAPIError | None = None
        for source in waiting:
            savepoint = connection.begin_nested()
            try:
                connection.exec_driver_sql(source)
            except DBAPIError as error:
                savepoint.rollback()
                refused = error
                later.append(source)
                continue
            savepoint.commit()
            now = _catalogue(connection)
            key = next(iter(now.keys() - known), None)
            if key is None or len(now) != len(known) + 1:
                raise ValueError(f"Each file must create one object of its own: {source[:200]}")
            known.add(key)
            held = now[key]
            order.append(Held(held.kind, held.name, held.definition, held.columns, source))
        if refused is not None and len(later) == len(waiting):
            raise refused
        waiting = later
    return order


def _desired(connection: Connection, table_ops: UpgradeOps, texts: list[str]) -> list[Held]:
    with _undone(connection):
        for held in _catalogue(connection).values():
            connection.exec_driver_sql(f"DROP {held.kind} IF EXISTS {held.name} CASCADE")
        _apply(connection, table_ops)
        return _created(connection, texts)


def _apply(connection: Connection, operations: UpgradeOps) -> None:
    """The tables as they will be: a view may show a column that the same migration adds."""
    run = Operations(MigrationContext.configure(connection))

    def each(some: Iterable[MigrateOperation]) -> None:
        for one in some:
            if hasattr(one, "ops"):
                each(one.ops)
            else:
                run.invoke(one)

    each(operations.ops)


def compare(connection: Connection, table_ops: UpgradeOps, texts: list[str]) -> list[_SqlOp]:
    """The operations that lead from what the database holds to what the files say."""
    current = _catalogue(connection)
    desired = _desired(connection, table_ops, texts)
    wanted = {held.key: held for held in desired}
    above = _dependents(connection)

    # What must go, and with it all that stands on it.
    falling = {
        key for key, held in current.items() if key not in wanted or not wanted[key].replaces(held)
    }
    reached = list(falling)
    while reached:
        for key in above.get(reached.pop(), ()):
            if key in current and key not in falling:
                falling.add(key)
                reached.append(key)

    drops: list[_SqlOp] = []
    left = set(falling)
    while left:
        free = sorted(key for key in left if not above.get(key, set()) & left)
        drops += [_SqlOp(current[key], None) for key in free]
        left -= set(free)
    creations = [
        _SqlOp(None if held.key in falling else current.get(held.key), held)
        for held in desired
        if held.key in falling
        or held.key not in current
        or current[held.key].definition != held.definition
    ]
    return [*drops, *creations]


def _compare(
    context: AutogenContext, upgrade: UpgradeOps, _schemas: set[str | None]
) -> PriorityDispatchResult:
    assert context.connection is not None
    found = compare(context.connection, upgrade, sources())
    # Before the tables change, what stands on them is gone; what is new stands on the new ones.
    upgrade.ops[:0] = [one for one in found if one.new is None]
    upgrade.ops.extend(one for one in found if one.new is not None)
    return PriorityDispatchResult.CONTINUE


def setup(plugin: Plugin) -> None:
    plugin.add_autogenerate_comparator(_compare, "schema", priority=DispatchPriority.LAST)
