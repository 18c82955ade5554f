"""What an event says about the directory, as facts that the merge understands.

Pure: from an event's data to rows. `HANDLERS` is the list of the events that are supported.
"""

from collections.abc import Callable
from typing import Any, TypedDict

from pydantic import ValidationError
from uuid_utils.compat import uuid7

from backend.workos.models import (
    Directory,
    DirectoryGroup,
    DirectoryUser,
    MembershipChange,
    Organization,
)


class UnusableData(Exception):
    """A signed event whose data cannot be applied; the text says why."""


class Facts(TypedDict, total=False):
    """Rows for the SQL function `merge_directory_facts`. All carry the event's own time.

    `managed` names organizations that are known to have a directory; `read_users` are people
    who were read with all their groups.
    """

    managed: list[str]
    organizations: list[dict[str, Any]]
    deleted_organizations: list[str]
    directories: list[dict[str, Any]]
    removed_directories: list[dict[str, Any]]
    users: list[dict[str, Any]]
    removed_users: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    removed_groups: list[dict[str, Any]]
    memberships: list[dict[str, Any]]
    read_users: list[str]


Handler = Callable[[dict[str, Any]], Facts]

HINT = 0  # the user and group inside a membership event
FACT = 1

ACTIVE = "active"


def user_row(user: DirectoryUser, rank: int) -> dict[str, Any]:
    return {
        "id": user.id,
        "account_id": str(uuid7()),
        "directory_id": user.directory_id,
        "organization_id": user.organization_id,
        "idp_id": user.idp_id,
        "email": user.email,
        "name": user.display_name,
        "job_title": user.attribute("job_title"),
        "department": user.attribute("department"),
        "state": user.state,
        "custom_attributes": user.custom_attributes,
        "rank": rank,
    }


def group_row(group: DirectoryGroup, rank: int) -> dict[str, Any]:
    return {
        "id": group.id,
        "directory_id": group.directory_id,
        "organization_id": group.organization_id,
        "idp_id": group.idp_id,
        "name": group.name,
        "rank": rank,
    }


def membership_row(user: DirectoryUser, group: DirectoryGroup, *, present: bool) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "group_id": group.id,
        "directory_id": group.directory_id,
        "organization_id": group.organization_id,
        "present": present,
    }


def directory_row(directory: Directory) -> dict[str, Any]:
    return directory.model_dump()


def tombstone(row: DirectoryUser | DirectoryGroup) -> dict[str, Any]:
    return {
        "id": row.id,
        "directory_id": row.directory_id,
        "organization_id": row.organization_id,
    }


def upsert_user(data: dict[str, Any]) -> Facts:
    user = DirectoryUser.model_validate(data)
    facts = Facts(managed=[user.organization_id], users=[user_row(user, FACT)])
    if user.state != ACTIVE:
        facts["removed_users"] = [tombstone(user)]
    return facts


def remove_user(data: dict[str, Any]) -> Facts:
    user = DirectoryUser.model_validate(data)
    return Facts(managed=[user.organization_id], removed_users=[tombstone(user)])


def upsert_group(data: dict[str, Any]) -> Facts:
    group = DirectoryGroup.model_validate(data)
    return Facts(managed=[group.organization_id], groups=[group_row(group, FACT)])


def remove_group(data: dict[str, Any]) -> Facts:
    group = DirectoryGroup.model_validate(data)
    return Facts(managed=[group.organization_id], removed_groups=[tombstone(group)])


def _membership_change(data: dict[str, Any]) -> tuple[DirectoryUser, DirectoryGroup]:
    change = MembershipChange.model_validate(data)
    user, group = change.user, change.group
    if user.organization_id != group.organization_id:
        raise UnusableData("The user and the group belong to different organizations.")
    if user.directory_id != group.directory_id:
        raise UnusableData("The user and the group belong to different directories.")
    return user, group


def add_member(data: dict[str, Any]) -> Facts:
    user, group = _membership_change(data)
    return Facts(
        managed=[user.organization_id],
        users=[user_row(user, HINT)],
        groups=[group_row(group, HINT)],
        memberships=[membership_row(user, group, present=True)],
    )


def remove_member(data: dict[str, Any]) -> Facts:
    user, group = _membership_change(data)
    return Facts(
        managed=[user.organization_id], memberships=[membership_row(user, group, present=False)]
    )


def activate_directory(data: dict[str, Any]) -> Facts:
    directory = Directory.model_validate(data)
    return Facts(managed=[directory.organization_id], directories=[directory_row(directory)])


def remove_directory(data: dict[str, Any]) -> Facts:
    directory = Directory.model_validate(data)
    return Facts(
        managed=[directory.organization_id], removed_directories=[directory_row(directory)]
    )


def upsert_organization(data: dict[str, Any]) -> Facts:
    return Facts(organizations=[Organization.model_validate(data).model_dump()])


def remove_organization(data: dict[str, Any]) -> Facts:
    return Facts(deleted_organizations=[Organization.model_validate(data).id])


HANDLERS: dict[str, Handler] = {
    "dsync.activated": activate_directory,
    "dsync.deleted": remove_directory,
    "dsync.user.created": upsert_user,
    "dsync.user.updated": upsert_user,
    "dsync.user.deleted": remove_user,
    "dsync.group.created": upsert_group,
    "dsync.group.updated": upsert_group,
    "dsync.group.deleted": remove_group,
    "dsync.group.user_added": add_member,
    "dsync.group.user_removed": remove_member,
    "organization.created": upsert_organization,
    "organization.updated": upsert_organization,
    "organization.deleted": remove_organization,
}


def facts_of(handler: Handler, data: dict[str, Any]) -> Facts:
    """The facts of one event.

    Raises:
        UnusableData: a field that is read is missing or of the wrong kind.
    """
    try:
        return handler(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UnusableData(f"data.{field}: {first['msg']}") from error


def directory_of(data: dict[str, Any]) -> str | None:
    """The directory an event speaks of, or None where it names none (organizations)."""
    match data:
        case {"user": {"directory_id": str(directory_id)}} | {"directory_id": str(directory_id)}:
            return directory_id
        case {"object": "directory", "id": str(directory_id)}:
            return directory_id
        case _:
            return None


def organization_of(data: dict[str, Any]) -> str | None:
    match data:
        case {"user": {"organization_id": str(organization_id)}}:
            return organization_id
        case {"organization_id": str(organization_id)}:
            return organization_id
        case {"object": "organization", "id": str(organization_id)}:
            return organization_id
        case _:
            return None


def user_of(data: dict[str, Any]) -> str | None:
    match data:
        case {"user": {"id": str(user_id)}} | {"object": "directory_user", "id": str(user_id)}:
            return user_id
        case _:
            return None


def group_of(data: dict[str, Any]) -> str | None:
    match data:
        case {"group": {"id": str(group_id)}} | {"object": "directory_group", "id": str(group_id)}:
            return group_id
        case _:
            return None
