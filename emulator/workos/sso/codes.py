"""Profiles, and the single-use codes that stand for them."""

import json
import secrets
from typing import Any

from emulator.store import Row
from emulator.workos import roles
from emulator.workos.world import World

Json = dict[str, Any]
MS = 1000


def profile(
    world: World,
    connection: Row,
    *,
    idp_id: str,
    email: str,
    first_name: str | None = None,
    last_name: str | None = None,
    custom_attributes: Json | None = None,
) -> Json:
    """The profile as `/sso/token` answers it; its id is the same at each sign-in."""
    with world.store.transaction():
        profile_id = world.store.text(
            "select id from profiles where connection_id = ? and idp_id = ?",
            connection["id"],
            idp_id,
        )
        if profile_id is None:
            profile_id = world.new_id("prof")
            world.store.run(
                "insert into profiles values (?, ?, ?)", profile_id, connection["id"], idp_id
            )
    return {
        "object": "profile",
        "id": profile_id,
        "organization_id": connection["organization_id"],
        "connection_id": connection["id"],
        "connection_type": connection["type"],
        "idp_id": idp_id,
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "name": " ".join(part for part in (first_name, last_name) if part) or None,
        **roles.of_profile(world, connection["organization_id"], idp_id, email),
        "groups": None,
        "custom_attributes": custom_attributes or {},
        "raw_attributes": {},
    }


def issue(world: World, profile: Json, redirect_uri: str) -> str:
    """A code that works once, for ten minutes."""
    code = secrets.token_urlsafe(24)
    lives = world.settings.code_lives_seconds * MS
    world.store.run(
        "insert into codes (code, profile, redirect_uri, expires_at) values (?, ?, ?, ?)",
        code,
        json.dumps(profile),
        redirect_uri,
        world.clock.now_ms() + lives,
    )
    return code


def redeem(world: World, code: str) -> Json | None:
    """The profile behind the code; None when it is unknown, used or expired."""
    with world.store.transaction():
        row = world.store.row(
            "select profile from codes where code = ? and used = 0 and expires_at > ?",
            code,
            world.clock.now_ms(),
        )
        if row is None:
            return None
        world.store.run("update codes set used = 1 where code = ?", code)
    found: Json = json.loads(row["profile"])
    return found
