"""People on the wire, for admins."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.pagination import Page
from backend.schemas.access import AdmissionKind, Role
from backend.schemas.audit import AccessState
from backend.schemas.events import Moment, Person
from backend.schemas.explanation import Explanation, HistoryEntry
from backend.schemas.text import Address, PersonName, Reason


class PersonStatus(StrEnum):
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"
    JOINED = "joined"
    INVITED = "invited"
    INVITABLE = "invitable"


class Sort(StrEnum):
    NAME = "name"
    DEPARTMENT = "department"
    LAST_SEEN = "last_seen"


class Admitted(BaseModel):
    """Somebody let in by hand, whatever the directory holds."""

    kind: AdmissionKind
    until: datetime | None


class PersonSummary(BaseModel):
    id: UUID
    name: str
    email: str | None
    job_title: str | None
    department: str | None
    status: PersonStatus
    admission: Admitted | None = Field(
        description="Null for whom the directory holds or, without one, who signs in by SSO."
    )
    highest_role: Role | None = Field(description="Null for whoever may not enter.")
    roles: list[Role]
    groups: list[str]
    sessions: int
    posts: int = Field(description="Counted up to 1,000.")
    joined_at: datetime | None = Field(description="The first sign-in.")
    last_seen_at: datetime | None


class PeoplePage(Page[PersonSummary]):
    pass


class PeopleFilters(BaseModel):
    """Whom to list; all of them must hold."""

    status: PersonStatus | None = None
    kind: AdmissionKind | None = None
    role: Role | None = None
    group: str | None = None
    department: str | None = None
    search: str | None = None
    owns_posts: bool | None = None


class PeopleCounts(BaseModel):
    everyone: int
    by_status: dict[PersonStatus, int]
    by_kind: dict[AdmissionKind, int]
    complete: bool = Field(
        description="False in a company of more than 10,000: then these are of the first of them "
        "by name, and there are at least so many."
    )


class RoleOrigin(BaseModel):
    role: Role
    by: str = Field(description="`everyone`, `group`, `grant`.")
    group: str | None = Field(default=None, description="Of `group`: its name, or its id.")
    granted_by: Person | None = Field(default=None, description="Of `grant`: who gave it.")


class Identity(BaseModel):
    """Who an SSO connection says that they are."""

    connection_id: str
    subject: str
    matched_by: str = Field(description="`idp_id`, `email`, `profile` or `admission`.")
    last_used_at: datetime


class PersonIds(BaseModel):
    user_id: UUID
    key: str = Field(description="What joins them to the directory: the `idp_id`, else its own id.")
    directory_user_ids: list[str]
    identities: list[Identity]


class OpenInvitation(BaseModel):
    invited_by: Person
    created_at: datetime
    expires_at: datetime


class PersonDetail(PersonSummary):
    sentence: str = Field(
        description="Why they may enter, or why not.",
        examples=["“Acme Okta” has Ann Lee as active. The group “Authors” gives author."],
    )
    role_sources: list[RoleOrigin]
    tokens: int
    invitation: OpenInvitation | None
    ids: PersonIds
    access: Explanation


class PastAccess(BaseModel):
    """The access somebody had, as far as the audit trail tells it."""

    as_of: datetime
    state: AccessState | None = Field(description="Null: nothing is known of that time.")
    sentence: str = Field(description="What is known, and how surely.")
    caused_by: HistoryEntry | None = Field(description="The entry that made it so.")
    may_have_changed: list[HistoryEntry] = Field(
        description="What happened after that to a group or a directory of theirs, or to the "
        "organization, newest first: it may have changed their access, and only the state of what "
        "it was about is noted."
    )
    now: Explanation | None = Field(description="The whole chain: only where no `as_of` is given.")


class Block(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Laptop stolen."}]})

    reason: Reason


class SignOut(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"tokens": True}]})

    tokens: bool = Field(default=False, description="Whether their API tokens end, too.")


class HandOver(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to": "0192e4a0-1c2d-7000-8000-000000000001"}]}
    )

    to: UUID = Field(description="Somebody of the organization who may write.")
    post_ids: list[UUID] | None = Field(
        default=None, min_length=1, max_length=100, description="Null: all of them."
    )


class GuestCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Gus Guest",
                    "email": "gus@partner.example",
                    "reason": "Audits our pages.",
                    "until": "2027-01-31T00:00:00Z",
                }
            ]
        }
    )

    name: PersonName
    email: Address
    reason: Reason
    until: Moment = Field(description="At most a year from now.")
    role: Role | None = Field(default=None, description="Besides member, as a grant until then.")


class GuestUpdate(BaseModel):
    """Only what is given is changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2027-02-28T00:00:00Z"}]})

    reason: Reason | None = None
    until: Moment | None = Field(default=None, description="At most a year from now.")


class Guest(BaseModel):
    id: UUID
    url: str = Field(description="A one-time link to sign in by; it is shown only here.")
    expires_at: datetime = Field(description="Of the link.")


class BreakGlassOwner(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "0192e4a0-1c2d-7000-8000-000000000001"}]}
    )

    user_id: UUID | None = Field(description="Null: nobody.")


class PeopleGone(BaseModel):
    """What the removal of the directories has done."""

    gone: bool = Field(description="Whether a directory decides who may enter, and none is left.")
    since: datetime | None
    directories: list[str] = Field(description="Their names, or ids.")
    people_out: int = Field(description="Who were active in them, and may not enter now.")
    admins_out: list[Person] = Field(description="Of them, who were admins; 100 at most.")
    kept: int = Field(description="Who were let in by SSO alone.")


class LetIn(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_ids": ["0192e4a0-1c2d-7000-8000-000000000001"],
                    "reason": "Runs the shop.",
                    "until": "2027-01-31T00:00:00Z",
                    "dry_run": True,
                }
            ]
        }
    )

    user_ids: list[UUID] = Field(min_length=1, max_length=500)
    reason: Reason
    until: Moment = Field(description="At most a year from now.")
    dry_run: bool = Field(default=False, description="Only say what would happen.")


class KeepOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The contract has ended.", "dry_run": True}]}
    )

    user_ids: list[UUID] | None = Field(
        default=None, min_length=1, max_length=500, description="Null: everybody."
    )
    reason: Reason
    dry_run: bool = False


class Decided(BaseModel):
    """What was done, or would be."""

    changed: list[Person]
    unchanged: list[Person] = Field(description="For whom nothing changes by it.")
    dry_run: bool
