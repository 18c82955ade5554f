"""What an event says about the directory: the inbox's row, and facts that the merge understands.

Pure: from an event to rows. `HANDLERS` is the list of the events that are supported.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from backend.models import NO_ORGANIZATION
from backend.schemas.events import Outcome, ParkingReason, Source
from backend.services.mirror import portal
from backend.services.mirror.rows import (
    ACTIVE,
    FACT,
    HINT,
    EventRow,
    Facts,
    Version,
    directory_row,
    group_row,
    membership_row,
    organization_row,
    removed_directory_row,
    removed_row,
    user_row,
)
from backend.workos.clock import MOST_AHEAD
from backend.workos.models import (
    Directory,
    DirectoryGroup,
    DirectoryUser,
    Envelope,
    MembershipChange,
    Organization,
)
from backend.workos.scope import DirectoryScope


class UnusableData(Exception):
    """Signed data that cannot be applied; the text is the technical reason."""

    def __init__(self, reason: ParkingReason, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.field = field


Handler = Callable[[dict[str, Any], Version], Facts]


def upsert_user(data: dict[str, Any], version: Version) -> Facts:
    user = DirectoryUser.model_validate(data)
    facts = Facts(managed=[user.organization_id], directory_users=[user_row(user, FACT, version)])
    if user.state != ACTIVE:
        facts["removed_directory_users"] = [removed_row(user, version)]
    return facts


def remove_user(data: dict[str, Any], version: Version) -> Facts:
    user = DirectoryUser.model_validate(data)
    return Facts(
        managed=[user.organization_id], removed_directory_users=[removed_row(user, version)]
    )


def upsert_group(data: dict[str, Any], version: Version) -> Facts:
    group = DirectoryGroup.model_validate(data)
    return Facts(managed=[group.organization_id], groups=[group_row(group, FACT, version)])


def remove_group(data: dict[str, Any], version: Version) -> Facts:
    group = DirectoryGroup.model_validate(data)
    return Facts(managed=[group.organization_id], removed_groups=[removed_row(group, version)])


def add_member(data: dict[str, Any], version: Version) -> Facts:
    change = MembershipChange.model_validate(data)
    user, group = change.user, change.group
    return Facts(
        managed=[user.organization_id],
        directory_users=[user_row(user, HINT, version)],
        groups=[group_row(group, HINT, version)],
        memberships=[membership_row(user.organization_id, group.id, [user.id], version)],
    )


def remove_member(data: dict[str, Any], version: Version) -> Facts:
    change = MembershipChange.model_validate(data)
    user, group = change.user, change.group
    return Facts(
        managed=[user.organization_id],
        memberships=[
            membership_row(user.organization_id, group.id, [user.id], version, present=False)
        ],
    )


def activate_directory(data: dict[str, Any], version: Version) -> Facts:
    directory = Directory.model_validate(data)
    return Facts(
        managed=[directory.organization_id], directories=[directory_row(directory, version)]
    )


def remove_directory(data: dict[str, Any], version: Version) -> Facts:
    directory = Directory.model_validate(data)
    return Facts(
        managed=[directory.organization_id],
        removed_directories=[
            removed_directory_row(directory.organization_id, directory.id, version)
        ],
    )


def upsert_organization(data: dict[str, Any], version: Version) -> Facts:
    return portal.organization_facts(Organization.model_validate(data), version)


def remove_organization(data: dict[str, Any], version: Version) -> Facts:
    return Facts(
        deleted_organizations=[organization_row(Organization.model_validate(data), version)]
    )


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
    **portal.HANDLERS,
}

# By Pydantic's type of an error; whatever else is wrong with a value makes it invalid.
_OF_FIELD = {
    "missing": ParkingReason.FIELD_MISSING,
    "string_too_short": ParkingReason.FIELD_EMPTY,
    "string_too_long": ParkingReason.FIELD_TOO_LONG,
}


def read(
    event: Envelope, source: Source, scope: DirectoryScope, sent_at: datetime
) -> tuple[EventRow, Facts | None]:
    """The inbox's row of an event, and what there is to merge; None where it is not applied.

    Args:
        event: as it was sent.
        source: what brought it.
        scope: the directories that are listened to.
        sent_at: the time by which it must have happened.
    """
    row = inbox_row(event, source)
    handler = HANDLERS.get(event.event)
    directory = row["directory_id"]
    if handler is None or (directory is not None and not scope.includes(directory)):
        return row, None
    try:
        _check_parts(event, row)
        _check_time(event, sent_at)
        found = _facts(handler, event)
    except UnusableData as unusable:
        return parked(row, unusable), None
    return row, found


def _check_time(event: Envelope, sent_at: datetime) -> None:
    if event.created_at - sent_at > MOST_AHEAD:
        raise UnusableData(
            ParkingReason.FROM_THE_FUTURE,
            f"created_at: {event.created_at.isoformat()} is after {sent_at.isoformat()}, "
            "when it was sent or tried.",
            "created_at",
        )


def _check_parts(event: Envelope, row: EventRow) -> None:
    """All parts of an event must name the organization whose rows it writes, and one directory."""
    data = event.data
    parts = [data, *(part for name in _PARTS if isinstance(part := data.get(name), dict))]
    organizations = {_text(part, "organization_id") for part in parts}
    organizations.add(_text(_dict(data, "organization"), "id"))
    if organizations - {None, row["organization_id"]}:
        raise UnusableData(
            ParkingReason.TWO_ORGANIZATIONS, "Parts of the event name different organizations."
        )
    directories = {_text(part, "directory_id") for part in parts}
    directories.add(_text(_dict(data, "directory"), "id"))
    if directories - {None, row["directory_id"]}:
        raise UnusableData(
            ParkingReason.TWO_DIRECTORIES, "Parts of the event name different directories."
        )


def parked(row: EventRow, why: UnusableData) -> EventRow:
    return {
        **row,
        "outcome": Outcome.PARKED,
        "reason": why.reason,
        "field": why.field,
        "detail": str(why),
    }


def _facts(handler: Handler, event: Envelope) -> Facts:
    try:
        return handler(event.data, Version(event.created_at, event.id))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = _OF_FIELD.get(first["type"], ParkingReason.FIELD_INVALID)
        raise UnusableData(reason, f"data.{field}: {first['msg']}", field) from error


def inbox_row(event: Envelope, source: Source) -> EventRow:
    """The row of the inbox, under the organization whose rows the event writes."""
    data = event.data
    user, group = _subjects(event)
    whole = user or group or data
    own_id = _text(data, "id")
    user_id = _text(user, "id")
    of_organization = event.event.startswith("organization.")
    of_directory = event.event in {"dsync.activated", "dsync.deleted"}
    return {
        "organization_id": (own_id if of_organization else None)
        or _text(whole, "organization_id")
        or _text(data, "organization_id")
        or _text(_dict(data, "connection"), "organization_id")
        or _text(_dict(data, "organization_domain"), "organization_id")
        or (own_id if data.get("object") == "organization" else None)
        or NO_ORGANIZATION,
        "id": event.id,
        "type": event.event,
        "source": source,
        "directory_id": (own_id if of_directory else None)
        or _text(whole, "directory_id")
        or _text(data, "directory_id")
        or (own_id if data.get("object") == "directory" else None),
        "directory_user_id": user_id,
        "group_id": _text(group, "id"),
        "user_key": _text(user, "idp_id") or user_id,
        "occurred_at": event.created_at.isoformat(),
        "outcome": Outcome.IGNORED,
        "reason": None,
        "field": None,
        "detail": None,
    }


_PARTS = ("user", "group", "directory", "connection", "organization_domain")


def _subjects(event: Envelope) -> tuple[dict[str, Any], dict[str, Any]]:
    """The user and the group that an event is about, each empty where there is none.

    By its type, as it is applied; where that says nothing, by what the data calls itself.
    """
    data = event.data
    if event.event in HANDLERS:
        match event.event.split("."):
            case ["dsync", "user", _]:
                return data, {}
            case ["dsync", "group", "user_added" | "user_removed"]:
                return _dict(data, "user"), _dict(data, "group")
            case ["dsync", "group", _]:
                return {}, data
            case _:
                return {}, {}
    return _part(data, "user"), _part(data, "group")


def _part(data: dict[str, Any], kind: str) -> dict[str, Any]:
    return data if data.get("object") == f"directory_{kind}" else _dict(data, kind)


def _dict(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None
