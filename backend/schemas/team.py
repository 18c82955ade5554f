"""The team on the wire."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from backend.pagination import Page
from backend.schemas.access import Role


class TeamStatus(StrEnum):
    INVITABLE = "invitable"
    INVITED = "invited"
    JOINED = "joined"
    DEACTIVATED = "deactivated"


class TeamMember(BaseModel):
    id: UUID
    name: str
    email: str | None
    job_title: str | None
    department: str | None
    groups: list[str]
    roles: list[Role]
    status: TeamStatus
    guest_until: datetime | None = Field(
        description="Of somebody outside the directory, let in until then; null for all others."
    )


class TeamPage(Page[TeamMember]):
    pass


class FilterNames(BaseModel):
    """Names of groups or departments, to filter people by."""

    items: list[str]
    more: bool = Field(description="Whether there are others: say more of the name in `q`.")
