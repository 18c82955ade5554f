"""The audit log on the wire."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backend.pagination import Page
from backend.schemas.access import Role
from backend.schemas.audit import AuditDetail
from backend.schemas.events import Moment


class SubjectKind(StrEnum):
    PERSON = "person"
    GROUP = "group"
    DIRECTORY = "directory"
    ORGANIZATION = "organization"
    POST = "post"
    RECONCILIATION = "reconciliation"
    CLIENT = "client"
    OTHER = "other"


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class AuditFilters(BaseModel):
    """Which entries to list; all of them must hold."""

    actor: UUID | None = None
    action: str | None = None
    subject: str | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditActor(BaseModel):
    id: UUID = Field(description="The user, as in `/team`.")
    name: str | None = Field(description="As it is now; null once it was erased.")


class AuditSubject(BaseModel):
    kind: SubjectKind
    id: str | None = Field(
        description="A user's as in `/team`, or WorkOS's; null for somebody who is no user.",
        examples=["directory_user_01J9ZBANN"],
    )
    user_id: UUID | None = Field(description="Of a person: the user, where there is one.")
    name: str | None = Field(description="As it is now; null once it was erased.")


class AuditEntry(BaseModel):
    id: UUID
    at: datetime
    action: str = Field(
        description="What was done: one of ours, or the type of the event from WorkOS.",
        examples=["post.deleted", "dsync.user.updated"],
    )
    sentence: str = Field(examples=["Adam Lee deleted the post “Stand-up notes”."])
    actor: AuditActor | None = Field(
        description="The person who did it; null where WorkOS, the clock or an operator did."
    )
    subject: AuditSubject
    event_id: str | None = Field(description="The event or the snapshot that did it.")
    count: int | None = Field(
        description="Of `webhook.forged` and `universal_logout.refused`: how many came from there "
        "in that hour; those that were refused for being too many are not among them."
    )
    detail: AuditDetail


class AuditPage(Page[AuditEntry]):
    pass


class RoleHolder(BaseModel):
    id: UUID = Field(description="The user, as in `/team`.")
    name: str | None = Field(description="As it is now; null once it was erased.")
    certain: bool = Field(
        description="False where they had it before and lost it later, or the other way round, "
        "and the audit log does not say on which day."
    )
    since: datetime | None = Field(
        description="Since when they had it; null where that was before the log, or is not known."
    )
    until: datetime | None = Field(
        description="Until when they had it; null where they have it still, or it is not known."
    )


class RoleHolders(Page[RoleHolder]):
    role: Role
    on: date
    log_since: datetime | None = Field(
        description="The oldest entry. What was before is told from what it found."
    )


class AuditErasureCreate(BaseModel):
    """A user, or the address of somebody who was refused and is none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"user_id": "0199a1b2-0000-7000-8000-000000000001"}]},
    )

    user_id: UUID | None = Field(default=None, description="The user, as in `/team`.")
    email: Annotated[str | None, StringConstraints(min_length=3, max_length=320)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.user_id is None) == (self.email is None):
            raise ValueError("give `user_id` or `email`, and not both")
        return self


class AuditErasure(BaseModel):
    id: UUID = Field(description="Of the entry that says so.")
    entries: int = Field(description="From how many entries names and addresses were erased.")
