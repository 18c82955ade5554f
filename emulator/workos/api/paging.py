"""WorkOS's lists: newest first unless asked otherwise, 10 a page, 100 at most, cursors by id."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from emulator.store import Row, Store

Json = dict[str, Any]
Limit = Annotated[int, Query(ge=1, le=100)]


def listed(name: str) -> Callable[[Request], list[str]]:
    """A list in the query in each form that WorkOS's programs send: `a=x,y`, `a=x&a=y`, `a[]=x`."""

    def read(request: Request) -> list[str]:
        query = request.query_params
        given = [*query.getlist(name), *query.getlist(f"{name}[]")]
        return [each for text in given for each in text.split(",") if each]

    return read


class Order(StrEnum):
    """`normal` is an old name of `asc`."""

    ASC = "asc"
    DESC = "desc"
    NORMAL = "normal"


class Page:
    """The paging parameters that each list takes."""

    def __init__(
        self,
        limit: Limit = 10,
        before: str | None = None,
        after: str | None = None,
        order: Order = Order.DESC,
    ) -> None:
        self.limit = limit
        self.before = before
        self.after = after
        self.descending = order is Order.DESC

    def answer(
        self,
        store: Store,
        select: str,
        filters: Sequence[tuple[str, Any]],
        write: Callable[[Row], Json],
    ) -> Json:
        """`select` selects `t.*` from a table `t`; each filter is a condition and its value."""
        conditions = [(text, value) for text, value in filters if value is not None]
        backwards = self.before is not None and self.after is None
        downwards = self.descending != backwards
        cursor = self.before if backwards else self.after
        if cursor is not None:
            conditions.append(("t.id < ?" if downwards else "t.id > ?", cursor))
        where = " and ".join(text for text, _ in conditions) or "true"
        direction = "desc" if downwards else "asc"
        rows = store.rows(
            f"{select} where {where} order by t.id {direction} limit ?",
            *(value for _, value in conditions),
            self.limit + 1,
        )
        more = len(rows) > self.limit
        rows = rows[: self.limit]
        if backwards:
            rows.reverse()
        follows = bool(rows) and (more or backwards)
        precedes = bool(rows) and (more if backwards else cursor is not None)
        return {
            "object": "list",
            "data": [write(row) for row in rows],
            "list_metadata": {
                "before": rows[0]["id"] if precedes else None,
                "after": rows[-1]["id"] if follows else None,
            },
        }


PageDep = Annotated[Page, Depends()]
