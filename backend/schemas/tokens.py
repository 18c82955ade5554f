"""API tokens and service accounts on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.pagination import Page
from backend.schemas.access import Role
from backend.schemas.text import Reason, Title


class TokenScope(StrEnum):
    """What a token may be used for, of that which its person may do."""

    READ = "read"
    WRITE = "write"


def _each_once(scopes: list[TokenScope]) -> list[TokenScope]:
    return [scope for scope in TokenScope if scope in scopes]


Scopes = Annotated[list[TokenScope], Field(min_length=1, max_length=10), AfterValidator(_each_once)]


class TokenCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Nightly report", "scopes": ["read"], "expires_in_days": 90}]
        }
    )

    name: Title
    scopes: Scopes = Field(description="`read`: GET and HEAD; `write`: what changes something.")
    expires_in_days: int = Field(
        default=90, ge=1, le=36_500, description="No more than the organization's setting allows."
    )


class TokenHolder(BaseModel):
    id: UUID
    name: str
    is_service_account: bool


class Token(BaseModel):
    id: UUID
    name: str
    scopes: list[TokenScope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null: never.")


class NewToken(Token):
    secret: str = Field(
        description="Send it as `Authorization: Bearer`. It is shown only here.",
        examples=["rc_org_01J9ZA.6s8H…"],
    )


class TokenList(BaseModel):
    items: list[Token]


class OrganizationToken(Token):
    of: TokenHolder


class OrganizationTokenPage(Page[OrganizationToken]):
    pass


class ServiceAccountCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Release notes", "role": "author", "reason": "Posts what was released."}
            ]
        }
    )

    name: Title
    role: Role
    reason: Reason


class ServiceAccount(BaseModel):
    id: UUID
    name: str
    roles: list[Role]
    reason: str
    created_at: datetime
    created_by: str | None = Field(description="The name of the admin who made it.")
    tokens: list[Token]


class ServiceAccountPage(Page[ServiceAccount]):
    pass
