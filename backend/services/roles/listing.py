"""What gives which role, as admins are shown it: groups, roles at WorkOS, grants."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from backend.database import Executor, SnapshotConnection, looked_up
from backend.models import (
    AuditEvent,
    Directory,
    DirectoryGroup,
    MappingVersion,
    Organization,
    RoleGrant,
    RoleMapping,
    User,
    WorkosRole,
    WorkosRoleMapping,
    access,
    live_directory_users,
    live_groups,
    live_memberships,
)
from backend.pagination import Filter, Keyset, LabelCursor
from backend.schemas import roles as schemas
from backend.schemas.access import Actor, Role, RoleSource, permissions_of
from backend.schemas.events import Person
from backend.schemas.explanation import MappingSource, Named
from backend.schemas.roles import (
    MOST_COUNTED,
    GroupPage,
    MappedGroup,
    MappedKind,
    MappedRole,
    MappedWorkosRole,
    RoleEntry,
    Roles,
)

_BY_NAME = Keyset(LabelCursor, DirectoryGroup.sort_name, DirectoryGroup.id)

MOST_LISTED = 50
"""Groups, and grants, of a role; roles at WorkOS."""

_ONE: ColumnElement[int] = literal_column("1")
_LABELS_LOOKED_AT = 50  # entries of the audit trail about a group
_ACTIVE = "active"


def known(role: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Of a row's role: this version knows it."""
    return role.in_([each.value for each in Role])


async def read_all(connection: SnapshotConnection, actor: Actor) -> Roles:
    """Each role with what gives it, no more of each than `MOST_LISTED`."""
    organization_id = actor.organization_id
    organization = (
        await connection.execute(
            select(Organization.role_source, Organization.default_mappings).where(
                Organization.workos_id == organization_id
            )
        )
    ).one()
    of_role = {role: await _mapped_to(connection, organization_id, role) for role in Role}
    wanted = {group_id for ids in of_role.values() for group_id in ids[:MOST_LISTED]}
    groups = await read_groups(connection, organization_id, wanted)
    at_workos = await read_workos_roles(connection, organization_id)
    items = []
    for role, ids in of_role.items():
        grants = await _grants_of(connection, organization_id, role)
        items.append(
            RoleEntry(
                role=role,
                permissions=sorted(permissions_of([role])),
                groups=[group for group in groups if group.id in ids[:MOST_LISTED]],
                more_groups=len(ids) > MOST_LISTED,
                workos_roles=[each.slug for each in at_workos if role in each.roles],
                grants=grants[:MOST_LISTED],
                more_grants=len(grants) > MOST_LISTED,
            )
        )
    return Roles(
        role_source=RoleSource(organization.role_source),
        default_mappings=organization.default_mappings,
        items=items,
        workos_roles=at_workos,
    )


async def list_groups(
    executor: Executor,
    actor: Actor,
    *,
    search: str | None,
    role: Role | None,
    mapped: bool | None,
    cursor: LabelCursor | None,
    limit: int,
) -> GroupPage:
    """The directory's groups by name, with what they give.

    Args:
        executor: what runs the statements.
        actor: who asks.
        search: only those whose name has this in it, in whatever spelling.
        role: only those that are mapped to it.
        mapped: only those that are, or are not, mapped to any.
        cursor: the last group of the page before.
        limit: groups a page.
    """
    here = DirectoryGroup.organization_id == actor.organization_id
    filters: list[Filter] = []
    if role is not None:
        of_role = (RoleMapping.role == role, ~RoleMapping.removed)
        found = select(DirectoryGroup.id).join(RoleMapping, _OF_GROUP).where(here, *of_role)
        filters.append(Filter(_has_mapping(*of_role), found))
    if mapped is not None:
        is_mapped = _has_mapping(~RoleMapping.removed, known(RoleMapping.role))
        filters.append(Filter(is_mapped if mapped else ~is_mapped))
    if search and (wanted := await executor.scalar(select(func.folded(search)))):
        filters.append(Filter(func.strpos(DirectoryGroup.sort_name, wanted) > 0))
    rows, next_cursor = await _BY_NAME.fetch(
        executor,
        select(DirectoryGroup.organization_id, DirectoryGroup.id, DirectoryGroup.sort_name).where(
            here, _IS_LIVE
        ),
        cursor,
        limit,
        filters=filters,
        described=_described,
    )
    items = await _completed(executor, actor.organization_id, rows)
    return GroupPage(items=items, next_cursor=next_cursor)


_OF_GROUP = and_(
    RoleMapping.organization_id == DirectoryGroup.organization_id,
    RoleMapping.group_id == DirectoryGroup.id,
)
_IS_LIVE = looked_up(
    select(live_groups.c.id).where(
        live_groups.c.organization_id == DirectoryGroup.organization_id,
        live_groups.c.id == DirectoryGroup.id,
    )
)


def _has_mapping(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return looked_up(select(RoleMapping.role).where(_OF_GROUP, *conditions))


async def _mapped_to(executor: Executor, organization_id: str, role: Role) -> Sequence[str]:
    """The ids of its groups, and one more than are listed."""
    found = await executor.scalars(
        select(RoleMapping.group_id)
        .where(
            RoleMapping.organization_id == organization_id,
            RoleMapping.role == role,
            ~RoleMapping.removed,
        )
        .order_by(RoleMapping.group_id)
        .limit(literal(MOST_LISTED + 1, literal_execute=True))
    )
    return found.all()


def _counted(rows: Select[*tuple[Any, ...]], of: FromClause) -> ScalarSelect[int]:
    """How many there are, and no more than one above what is counted."""
    some = rows.limit(literal_column(str(MOST_COUNTED + 1))).correlate(of).subquery("some")
    return select(func.count()).select_from(some).correlate(of).scalar_subquery()


def _described(groups: FromClause) -> Select[*tuple[Any, ...]]:
    members = select(_ONE).where(
        live_memberships.c.organization_id == groups.c.organization_id,
        live_memberships.c.group_id == groups.c.id,
        live_memberships.c.state == _ACTIVE,
    )
    directory = select(Directory.name).where(
        Directory.organization_id == DirectoryGroup.organization_id,
        Directory.id == DirectoryGroup.directory_id,
    )
    version = select(MappingVersion.version).where(
        MappingVersion.organization_id == DirectoryGroup.organization_id,
        MappingVersion.kind == MappedKind.GROUP,
        MappingVersion.mapped_id == DirectoryGroup.id,
    )
    return (
        select(
            DirectoryGroup.id,
            DirectoryGroup.name,
            DirectoryGroup.sort_name,
            DirectoryGroup.directory_id,
            directory.scalar_subquery().label("directory_name"),
            _IS_LIVE.label("live"),
            _counted(members, groups).label("members"),
            func.coalesce(version.scalar_subquery(), 0).label("version"),
        )
        .select_from(groups)
        .join(
            DirectoryGroup,
            and_(
                DirectoryGroup.organization_id == groups.c.organization_id,
                DirectoryGroup.id == groups.c.id,
            ),
        )
    )


async def read_groups(
    executor: Executor, organization_id: str, group_ids: Collection[str]
) -> list[MappedGroup]:
    """Those of these that there are, by name."""
    keys = (
        select(DirectoryGroup.organization_id, DirectoryGroup.id)
        .where(
            DirectoryGroup.organization_id == organization_id,
            DirectoryGroup.id == any_(literal(sorted(group_ids), ARRAY(Text))),
        )
        .subquery("wanted")
    )
    rows = await executor.execute(
        _described(keys).order_by(DirectoryGroup.sort_name, DirectoryGroup.id)
    )
    return await _completed(executor, organization_id, rows.all())


async def _completed(
    executor: Executor, organization_id: str, rows: Sequence[Row[*tuple[Any, ...]]]
) -> list[MappedGroup]:
    ids = [row.id for row in rows]
    roles = await _roles_of_groups(executor, organization_id, ids)
    labels = await _labels_before(executor, organization_id, ids)
    return [
        MappedGroup(
            id=row.id,
            name=row.name,
            labels_before=[label for label in labels[row.id] if label != row.name],
            directory=Named(id=row.directory_id, name=row.directory_name),
            live=row.live,
            members=min(row.members, MOST_COUNTED),
            members_more=row.members > MOST_COUNTED,
            roles=roles[row.id],
            version=row.version,
        )
        for row in rows
    ]


async def _roles_of_groups(
    executor: Executor, organization_id: str, group_ids: list[str]
) -> dict[str, list[MappedRole]]:
    gives = and_(
        Organization.role_source != RoleSource.WORKOS,
        or_(RoleMapping.source != MappingSource.DEFAULT, Organization.default_mappings),
    )
    rows = await executor.execute(
        select(
            RoleMapping.group_id,
            RoleMapping.role,
            RoleMapping.source,
            RoleMapping.created_at,
            gives.label("gives"),
        )
        .join(Organization, Organization.workos_id == RoleMapping.organization_id)
        .where(
            RoleMapping.organization_id == organization_id,
            RoleMapping.group_id == any_(literal(group_ids, ARRAY(Text))),
            ~RoleMapping.removed,
            known(RoleMapping.role),
        )
        .order_by(RoleMapping.group_id, RoleMapping.role)
    )
    found: dict[str, list[MappedRole]] = defaultdict(list)
    for row in rows:
        found[row.group_id].append(
            MappedRole(
                role=Role(row.role),
                source=MappingSource(row.source),
                since=row.created_at,
                gives=row.gives,
            )
        )
    return found


async def _labels_before(
    executor: Executor, organization_id: str, group_ids: list[str]
) -> dict[str, list[str]]:
    """Of each group the names that the audit trail tells of, the newest first."""
    wanted = (
        func.unnest(bindparam("groups", group_ids, ARRAY(Text)))
        .table_valued("id", name="wanted")
        .render_derived()
    )
    newest = (
        select(AuditEvent.at, AuditEvent.id, AuditEvent.detail)
        .where(AuditEvent.organization_id == organization_id, AuditEvent.subject_id == wanted.c.id)
        .order_by(AuditEvent.at.desc())
        .limit(literal_column(str(_LABELS_LOOKED_AT)))
        .correlate(wanted)
        .lateral("newest")
    )
    label = newest.c.detail["before"]["group"]["name"].astext
    rows = await executor.execute(
        select(wanted.c.id, label.label("label"))
        .select_from(wanted)
        .join(newest, true())
        .where(label.is_not(None))
        .order_by(wanted.c.id, newest.c.at.desc(), newest.c.id.desc())
    )
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        found[row.id][row.label] = None
    return defaultdict(list, {group_id: list(labels) for group_id, labels in found.items()})


async def read_workos_roles(
    executor: Executor, organization_id: str, slugs: Iterable[str] | None = None
) -> list[MappedWorkosRole]:
    """Those that anybody has had, or that an admin has named; or of these slugs."""
    version = select(MappingVersion.version).where(
        MappingVersion.organization_id == WorkosRole.organization_id,
        MappingVersion.kind == MappedKind.WORKOS_ROLE,
        MappingVersion.mapped_id == WorkosRole.slug,
    )
    of = WorkosRole.__table__
    in_directories = select(_ONE).where(
        live_directory_users.c.organization_id == of.c.organization_id,
        live_directory_users.c.role_slugs.contains(array([of.c.slug])),
        live_directory_users.c.role_slugs != literal_column("'{}'::text[]"),
        live_directory_users.c.state == _ACTIVE,
    )
    by_sign_in = select(_ONE).where(
        User.organization_id == of.c.organization_id,
        User.role_slugs.contains(array([of.c.slug])),
        User.role_slugs != literal_column("'{}'::text[]"),
    )
    people = case(
        (Organization.directory_managed, _counted(in_directories, of)),
        else_=_counted(by_sign_in, of),
    )
    query = (
        select(
            WorkosRole.slug,
            people.label("people"),
            func.coalesce(version.scalar_subquery(), 0).label("version"),
        )
        .join(Organization, Organization.workos_id == WorkosRole.organization_id)
        .where(WorkosRole.organization_id == organization_id)
        .order_by(WorkosRole.slug)
        .limit(literal(MOST_LISTED, literal_execute=True))
    )
    if slugs is not None:
        query = query.where(WorkosRole.slug == any_(literal(list(slugs), ARRAY(Text))))
    rows = (await executor.execute(query)).all()
    mapped = await executor.execute(
        select(WorkosRoleMapping.slug, WorkosRoleMapping.role)
        .where(
            WorkosRoleMapping.organization_id == organization_id,
            WorkosRoleMapping.slug == any_(literal([row.slug for row in rows], ARRAY(Text))),
            ~WorkosRoleMapping.removed,
            known(WorkosRoleMapping.role),
        )
        .order_by(WorkosRoleMapping.slug, WorkosRoleMapping.role)
    )
    roles: dict[str, list[Role]] = defaultdict(list)
    for row in mapped:
        roles[row.slug].append(Role(row.role))
    return [
        MappedWorkosRole(
            slug=row.slug,
            roles=roles[row.slug],
            people=min(row.people, MOST_COUNTED),
            people_more=row.people > MOST_COUNTED,
            version=row.version,
        )
        for row in rows
    ]


_GRANTER = aliased(User)
# Spelt so that the planner knows how many that leaves.
_IN_FORCE = or_(RoleGrant.until.is_(None), RoleGrant.until > func.now())


def grants(organization_id: str) -> Select[*tuple[Any, ...]]:
    """Those in force: who has which, and from whom."""
    return (
        select(
            RoleGrant.user_id,
            RoleGrant.role,
            RoleGrant.reason,
            RoleGrant.granted_by,
            RoleGrant.created_at,
            RoleGrant.until,
            User.name,
            _GRANTER.name.label("granter_name"),
            access.c.active,
        )
        .join(
            User,
            and_(User.organization_id == RoleGrant.organization_id, User.id == RoleGrant.user_id),
        )
        .join(
            access,
            and_(
                access.c.organization_id == RoleGrant.organization_id,
                access.c.user_id == RoleGrant.user_id,
            ),
        )
        .outerjoin(
            _GRANTER,
            and_(
                _GRANTER.organization_id == RoleGrant.organization_id,
                _GRANTER.id == RoleGrant.granted_by,
            ),
        )
        .where(
            RoleGrant.organization_id == organization_id,
            _IN_FORCE,
        )
    )


def grant(row: Row[*tuple[Any, ...]]) -> schemas.RoleGrant:
    """Of a row of `grants`."""
    return schemas.RoleGrant(
        person=Person(id=row.user_id, name=row.name),
        role=Role(row.role),
        reason=row.reason,
        granted_by=row.granted_by and Person(id=row.granted_by, name=row.granter_name),
        since=row.created_at,
        until=row.until,
        active=row.active,
    )


async def _grants_of(
    executor: Executor, organization_id: str, role: Role
) -> list[schemas.RoleGrant]:
    """The newest, and one more than are listed."""
    newest = (
        select(RoleGrant.user_id)
        .where(
            RoleGrant.organization_id == organization_id,
            RoleGrant.role == role,
            _IN_FORCE,
        )
        .order_by(RoleGrant.created_at.desc(), RoleGrant.user_id.desc())
        .limit(literal(MOST_LISTED + 1, literal_execute=True))
    )
    people = (await executor.scalars(newest)).all()
    shown = grants(organization_id).where(
        RoleGrant.role == role, RoleGrant.user_id == any_(literal(people, ARRAY(Uuid)))
    )
    rows = await executor.execute(
        shown.order_by(RoleGrant.created_at.desc(), RoleGrant.user_id.desc())
    )
    return [grant(row) for row in rows]
