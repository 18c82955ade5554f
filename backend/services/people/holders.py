"""Who may have a role besides member: by a mapping of a group or a WorkOS role, or by a grant."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import InstrumentedAttribute

from backend.database import Executor
from backend.models import (
    DirectoryMembership,
    DirectoryUser,
    RoleGrant,
    RoleMapping,
    User,
    WorkosRoleMapping,
)
from backend.schemas.access import Role

_MOST = 3_000


def _candidates(organization_id: str, role: Role) -> Select[UUID]:
    """Some more than once, and some who have it no more: the view `access` has the last word."""
    of = literal(organization_id)
    groups = select(RoleMapping.group_id).where(
        RoleMapping.organization_id == of, RoleMapping.role == role, ~RoleMapping.removed
    )
    # From the groups on, one by one: as a join it may be begun at everybody.
    key = (
        select(DirectoryUser.user_key)
        .where(
            DirectoryUser.organization_id == of,
            DirectoryUser.id == DirectoryMembership.directory_user_id,
        )
        .correlate(DirectoryMembership)
        .scalar_subquery()
    )
    user_id = (
        select(User.id)
        .where(User.organization_id == of, User.key == key)
        .correlate(DirectoryMembership)
        .scalar_subquery()
    )
    mapped = select(user_id.label("id")).where(
        DirectoryMembership.organization_id == of,
        DirectoryMembership.group_id == func.any(func.array(groups.scalar_subquery())),
        DirectoryMembership.present,
    )
    granted = select(RoleGrant.user_id).where(
        RoleGrant.organization_id == of, RoleGrant.role == role
    )
    by_slug = (
        select(User.id)
        .select_from(WorkosRoleMapping)
        .join(
            DirectoryUser,
            and_(DirectoryUser.organization_id == of, _has_slug(DirectoryUser.role_slugs)),
        )
        .join(User, and_(User.organization_id == of, User.key == DirectoryUser.user_key))
        .where(*_slug_gives(of, role))
    )
    signed_in = (
        select(User.id)
        .select_from(WorkosRoleMapping)
        .join(User, and_(User.organization_id == of, _has_slug(User.role_slugs)))
        .where(*_slug_gives(of, role))
    )
    found = union_all(mapped, granted, by_slug, signed_in).subquery("candidates")
    return select(found.c[0]).where(found.c[0].is_not(None))


def _has_slug(slugs: InstrumentedAttribute[list[str]]) -> ColumnElement[bool]:
    """As the index has them."""
    return slugs.contains(array([WorkosRoleMapping.slug])) & (slugs != literal_column("'{}'"))


def _slug_gives(of: ColumnElement[str], role: Role) -> list[ColumnElement[bool]]:
    return [
        WorkosRoleMapping.organization_id == of,
        WorkosRoleMapping.role == role,
        ~WorkosRoleMapping.removed,
    ]


async def find(executor: Executor, organization_id: str, role: Role) -> list[UUID] | None:
    """Who may have this role; None: more than are worth looking at one by one."""
    found = (
        await executor.scalars(
            _candidates(organization_id, role).limit(literal(_MOST + 1, literal_execute=True))
        )
    ).all()
    return None if len(found) > _MOST else sorted(set(found))
