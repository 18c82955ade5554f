"""What WorkOS asks of a body before it is a person or a group, and what of it WorkOS does not read.

From the requirements that its own bridge documents, `docs/workos-scim-requirements.md` there.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from scim2_models import InvalidPathException, Path, Resource
from scim2_server.utils import parametrize

from emulator.workos import users
from emulator.workos.settings import WithoutEmail
from emulator.workos.texts import given
from emulator.workos.world import RefusedError, World

Json = dict[str, Any]
Value: TypeAlias = Any
Model: TypeAlias = type[Resource[Any]]
KNOWN_PATHS = 4096
JSON_NAMES = {str: "string", int: "number", float: "number", list: "array", dict: "object"}


def check_user(world: World, method: str, user: Json) -> None:
    """Raises RefusedError 400."""
    for active in _named(user, "active"):
        if not isinstance(active, bool):
            kind = JSON_NAMES.get(type(active), "null")
            told = f"'active' is expected boolean, received {kind}"
            raise RefusedError(400, told, "invalidSyntax")
    hold_back = world.settings.without_email is WithoutEmail.HOLD_BACK
    if method == "PUT" and hold_back and not any(map(_has_address, _named(user, "emails"))):
        raise RefusedError(400, users.MISSING_EMAILS, "invalidSyntax")


def check_group(group: Json) -> None:
    """Of a group, or of what a PATCH says of one. Raises RefusedError 400."""
    for members in _named(group, "members"):
        for member in members if isinstance(members, list) else [members]:
            if isinstance(member, dict) and not any(map(given, _named(member, "value"))):
                raise RefusedError(400, "A member needs a value that is not empty.", "invalidValue")


def check_group_patch(patch: Json) -> None:
    """Raises RefusedError 400."""
    for operation in patch["Operations"]:
        if str(operation["op"]).lower() in {"add", "replace"}:
            value, path = operation.get("value"), operation.get("path")
            check_group({path: value} if path else value)


def readable(model: Model, value: Value, path: str = "") -> Value:
    """The same without the attributes and extensions that the model does not have."""
    if isinstance(value, list):
        return [readable(model, each, path) for each in value]
    if not isinstance(value, dict):
        return value
    extensions = _extensions(model)
    kept: Json = {}
    for name, inner in value.items():
        if not path and name.casefold() == "schemas" and isinstance(inner, list):
            own = {str(model.__schema__).casefold(), *extensions}
            kept[name] = [each for each in inner if str(each).casefold() in own]
        elif not path and name.casefold() in extensions:
            kept[name] = readable(model, inner, f"{name}:")
        elif is_known(model, path + name):
            kept[name] = readable(model, inner, f"{path}{name}.")
    return kept


def readable_patch(model: Model, operations: list[Json]) -> list[Json]:
    """Without the operations of which nothing is left."""
    kept = []
    for operation in operations:
        path, value = operation.get("path"), operation.get("value")
        if path is None:
            left = readable(model, value)
            if left or not value:
                kept.append(operation | {"value": left})
        elif path.casefold() in _extensions(model) or is_known(model, path, broken=True):
            kept.append(operation)
    return kept


@lru_cache(maxsize=KNOWN_PATHS)
def is_known(model: Model, path: str, *, broken: bool = False) -> bool:
    """`broken` is the answer for what is no path at all: the server says best what is wrong."""
    try:
        return parametrize(Path, model)(path).resolve() is not None
    except InvalidPathException:
        return broken


def _extensions(model: Model) -> set[str]:
    return {urn.casefold() for urn in model.get_extension_models()}


def _has_address(emails: Value) -> bool:
    try:
        return bool(users.addresses({"emails": emails}))
    except (AttributeError, TypeError):
        return True


def _named(resource: Json, name: str) -> Iterator[Any]:
    """SCIM's names are the same in capitals."""
    return (value for key, value in resource.items() if key.casefold() == name)
