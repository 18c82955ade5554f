"""Organizations, and the SSO connection each of them has."""

import json
from collections.abc import Mapping
from typing import Any

from emulator.store import Row
from emulator.workos import directories, events, wire
from emulator.workos.world import NotFoundError, World

Json = dict[str, Any]
DEFAULT_SIGN_IN = "/okta/sign-in"


def get(world: World, organization_id: str) -> Row:
    row = world.store.row("select * from organizations where id = ?", organization_id)
    if row is None:
        raise NotFoundError("Organization", organization_id)
    return row


def create(
    world: World,
    name: str,
    *,
    organization_id: str | None = None,
    domains: Mapping[str, str] | None = None,
    external_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Row:
    """Make the organization; `organization.created`. `domains` are names with their states."""
    now = world.clock.now_ms()
    organization_id = organization_id or world.new_id("org")
    listed = [
        wire.organization_domain(
            world.new_id("org_domain"), organization_id, domain.lower(), state, now
        )
        for domain, state in (domains or {}).items()
    ]
    with world.store.transaction():
        world.store.run(
            "insert into organizations values (?, ?, ?, ?, ?, ?, ?)",
            organization_id,
            name,
            external_id,
            json.dumps(listed),
            json.dumps(metadata or {}),
            now,
            now,
        )
        row = get(world, organization_id)
        events.record(world, "organization.created", wire.organization(row), organization_id)
    return row


def update(
    world: World,
    organization_id: str,
    *,
    name: str | None = None,
    external_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Row:
    """Change what is given; `organization.updated`, if that changed anything."""
    before = get(world, organization_id)
    changed = {
        "name": before["name"] if name is None else name,
        "external_id": before["external_id"] if external_id is None else external_id,
        "metadata": before["metadata"] if metadata is None else json.dumps(metadata),
    }
    if all(before[column] == value for column, value in changed.items()):
        return before
    with world.store.transaction():
        world.store.run(
            "update organizations set name = ?, external_id = ?, metadata = ?, updated_at = ?"
            " where id = ?",
            *changed.values(),
            world.clock.now_ms(),
            organization_id,
        )
        row = get(world, organization_id)
        events.record(world, "organization.updated", wire.organization(row), organization_id)
    return row


def delete(world: World, organization_id: str) -> None:
    """Its directories go first, each with its own `dsync.deleted`."""
    row = get(world, organization_id)
    with world.store.transaction():
        for directory in world.store.rows(
            "select id from directories where organization_id = ?", organization_id
        ):
            directories.delete(world, directory["id"])
        world.store.run("delete from connections where organization_id = ?", organization_id)
        world.store.run("delete from organizations where id = ?", organization_id)
        events.record(world, "organization.deleted", wire.organization(row), organization_id)


def create_connection(
    world: World, organization_id: str, name: str, sign_in_url: str = DEFAULT_SIGN_IN
) -> Row:
    """An Okta SAML connection whose sign-in page is at `sign_in_url`."""
    get(world, organization_id)
    now = world.clock.now_ms()
    connection_id = world.new_id("conn")
    world.store.run(
        "insert into connections (id, organization_id, name, type, sign_in_url, created_at,"
        " updated_at) values (?, ?, ?, 'OktaSAML', ?, ?, ?)",
        connection_id,
        organization_id,
        name,
        sign_in_url,
        now,
        now,
    )
    return connection(world, connection_id)


def connection(world: World, connection_id: str) -> Row:
    row = world.store.row("select * from connections where id = ?", connection_id)
    if row is None:
        raise NotFoundError("Connection", connection_id)
    return row


def connection_of(world: World, organization_id: str) -> Row | None:
    return world.store.row(
        "select * from connections where organization_id = ? order by state = 'active' desc, id",
        organization_id,
    )
