"""Where the reading of an organization's directories is, and when to give one up."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel


class Patience(NamedTuple):
    """How often one request is tried, and the seconds between: twice as long each time."""

    tries: int = 12
    pause: float = 1
    longest_pause: float = 60
    longest_wait: float = 300  # that WorkOS may ask for with Retry-After


class Phase(StrEnum):
    PEOPLE = "people"
    GROUPS = "groups"
    MEMBERSHIPS = "memberships"


class Counted(BaseModel):
    people: int = 0
    groups: int = 0


class CountedRows(BaseModel):
    """How many people or groups WorkOS counts in a directory."""

    directory_id: str
    kind: str
    counted: int


class Position(BaseModel):
    """Where a reading is, and what it must know of what it has read. It is kept as JSON."""

    directories: list[str] = []  # to be read; the first is being read
    read: list[str] = []
    gone: dict[str, datetime] = {}  # and when, by WorkOS's clock, they were found missing
    phase: Phase = Phase.PEOPLE
    group: str | None = None  # whose members are being read, or were last
    after: str | None = None
    counted: Counted | None = None  # by WorkOS, when the directory was begun
    counts: list[CountedRows] = []  # of the directories that were read


class Circle:
    """Notices a cursor that comes again, whatever the length of the circle (Brent)."""

    def __init__(self) -> None:
        self._mark: str | None = None
        self._left = self._length = 1

    def closes(self, cursor: str) -> bool:
        if cursor == self._mark:
            return True
        self._left -= 1
        if not self._left:
            self._length *= 2
            self._mark, self._left = cursor, self._length
        return False
