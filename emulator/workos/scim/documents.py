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


def group(world: World, row: Row, *, with_members: bool = True) -> Json:
    document: Json = json.loads(row["document"])
    members = groups.members(world, row["id"]) if with_members else {}
    if members:
        document["members"] = [
            {"value": user_id, "$ref": f"Users/{user_id}", "type": "User"}
            | ({} if display is None else {"display": display})
            for user_id, display in members.items()
        ]
    return document | {"id": row["id"], "meta": _meta(row, "Group")}


def published_group(world: World, row: Row, root: str) -> bytes:
    """The answer that scim2-server would give, members written by SQLite: it is ten times as fast.

    `root` is the URL of the directory's endpoints, with a slash at its end.
    """
    document = group(world, row, with_members=False)
    document["meta"]["location"] = f"{root}Groups/{row['id']}"
    members = world.store.text(
        "select json_group_array(json_patch(json_object('value', user_id, '$ref', ?1 || user_id,"
        " 'type', 'User'), json_object('display', display)))"
        " from (select * from scim_members where group_id = ?2 order by user_id)",
        f"{root}Users/",
        row["id"],
    )
    text = json.dumps(document)
    return (text if members == "[]" else f'{text[:-1]}, "members": {members}}}').encode()


def version(row: Row) -> str:
    return f'W/"{row["version"]}"'


def _meta(row: Row, resource_type: str) -> Json:
    return {
        "resourceType": resource_type,
        "created": iso(row["created_at"]),
        "lastModified": iso(row["updated_at"]),
        "version": version(row),
    }
