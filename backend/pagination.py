"""Keyset pages: a cursor names the last row seen, so a page costs the same wherever it is."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from backend.errors import InvalidInput

T = TypeVar("T")
RowId = TypeVar("RowId")
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page.")


def _encode(*parts: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _decode(
    cursor: str, read: Callable[[str], T], read_id: Callable[[str], RowId]
) -> tuple[T, RowId]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        first, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return read(first), read_id(row_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            "cursor", "is unknown; take `next_cursor` of the page before, unchanged"
        ) from error


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


class TimeCursor(NamedTuple):
    """For lists that are sorted by time, then id."""

    at: datetime
    id: UUID

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises InvalidInput for a cursor that no page gave."""
        return cls(*_decode(cursor, _moment, UUID))

    def __str__(self) -> str:
        return _encode(self.at.isoformat(), str(self.id))


class EventCursor(NamedTuple):
    """For lists of WorkOS's events, whose ids are texts."""

    at: datetime
    id: str

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises InvalidInput for a cursor that no page gave."""
        return cls(*_decode(cursor, _moment, _text))

    def __str__(self) -> str:
        return _encode(self.at.isoformat(), self.id)


class NameCursor(NamedTuple):
    """For lists that are sorted by name, then id."""

    name: str
    id: UUID

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises InvalidInput for a cursor that no page gave."""
        return cls(*_decode(cursor, _text, UUID))

    def __str__(self) -> str:
        return _encode(self.name, str(self.id))
