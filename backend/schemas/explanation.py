"""Why somebody has the access they have, on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from backend.schemas.access import Permission, Role
from backend.schemas.events import Person


class CauseKind(StrEnum):
    EVENT = "event"
    READING = "reading"
    RECONCILIATION = "reconciliation"
    SIGN_IN = "sign_in"
    PERSON = "person"
    OPERATOR = "operator"


class Cause(BaseModel):
    kind: CauseKind
    id: str | None = Field(
        default=None,
        description="An event's or a reconciliation's; of a reading `reading_…`, which has the "
        "reconciliation's id behind it where one made it.",
    )
    actor: Person | None = Field(default=None, description="Who did it, where a person did.")


class Since(BaseModel):
    at: datetime
    cause: Cause


class Named(BaseModel):
    id: str
    name: str | None


class Subject(BaseModel):
    id: UUID
    name: str
    email: str | None
    joined_at: datetime | None = Field(description="The first sign-in.")
    blocked_at: datetime | None


class DirectoryEntry(BaseModel):
    """The person as one directory has them."""

    id: str
    directory: Named
    name: str | None
    email: str | None
    idp_id: str | None
    state: str | None
    since: Since | None = Field(description="What described them last; null: only removals did.")
    removed_at: datetime | None = Field(description="Their last removal or deactivation.")
    removed_by: Cause | None
    counts: bool = Field(description="Whether it lets them in.")
    why_not: str | None


class Mapping(BaseModel):
    role: Role
    source: str = Field(description="`default`: by the group's name; `admin`: by a person.")
    since: Since
    removed: bool
    gives: bool
    why_not: str | None


class Membership(BaseModel):
    group: Named
    directory_user_id: str
    present: bool = Field(description="Whether the newest word is that they are in the group.")
    since: Since
    counts: bool
    why_not: str | None
    mappings: list[Mapping]


class Grant(BaseModel):
    role: Role
    since: datetime
    granted_by: Person | None
    gives: bool


class Scope(StrEnum):
    PERSON = "person"
    GROUP = "group"
    DIRECTORY = "directory"
    ORGANIZATION = "organization"


class HistoryEntry(BaseModel):
    at: datetime
    what: str = Field(examples=["dsync.user.deleted"])
    scope: Scope = Field(description="What it was about: the person, or something above them.")
    group: Named | None = Field(description="The group that it was about, or that they joined.")
    cause: Cause
    changed: bool | None = Field(
        description="Whether it changed the person's access; null where only the group's or "
        "directory's standing was noted."
    )
    summary: str = Field(examples=["Lost admin."])
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class History(BaseModel):
    items: list[HistoryEntry]
    next_cursor: str | None = Field(description="Give it as `history_cursor` for what is older.")


class Explanation(BaseModel):
    person: Subject
    directory_managed: bool = Field(description="Whether a directory decides who may enter.")
    active: bool
    roles: list[Role]
    permissions: list[Permission]
    refusal: str | None = Field(
        description="Why they are refused, for an IT administrator; null if they are not.",
        examples=["Ann Lee has never signed in, and no directory names them."],
    )
    directory_users: list[DirectoryEntry]
    memberships: list[Membership]
    grants: list[Grant]
    history: History
