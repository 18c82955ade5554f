"""The bearer tokens of a directory's SCIM endpoint; their events are for the Events API only."""

import secrets

from emulator.store import Row
from emulator.workos import events, wire
from emulator.workos.world import NotFoundError, World


def active(world: World, directory_id: str) -> list[Row]:
    return world.store.rows(
        "select * from directory_tokens where directory_id = ? and revoked_at is null order by id",
        directory_id,
    )


def create(world: World, directory: Row, token: str | None = None) -> Row:
    """One more, beside those there are; `dsync.token.created`."""
    token_id = world.new_id("directory_token")
    with world.store.transaction():
        world.store.run(
            "insert into directory_tokens values (?, ?, ?, ?, null)",
            token_id,
            directory["id"],
            token or secrets.token_urlsafe(24),
            world.clock.now_ms(),
        )
        row = get(world, token_id)
        _record(world, "created", row, directory)
    return row


def get(world: World, token_id: str) -> Row:
    row = world.store.row("select * from directory_tokens where id = ?", token_id)
    if row is None:
        raise NotFoundError("Directory Token", token_id)
    return row


def revoke(world: World, token_id: str) -> None:
    """From the next request on it is refused; `dsync.token.revoked`, once."""
    row = get(world, token_id)
    with world.store.transaction():
        if world.store.run(
            "update directory_tokens set revoked_at = ? where id = ? and revoked_at is null",
            world.clock.now_ms(),
            token_id,
        ):
            directory = world.store.one(
                "select * from directories where id = ?", row["directory_id"]
            )
            _record(world, "revoked", row, directory)


def opens(world: World, directory_id: str, given: str) -> bool:
    return any(
        secrets.compare_digest(given.encode(), row["token"].encode())
        for row in active(world, directory_id)
    )


def _record(world: World, what: str, row: Row, directory: Row) -> None:
    organization_id = directory["organization_id"]
    data = wire.directory_token(row, organization_id)
    events.record(world, f"dsync.token.{what}", data, organization_id, webhook=False)
