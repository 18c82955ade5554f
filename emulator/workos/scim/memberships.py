"""The membership PATCHes of Okta and Entra, read without building the whole group.

scim2-server takes seconds for a group of ten thousand. These few forms mean the same here, and
everything else goes the long way.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from emulator.workos.groups import Members

Json = dict[str, Any]
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MEMBER_PATH = re.compile(r'members\[value eq "([^"\\]+)"\]', re.IGNORECASE)
RENAMING = frozenset({"id", "displayName"})


@dataclass
class MembershipChange:
    """Whom to add, with their labels; whom to remove; and the name if one is given."""

    add: Members = field(default_factory=dict)
    remove: dict[str, None] = field(default_factory=dict)
    name: str | None = None


class _OtherFormError(Exception):
    """Not one of the forms read here."""


def read(body: bytes, group_id: str) -> MembershipChange | None:
    """The change, or None when the body holds anything else."""
    change = MembershipChange()
    try:
        patch = json.loads(body)
        if patch["schemas"] != [PATCH_OP] or not patch["Operations"]:
            return None
        for operation in patch["Operations"]:
            _read_operation(operation, group_id, change)
    except (_OtherFormError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return change if change.add or change.remove or change.name else None


def _read_operation(operation: Json, group_id: str, change: MembershipChange) -> None:
    op, path, value = operation["op"].lower(), operation.get("path"), operation.get("value")
    member = MEMBER_PATH.fullmatch(path) if isinstance(path, str) else None
    if op == "add" and path == "members" and value:
        for user_id, display in _people(value).items():
            change.remove.pop(user_id, None)
            change.add[user_id] = display
    elif op == "remove" and value is None and member is not None:
        change.add.pop(member[1], None)
        change.remove[member[1]] = None
    elif op == "replace" and path is None and isinstance(value, dict) and set(value) <= RENAMING:
        name = value.get("displayName", change.name)
        if value.get("id", group_id) != group_id or not isinstance(name, str | None) or name == "":
            raise _OtherFormError
        change.name = name
    else:
        raise _OtherFormError


def _people(value: list[Json] | Json) -> Members:
    listed = value if isinstance(value, list) else [value]
    for each in listed:
        if not isinstance(each["value"], str) or not each["value"].strip():
            raise _OtherFormError
        if each.get("type", "User") != "User":
            raise _OtherFormError
    return {each["value"]: each.get("display") for each in listed}
