"""The team: everyone the directory or a sign-in has made known, with their status now."""

from collections.abc import Sequence
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql import literal

from backend.database import Executor, looked_up
from backend.models import (
    Admission,
    Directory,
    DirectoryUser,
    Invitation,
    User,
    access,
    live_memberships,
)
from backend.pagination import Filter, Keyset, NameCursor, PageQuery
from backend.schemas.access import Actor, AdmissionKind, Role
from backend.schemas.team import TeamMember, TeamPage, TeamStatus
from backend.services import sessions
from backend.services.sessions import Claim

_BY_NAME = Keyset(NameCursor, User.sort_name, User.id)
_TRIGRAM = 3

# As many are asked in the order of the list before an index is: asking has a price, and so has the
# index, which gathers all that a filter leaves.
_TEXTS_LOOKED_THROUGH = 500
_INVITATIONS_LOOKED_UP = 200

_Invitee = aliased(User)


# An invitation ends with the invitee's time here, and is not there again when they return. Where a
# listing ended it, its completion has closed the invitation.
INVITATION_IS_OPEN = and_(
    Invitation.closed_at.is_(None),
    Invitation.expires_at > func.now(),
    ~looked_up(
        select(_Invitee.id)
        .join(
            DirectoryUser,
            and_(
                DirectoryUser.organization_id == _Invitee.organization_id,
                DirectoryUser.user_key == _Invitee.key,
            ),
        )
        .outerjoin(
            Directory,
            and_(
                Directory.organization_id == DirectoryUser.organization_id,
                Directory.id == DirectoryUser.directory_id,
            ),
        )
        .where(
            _Invitee.organization_id == Invitation.organization_id,
            _Invitee.id == Invitation.user_id,
            func.greatest(DirectoryUser.removed_at, Directory.removed_at) > Invitation.created_at,
        )
    ),
)

current_status: ColumnElement[str] = case(
    (access.c.active.is_not(True), literal(TeamStatus.DEACTIVATED)),
    (User.joined_at.is_not(None), literal(TeamStatus.JOINED)),
    (
        looked_up(
            select(Invitation.id).where(
                Invitation.organization_id == User.organization_id,
                Invitation.user_id == User.id,
                INVITATION_IS_OPEN,
            )
        ),
        literal(TeamStatus.INVITED),
    ),
    else_=literal(TeamStatus.INVITABLE),
)

MEMBERSHIPS = (live_memberships.c.organization_id == User.organization_id) & (
    live_memberships.c.user_key == User.key
)

GROUPS = func.array(
    select(live_memberships.c.group_name)
    .where(MEMBERSHIPS)
    .group_by(live_memberships.c.group_name)
    .order_by(func.folded(live_memberships.c.group_name), live_memberships.c.group_name)
    .scalar_subquery()
)

IN_DIRECTORY = looked_up(
    select(DirectoryUser.id).where(
        DirectoryUser.organization_id == User.organization_id,
        DirectoryUser.user_key == User.key,
    )
)

_ADMISSION = (Admission.organization_id == User.organization_id) & (Admission.user_id == User.id)
_ADMITTED = looked_up(
    select(Admission.user_id).where(_ADMISSION, Admission.kind != AdmissionKind.SERVICE)
)
_GUEST_UNTIL = (
    select(Admission.until)
    .where(_ADMISSION, Admission.kind == AdmissionKind.GUEST)
    .scalar_subquery()
)


# Without those that only a newer version knows.
_role = func.unnest(access.c.roles).column_valued("role")
_KNOWN = _role == any_(sessions.array_of(Role))
ROLES = func.array(select(_role).where(_KNOWN).scalar_subquery())


def visible_in(organization_id: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    return select(User.organization_id, User.id, User.sort_name).where(
        User.organization_id == organization_id,
        # In the order of what it costs to ask.
        or_(User.joined_at.is_not(None), IN_DIRECTORY, _ADMITTED),
    )


def _described(people: FromClause) -> Select[*tuple[Any, ...]]:
    return (
        select(
            User.id,
            User.name,
            User.sort_name,
            User.email,
            User.job_title,
            User.department,
            GROUPS.label("groups"),
            ROLES.label("roles"),
            current_status.label("status"),
            _GUEST_UNTIL.label("guest_until"),
        )
        .select_from(people)
        .join(
            User,
            (User.organization_id == people.c.organization_id) & (User.id == people.c.id),
        )
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
    )


_EVERYBODY = PageQuery(
    _BY_NAME,
    visible_in(bindparam("organization_id")),
    sessions.asking(),
    described=_described,
    fields=TeamMember.model_fields,
    each=sessions.CLAIMED,
)


async def list_page(
    teammate: Claim,
    *,
    status: TeamStatus | None = None,
    group: str | None = None,
    department: str | None = None,
    search: str | None = None,
    cursor: NameCursor | None = None,
    limit: int,
) -> bytes:
    """The organization's people by name: the JSON of a `TeamPage`.

    Args:
        teammate: who asks.
        status: only people of this status.
        group: only members of the group of this name, capitals and all.
        department: only people of this department, in whatever spelling.
        search: only people whose name or address has this in it, in whatever spelling.
        cursor: the last person of the page before.
        limit: people a page.

    Raises:
        NotSignedIn, RoleMissing: the claim is not proved.
    """
    if status or group or department or search:
        actor = await sessions.find_actor(teammate)
        async with teammate.database.connect() as connection:
            page = await _list_some(
                connection, actor, status, group, department, search, cursor, limit
            )
        return page.model_dump_json().encode()
    rows = await _EVERYBODY.fetch(teammate.database, cursor, limit, **teammate.values)
    teammate.prove(rows)
    return _EVERYBODY.page(rows[0]["page"], limit)


async def _list_some(
    executor: Executor,
    actor: Actor,
    status: TeamStatus | None,
    group: str | None,
    department: str | None,
    search: str | None,
    cursor: NameCursor | None,
    limit: int,
) -> TeamPage:
    people = visible_in(literal(actor.organization_id))
    filters: list[Filter] = []
    if status is not None:
        people = people.join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        filters += of_status(actor, status)
    if group:
        filters.append(in_group(actor, group))
    if department:
        filters.append(in_department(actor, department))
    if search and (wanted := await executor.scalar(select(func.folded(search)))):
        filters.append(has(actor, wanted))
    rows, next_cursor = await _BY_NAME.fetch(
        executor, people, cursor, limit, filters=filters, described=_described
    )
    return TeamPage(
        items=[TeamMember.model_validate(row, from_attributes=True) for row in rows],
        next_cursor=next_cursor,
    )


def _ids(actor: Actor) -> Select[*tuple[UUID]]:
    return select(User.id).where(User.organization_id == actor.organization_id)


def _first(number: int, actor: Actor) -> Select[*tuple[UUID]]:
    return _ids(actor).limit(literal(number, literal_execute=True))


def of_status(actor: Actor, status: TeamStatus) -> list[Filter]:
    """The first are cheaper to ask, and an index has those who have not joined."""
    is_so = Filter(current_status == status)
    match status:
        case TeamStatus.DEACTIVATED:
            return [is_so]
        case TeamStatus.JOINED:
            # As the column: of a whole CASE the planner believes that next to nobody meets it, and
            # reads everybody at once.
            return [Filter(User.joined_at.is_not(None)), Filter(access.c.active)]
        case TeamStatus.INVITABLE:
            return [Filter(User.joined_at.is_(None), narrows=True), is_so]
        case TeamStatus.INVITED:
            is_open = (
                Invitation.organization_id == actor.organization_id,
                Invitation.closed_at.is_(None),
                Invitation.expires_at > func.now(),
            )
            # As an array, which is looked up by key; a join may be planned to hash everybody.
            invited = func.array(select(Invitation.user_id).where(*is_open).scalar_subquery())
            not_joined = User.joined_at.is_(None)
            return [
                Filter(not_joined, narrows=True),
                Filter(
                    looked_up(select(Invitation.id).where(*is_open, Invitation.user_id == User.id)),
                    _ids(actor).where(User.id == any_(invited)),
                    _first(_INVITATIONS_LOOKED_UP, actor).where(not_joined),
                ),
                is_so,
            ]
    assert_never(status)


def in_group(actor: Actor, name: str) -> Filter:
    named = func.normalize(live_memberships.c.group_name) == func.normalize(name)
    return Filter(
        looked_up(select(live_memberships.c.group_id).where(MEMBERSHIPS, named)),
        _ids(actor).join(live_memberships, MEMBERSHIPS).where(named),
    )


def in_department(actor: Actor, name: str) -> Filter:
    same = User.sort_department == func.folded(name)
    # In the order of the index, or all of a large department may be read to take some.
    return Filter(same, _ids(actor).where(same).order_by(User.sort_name, User.id))


def has(actor: Actor, wanted: str) -> Filter:
    met = func.strpos(User.search_text, wanted) > 0
    # Of less than a trigram, the index would be read whole.
    if len(wanted) < _TRIGRAM:
        return Filter(met)
    found = _ids(actor).where(User.search_text.contains(wanted, autoescape=True))
    return Filter(met, found, _first(_TEXTS_LOOKED_THROUGH, actor))


async def get_several(
    executor: Executor, actor: Actor, user_ids: Sequence[UUID]
) -> list[TeamMember]:
    """Those of them that the organization has, in no order."""
    people = visible_in(literal(actor.organization_id)).where(User.id.in_(user_ids))
    rows = await executor.execute(_described(people.subquery("people")))
    return [TeamMember.model_validate(row, from_attributes=True) for row in rows]
