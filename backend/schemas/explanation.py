"""Why somebody has the access they have, on the wire."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from backend.pagination import Page
from backend.schemas.access import AdmissionKind, Permission, Role, RoleSource
from backend.schemas.audit import MirrorState
from backend.schemas.events import Person


class ReasonCode(StrEnum):
    """Why something gives no access."""

    # a directory user
    NEVER_DESCRIBED = "never_described"
    REMOVED = "removed"
    NEWER_NAMESAKE = "newer_namesake"
    NOT_ACTIVE = "not_active"
    OTHER_USER = "other_user"
    # a directory user, or a membership
    DIRECTORY_REMOVED = "directory_removed"
    NOT_LISTED = "not_listed"
    # a membership
    TAKEN_OUT = "taken_out"
    DIRECTORY_USER_NOT_LIVE = "directory_user_not_live"
    BEFORE_REMOVAL = "before_removal"
    NOT_IN_SNAPSHOT = "not_in_snapshot"
    GROUP_UNKNOWN = "group_unknown"
    GROUP_OF_OTHER_DIRECTORY = "group_of_other_directory"
    GROUP_DELETED = "group_deleted"
    BEFORE_GROUP_DELETION = "before_group_deletion"
    GROUP_DIRECTORY_REMOVED = "group_directory_removed"
    GROUP_NOT_LISTED = "group_not_listed"
    # a role mapping
    MAPPING_REMOVED = "mapping_removed"
    DEFAULT_MAPPINGS_OFF = "default_mappings_off"
    GROUPS_NOT_HEEDED = "groups_not_heeded"
    WORKOS_ROLES_NOT_HEEDED = "workos_roles_not_heeded"
    MEMBERSHIP_NOT_LIVE = "membership_not_live"
    USER_NOT_ACTIVE = "user_not_active"
    # a grant
    GRANT_OVER = "grant_over"


class Reason(BaseModel):
    """What `why_not` says, for programs."""

    code: ReasonCode
    at: datetime | None = Field(
        default=None, description="Of what the code names: the removal, the listing, the snapshot."
    )
    state: str | None = Field(
        default=None, description="Of `not_active`: what the directory says that they are."
    )
    idp_id: str | None = Field(default=None, description="Of `other_user`: the id they got.")
    directory_user_id: str | None = Field(
        default=None, description="Of `newer_namesake`: the newer one."
    )


class RefusalCode(StrEnum):
    ORGANIZATION_DELETED = "organization_deleted"
    BLOCKED = "blocked"
    NEVER_SIGNED_IN = "never_signed_in"
    NOT_IN_DIRECTORY = "not_in_directory"
    NOT_LET_IN = "not_let_in"
    DIRECTORY_REMOVED = "directory_removed"
    ADMISSION_ENDED = "admission_ended"


class CauseKind(StrEnum):
    EVENT = "event"
    SNAPSHOT = "snapshot"
    RECONCILIATION = "reconciliation"
    SIGN_IN = "sign_in"
    PERSON = "person"
    OPERATOR = "operator"


class Cause(BaseModel):
    kind: CauseKind
    id: str | None = Field(
        default=None,
        description="An event's or a reconciliation's; of a snapshot `snapshot_…`, which has the "
        "reconciliation's id behind it where one made it.",
    )
    actor: Person | None = Field(default=None, description="Who did it, where a person did.")


class Since(BaseModel):
    at: datetime
    cause: Cause


class Named(BaseModel):
    id: str
    name: str | None


class Refusal(BaseModel):
    """What `refusal` says, for programs."""

    code: RefusalCode
    at: datetime | None = Field(default=None, description="Of `blocked` and `admission_ended`.")
    by: Person | None = Field(
        default=None, description="Of `blocked`: who did it; null: an operator."
    )
    why: str | None = Field(default=None, description="Of `blocked`: the reason that they gave.")
    kind: AdmissionKind | None = Field(default=None, description="Of `admission_ended`.")
    directory: Named | None = Field(
        default=None, description="Of `not_let_in` and `directory_removed`."
    )
    reason: Reason | None = Field(default=None, description="Why that directory lets nobody in.")


class MappingSource(StrEnum):
    DEFAULT = "default"
    ADMIN = "admin"


class Subject(BaseModel):
    id: UUID
    name: str
    email: str | None
    joined_at: datetime | None = Field(description="The first sign-in.")
    blocked_at: datetime | None
    blocked_by: Person | None = Field(description="Null, where they are blocked: an operator.")
    blocked_reason: str | None


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
    live: bool = Field(description="Whether it lets them in.")
    why_not: str | None
    reason: Reason | None


class RoleMapping(BaseModel):
    role: Role
    source: MappingSource = Field(
        description="`default`: by the group's name; `admin`: by a person."
    )
    since: Since
    removed: bool
    gives: bool
    why_not: str | None
    reason: Reason | None


class Membership(BaseModel):
    group: Named
    directory_user_id: str
    present: bool = Field(description="Whether the newest word is that they are in the group.")
    since: Since
    live: bool
    why_not: str | None
    reason: Reason | None
    mappings: list[RoleMapping]


class WorkosMapping(BaseModel):
    """What a role at WorkOS is mapped to."""

    role: Role
    since: datetime
    removed: bool
    gives: bool
    why_not: str | None
    reason: Reason | None


class HeldWorkosRole(BaseModel):
    """A role that WorkOS says the person has."""

    slug: str
    directory_user_id: str | None = Field(
        description="As whom; null: by their last sign-in, where no directory decides."
    )
    mappings: list[WorkosMapping]


class Grant(BaseModel):
    role: Role
    since: datetime
    granted_by: Person | None = Field(description="Null: by an operator.")
    reason: str = Field(description="Why it was given.")
    until: datetime | None = Field(description="Null: until it is ended.")
    gives: bool
    why_not: str | None
    why_not_reason: Reason | None = Field(description="What `why_not` says, for programs.")


class AdmissionEntry(BaseModel):
    """That somebody was let in by hand, whatever the directory holds."""

    kind: AdmissionKind
    reason: str
    admitted_by: Person | None = Field(description="Null: an operator.")
    since: datetime
    until: datetime | None
    lets_in: bool


class Scope(StrEnum):
    PERSON = "person"
    GROUP = "group"
    DIRECTORY = "directory"
    ORGANIZATION = "organization"
    WORKOS_ROLE = "workos_role"


class ChangeCode(StrEnum):
    """What an entry of the history changed."""

    # the person
    FIRST_SIGN_IN = "first_sign_in"
    ACCESS_UNCHANGED = "access_unchanged"
    GROUP_JOINED = "group_joined"
    GROUP_LEFT = "group_left"
    ACCESS_GAINED = "access_gained"
    ACCESS_LOST = "access_lost"
    ROLES_CHANGED = "roles_changed"
    # a group of theirs
    GROUP_DESCRIBED = "group_described"
    GROUP_RENAMED = "group_renamed"
    GROUP_ROLES_GAINED = "group_roles_gained"
    GROUP_ROLES_LOST = "group_roles_lost"
    GROUP_DELETED = "group_deleted"
    # a directory of theirs, or the organization
    DIRECTORY_DESCRIBED = "directory_described"
    DIRECTORY_REMOVED = "directory_removed"
    ORGANIZATION_DESCRIBED = "organization_described"
    ORGANIZATION_DELETED = "organization_deleted"
    # a role at WorkOS that they have
    WORKOS_ROLE_ROLES_GAINED = "workos_role_roles_gained"
    WORKOS_ROLE_ROLES_LOST = "workos_role_roles_lost"


class HistoryChange(BaseModel):
    """What `summary` says, for programs."""

    code: ChangeCode
    name: str | None = Field(default=None, description="Of the group, the directory or the role.")
    old_name: str | None = Field(default=None, description="Of `group_renamed`.")
    gained: list[Role] = Field(default=[], description="Roles that came.")
    lost: list[Role] = Field(default=[], description="Roles that went.")


class HistoryEntry(BaseModel):
    at: datetime
    what: str = Field(examples=["dsync.user.deleted"])
    scope: Scope = Field(description="What it was about: the person, or something above them.")
    group: Named | None = Field(description="The group that it was about, or that they joined.")
    cause: Cause
    changed: bool | None = Field(
        description="Whether it changed the person's access; null where only the group's or "
        "directory's state was noted."
    )
    summary: str = Field(examples=["Lost admin."])
    changes: list[HistoryChange]
    before: MirrorState | None
    after: MirrorState | None


class History(Page[HistoryEntry]):
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
    refusal_reason: Refusal | None
    directory_users: list[DirectoryEntry]
    role_source: RoleSource = Field(description="What gives roles beside grants.")
    memberships: list[Membership]
    workos_roles: list[HeldWorkosRole]
    grants: list[Grant]
    admission: AdmissionEntry | None = Field(description="Null: nobody let them in by hand.")
    history: History
