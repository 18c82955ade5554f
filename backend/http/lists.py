"""What every list is asked with, to wear in a handler's signature."""

from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BeforeValidator

from backend.pagination import MOST_ROWS, Cursor

C = TypeVar("C", bound=Cursor)


def _none_if_empty(cursor: str) -> str | None:
    return cursor or None


# Types and no dependencies: a list that is asked for from its start pays nothing for its cursor.
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows a page.")]
After = Annotated[
    C | None,
    BeforeValidator(_none_if_empty),
    Query(description="`next_cursor` of the page before."),
]
