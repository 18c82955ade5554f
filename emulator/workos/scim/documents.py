"""SCIM resources as JSON, read from the store. References are relative to the SCIM root."""

import json
from typing import Any

from emulator.clock import iso
from emulator.store import Row
from emulator.workos import groups
from emulator.workos.world import World

Json = dict[str, Any]


def user(world: World, row: Row) -> Json:
    document: Json = json.loads(row["document"])
    held = world.store.rows(
        "select g.scim_id, g.name from scim_members m join directory_groups g"
        " on g.scim_id = m.group_id where m.user_id = ? order by g.scim_id",
        row["id"],
    )
    if held:
        document["groups"] = [
            {
                "value": each["scim_id"],
                "$ref": f"Groups/{each['scim_id']}",
                "display": each["name"],
                "type": "direct",
            }
            for each in held
        ]
    return document | {"id": row["id"], "meta": _meta(row, "User")}


def group(world: World, row: Row, *, with_members: bool = True, root: str = "") -> Json:
    """`root` turns the references into URLs, for an answer that passes by scim2-server."""
    document: Json = json.loads(row["document"])
    members = groups.member_ids(world, row["id"]) if with_members else []
    if members:
        prefix = f"{root}Users/"
        document["members"] = [
            {"value": member, "$ref": prefix + member, "type": "User"} for member in members
        ]
    return document | {"id": row["id"], "meta": _meta(row, "Group")}


def version(row: Row) -> str:
    return f'W/"{row["version"]}"'


def _meta(row: Row, resource_type: str) -> Json:
    return {
        "resourceType": resource_type,
        "created": iso(row["created_at"]),
        "lastModified": iso(row["updated_at"]),
        "version": version(row),
    }
