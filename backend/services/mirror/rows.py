"""The contract with the SQL functions `merge_facts` and `apply_events`: rows, each versioned.

As each carries its own version, the facts of many events can be merged at once.
"""

from datetime import datetime
from typing import NamedTuple, NotRequired, TypedDict

from uuid_utils.compat import uuid7

from backend.schemas.access import DEFAULT_ROLE_OF_GROUP
from backend.schemas.events import Outcome, ParkingReason, Source
from backend.workos.models import Directory, DirectoryGroup, DirectoryUser, Organization

HINT = 0  # the user and group inside a membership event
FACT = 1

ACTIVE = "active"


class Version(NamedTuple):
    """Of an event, or of a snapshot: when, and its id. The rank is each row's own."""

    occurred_at: datetime
    event_id: str


class VersionedRow(TypedDict):
    occurred_at: str
    event_id: str


class OrganizationRow(VersionedRow):
    workos_id: str
    name: NotRequired[str]


class DirectoryRow(VersionedRow):
    organization_id: str
    id: str
    name: str | None
    type: str | None
    rank: int


class RemovedDirectoryRow(VersionedRow):
    organization_id: str
    id: str


class RemovedRow(RemovedDirectoryRow):
    """Of a person or a group."""

    directory_id: str


class DirectoryUserRow(VersionedRow):
    """With the profile of the user; `user_id` is theirs if they are new."""

    organization_id: str
    id: str
    directory_id: str
    idp_id: str | None
    user_key: str
    user_id: str
    email: str | None
    name: str
    job_title: str | None
    department: str | None
    state: str
    custom_attributes: dict[str, object]
    role_slugs: list[str]
    rank: int


class GroupRow(VersionedRow):
    organization_id: str
    id: str
    directory_id: str
    name: str
    default_role: str | None
    rank: int


class MembershipRow(VersionedRow):
    organization_id: str
    group_id: str
    directory_user_ids: list[str]
    present: bool


class SnapshotRow(VersionedRow):
    """A person who was read with all their groups."""

    organization_id: str
    id: str


class DomainListingRow(VersionedRow):
    """All domains of an organization were listed."""

    organization_id: str


class DomainRow(DomainListingRow):
    id: str
    domain: str
    state: str


class ConnectionRow(VersionedRow):
    organization_id: str
    id: str
    name: str
    state: str


class CertificateRow(VersionedRow):
    organization_id: str
    connection_id: str
    due: bool
    expires_at: str | None


class DirectoryTokenRow(VersionedRow):
    organization_id: str
    id: str
    directory_id: str
    revoked: bool


class Facts(TypedDict, total=False):
    """Rows for `merge_facts`, each once; `managed` are organizations that have a directory."""

    managed: list[str]
    organizations: list[OrganizationRow]
    deleted_organizations: list[OrganizationRow]
    directories: list[DirectoryRow]
    removed_directories: list[RemovedDirectoryRow]
    directory_users: list[DirectoryUserRow]
    removed_directory_users: list[RemovedRow]
    groups: list[GroupRow]
    removed_groups: list[RemovedRow]
    memberships: list[MembershipRow]
    snapshots: list[SnapshotRow]
    domain_listings: list[DomainListingRow]
    domains: list[DomainRow]
    connections: list[ConnectionRow]
    certificates: list[CertificateRow]
    directory_tokens: list[DirectoryTokenRow]


class EventRow(TypedDict):
    """The row of the inbox, for `apply_events`; `user_key` is that of the person it names."""

    organization_id: str
    id: str
    type: str
    source: Source
    directory_id: str | None
    directory_user_id: str | None
    group_id: str | None
    user_key: str | None
    occurred_at: str
    outcome: Outcome
    reason: ParkingReason | None
    field: str | None
    detail: str | None


def versioned(version: Version) -> VersionedRow:
    return {"occurred_at": version.occurred_at.isoformat(), "event_id": version.event_id}


def organization_row(organization: Organization, version: Version) -> OrganizationRow:
    return {"workos_id": organization.id, "name": organization.name, **versioned(version)}


def directory_row(directory: Directory, version: Version) -> DirectoryRow:
    return {
        "organization_id": directory.organization_id,
        "id": directory.id,
        "name": directory.name,
        "type": directory.type,
        "rank": FACT,
        **versioned(version),
    }


def user_row(user: DirectoryUser, rank: int, version: Version) -> DirectoryUserRow:
    return {
        "organization_id": user.organization_id,
        "id": user.id,
        "directory_id": user.directory_id,
        "idp_id": user.idp_id,
        "user_key": user.idp_id or user.id,
        "user_id": str(uuid7()),
        "email": user.email,
        "name": user.display_name,
        "job_title": user.attribute("job_title"),
        "department": user.attribute("department"),
        "state": user.state,
        "custom_attributes": user.custom_attributes,
        "role_slugs": user.role_slugs,
        "rank": rank,
        **versioned(version),
    }


def group_row(group: DirectoryGroup, rank: int, version: Version) -> GroupRow:
    return {
        "organization_id": group.organization_id,
        "id": group.id,
        "directory_id": group.directory_id,
        "name": group.name,
        "default_role": DEFAULT_ROLE_OF_GROUP.get(group.name),
        "rank": rank,
        **versioned(version),
    }


def membership_row(
    organization_id: str,
    group_id: str,
    directory_user_ids: list[str],
    version: Version,
    *,
    present: bool = True,
) -> MembershipRow:
    return {
        "organization_id": organization_id,
        "group_id": group_id,
        "directory_user_ids": directory_user_ids,
        "present": present,
        **versioned(version),
    }


def snapshot_row(user: DirectoryUser, version: Version) -> SnapshotRow:
    return {"organization_id": user.organization_id, "id": user.id, **versioned(version)}


def removed_row(row: DirectoryUser | DirectoryGroup, version: Version) -> RemovedRow:
    return {
        "organization_id": row.organization_id,
        "id": row.id,
        "directory_id": row.directory_id,
        **versioned(version),
    }


def removed_directory_row(
    organization_id: str, directory_id: str, version: Version
) -> RemovedDirectoryRow:
    return {"organization_id": organization_id, "id": directory_id, **versioned(version)}
