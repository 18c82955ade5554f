"""Where a reconciliation goes on with the listings of an organization's directories."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


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


class Checkpoint(BaseModel):
    """What has been read, and what must be known of it. It is kept as JSON."""

    directories: list[str] = []  # to be read; the first is being read
    read: list[str] = []
    gone: dict[str, datetime] = {}  # and when, by WorkOS's clock, they were found missing
    phase: Phase = Phase.PEOPLE
    group: str | None = None  # whose members are being read, or were last
    after: str | None = None
    counted: Counted | None = None  # by WorkOS, when the directory was begun
    counts: list[CountedRows] = []  # of the directories that were read
