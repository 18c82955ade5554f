"""What WorkOS sends, in events and in answers: only the fields that are read."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints


def _utc(value: object) -> object:
    # One page of WorkOS's documentation shows a time with a space and no zone.
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 time")  # noqa: TRY004 (Pydantic wants a ValueError)
    moment = datetime.fromisoformat(value.strip())
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("must be a time within the calendar") from error


Moment = Annotated[datetime, BeforeValidator(_utc)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]
IdpId = Annotated[str, StringConstraints(max_length=255)]
GroupName = Annotated[str, StringConstraints(max_length=500)]

# As names are compared in the DNS.
Domain = Annotated[str, StringConstraints(max_length=253, to_lower=True)]
State = Annotated[str, StringConstraints(min_length=1, max_length=50)]
ConnectionName = Annotated[str, StringConstraints(max_length=500)]

_LONGEST_SLUG = 255
_LONGEST_NAME = 500  # names are sorted by an index, whose rows have a limit


def _is_slug(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_SLUG


class Envelope(BaseModel):
    id: Id
    event: Id
    data: dict[str, Any]
    created_at: Moment


class OrganizationDomain(BaseModel):
    id: Id
    organization_id: Id
    domain: Domain
    state: State


class ListedDomain(BaseModel):
    id: Id
    domain: Domain
    state: State = "unverified"


class Organization(BaseModel):
    """`domains` are all that it has; None where nothing is said of them."""

    id: Id
    name: str
    domains: list[ListedDomain] | None = None


class Connection(BaseModel):
    id: Id
    organization_id: Id
    name: ConnectionName = ""


class ListedConnection(Connection):
    state: State


class NamedConnection(BaseModel):
    id: Id
    organization_id: Id


class Certificate(BaseModel):
    expiry_date: Moment | None = None


class CertificateChange(BaseModel):
    connection: NamedConnection
    certificate: Certificate


class DirectoryToken(BaseModel):
    id: Id
    directory_id: Id
    organization_id: Id


class Directory(BaseModel):
    id: Id
    organization_id: Id
    name: str | None = None
    type: str | None = None


class UserCounts(BaseModel):
    active: int
    inactive: int = 0


class Counts(BaseModel):
    users: UserCounts
    groups: int


class DirectoryCounts(Directory):
    """A directory with how much WorkOS says is in it, where it says so."""

    state: str | None = None
    metadata: Counts | None = None


class ListedMember(BaseModel):
    """Of a person in a group's listing, what makes the membership."""

    id: Id
    directory_id: Id
    organization_id: Id


class WithRoles(BaseModel):
    """`role` is the highest of `roles`, each with its `slug`."""

    # Nobody's deactivation is to wait, parked, for what is wrong with a role.
    role: Any = None
    roles: Any = None

    @property
    def role_slugs(self) -> list[str]:
        listed = self.roles if isinstance(self.roles, list) else []
        slugs = [role.get("slug") for role in [*listed, self.role] if isinstance(role, dict)]
        return sorted({slug for slug in slugs if isinstance(slug, str) and _is_slug(slug)})


class DirectoryUser(WithRoles):
    id: Id
    directory_id: Id
    organization_id: Id
    idp_id: IdpId | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    state: str
    custom_attributes: dict[str, Any] = Field(default_factory=dict)

    @property
    def display_name(self) -> str:
        parts = " ".join(part for part in (self.first_name, self.last_name) if part)
        return (self.name or parts or self.email or "Unnamed person")[:_LONGEST_NAME]

    def attribute(self, name: str) -> str | None:
        value = self.custom_attributes.get(name)
        return value if isinstance(value, str) and value else None


class DirectoryGroup(BaseModel):
    id: Id
    directory_id: Id
    organization_id: Id
    name: GroupName


class MembershipChange(BaseModel):
    user: DirectoryUser
    group: DirectoryGroup


class Profile(WithRoles):
    """The SSO profile. `idp_id` identifies the person within the organization's connection."""

    id: Id
    organization_id: str | None = None
    connection_id: Id
    idp_id: IdpId | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    @property
    def display_name(self) -> str:
        parts = " ".join(part for part in (self.first_name, self.last_name) if part)
        return (parts or self.email or "Unnamed person")[:_LONGEST_NAME]

    @property
    def subject(self) -> str:
        return self.idp_id or self.id

    @property
    def is_address(self) -> bool:
        """Whether nothing but the address says who it is, so that it passes on with it."""
        return not self.idp_id or self.idp_id.lower() == (self.email or "").lower()
