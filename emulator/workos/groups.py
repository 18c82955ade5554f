"""Groups and who is in them: SCIM group documents in, directory groups and events out."""

import json
from collections.abc import Iterable
from typing import Any

from emulator.store import Row
from emulator.workos import directories, events, roles, wire
from emulator.workos.texts import given
from emulator.workos.world import NotFoundError, RefusedError, World

Json = dict[str, Any]
Members = dict[str, str | None]
"""The SCIM ids of the people in a group, each with the label its client gave it."""
NEVER_KEPT = ("id", "meta", "members")
ABSENT = object()


def get(world: World, directory_id: str, scim_id: str) -> Row:
    row = world.store.row(
        "select * from scim_groups where id = ? and directory_id = ?", scim_id, directory_id
    )
    if row is None:
        raise NotFoundError("Group", scim_id)
    return row


def directory_group_of(world: World, scim_id: str) -> Row:
    return world.store.one("select * from directory_groups where scim_id = ?", scim_id)


def members(world: World, scim_id: str) -> Members:
    rows = world.store.rows(
        "select user_id, display from scim_members where group_id = ? order by user_id", scim_id
    )
    return {row["user_id"]: row["display"] for row in rows}


def create(
    world: World, directory_id: str, document: Json, first_members: Members | None = None
) -> Row:
    """`dsync.group.created`, then `dsync.group.user_added` for each member known.

    Raises RefusedError 400 for an empty name, 409 for an identity that a group has: it is the
    externalId or the name at the creation, whatever the group is called since.
    """
    directory = directories.get(world, directory_id)
    kept = {key: value for key, value in document.items() if key not in NEVER_KEPT}
    name = _name(kept)
    idp_id = given(kept.get("externalId")) or name
    if world.store.exists(
        "select 1 from directory_groups where directory_id = ? and idp_id = ?", directory_id, idp_id
    ):
        told = f"Another group already exists with this ID '{idp_id}'"
        raise RefusedError(409, told, "uniqueness")
    now = world.clock.now_ms()
    scim_id = world.new_id("scim_group")
    with world.store.transaction():
        world.store.run(
            "insert into scim_groups values (?, ?, ?, ?, ?, 1, ?, ?)",
            scim_id,
            directory_id,
            name.casefold(),
            kept.get("externalId"),
            json.dumps(kept),
            now,
            now,
        )
        world.store.run(
            "insert into directory_groups values (?, ?, ?, ?, ?, ?, ?, ?)",
            world.new_id("directory_group"),
            directory_id,
            directory["organization_id"],
            scim_id,
            idp_id,
            name,
            now,
            now,
        )
        events.record(
            world,
            "dsync.group.created",
            wire.directory_group(directory_group_of(world, scim_id)),
            directory["organization_id"],
        )
        change_members(world, directory_id, scim_id, add=first_members or {})
    return get(world, directory_id, scim_id)


def _name(document: Json) -> str:
    name: str = document["displayName"]
    if not name.strip():
        raise RefusedError(400, "'displayName' is required", "invalidValue")
    return name


def rename(world: World, directory_id: str, scim_id: str, document: Json) -> Row:
    """Replace all but the members; `dsync.group.updated` when the name is another.

    The idp_id stays what it was at the creation.
    """
    row = get(world, directory_id, scim_id)
    kept = {key: value for key, value in document.items() if key not in NEVER_KEPT}
    if kept == json.loads(row["document"]):
        return row
    name = _name(kept)
    now = world.clock.now_ms()
    with world.store.transaction():
        world.store.run(
            "update scim_groups set name_key = ?, external_id = ?, document = ?, updated_at = ?,"
            " version = version + 1 where id = ?",
            name.casefold(),
            kept.get("externalId"),
            json.dumps(kept),
            now,
            scim_id,
        )
        before = directory_group_of(world, scim_id)
        if before["name"] != name:
            world.store.run(
                "update directory_groups set name = ?, updated_at = ? where id = ?",
                name,
                now,
                before["id"],
            )
            after = wire.directory_group(directory_group_of(world, scim_id))
            events.record(
                world,
                "dsync.group.updated",
                after | {"previous_attributes": {"name": before["name"]}},
                before["organization_id"],
            )
    return get(world, directory_id, scim_id)


def delete(world: World, directory_id: str, scim_id: str) -> None:
    """`dsync.group.deleted`, and no `user_removed`."""
    get(world, directory_id, scim_id)
    with world.store.transaction():
        group = directory_group_of(world, scim_id)
        present = members(world, scim_id)
        world.store.run("delete from scim_members where group_id = ?", scim_id)
        world.store.run("delete from directory_groups where scim_id = ?", scim_id)
        world.store.run("delete from scim_groups where id = ?", scim_id)
        events.record(
            world, "dsync.group.deleted", wire.directory_group(group), group["organization_id"]
        )
        roles.forget(world, group, present)


def change_members(
    world: World,
    directory_id: str,
    scim_id: str,
    *,
    add: Members | None = None,
    remove: Iterable[str] = (),
) -> bool:
    """Drop ids that are no person of this directory, or one held back, silently as WorkOS does.

    An event is emitted for each change of somebody who is a directory user, and another where
    their role is a different one by it. Whether anything changed.
    """
    get(world, directory_id, scim_id)
    changed = False
    removed = list(dict.fromkeys(remove))
    with world.store.transaction():
        for user_id in removed:
            if world.store.run(
                "delete from scim_members where group_id = ? and user_id = ?", scim_id, user_id
            ):
                _membership_event(world, "dsync.group.user_removed", scim_id, user_id)
                changed = True
        for user_id, display in (add or {}).items():
            changed |= _add_member(world, directory_id, scim_id, user_id, display)
        if changed:
            world.store.run(
                "update scim_groups set updated_at = ?, version = version + 1 where id = ?",
                world.clock.now_ms(),
                scim_id,
            )
            if roles.given_by(world, scim_id):
                roles.follow(world, directory_id, [*removed, *(add or {})])
    return changed


def _add_member(
    world: World, directory_id: str, scim_id: str, user_id: str, display: str | None
) -> bool:
    known = world.store.exists(
        "select 1 from scim_users where id = ?1 and directory_id = ?2"
        " and not exists (select 1 from held_users where scim_id = ?1)",
        user_id,
        directory_id,
    )
    if not known:
        return False
    if world.store.run(
        "insert or ignore into scim_members values (?, ?, ?)", scim_id, user_id, display
    ):
        _membership_event(world, "dsync.group.user_added", scim_id, user_id)
        return True
    return (
        display is not None
        and world.store.run(
            "update scim_members set display = ?3 where group_id = ?1 and user_id = ?2"
            " and display is not ?3",
            scim_id,
            user_id,
            display,
        )
        > 0
    )


def set_members(world: World, directory_id: str, scim_id: str, wanted: Members) -> bool:
    present = members(world, scim_id)
    return change_members(
        world,
        directory_id,
        scim_id,
        add={key: name for key, name in wanted.items() if present.get(key, ABSENT) != name},
        remove=[user_id for user_id in present if user_id not in wanted],
    )


def announce_memberships(world: World, user: Row) -> None:
    for row in world.store.rows(
        "select group_id from scim_members where user_id = ? order by group_id", user["scim_id"]
    ):
        _membership_event(world, "dsync.group.user_added", row["group_id"], user["scim_id"])


def _membership_event(world: World, event: str, group_scim_id: str, user_scim_id: str) -> None:
    user = world.store.row("select * from directory_users where scim_id = ?", user_scim_id)
    if user is None:
        return
    data = {
        "directory_id": user["directory_id"],
        "user": wire.directory_user(user),
        "group": wire.directory_group(directory_group_of(world, group_scim_id)),
    }
    events.record(world, event, data, user["organization_id"])
