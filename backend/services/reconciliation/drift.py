"""Merging a part of a listing: how the mirror differed from it, and whose access that changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.models import User, live_directory_users, live_groups
from backend.schemas.audit import AuditAction, AuditDetail, MirrorState
from backend.schemas.reconciliations import Drift
from backend.services import access_ends, audit
from backend.services.mirror.apply import merge
from backend.services.mirror.rows import Facts, Version
from backend.services.reconciliation.comparison import Comparison
from backend.services.roles import admins

# Each row is looked up by its key, also while the statistics still say that the tables are empty.
_BY_KEY = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)"
)


async def merge_part(
    connection: AsyncConnection, organization_id: str, facts: Facts, version: Version
) -> Drift:
    """Merge a part of a complete listing as an event's facts, and note whose access it changed.

    Args:
        connection: a transaction.
        organization_id: whose directories are listed.
        facts: of the part.
        version: of the listing.
    """
    await connection.execute(_BY_KEY)
    part = Comparison(connection, organization_id, facts, version)
    directories = await part.directories()
    people, groups = await part.people(), await part.groups()
    memberships, keys = await part.memberships()
    before = await part.access_of(User.key, people.keys | keys)
    await merge(connection, facts)
    after = await part.access_of(User.id, before)
    changes = [
        audit.entry(
            AuditAction.RECONCILIATION_ACCESS_CHANGED,
            organization_id=organization_id,
            subject_id=user_id,
            event_id=version.event_id,
            detail=AuditDetail(
                before=MirrorState(access=state), after=MirrorState(access=after[user_id])
            ),
        )
        for user_id, state in before.items()
        if after[user_id] != state
    ]
    await audit.record(connection, *changes)
    gone_or_back = [
        user_id for user_id, state in before.items() if after[user_id].active != state.active
    ]
    await access_ends.end_for(connection, organization_id, gone_or_back)
    roles_before = [role for state in before.values() for role in state.roles]
    roles_after = [role for state in after.values() for role in state.roles]
    await admins.note_if_gone(
        connection, organization_id, roles_before, roles_after, version.event_id
    )
    found = Drift(
        directories=directories, people=people.drift, groups=groups.drift, memberships=memberships
    )
    found.people.add(await part.now_live(live_directory_users, people.absent))
    found.groups.add(await part.now_live(live_groups, groups.absent))
    return found
