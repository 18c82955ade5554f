"""Roles by group: what the Admin Portal assigns, and what that makes of each person."""

import json
from collections.abc import Iterable
from typing import Any

from emulator.store import Row
from emulator.workos import events, wire
from emulator.workos.world import NotFoundError, RefusedError, World

Json = dict[str, Any]
SLUGS_OF_USERS = (
    "select u.*, (select json_group_array(a.slug) from scim_members m"
    " join directory_groups g on g.scim_id = m.group_id"
    " join role_assignments a on a.group_id = g.id where m.user_id = u.scim_id) as assigned"
    " from directory_users u where u.directory_id = ?"
)
OF_ORGANIZATION = (
    "select roles from directory_users where directory_id in"
    " (select id from directories where organization_id = ?)"
)


def assigned(world: World, directory_id: str) -> dict[str, str]:
    """The slug of each directory group that has one."""
    rows = world.store.rows(
        "select group_id, slug from role_assignments where directory_id = ?", directory_id
    )
    return {row["group_id"]: row["slug"] for row in rows}


def assign(world: World, group_id: str, slug: str | None) -> None:
    """Give the group's people this role, or no longer one; `dsync.user.updated` where it tells.

    Raises NotFoundError for an unknown group, RefusedError 422 for a role that there is not.
    """
    group = world.store.row("select * from directory_groups where id = ?", group_id)
    if group is None:
        raise NotFoundError("Directory Group", group_id)
    if slug is not None and slug not in world.settings.roles:
        raise RefusedError(422, f"There is no role '{slug}'.")
    with world.store.transaction():
        if slug is None:
            world.store.run("delete from role_assignments where group_id = ?", group_id)
        else:
            world.store.run(
                "insert or replace into role_assignments values (?, ?, ?)",
                group_id,
                group["directory_id"],
                slug,
            )
        members = world.store.rows(
            "select user_id from scim_members where group_id = ?", group["scim_id"]
        )
        follow(world, group["directory_id"], (row["user_id"] for row in members))


def given_by(world: World, group_scim_id: str) -> bool:
    return world.store.exists(
        "select 1 from directory_groups g join role_assignments a on a.group_id = g.id"
        " where g.scim_id = ?",
        group_scim_id,
    )


def forget(world: World, group: Row, members: Iterable[str]) -> None:
    """The group is gone, and with it its assignment."""
    if world.store.run("delete from role_assignments where group_id = ?", group["id"]):
        follow(world, group["directory_id"], members)


def follow(world: World, directory_id: str, scim_ids: Iterable[str]) -> None:
    """Bring the roles of these people to what is assigned to their groups."""
    wanted = json.dumps(list(scim_ids))
    chosen = " and u.scim_id in (select value from json_each(?)) order by u.id"
    for row in world.store.rows(SLUGS_OF_USERS + chosen, directory_id, wanted):
        _update(world, row)


def follow_settings(world: World) -> None:
    """The environment's roles are others: bring everybody to them."""
    with world.store.transaction():
        for directory in world.store.rows("select id from directories order by id"):
            for row in world.store.rows(f"{SLUGS_OF_USERS} order by u.id", directory["id"]):
                _update(world, row)


def of_new_user(world: World, scim_id: str) -> str:
    """What somebody begins with, as the store keeps it."""
    rows = world.store.rows(
        "select a.slug from scim_members m join directory_groups g on g.scim_id = m.group_id"
        " join role_assignments a on a.group_id = g.id where m.user_id = ?",
        scim_id,
    )
    return _effective(world, [row["slug"] for row in rows])


def of_profile(world: World, organization_id: str, idp_id: str, email: str) -> Json:
    """`role` and `roles` of somebody who signs in; the default for whom no directory knows."""
    kept = world.store.text(
        f"{OF_ORGANIZATION} and idp_id = ?", organization_id, idp_id
    ) or world.store.text(f"{OF_ORGANIZATION} and email_key = ?", organization_id, email.casefold())
    return wire.roles(kept or _effective(world, []))


def _effective(world: World, slugs: Iterable[str]) -> str:
    """All of them, highest first, or only the highest; the default where there is none."""
    known = world.settings.roles
    held = sorted({slug for slug in slugs if slug in known}, key=known.index)
    if not held:
        held = [known[-1]]
    return json.dumps(held if world.settings.multiple_roles else held[:1])


def _update(world: World, row: Row) -> None:
    roles = _effective(world, json.loads(row["assigned"]))
    if roles == row["roles"]:
        return
    world.store.run(
        "update directory_users set roles = ?, updated_at = ? where id = ?",
        roles,
        world.clock.now_ms(),
        row["id"],
    )
    after = world.store.one("select * from directory_users where id = ?", row["id"])
    events.record(
        world,
        "dsync.user.updated",
        wire.directory_user(after) | {"previous_attributes": wire.roles(row["roles"])},
        row["organization_id"],
    )
