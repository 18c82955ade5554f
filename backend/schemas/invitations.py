"""Invitations on the wire: links, what became of each, and of its mail."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.mail.faults import MailFault
from backend.pagination import Page

MOST_AT_ONCE = 100


class Inviters(StrEnum):
    """Who may invite in an organization."""

    MEMBERS = "members"
    ADMINS = "admins"


class MailStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Mail(BaseModel):
    status: MailStatus = Field(description="`queued` while it waits or is tried again.")
    at: datetime = Field(description="Since when, or of the last try.")
    reason: MailFault | None = Field(description="Why it has not gone out, of the last try.")
    detail: str | None = Field(description="The reason in words, with the server's own.")


class InvitationLink(BaseModel):
    url: str = Field(description="A one-time link for the invited person; it is shown only here.")
    expires_at: datetime
    replaces: bool = Field(description="Whether a link from before has stopped working by it.")
    mail: Mail | None = Field(description="The mail with the link; null: none is sent.")


class InvitationsCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_ids": ["01920000-0000-7000-8000-000000000000"]}]}
    )

    user_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]


class InvitationOutcome(StrEnum):
    INVITED = "invited"
    NOT_FOUND = "not_found"
    NOT_INVITABLE = "not_invitable"
    NO_SEATS = "no_seats"


class InvitationResult(BaseModel):
    user_id: UUID
    outcome: InvitationOutcome
    detail: str | None = Field(description="What to do where the person was not invited.")
    invitation: InvitationLink | None


class InvitationResults(BaseModel):
    items: list[InvitationResult] = Field(description="In the order of the request.")


class InvitationStatus(StrEnum):
    """Where an invitation has come to; all but `open` are ends."""

    OPEN = "open"
    JOINED = "joined"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    EXPIRED = "expired"
    LEFT = "left"


class Invitee(BaseModel):
    id: UUID
    name: str
    email: str | None


class InvitedBy(BaseModel):
    id: UUID
    name: str


class Invitation(BaseModel):
    id: UUID
    user: Invitee
    invited_by: InvitedBy
    status: InvitationStatus = Field(
        description="`left`: the person lost their access before they joined."
    )
    replaces: bool
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = Field(description="Null while it is open.")
    mail: Mail | None


class InvitationPage(Page[Invitation]):
    pass


class AcceptedInvitation(BaseModel):
    """By which one has joined."""

    id: UUID
    invited_by: InvitedBy
    created_at: datetime
    joined_at: datetime
