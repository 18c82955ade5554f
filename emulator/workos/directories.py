"""Directories: one SCIM endpoint with one bearer token each."""

import secrets

from emulator.store import Row
from emulator.workos import events, tokens, wire
from emulator.workos.world import NotFoundError, World

OKTA = "okta scim v2.0"
EMPTY = (
    "delete from role_assignments where directory_id = ?",
    "delete from directory_tokens where directory_id = ?",
    "delete from directory_users where directory_id = ?",
    "delete from directory_groups where directory_id = ?",
    "delete from scim_members where group_id in (select id from scim_groups where directory_id=?)",
    "delete from held_users where scim_id in (select id from scim_users where directory_id = ?)",
    "delete from scim_users where directory_id = ?",
    "delete from scim_groups where directory_id = ?",
    "delete from directories where id = ?",
)


def get(world: World, directory_id: str) -> Row:
    row = world.store.row("select * from directories where id = ?", directory_id)
    if row is None:
        raise NotFoundError("Directory", directory_id)
    return row


def create(
    world: World,
    organization_id: str,
    name: str,
    *,
    directory_id: str | None = None,
    directory_type: str = OKTA,
) -> Row:
    """Make the directory; `dsync.activated`, and `dsync.token.created` for the Events API only."""
    organization = world.store.row("select * from organizations where id = ?", organization_id)
    if organization is None:
        raise NotFoundError("Organization", organization_id)
    now = world.clock.now_ms()
    directory_id = directory_id or world.new_id("directory")
    with world.store.transaction():
        world.store.run(
            "insert into directories values (?, ?, ?, ?, 'linked', ?, ?, ?, ?)",
            directory_id,
            organization_id,
            name,
            directory_type,
            secrets.token_urlsafe(12),
            secrets.token_urlsafe(24),
            now,
            now,
        )
        row = get(world, directory_id)
        domains = wire.organization(organization)["domains"]
        events.record(
            world, "dsync.activated", wire.activated_directory(row, domains), organization_id
        )
        tokens.create(world, row, row["token"])
    return row


def delete(world: World, directory_id: str) -> None:
    """One `dsync.deleted`, and nothing for its people and groups."""
    row = get(world, directory_id)
    with world.store.transaction():
        for statement in EMPTY:
            world.store.run(statement, directory_id)
        events.record(world, "dsync.deleted", wire.directory(row), row["organization_id"])
