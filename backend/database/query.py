"""Statements that are compiled once and run on the driver: for what runs at every request."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Executable,
    Select,
    bindparam,
    func,
    literal_column,
    make_url,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from backend.database.connections import OPENED_BY
from backend.database.faults import DRIVER_FAULTS, ends_connection

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


def looked_up(query: Select[*tuple[Any, ...]]) -> ColumnElement[bool]:
    """Whether there is such a row, for each row that asks.

    For EXISTS, the planner may read the table of everybody instead, and hash it.
    """
    return query.limit(literal_column("1")).scalar_subquery().is_not(None)


class Fetches(Protocol):
    """A database that runs a query on a connection of its own."""

    async def fetch(self, query: "Query", **values: object) -> list[Any]: ...


class Query:
    """A statement that is compiled once.

    Args:
        statement: with a `bindparam` for each value.
        seconds: how long it may take, where that is not the usual.
    """

    def __init__(self, statement: Executable, *, seconds: float | None = None) -> None:
        self._statement = statement
        self._seconds = seconds

    @cached_property
    def _compiled(self) -> tuple[str, list[str], dict[str, object]]:
        """The SQL, the names of its parameters in order, and what the statement itself gives."""
        compiled = cast("ClauseElement", self._statement).compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        given = {
            name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required
        }
        return str(compiled), list(compiled.positiontup or ()), given

    async def rows(self, on: Fetches | AsyncConnection, **values: object) -> list[Any]:
        """The rows, with their columns by `row["name"]`.

        Args:
            on: a connection where the statement must run on that one; else the database.
            values: one for each `bindparam`.
        """
        if not isinstance(on, AsyncConnection):
            return await on.fetch(self, **values)
        raw = await on.get_raw_connection()
        driver = cast("asyncpg.Connection", raw.driver_connection)
        try:
            return await self.run(driver, values)
        except DRIVER_FAULTS as error:
            if driver.is_closed() or ends_connection(error):
                # The pool has not seen the fault and would hand the dead connection out again.
                raw.info[OPENED_BY].give_up(driver)
                await on.invalidate()
            raise

    async def run(
        self,
        driver: asyncpg.Connection,
        values: dict[str, object],
        seconds: float | None = None,
    ) -> list[Any]:
        sql, names, given = self._compiled
        if given:
            values = given | values
        rows: list[Any] = await driver.fetch(
            sql, *[values[name] for name in names], timeout=self._seconds or seconds
        )
        return rows


class BatchedQuery(Query):
    """A statement that answers together who asks it at the same moment.

    Args:
        statement: with a `bindparam` for each value.
        each: the names of those values that differ; the others they have in common.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]], *, each: Sequence[str]) -> None:
        super().__init__(_for_each(statement, each))
        self._each = each

    async def rows(self, on: Fetches | AsyncConnection, **values: object) -> list[Any]:
        if isinstance(on, AsyncConnection):
            values = self.together([values])
        return await super().rows(on, **values)

    def in_common(self, values: dict[str, object]) -> tuple[object, ...]:
        """What must be the same of those who are answered together."""
        return tuple(value for name, value in values.items() if name not in self._each)

    def together(self, asking: Sequence[dict[str, object]]) -> dict[str, object]:
        """The values for all of them, who are told apart by their `number` in the rows, from 1."""
        return asking[0] | {name: [values[name] for values in asking] for name in self._each}


def _for_each(statement: Select[*tuple[Any, ...]], each: Sequence[str]) -> Select[*tuple[Any, ...]]:
    types: dict[str, TypeEngine[Any]] = {}

    def asked(element: object, **_: object) -> ColumnElement[Any] | None:
        if not isinstance(element, BindParameter) or element.key not in each:
            return None
        types[element.key] = element.type
        return literal_column(f"asked.{element.key}", element.type)

    of_one = cast("Select[*tuple[Any, ...]]", visitors.replacement_traverse(statement, {}, asked))
    answer = of_one.lateral("answer")
    given = [bindparam(name, type_=ARRAY(types[name])) for name in each]
    asking = func.unnest(*given).table_valued(*each, with_ordinality="number")
    rows = asking.render_derived(name="asked").join(answer, true())
    return select(literal_column("asked.number"), answer).select_from(rows)
