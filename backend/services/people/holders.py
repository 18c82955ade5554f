"""Who may have a role besides member: by a mapping of a group of theirs, or by a grant."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, and_, literal, select, union_all

from backend.database import Executor, looked_up
from backend.models import Admission, RoleGrant, RoleMapping, User, access, live_memberships
from backend.schemas.access import AdmissionKind, Permission, Role, roles_with
from backend.services.sessions import array_of

_MOST = 3_000


def _candidates(organization_id: str, roles: Collection[Role]) -> Select[UUID]:
    """Some more than once, and some who have it no more: the view `access` has the last word."""
    of = literal(organization_id)
    mapped = (
        select(User.id)
        .select_from(RoleMapping)
        .join(
            live_memberships,
            and_(
                live_memberships.c.organization_id == of,
                live_memberships.c.group_id == RoleMapping.group_id,
            ),
        )
        .join(User, and_(User.organization_id == of, User.key == live_memberships.c.user_key))
        .where(RoleMapping.organization_id == of, RoleMapping.role.in_(roles), ~RoleMapping.removed)
    )
    granted = select(RoleGrant.user_id).where(
        RoleGrant.organization_id == of, RoleGrant.role.in_(roles)
    )
    return select(union_all(mapped, granted).subquery("candidates").c[0])


async def find(executor: Executor, organization_id: str, role: Role) -> list[UUID] | None:
    """Who may have this role; None: more than are worth looking at one by one."""
    found = (
        await executor.scalars(
            _candidates(organization_id, [role]).limit(literal(_MOST + 1, literal_execute=True))
        )
    ).all()
    return None if len(found) > _MOST else sorted(set(found))


async def active_admins(executor: Executor, organization_id: str, limit: int) -> list[UUID]:
    """Some of the people who administer the organization now; a program is none."""
    admins = roles_with(Permission.ADMINISTER)
    candidates = _candidates(organization_id, admins).distinct().subquery("candidate")
    now = (
        select(access.c.active, access.c.roles)
        .where(access.c.organization_id == organization_id, access.c.user_id == candidates.c[0])
        .offset(0)
        .correlate(candidates)
        .lateral("now")
    )
    program = looked_up(
        select(Admission.user_id).where(
            Admission.organization_id == organization_id,
            Admission.user_id == candidates.c[0],
            Admission.kind == AdmissionKind.SERVICE,
        )
    )
    found = await executor.scalars(
        select(candidates.c[0])
        .select_from(candidates.join(now, now.c.active & now.c.roles.overlap(array_of(admins))))
        .where(~program)
        .limit(literal(limit, literal_execute=True))
    )
    return list(found)
