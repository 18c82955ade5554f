"""What is told to open pages, as server-sent events."""

from enum import StrEnum

from pydantic import BaseModel

from backend.schemas.access import Permission, Role


class Topic(StrEnum):
    """The `event` of a server-sent event.

    `ready`: from now on everything is told. `refresh`: something may have been missed. `access`:
    one's own has changed. `ended`: it is over, and the stream with it.
    """

    READY = "ready"
    REFRESH = "refresh"
    ACCESS = "access"
    ENDED = "ended"
    POSTS = "posts"
    TEAM = "team"
    DIRECTORY = "directory"
    ROLES = "roles"
    SETTINGS = "settings"
    AUDIT = "audit"


class Access(BaseModel):
    roles: list[Role]
    permissions: list[Permission]


class Change(BaseModel):
    """What was done, to what: as the audit log has it."""

    action: str
    subject_id: str | None


class Changes(BaseModel):
    """In the order in which they were done; those of events are only counted."""

    items: list[Change] = []
    count: int = 0
