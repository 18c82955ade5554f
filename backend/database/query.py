"""Statements that are compiled once and run on the driver: for what runs at every request."""

from functools import cached_property
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy import ColumnElement, Executable, Select, literal_column, make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

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
