"""What becomes of a connection: switched on and off, deleted, and its certificate in the end."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from emulator.clock import iso
from emulator.store import Row
from emulator.workos import events, organizations, wire
from emulator.workos.world import World

Json = dict[str, Any]
DAY_MS = int(timedelta(days=1).total_seconds() * 1000)
CERTIFICATE_LIVES_DAYS = 3650
"""An Okta app's signing certificate lives ten years."""


class ConnectionState(StrEnum):
    """Two of WorkOS's states; a connection of the emulator is set up from the start."""

    ACTIVE = "active"
    INACTIVE = "inactive"


def create(world: World, organization_id: str, name: str) -> Row:
    """One that somebody sets up now: `connection.activated`."""
    with world.store.transaction():
        row = organizations.create_connection(world, organization_id, name)
        _record_change(world, row)
    return row


def switch(world: World, connection_id: str, state: ConnectionState) -> Row:
    """`connection.activated` or `connection.deactivated`, if that is a change."""
    row = organizations.connection(world, connection_id)
    if row["state"] == state:
        return row
    with world.store.transaction():
        world.store.run(
            "update connections set state = ?, updated_at = ? where id = ?",
            state,
            world.clock.now_ms(),
            connection_id,
        )
        row = organizations.connection(world, connection_id)
        _record_change(world, row)
    return row


def delete(world: World, connection_id: str) -> None:
    """`connection.deleted`."""
    row = organizations.connection(world, connection_id)
    with world.store.transaction():
        world.store.run("delete from connections where id = ?", connection_id)
        data = wire.deleted_connection(row)
        events.record(world, "connection.deleted", data, row["organization_id"])


def certificate_expires_at(row: Row) -> int:
    """Milliseconds since the epoch."""
    kept: int | None = row["certificate_expires_at"]
    return int(row["created_at"]) + CERTIFICATE_LIVES_DAYS * DAY_MS if kept is None else kept


def let_certificate_expire(world: World, connection_id: str, days: int) -> None:
    """In so many days, or so many ago; `connection.saml_certificate_renewal_required`."""
    expires_at = world.clock.now_ms() + days * DAY_MS
    with world.store.transaction():
        row = _to_expire(world, connection_id, expires_at)
        certificate = _certificate(expires_at) | {"is_expired": days < 0}
        data = {
            "connection": _named(row), "certificate": certificate, "days_until_expiry": days,
        }  # fmt: skip
        name = "connection.saml_certificate_renewal_required"
        events.record(world, name, data, row["organization_id"])


def renew_certificate(world: World, connection_id: str) -> None:
    """`connection.saml_certificate_renewed`."""
    now = world.clock.now_ms()
    expires_at = now + CERTIFICATE_LIVES_DAYS * DAY_MS
    with world.store.transaction():
        row = _to_expire(world, connection_id, expires_at)
        data = {
            "connection": _named(row),
            "certificate": _certificate(expires_at),
            "renewed_at": iso(now),
        }
        events.record(world, "connection.saml_certificate_renewed", data, row["organization_id"])


def _record_change(world: World, row: Row) -> None:
    active = row["state"] == ConnectionState.ACTIVE
    name = "connection.activated" if active else "connection.deactivated"
    events.record(world, name, wire.changed_connection(row), row["organization_id"])


def _to_expire(world: World, connection_id: str, at: int) -> Row:
    row = organizations.connection(world, connection_id)
    world.store.run(
        "update connections set certificate_expires_at = ? where id = ?", at, connection_id
    )
    return row


def _named(row: Row) -> Json:
    return {"id": row["id"], "organization_id": row["organization_id"]}


def _certificate(expires_at: int) -> Json:
    return {"certificate_type": "ResponseSigning", "expiry_date": iso(expires_at)}
