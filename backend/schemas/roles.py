"""What gives which role, on the wire."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from backend.pagination import Page
from backend.schemas.access import Permission, Role, RoleSource
from backend.schemas.events import Person
from backend.schemas.explanation import MappingSource, Named
from backend.schemas.text import Reason, Slug, WorkosId

MOST_COUNTED = 1_000
"""Members of a group, or people with a role of WorkOS's, where it is only shown."""

MOST_NAMED = 20
"""People whom a preview names for each role that is gained or lost."""

_LARGEST_VERSION = 2**31 - 2


class MappedKind(StrEnum):
    """What a mapping is of."""

    GROUP = "group"
    WORKOS_ROLE = "workos_role"


def _given(role: Role) -> Role:
    if role is Role.MEMBER:
        raise ValueError("everybody active is a member: it cannot be given or taken")
    return role


def _each_once(roles: Sequence[Role]) -> list[Role]:
    return sorted(set(roles))


def _to_come(at: datetime) -> datetime:
    if at <= datetime.now(UTC):
        raise ValueError("must be in the future")
    return at


ToCome = Annotated[AwareDatetime, AfterValidator(_to_come)]
GivenRole = Annotated[Role, AfterValidator(_given)]
GivenRoles = Annotated[
    list[GivenRole],
    AfterValidator(_each_once),
    Field(max_length=20, description="All that it is to give from then on; none: nothing."),
]


class MappingChange(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["author"], "version": 0}]})

    roles: GivenRoles
    version: int = Field(
        ge=0, le=_LARGEST_VERSION, description="As it was read; 0 where nobody has changed it yet."
    )


class MappedRole(BaseModel):
    role: Role
    source: MappingSource = Field(
        description="`default`: by the group's name; `admin`: by a person."
    )
    since: datetime
    gives: bool = Field(
        description="Whether it counts: the organization heeds groups, and the rule if by it."
    )


class MappedGroup(BaseModel):
    """A group of the directory, and the roles that it gives."""

    id: str
    name: str | None
    labels_before: list[str] = Field(description="Names that it had before, the newest first.")
    directory: Named
    live: bool = Field(description="Whether the directory has it still.")
    members: int = Field(description=f"Active members, counted up to {MOST_COUNTED}.")
    members_more: bool = Field(description="Whether there are more.")
    roles: list[MappedRole]
    version: int = Field(description="To send with a change; 0: nobody has changed it yet.")


class GroupPage(Page[MappedGroup]):
    pass


class MappedWorkosRole(BaseModel):
    """A role that WorkOS says people have, and the roles that it gives here."""

    slug: str
    roles: list[Role]
    people: int = Field(description=f"Who has it, counted up to {MOST_COUNTED}.")
    people_more: bool = Field(description="Whether there are more.")
    version: int = Field(description="To send with a change; 0: nobody has changed it yet.")


class RoleGrant(BaseModel):
    """A role that somebody was given by hand."""

    person: Person
    role: Role
    reason: str
    granted_by: Person | None = Field(description="Null: by an operator.")
    since: datetime
    until: datetime | None = Field(description="Null: until it is ended.")
    active: bool = Field(description="Whether the person may enter at all.")


class GrantCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"role": "author", "reason": "Writes while Ann is away.", "until": None},
            ]
        }
    )

    role: GivenRole
    reason: Reason = Field(description="Why, for whoever looks at it later.")
    until: ToCome | None = Field(default=None, description="Null: until it is ended.")


class RoleEntry(BaseModel):
    """A role with all that gives it."""

    role: Role
    permissions: list[Permission]
    groups: list[MappedGroup]
    more_groups: bool = Field(description="Whether `GET /roles/groups?role=` has more.")
    workos_roles: list[str] = Field(description="Slugs of roles at WorkOS that give it.")
    grants: list[RoleGrant] = Field(description="Those in force, the newest first.")
    more_grants: bool


class Roles(BaseModel):
    role_source: RoleSource = Field(description="What gives roles beside grants.")
    default_mappings: bool = Field(
        description="Whether groups named Authors and Admins give their role by themselves."
    )
    items: list[RoleEntry]
    workos_roles: list[MappedWorkosRole] = Field(description="Those that anybody has had.")


class MappingPreview(BaseModel):
    """A mapping as it might be: of a group, or of a role at WorkOS."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"group_id": "directory_group_01J9ZBSALES", "roles": ["author"]}]
        }
    )

    group_id: WorkosId | None = None
    slug: Slug | None = None
    roles: GivenRoles

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.group_id is None) == (self.slug is None):
            raise ValueError("give group_id or slug, one of the two")
        return self


class RoleChange(BaseModel):
    role: Role
    people: int
    examples: list[Person] = Field(description=f"By name, {MOST_NAMED} at most.")


class Preview(BaseModel):
    """What would follow for people; nothing was changed."""

    gains: list[RoleChange]
    losses: list[RoleChange]
    looked_at: int = Field(description="The active people whom the mapping is of.")
    looked_at_all: bool = Field(
        description="False: there are more of them, and more than counted here may be concerned."
    )
    last_admin: bool = Field(
        description="Whether nobody would be left who may administer: it would be refused."
    )
