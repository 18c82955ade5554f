"""Who loses access or a role by what a complete listing ends, in temporary tables."""

from sqlalchemy import (
    Boolean,
    Column,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from backend.database import Query
from backend.models import User, access
from backend.services.reconciliation.ending import ORGANIZATION, SECONDS, ending, temporary

_admitted = temporary(
    "admitted", Column("user_id", Uuid), Column("name", Text), Column("roles", ARRAY(Text))
)
lost = temporary(
    "lost",
    Column("user_id", Uuid),
    Column("name", Text),
    Column("roles_before", ARRAY(Text)),
    Column("active", Boolean),
    Column("roles", ARRAY(Text)),
)

_keys = select(ending.c.user_key).where(ending.c.user_key.is_not(None)).distinct().subquery()
FIND_ADMITTED = Query(
    insert(_admitted).from_select(
        _admitted.columns.keys(),
        select(access.c.user_id, User.name, access.c.roles)
        .select_from(_keys)
        .join(User, and_(User.organization_id == ORGANIZATION, User.key == _keys.c.user_key))
        .join(
            access,
            and_(access.c.organization_id == ORGANIZATION, access.c.user_id == User.id),
        )
        .where(access.c.active),
    ),
    seconds=SECONDS,
)
# One by one: joined, the access of all the organization's people was derived.
_access_now = (
    select(access.c.active, access.c.roles)
    .where(access.c.organization_id == ORGANIZATION, access.c.user_id == _admitted.c.user_id)
    .offset(0)
    .correlate(_admitted)
    .lateral("now")
)
FIND_LOST = Query(
    insert(lost).from_select(
        lost.columns.keys(),
        select(
            _admitted.c.user_id,
            _admitted.c.name,
            _admitted.c.roles,
            _access_now.c.active,
            _access_now.c.roles,
        )
        .select_from(_admitted.join(_access_now, true()))
        .where(or_(~_access_now.c.active, ~_admitted.c.roles.contained_by(_access_now.c.roles))),
    ),
    seconds=SECONDS,
)

_admins = bindparam("admin_roles", type_=ARRAY(Text))
LAST_ADMIN = Query(
    select(
        select(lost.c.user_id)
        .where(lost.c.roles_before.overlap(_admins), ~lost.c.roles.overlap(_admins))
        .exists()
        & ~func.has_admin(ORGANIZATION, type_=Boolean)
    ),
    seconds=SECONDS,
)
