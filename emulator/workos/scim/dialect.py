"""What clients send that scim2-server does not read: rewritten into what the RFC says."""

import re
from typing import Any

Json = dict[str, Any]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SELECTED = re.compile(r'(\w+)\[(\w+) eq "?([^"\]]+)"?\]\.(\w+)', re.IGNORECASE)


def standard_patch(patch: Json, stored: Json) -> Json:
    """The same PATCH in standard form; anything not understood is left for the server to refuse.

    Entra removes members by value instead of by a filter in the path, sends the manager as a bare
    id or in a list, and adds to a value that the `stored` resource does not have yet.
    """
    rewritten = [new for old in patch["Operations"] for new in _rewrite(old)]
    return patch | {"Operations": _with_new_values(rewritten, stored)}


def _rewrite(operation: Json) -> list[Json]:
    op, path, value = str(operation["op"]).lower(), operation.get("path"), operation.get("value")
    if op == "remove" and path == "members" and isinstance(value, list):
        return [{"op": "remove", "path": f'members[value eq "{each["value"]}"]'} for each in value]
    if op in {"add", "replace"} and path == f"{ENTERPRISE}:manager":
        if isinstance(value, str):
            return [{"op": op, "path": path, "value": {"value": value}}]
        if isinstance(value, list) and len(value) == 1:
            return [{"op": op, "path": path, "value": value[0]}]
    return [operation]


def _with_new_values(operations: list[Json], stored: Json) -> list[Json]:
    """`add` at `emails[type eq "work"].value` makes the value if none is selected.

    RFC 7644 asks for noTarget only where such a path is replaced (section 3.5.2.3).
    """
    made: dict[tuple[str, str, str], Json] = {}
    rewritten: list[Json] = []
    for operation in operations:
        selected = SELECTED.fullmatch(operation.get("path") or "")
        if selected is None or str(operation["op"]).lower() != "add":
            rewritten.append(operation)
            continue
        attribute, key, wanted, leaf = selected.groups()
        present = [str(each.get(key, "")) for each in stored.get(attribute) or []]
        if wanted.casefold() in {each.casefold() for each in present}:
            rewritten.append(operation)
            continue
        new = made.setdefault((attribute, key, wanted), {})
        if not new:
            new[key] = wanted
            rewritten.append({"op": "add", "path": attribute, "value": [new]})
        new[leaf] = operation["value"]
    return rewritten
