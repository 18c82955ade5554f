"""Links to the Admin Portal: each opens a session for one organization and one intent."""

import secrets
from datetime import timedelta
from enum import StrEnum

from emulator.store import Row
from emulator.workos import organizations
from emulator.workos.world import World

LINK_LIVES_MS = int(timedelta(minutes=5).total_seconds() * 1000)
SESSION_LIVES_MS = int(timedelta(hours=1).total_seconds() * 1000)


class Intent(StrEnum):
    """What a link is for."""

    SSO = "sso"
    DSYNC = "dsync"
    AUDIT_LOGS = "audit_logs"
    LOG_STREAMS = "log_streams"
    DOMAIN_VERIFICATION = "domain_verification"
    CERTIFICATE_RENEWAL = "certificate_renewal"
    BRING_YOUR_OWN_KEY = "bring_your_own_key"


def make_link(
    world: World,
    organization_id: str,
    intent: Intent,
    *,
    return_url: str | None = None,
    success_url: str | None = None,
    external_user_id: str | None = None,
) -> str:
    """The token in the link, which lives five minutes. Raises NotFoundError."""
    organizations.get(world, organization_id)
    token = secrets.token_urlsafe(16)
    world.store.run(
        "insert into portal_links (token, organization_id, intent, return_url, success_url,"
        " external_user_id, expires_at) values (?, ?, ?, ?, ?, ?, ?)",
        token,
        organization_id,
        intent,
        return_url,
        success_url,
        external_user_id,
        world.clock.now_ms() + LINK_LIVES_MS,
    )
    return token


def open_link(world: World, token: str) -> Row | None:
    """The session that it begins; None when the link is unknown or has expired."""
    now = world.clock.now_ms()
    session_id = secrets.token_urlsafe(16)
    made = world.store.run(
        "insert into portal_sessions select ?, organization_id, intent, return_url, success_url,"
        " external_user_id, ? from portal_links where token = ? and expires_at > ?",
        session_id,
        now + SESSION_LIVES_MS,
        token,
        now,
    )
    return session(world, session_id) if made else None


def session(world: World, session_id: str) -> Row | None:
    return world.store.row(
        "select * from portal_sessions where id = ? and expires_at > ?",
        session_id,
        world.clock.now_ms(),
    )


def revoke_links(world: World, organization_id: str, external_user_id: str) -> None:
    """Every link made for this user of the application, and the sessions begun by them."""
    organizations.get(world, organization_id)
    with world.store.transaction():
        for statement in (
            "delete from portal_links where organization_id = ? and external_user_id = ?",
            "delete from portal_sessions where organization_id = ? and external_user_id = ?",
        ):
            world.store.run(statement, organization_id, external_user_id)
