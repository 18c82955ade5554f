"""An organization and its settings on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from backend.schemas.access import RoleSource
from backend.settings import WebAddress

_DAY = 24 * 3600


class Inviters(StrEnum):
    """Who may invite."""

    MEMBERS = "members"
    ADMINS = "admins"


def _bare(value: str) -> str:
    parts = urlsplit(value)
    if parts.fragment or parts.username is not None or not value.isprintable():
        raise ValueError("must be an address without user, password and fragment")
    return value


OktaAddress = Annotated[
    WebAddress, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_bare)
]

DefaultMappings = Annotated[
    bool,
    Field(description="Whether the groups Authors and Admins give the roles of that name."),
]
SessionIdleSeconds = Annotated[
    int, Field(ge=300, le=14 * _DAY, description="After which a session that rests has ended.")
]
RoleGivers = Annotated[
    RoleSource, Field(description="What gives roles beside grants: groups, roles at WorkOS, both.")
]
TokenDaysMax = Annotated[int, Field(ge=1, le=3650, description="How long a token may last.")]
Seats = Annotated[
    int | None, Field(ge=0, le=10_000_000, description="How many may join; null: no limit.")
]
AuditDays = Annotated[
    int | None,
    Field(ge=1, le=36_500, description="How long the audit log is kept; null: for ever."),
]
LogoutIssuer = Annotated[
    OktaAddress | None,
    Field(description="Of Okta's Universal Logout; null: it is not set up."),
]
LogoutJwksUrl = Annotated[
    OktaAddress | None, Field(description="Where that issuer's keys are; with it or not at all.")
]


class OrganizationUpdate(BaseModel):
    """What is not given stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 3, "seats": 250, "inviters": "admins"}]}
    )

    version: int = Field(ge=0, description="That of the settings as they were read.")
    default_mappings: DefaultMappings | None = None
    role_source: RoleGivers | None = None
    seats: Seats = None
    session_idle_seconds: SessionIdleSeconds | None = None
    token_days_max: TokenDaysMax | None = None
    inviters: Inviters | None = None
    audit_days: AuditDays = None
    logout_issuer: LogoutIssuer = None
    logout_jwks_url: LogoutJwksUrl = None


NULLABLE = frozenset({"seats", "audit_days", "logout_issuer", "logout_jwks_url"})
GIVE_ROLES = frozenset({"default_mappings", "role_source"})


class OrganizationSettings(BaseModel):
    default_mappings: DefaultMappings
    role_source: RoleGivers
    seats: Seats
    session_idle_seconds: SessionIdleSeconds
    token_days_max: TokenDaysMax
    inviters: Inviters
    audit_days: AuditDays
    logout_issuer: str | None
    logout_jwks_url: str | None


class Domain(BaseModel):
    domain: str
    state: str = Field(description="WorkOS's word.", examples=["verified", "pending", "failed"])


class SsoState(StrEnum):
    """Unknown: no event and no reconciliation has told of a connection yet."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"


class Certificate(BaseModel):
    """The one that expires first of those that are to be renewed."""

    connection: str = Field(description="Its name, or its id.")
    expires_at: datetime | None
    days: int | None = Field(description="That are left; negative: it has expired.")


class Sso(BaseModel):
    state: SsoState
    since: datetime | None = Field(description="Of an inactive one, when that was told last.")
    certificate: Certificate | None = Field(description="Null: none is known to be due.")


class OrganizationDetails(OrganizationSettings):
    id: str
    name: str
    version: int = Field(description="Of the settings; send it with a change.")
    seats_exceeded: bool = Field(
        description="More are taken than there are, as `/team/seats` counts them: joined, invited "
        "and guests. They stay; nobody else can join."
    )
    logout_endpoint: str = Field(
        description="What Okta is told for Universal Logout.",
        examples=["https://rollcall.example/okta/universal-logout/org_01J9ZA"],
    )
    domains: list[Domain]
    sso: Sso


class PortalIntent(StrEnum):
    """What a link to WorkOS's Admin Portal is for."""

    SSO = "sso"
    DSYNC = "dsync"
    DOMAIN_VERIFICATION = "domain_verification"
    CERTIFICATE_RENEWAL = "certificate_renewal"
    AUDIT_LOGS = "audit_logs"
    LOG_STREAMS = "log_streams"


class PortalLinkCreate(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"intent": "sso"}]})

    intent: PortalIntent


class PortalLink(BaseModel):
    url: str = Field(description="For whoever opens it: it needs no sign-in.")
    expires_at: datetime
