"""Merging what no event brought: snapshots read from WorkOS's API, by the one way there is."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from backend.database import Executor, transaction_lock
from backend.models import User
from backend.schemas.audit import AuditAction, AuditDetail, MirrorState
from backend.services import access_ends, audit
from backend.services.mirror.rows import (
    ACTIVE,
    FACT,
    Facts,
    Version,
    group_row,
    membership_row,
    removed_row,
    snapshot_row,
    user_row,
)
from backend.services.roles import admins
from backend.workos.models import DirectoryGroup, DirectoryUser


async def merge(executor: Executor, facts: Facts) -> None:
    await executor.execute(select(func.merge_facts(bindparam("facts", facts, JSONB))))


def snapshot_version(occurred_at: datetime) -> Version:
    """A version for what was read from WorkOS just now.

    Args:
        occurred_at: by WorkOS's clock.
    """
    return Version(occurred_at, f"snapshot_{uuid7()}")


async def merge_person(
    executor: Executor, person: DirectoryUser, groups: list[DirectoryGroup], version: Version
) -> None:
    """Merge the snapshot of a person with all their groups; noted where it changed their state.

    Args:
        executor: a transaction.
        person: as read.
        groups: as read; those of another directory are none of theirs.
        version: of the snapshot.
    """
    theirs = [
        group
        for group in groups
        if group.organization_id == person.organization_id
        and group.directory_id == person.directory_id
    ]
    facts = Facts(
        managed=[person.organization_id],
        directory_users=[user_row(person, FACT, version)],
        groups=[group_row(group, FACT, version) for group in theirs],
        memberships=[
            membership_row(person.organization_id, group.id, [person.id], version)
            for group in theirs
        ],
        snapshots=[snapshot_row(person, version)],
    )
    if person.state != ACTIVE:
        facts["removed_directory_users"] = [removed_row(person, version)]
    # What is noted as before and after must be this snapshot's doing alone.
    await transaction_lock(executor, f"{person.organization_id} {person.id}")
    before = await _state(executor, person)
    await merge(executor, facts)
    after = await _state(executor, person)
    if before != after:
        if before.access and after.access and before.access.active != after.access.active:
            await access_ends.end_for(
                executor, person.organization_id, await _users(executor, person)
            )
        entry = audit.entry(
            AuditAction.SNAPSHOT_PERSON,
            organization_id=person.organization_id,
            subject_id=person.id,
            event_id=version.event_id,
            detail=AuditDetail(before=before, after=after),
        )
        await audit.record(executor, entry)
        await admins.note_if_gone(
            executor,
            person.organization_id,
            before.access.roles if before.access else (),
            after.access.roles if after.access else (),
            version.event_id,
        )


async def _users(executor: Executor, person: DirectoryUser) -> Sequence[UUID]:
    users = select(User.id).where(
        User.organization_id == person.organization_id, User.key == (person.idp_id or person.id)
    )
    return (await executor.execute(users)).scalars().all()


async def _state(executor: Executor, person: DirectoryUser) -> MirrorState:
    state = func.mirror_state(
        person.organization_id,
        person.id,
        person.idp_id or person.id,
        None,
        None,
        True,
        type_=JSONB,
    )
    return audit.read_state(await executor.scalar(select(state)))
