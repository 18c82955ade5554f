"""What a group, or a role at WorkOS, gives: changed by an admin."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from backend.database import Executor
from backend.errors import NotFound, StaleVersion
from backend.models import (
    MappingVersion,
    Organization,
    RoleMapping,
    WorkosRole,
    WorkosRoleMapping,
)
from backend.schemas.access import Actor, Role
from backend.schemas.audit import AuditAction, AuditDetail, MirrorState, WorkosRoleState
from backend.schemas.explanation import MappingSource
from backend.schemas.roles import MappedGroup, MappedKind, MappedWorkosRole, MappingChange
from backend.services import audit
from backend.services.roles import admins, listing

_AT_WORKOS = "workos_role "


def subject_of_workos_role(slug: str) -> str:
    """As what the audit trail knows it."""
    return f"{_AT_WORKOS}{slug}"


def slug_of_subject(subject_id: str) -> str | None:
    """None where it is no role at WorkOS."""
    slug = subject_id.removeprefix(_AT_WORKOS)
    return None if slug == subject_id else slug


async def change_group(
    executor: Executor, actor: Actor, group_id: str, change: MappingChange
) -> MappedGroup:
    """Have a group of the directory give these roles and no others.

    Raises:
        NotFound: the organization's directories never had it.
        StaleVersion: somebody else was faster; nothing was changed.
        LastAdmin: nobody would be left who may administer.
    """
    organization_id = actor.organization_id
    await admins.take_turns_by_hand(executor, organization_id)
    group = await _read_group(executor, organization_id, group_id)
    if group.version != change.version:
        raise StaleVersion(group.model_dump(mode="json"))
    before = await _group_state(executor, organization_id, group_id)
    if not await write_group(executor, organization_id, group_id, change.roles):
        return group
    await _count(executor, organization_id, MappedKind.GROUP, group_id)
    await admins.refuse_to_lose_the_last(executor, organization_id)
    after = await _group_state(executor, organization_id, group_id)
    await _note(executor, actor, group_id, before, after)
    return await _read_group(executor, organization_id, group_id)


async def change_workos_role(
    executor: Executor, actor: Actor, slug: str, change: MappingChange
) -> MappedWorkosRole:
    """Have a role at WorkOS give these roles and no others; nobody need have it yet.

    Raises:
        StaleVersion: somebody else was faster; nothing was changed.
        LastAdmin: nobody would be left who may administer.
    """
    organization_id = actor.organization_id
    await admins.take_turns_by_hand(executor, organization_id)
    await executor.execute(
        insert(WorkosRole)
        .values(organization_id=organization_id, slug=slug)
        .on_conflict_do_nothing()
    )
    (known,) = await listing.read_workos_roles(executor, organization_id, [slug])
    if known.version != change.version:
        raise StaleVersion(known.model_dump(mode="json"))
    if not await write_workos_role(executor, organization_id, slug, change.roles):
        return known
    await _count(executor, organization_id, MappedKind.WORKOS_ROLE, slug)
    await admins.refuse_to_lose_the_last(executor, organization_id)
    (now,) = await listing.read_workos_roles(executor, organization_id, [slug])
    before, after = (
        MirrorState(workos_role=WorkosRoleState(roles=list(each.roles))) for each in (known, now)
    )
    await _note(executor, actor, subject_of_workos_role(slug), before, after)
    return now


async def write_group(
    executor: Executor, organization_id: str, group_id: str, roles: Collection[Role]
) -> bool:
    """Whether that changes anything. A mapping by the rule is one by hand from then on, where the
    rule is switched off.
    """
    values = [
        {
            "organization_id": organization_id,
            "group_id": group_id,
            "role": role,
            "source": MappingSource.ADMIN,
        }
        for role in roles
    ]
    switched_off = (
        select(~Organization.default_mappings)
        .where(Organization.workos_id == organization_id)
        .scalar_subquery()
    )
    counts_no_more = or_(
        RoleMapping.removed, and_(RoleMapping.source == MappingSource.DEFAULT, switched_off)
    )
    written = False
    if values:
        new = insert(RoleMapping).values(values)
        given = await executor.execute(
            new.on_conflict_do_update(
                index_elements=["organization_id", "group_id", "role"],
                set_={
                    "removed": False,
                    "source": MappingSource.ADMIN,
                    "event_id": None,
                    "created_at": func.now(),
                },
                where=counts_no_more,
            ).returning(RoleMapping.role)
        )
        written = bool(given.all())
    taken = await executor.execute(
        update(RoleMapping)
        .where(
            RoleMapping.organization_id == organization_id,
            RoleMapping.group_id == group_id,
            ~RoleMapping.removed,
            _are_not(RoleMapping.role, roles),
        )
        .values(removed=True)
        .returning(RoleMapping.role)
    )
    return bool(taken.all()) or written


async def write_workos_role(
    executor: Executor, organization_id: str, slug: str, roles: Collection[Role]
) -> bool:
    """Whether that changes anything."""
    values = [{"organization_id": organization_id, "slug": slug, "role": role} for role in roles]
    written = False
    if values:
        new = insert(WorkosRoleMapping).values(values)
        given = await executor.execute(
            new.on_conflict_do_update(
                index_elements=["organization_id", "slug", "role"],
                set_={"removed": False, "created_at": func.now()},
                where=WorkosRoleMapping.removed.is_(True),
            ).returning(WorkosRoleMapping.role)
        )
        written = bool(given.all())
    taken = await executor.execute(
        update(WorkosRoleMapping)
        .where(
            WorkosRoleMapping.organization_id == organization_id,
            WorkosRoleMapping.slug == slug,
            ~WorkosRoleMapping.removed,
            _are_not(WorkosRoleMapping.role, roles),
        )
        .values(removed=True)
        .returning(WorkosRoleMapping.role)
    )
    return bool(taken.all()) or written


def _are_not(role: SQLColumnExpression[str], roles: Collection[Role]) -> ColumnElement[bool]:
    """What only a newer version knows is left alone."""
    return role.in_([each.value for each in Role if each not in roles])


async def _read_group(executor: Executor, organization_id: str, group_id: str) -> MappedGroup:
    groups = await listing.read_groups(executor, organization_id, [group_id])
    if not groups:
        raise NotFound
    return groups[0]


async def _group_state(executor: Executor, organization_id: str, group_id: str) -> MirrorState:
    state = func.jsonb_strip_nulls(
        func.group_state(organization_id, group_id, type_=JSONB), type_=JSONB
    )
    return audit.read_state(await executor.scalar(select(state)))


async def _count(
    executor: Executor, organization_id: str, kind: MappedKind, mapped_id: str
) -> None:
    first = insert(MappingVersion).values(
        organization_id=organization_id, kind=kind, mapped_id=mapped_id, version=1
    )
    await executor.execute(
        first.on_conflict_do_update(
            index_elements=["organization_id", "kind", "mapped_id"],
            set_={"version": MappingVersion.version + 1},
        )
    )


async def _note(
    executor: Executor, actor: Actor, subject_id: str, before: MirrorState, after: MirrorState
) -> None:
    changed = audit.entry(
        AuditAction.MAPPING_CHANGED,
        organization_id=actor.organization_id,
        subject_id=subject_id,
        actor_id=actor.user_id,
        detail=AuditDetail(before=before, after=after),
    )
    await audit.record(executor, changed)
