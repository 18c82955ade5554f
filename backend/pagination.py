"""Keyset pages: a cursor names the last row seen, so a page costs the same wherever it is.

A list has a `Page` among its schemas, a `Keyset` in its service, and wears `After` and `Limit` of
`http/lists.py` in its handler's signature. What is derived or looked up for each row belongs into
what `Keyset.fetch` describes a page with, where it is derived for the rows of one page; a condition
that may leave few of many rows is a `Filter`.
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_core import core_schema
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import KeyedColumnElement

from backend.database import BatchedQuery, Executor, Fetches, Query

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page. The list ends where it is null: a page "
        "of a filtered list may have few items, or none."
    )


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


def _text(value: str) -> str:
    value.encode()
    if "\0" in value:
        raise ValueError(value)
    return value


class Cursor:
    """The last row of a page, by what its list is sorted by; to clients a text of ours.

    A subclass says in `reads` what makes each value of its text. It is a plain class, because
    FastAPI lets no tuple and no dataclass be one parameter of the query.
    """

    __slots__ = ("values",)
    _reads: ClassVar[tuple[Callable[[str], object], ...]]

    def __init_subclass__(cls, *, reads: tuple[Callable[[str], object], ...]) -> None:
        super().__init_subclass__()
        cls._reads = reads

    def __init__(self, *values: object) -> None:
        self.values = values

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises ValueError for a cursor that no page gave."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            texts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            return cls(*(read(text) for read, text in zip(cls._reads, texts, strict=True)))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(
                "is unknown; take `next_cursor` of the page before, unchanged"
            ) from error

    def __str__(self) -> str:
        texts = [
            value.isoformat() if isinstance(value, datetime) else str(value)
            for value in self.values
        ]
        return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())


class TimeCursor(Cursor, reads=(_moment, UUID)):
    """For lists that are sorted by time, then id."""


class EventCursor(Cursor, reads=(_moment, _text)):
    """For lists of WorkOS's events, whose ids are texts."""


class NameCursor(Cursor, reads=(_text, UUID)):
    """For lists that are sorted by name, then id."""


class DepartmentCursor(Cursor, reads=(_text, _text, UUID)):
    """For lists that are sorted by department, then name, then id."""


class SeenCursor(Cursor, reads=(int, _text, UUID)):
    """For lists that are sorted by the day somebody was seen, then name, then id."""


class LabelCursor(Cursor, reads=(_text, _text)):
    """For lists of what WorkOS knows, whose ids are texts, that are sorted by name, then id."""


C = TypeVar("C", bound=Cursor)
Row = TypeVar("Row")
Rows = TypeVar("Rows", bound=Select[*tuple[Any, ...]])


MOST_ROWS = 100
"""That a page may have."""

_LIMIT = bindparam("limit", type_=Integer)

# So many pages' rows are read and sorted in some milliseconds. Where there are more, a walk in the
# order of the list soon has a page.
_FEW_PAGES = 30
_MOST_SORTED = 20_000

ROWS_ASKED = 1_000
"""For one page, whether they meet what the list is filtered by."""


class Filter(NamedTuple):
    """A condition of a list in two forms, for where it leaves few rows and where it leaves many.

    Where many meet it, the best is to ask each row in the order of the list until the page is full;
    where few do, that asks them all. PostgreSQL plans without knowing the values and takes one form
    for both. So those that meet it are read first, but no more of them than some pages have. Where
    there are more, or no index finds them, `ROWS_ASKED` are asked; where these leave room, as many
    as can be sorted are read by an index after all. Else the page ends there.

    Args:
        asked: of each row; nothing that an index could find instead.
        met_by: the rows that meet it as an index finds them, by the last column of the keyset.
            None: no index does.
        first: some rows of the list, with a limit, that are asked before the index is: where these
            fill a page, it is not. For an index that gathers all that meet it to tell of the first.
        narrows: whether an index has the rows that meet it in the order of the list: then those are
            the list, and no others are asked.
    """

    asked: ColumnElement[bool]
    met_by: Select[*tuple[Any, ...]] | None = None
    first: Select[*tuple[Any, ...]] | None = None
    narrows: bool = False


class Keyset(Generic[C]):
    """What a list is sorted by, and how that cuts it into pages.

    Args:
        cursor: names a row by its values of these columns.
        columns: none is ever null, and the last tells apart what is alike in the others. The rows
            have them under their own names.
        descending: whether all of them are; else none is.
    """

    def __init__(
        self,
        cursor: type[C],
        *columns: KeyedColumnElement[Any] | InstrumentedAttribute[Any],
        descending: bool = False,
    ) -> None:
        self.cursor = cursor
        self._descending = descending
        self.columns = columns
        self.names = [column.key for column in columns]

    @property
    def order(self) -> list[ColumnElement[Any]]:
        return [column.desc() if self._descending else column.asc() for column in self.columns]

    def of(self, rows: FromClause) -> "Keyset[C]":
        """The same of a subquery that has the columns."""
        columns = [rows.c[name] for name in self.names]
        return Keyset(self.cursor, *columns, descending=self._descending)

    def beyond(self, place: Iterable[object]) -> ColumnElement[bool]:
        """Whether a row comes after the one with these values."""
        here, there = tuple_(*self.columns), tuple_(*place)
        return here < there if self._descending else here > there

    def select(self, rows: Rows, after: C | None, limit: int) -> Rows:
        """The rows of one page, and one more where there is another page: for `cut`."""
        rows = self._after(after, rows)
        # Spelt out: where it does not know the limit, PostgreSQL plans to read a tenth of the rows.
        return _up_to(limit + 1, rows.order_by(*self.order))

    def _after(self, place: C | None, rows: Rows) -> Rows:
        return rows if place is None else rows.where(self.beyond(place.values))

    def cut(self, rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
        """The rows of the page, and its `next_cursor`."""
        if len(rows) <= limit:
            return rows, None
        page = rows[:limit]
        return page, self._place(page[-1])

    def _place(self, row: object) -> str:
        return str(self.cursor(*(getattr(row, name) for name in self.names)))

    async def fetch(
        self,
        executor: Executor,
        rows: Select[*tuple[Any, ...]],
        after: C | None,
        limit: int,
        *,
        filters: Sequence[Filter] = (),
        described: Callable[[FromClause], Select[*tuple[Any, ...]]] | None = None,
    ) -> tuple[Sequence[Any], str | None]:
        """The rows of a page, and its `next_cursor`.

        Args:
            executor: what runs the statements.
            rows: the whole list; with `described` no more of it than says which rows and in which
                order.
            after: the last row of the page before.
            limit: rows a page.
            filters: what is asked of the rows besides.
            described: makes of the rows of the page what is shown of them.
        """
        rows, further = await self._left(executor, rows, after, limit, filters)
        page = self.select(rows, after, limit)
        if described is not None:
            keys = page.subquery("page")
            page = described(keys).order_by(*self.of(keys).order)
        found, next_cursor = self.cut((await executor.execute(page)).all(), limit)
        return found, further or next_cursor

    async def _left(
        self,
        executor: Executor,
        rows: Select[*tuple[Any, ...]],
        after: C | None,
        limit: int,
        filters: Sequence[Filter],
    ) -> tuple[Select[*tuple[Any, ...]], str | None]:
        """Of the rows those for a page, and its `next_cursor` where it ends before it is full."""

        def among(found: ColumnElement[Any], by: Filter) -> Select[*tuple[Any, ...]]:
            others = (each.asked for each in filters if each is not by)
            return rows.where(self.columns[-1] == any_(found), *others)

        for each in filters:
            if (found := await self._few(executor, each, after, limit)) is not None:
                return among(found, each), None
        listed = rows.where(*(each.asked for each in filters if each.narrows))
        asked = [each.asked for each in filters if not each.narrows]
        if not asked:
            return listed, None
        met, next_cursor = await self._walk(executor, listed, and_(*asked), after, limit)
        if next_cursor is not None and len(met) < limit:
            for each in filters:
                if (found := await self._sortable(executor, each, after)) is not None:
                    return among(found, each), None
        return rows.where(self.columns[-1] == any_(self._array(met))), next_cursor

    def _array(self, values: Sequence[Any]) -> ColumnElement[Any]:
        return literal(values, ARRAY(self.columns[-1].type))

    async def _few(
        self, executor: Executor, of: Filter, after: C | None, limit: int
    ) -> ColumnElement[Any] | None:
        """Those beyond the cursor that meet it, where an index finds them and they are few."""
        if of.met_by is None or await self._fill_a_page(executor, of, after, limit):
            return None
        few = limit * _FEW_PAGES
        met_by = _up_to(few + 1, self._after(after, of.met_by))
        found = (await executor.scalars(met_by)).all()
        return None if len(found) > few else self._array(found)

    async def _sortable(
        self, executor: Executor, of: Filter, after: C | None
    ) -> ColumnElement[Any] | None:
        """The same, where they are as many as can be sorted: they do not leave the database."""
        if of.met_by is None:
            return None
        met_by = self._after(after, of.met_by)
        some = _up_to(_MOST_SORTED + 1, met_by).subquery()
        number = await executor.scalar(select(func.count()).select_from(some))
        many = number is None or number > _MOST_SORTED
        return None if many else func.array(met_by.scalar_subquery())

    async def _fill_a_page(
        self, executor: Executor, of: Filter, after: C | None, limit: int
    ) -> bool:
        """Whether so many of the first rows meet it."""
        if of.first is None:
            return False
        first = self._after(after, of.first).add_columns(of.asked.label("met"))
        asked = first.order_by(*self.order).subquery("first")
        meeting = _up_to(limit + 1, select(*asked.c).where(asked.c.met))
        return len((await executor.scalars(meeting)).all()) > limit

    async def _walk(
        self,
        executor: Executor,
        rows: Select[*tuple[Any, ...]],
        asked: ColumnElement[bool],
        after: C | None,
        limit: int,
    ) -> tuple[Sequence[Any], str | None]:
        """Those of a page that meet it, and the place to go on from."""
        number = func.row_number().over(order_by=self.order)
        first = self._after(after, rows).with_only_columns(
            *self.columns, asked.label("met"), number.label("number")
        )
        row = _up_to(ROWS_ASKED, first.order_by(*self.order)).subquery("row")
        # With the last, met or not: there the page ends, if it is reached.
        wanted = select(row).where(row.c.met | (row.c.number == ROWS_ASKED))
        in_order = _up_to(limit + 1, wanted.order_by(*self.of(row).order))
        found = (await executor.execute(in_order)).all()
        met, next_cursor = self.cut([each for each in found if each.met], limit)
        if next_cursor is None and found and found[-1].number == ROWS_ASKED:
            next_cursor = self._place(found[-1])
        return [getattr(each, self.names[-1]) for each in met], next_cursor


def _up_to(number: int, rows: Rows) -> Rows:
    return rows.limit(literal(number, literal_execute=True))


class PageQuery(Generic[C]):
    """The pages of a list, written as JSON by PostgreSQL: for what runs at every request.

    Rows that become objects here only to become JSON again took half the time of a request. The
    statement is compiled once, and tells who is asking besides.

    Args:
        keyset: what they are sorted by.
        rows: as for `Keyset.fetch`, with a `bindparam` for each value.
        asking: who is asking, one row or none; then there is no page either.
        described: as for `Keyset.fetch`.
        fields: the columns that an item has; None: all.
        first: as many rows are looked at, from the cursor on.
        asked: of each of these; None: nothing. Where they leave the page with room, rows further
            on are not known.
    """

    def __init__(
        self,
        keyset: Keyset[C],
        rows: Select[*tuple[Any, ...]],
        asking: CTE,
        *,
        described: Callable[[FromClause], Select[*tuple[Any, ...]]] | None = None,
        fields: Iterable[str] | None = None,
        first: int = MOST_ROWS + 1,
        asked: Callable[[FromClause], ColumnElement[bool]] | None = None,
        each: Sequence[str] = (),
    ) -> None:
        self._keyset = keyset
        self._asking = asking
        self._described = described
        self._most = literal_column(str(first), Integer)
        self._asked = asked
        self._fields = None if fields is None else list(fields)
        self._names = [f"after_{name}" for name in keyset.names]
        place = [
            bindparam(name, type_=column.type)
            for name, column in zip(self._names, keyset.columns, strict=True)
        ]
        here, beyond = self._as_json(rows), self._as_json(rows.where(keyset.beyond(place)))
        self._first = BatchedQuery(here, each=each) if each else Query(here)
        self._next = BatchedQuery(beyond, each=[*each, *self._names]) if each else Query(beyond)

    async def fetch(
        self, on: Fetches | AsyncConnection, after: C | None, limit: int, **values: object
    ) -> list[Any]:
        """Who is asking, if anybody, with a `page`: for `page`."""
        values["limit"] = limit + 1
        if after is None:
            return await self._first.rows(on, **values)
        values.update(zip(self._names, after.values, strict=True))
        return await self._next.rows(on, **values)

    def is_full(self, found: Sequence[Any], limit: int) -> bool:
        """Whether a `page` that was found has as many rows as it may, and there are more."""
        return len(found[0] or ()) > limit

    def page(self, found: Sequence[Any], limit: int) -> bytes:
        """The JSON of a `Page`, of the `page` that was found."""
        items, *last = found
        items = items or []
        cursor = "null"
        if len(items) > limit:
            del items[limit:]
            cursor = f'"{self._keyset.cursor(*last)}"'
        return f'{{"items":[{",".join(items)}],"next_cursor":{cursor}}}'.encode()

    def _as_json(self, rows: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        row = self._page(rows).correlate(self._asking).subquery("row")
        fields = row.c.keys() if self._fields is None else self._fields
        shown = select(*(_utc(row.c[name]).label(name) for name in fields))
        item = shown.correlate(row).lateral("item")
        items = func.array_agg(cast(func.row_to_json(item.table_valued()), Text))
        last = [
            func.array_agg(row.c[name])[_LIMIT - literal_column("1")] for name in self._keyset.names
        ]
        # In one value, which is not made where nobody is asking.
        page = select(func.row(items, *last)).select_from(row).join(item, literal_column("true"))
        return select(self._asking, page.correlate(self._asking).scalar_subquery().label("page"))

    def _page(self, rows: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        # The most a page may have is spelt out: where it does not know the limit, PostgreSQL plans
        # to read a tenth of the rows.
        listed = rows.order_by(*self._keyset.order).limit(self._most)
        most = listed.correlate(self._asking).subquery("most")
        page = select(most).order_by(*self._keyset.of(most).order).limit(_LIMIT)
        if self._asked is not None:
            page = page.where(self._asked(most))
        if self._described is None:
            return page
        keys = page.subquery("page")
        return self._described(keys).order_by(*self._keyset.of(keys).order)


def _utc(column: KeyedColumnElement[Any]) -> ColumnElement[Any]:
    """A time as pydantic writes it, too."""
    if not isinstance(column.type, DateTime):
        return column
    here = func.timezone(literal_column("'UTC'"), column)
    written = func.to_char(here, literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""))
    return func.replace(written, literal_column("'.000000Z'"), literal_column("'Z'"))
