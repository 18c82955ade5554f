"""Pages: a walk visits each row once and in order, whatever comes and goes meanwhile."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    DateTime,
    MetaData,
    Select,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from backend import pagination
from backend.database import Database
from backend.pagination import (
    Cursor,
    EventCursor,
    Filter,
    Keyset,
    NameCursor,
    PageQuery,
    TimeCursor,
    _utc,
)
from tests.stack import Stack

START = datetime(2026, 1, 15, 12, tzinfo=UTC)

TABLE = Table(
    "listed",
    MetaData(),
    Column("at", DateTime(timezone=True)),
    Column("name", Text(collation="C")),
    Column("id", Uuid, primary_key=True),
    Column("event_id", Text(collation="C")),
    prefixes=["TEMPORARY"],
)
ROWS = select(TABLE).where(TABLE.c.name != bindparam("hidden", "hidden"))

Row = dict[str, Any]
Found = tuple[Sequence[Any], str | None]
Fetch = Callable[[AsyncConnection, Any, int], Any]


def row(number: int, at: int, name: str) -> Row:
    """Rows of the same time or name are usual, and of another order by number than by id."""
    row_id = UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)
    moment = START + timedelta(microseconds=at)
    return {"at": moment, "name": name, "id": row_id, "event_id": f"event_{row_id}"}


ROW = st.builds(row, st.integers(0, 10**6), st.integers(-1, 1), st.sampled_from("aBbz\xe9\u2026"))


ASKING = select(literal("somebody").label("name")).cte("asking")


class Walk:
    """A keyset beside what the list must be: the rows by these columns."""

    def __init__(self, cursor: type[Cursor], *names: str, descending: bool = False) -> None:
        self.cursor = cursor
        self.names = names
        self.descending = descending
        columns = [TABLE.c[name] for name in names]
        self.keyset = Keyset(cursor, *columns, descending=descending)
        self.pages = PageQuery(self.keyset, ROWS, ASKING)

    def key(self, of: Row) -> tuple[Any, ...]:
        return tuple(of[name] for name in self.names)

    def expected(self, rows: list[Row], after: tuple[Any, ...] | None) -> list[UUID]:
        keys = {self.key(row): row["id"] for row in rows}
        return [
            keys[key]
            for key in sorted(keys, reverse=self.descending)
            if after is None or (key < after if self.descending else key > after)
        ]

    async def plain(self, on: AsyncConnection, after: Any, limit: int) -> Found:
        rows, next_cursor = await self.keyset.fetch(on, ROWS, after, limit)
        return [row.id for row in rows], next_cursor

    async def compiled(self, on: AsyncConnection, after: Any, limit: int) -> Found:
        (asking,) = await self.pages.fetch(on, after, limit, hidden="hidden")
        page = json.loads(self.pages.page(asking["page"], limit))
        return [UUID(item["id"]) for item in page["items"]], page["next_cursor"]

    async def within(self, on: AsyncConnection, after: Any, limit: int) -> Found:
        page = self.keyset.select(ROWS, after, limit).subquery()
        outer: Select[*tuple[Any, ...]] = select(page, func.now().label("now"))
        found = await on.execute(outer.order_by(*self.keyset.of(page).order))
        rows, next_cursor = self.keyset.cut(found.all(), limit)
        return [row.id for row in rows], next_cursor


WALKS = {
    "newest": Walk(TimeCursor, "at", "id", descending=True),
    "oldest event": Walk(EventCursor, "at", "event_id"),
    "by name": Walk(NameCursor, "name", "id"),
    "by name, backwards": Walk(NameCursor, "name", "id", descending=True),
}


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    async with database.engine.connect() as connection:
        await connection.run_sync(TABLE.create)
        yield connection
        await connection.rollback()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("way", ["plain", "compiled", "within"])
@pytest.mark.parametrize("name", WALKS)
async def test_a_walk_visits_each_row_once_and_in_order(
    connection: AsyncConnection, name: str, way: str, data: st.DataObject
) -> None:
    walk = WALKS[name]
    fetch: Fetch = getattr(walk, way)
    unique = st.lists(ROW, unique_by=lambda row: row["id"], max_size=12)
    there = data.draw(unique, label="at the start")
    limit = data.draw(st.integers(1, 13), label="limit")
    await connection.execute(delete(TABLE))
    if there:
        await connection.execute(insert(TABLE), there)
    stayed = {row["id"] for row in there}
    seen: list[UUID] = []
    known = {row["id"]: row for row in there}
    after, place = None, None
    while True:
        page, next_cursor = await fetch(connection, after, limit)
        rest = walk.expected(there, place)
        assert page == rest[:limit]
        assert (next_cursor is None) == (len(rest) <= limit)
        seen += page
        if next_cursor is None:
            break
        after, place = walk.cursor.parse(next_cursor), walk.key(known[page[-1]])
        gone = data.draw(st.lists(st.sampled_from(there), max_size=2), label="removed")
        ids = {row["id"] for row in gone}
        await connection.execute(delete(TABLE).where(TABLE.c.id.in_(ids)))
        there = [row for row in there if row["id"] not in ids]
        stayed -= ids
        come = data.draw(
            st.lists(ROW, unique_by=lambda row: row["id"], max_size=1), label="inserted"
        )
        come = [row for row in come if row["id"] not in known]
        if come:
            await connection.execute(insert(TABLE), come)
        there += come
        known |= {row["id"]: row for row in come}
    assert len(set(seen)) == len(seen)
    assert stayed <= set(seen)


CAPITALS = TABLE.c.name.in_(["B", "\u2026"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.lists(ROW, unique_by=lambda row: row["id"], max_size=25),
    limit=st.integers(1, 5),
    asked_at_once=st.integers(1, 8),
)
@pytest.mark.parametrize("name", WALKS)
async def test_a_filtered_list_is_found_whole_a_few_rows_at_a_time(
    connection: AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    there: list[Row],
    limit: int,
    asked_at_once: int,
) -> None:
    """In order, each once; and a page is short only where so many have been asked, or it ends."""
    monkeypatch.setattr(pagination, "ROWS_ASKED", asked_at_once)
    walk = WALKS[name]
    await connection.execute(delete(TABLE))
    if there:
        await connection.execute(insert(TABLE), there)
    wanted = [row for row in there if row["name"] in {"B", "\u2026"}]
    seen: list[UUID] = []
    after, place = None, None
    while True:
        page, next_cursor = await walk.keyset.fetch(
            connection, ROWS, after, limit, filters=[Filter(CAPITALS)]
        )
        seen += [row.id for row in page]
        rest = walk.expected(there, place)
        passed = rest[:asked_at_once]
        assert [row.id for row in page] == walk.expected(
            [row for row in wanted if row["id"] in set(passed)], place
        )[:limit]
        if next_cursor is None:
            assert len(rest) < asked_at_once
            break
        after = walk.cursor.parse(next_cursor)
        place = after.values
    assert seen == walk.expected(wanted, None)


MOMENTS = st.datetimes(timezones=st.just(UTC))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    cursor=st.builds(TimeCursor, MOMENTS, st.uuids())
    | st.builds(EventCursor, MOMENTS, NAMES)
    | st.builds(NameCursor, NAMES, st.uuids())
)
def test_a_cursor_comes_back_as_it_was_given(cursor: Cursor) -> None:
    assert type(cursor).parse(str(cursor)).values == cursor.values


async def refused(browser: httpx.AsyncClient, path: str, field: str, cursor: object) -> None:
    answer = await browser.get(path, params={field: str(cursor)})
    message = "is unknown; take `next_cursor` of the page before, unchanged"
    assert (answer.status_code, answer.json()["detail"]) == (422, f"{field}: {message}")
    assert answer.json()["errors"] == [{"field": field, "message": message}]


async def test_a_cursor_of_another_list_is_refused(stack: Stack) -> None:
    """By its field, on every list; an empty one is none."""
    adam = await stack.sign_in_as("Admins", "Adam")
    somebody = (await adam.get("/me")).json()["id"]
    by_name, by_time = NameCursor("ann", UUID(int=0)), TimeCursor(START, UUID(int=0))
    lists = {
        "/posts": ("cursor", by_name),
        "/team": ("cursor", EventCursor(START, "event_1")),
        "/directory/events": ("cursor", by_name),
        "/directory/reconciliations": ("cursor", by_name),
        f"/directory/people/{somebody}/access": ("history_cursor", by_name),
    }
    for path, (field, foreign) in lists.items():
        await refused(adam, path, field, foreign)
        assert (await adam.get(path, params={field: ""})).status_code == 200
    # More than one field is named at once.
    answer = await adam.get("/posts", params={"cursor": "x", "limit": 0})
    assert [error["field"] for error in answer.json()["errors"]] == ["limit", "cursor"]
    for cursor in ("", "x", str(by_name)):
        answer = await adam.post("/directory/events/replay", json={"cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")
    cursor = str(by_time)
    answer = await adam.post("/directory/events/replay", json={"cursor": cursor})
    assert answer.status_code == 200


@given(st.datetimes(datetime(1, 1, 1), datetime(9998, 12, 31)))  # noqa: DTZ001  in UTC by then
@example(datetime(2026, 11, 3, 9, 30))  # noqa: DTZ001
@example(datetime(2026, 11, 3, 9, 30, 0, 120_000))  # noqa: DTZ001
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_times_are_written_as_pydantic_writes_them(
    connection: AsyncConnection, at: datetime
) -> None:
    """A list's item and the single thing are the same, byte for byte."""
    moment = at.replace(tzinfo=UTC)
    given = select(literal(moment, DateTime(timezone=True)).label("at")).subquery()
    written = await connection.scalar(select(_utc(given.c.at)))
    assert f'"{written}"'.encode() == TypeAdapter(datetime).dump_json(moment)
