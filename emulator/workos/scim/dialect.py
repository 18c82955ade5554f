"""What clients send that scim2-server does not read: rewritten into what the RFC says."""

import json
from typing import Any

Json = dict[str, Any]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def standard_patch(body: bytes) -> bytes:
    """The same PATCH in standard form; anything not understood is left for the server to refuse.

    Entra removes members by value instead of by a filter in the path, and sends the manager as
    a bare id.
    """
    try:
        patch = json.loads(body)
        operations = patch["Operations"]
        rewritten = [new for old in operations for new in _rewrite(old)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return body
    return (
        body if rewritten == operations else json.dumps(patch | {"Operations": rewritten}).encode()
    )


def _rewrite(operation: Json) -> list[Json]:
    op, path, value = str(operation["op"]).lower(), operation.get("path"), operation.get("value")
    if op == "remove" and path == "members" and isinstance(value, list):
        return [{"op": "remove", "path": f'members[value eq "{each["value"]}"]'} for each in value]
    if op in {"add", "replace"} and path == f"{ENTERPRISE}:manager" and isinstance(value, str):
        return [{"op": op, "path": path, "value": {"value": value}}]
    return [operation]
