"""Everyone of an organization as its admins see them: a page, and how many there are."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    ScalarSelect,
    Select,
    case,
    func,
    literal,
    literal_column,
    select,
)

from backend.database import Executor, looked_up
from backend.errors import InvalidInput
from backend.models import Admission, ApiToken, Post, Session, User, access
from backend.pagination import Cursor, DepartmentCursor, Filter, Keyset, NameCursor, SeenCursor
from backend.schemas.access import Actor, AdmissionKind, Role
from backend.schemas.people import (
    Admitted,
    PeopleCounts,
    PeopleFilters,
    PeoplePage,
    PersonStatus,
    PersonSummary,
    Sort,
)
from backend.schemas.team import TeamStatus
from backend.services import sessions, team
from backend.services.people import holders

MOST_COUNTED = 10_000
_MOST_POSTS = 1_000

_KEYSETS: dict[Sort, Keyset[Any]] = {
    Sort.NAME: Keyset(NameCursor, User.sort_name, User.id),
    Sort.DEPARTMENT: Keyset(DepartmentCursor, User.sort_department, User.sort_name, User.id),
    Sort.LAST_SEEN: Keyset(SeenCursor, User.unseen, User.sort_name, User.id),
}

status: ColumnElement[str] = case(
    (User.blocked_at.is_not(None), literal(PersonStatus.BLOCKED)), else_=team.current_status
)


def _held(table: type[Session | ApiToken]) -> ScalarSelect[int]:
    return (
        select(func.count())
        .where(
            table.organization_id == User.organization_id,
            table.user_id == User.id,
            table.expires_at > func.now(),
        )
        .scalar_subquery()
    )


TOKENS = _held(ApiToken)
# The first posts from somebody on, in the order of authors: of a company in which a few write all,
# the planner takes the next best post to be theirs, and reads the others' until there is none.
_FROM_ON = (
    select(Post.author_id)
    .where(Post.organization_id == User.organization_id, Post.author_id >= User.id)
    .order_by(Post.author_id)
)
_HAS_POSTS = func.coalesce(
    _FROM_ON.limit(literal_column("1")).scalar_subquery() == User.id, literal_column("false")
)
_SOME_POSTS = (
    _FROM_ON.where(Post.author_id <= User.id)
    .limit(literal_column(str(_MOST_POSTS)))
    .correlate(User)
    .subquery("some_posts")
)
_POSTS = select(func.count()).select_from(_SOME_POSTS).scalar_subquery()


def described(people: FromClause) -> Select[*tuple[Any, ...]]:
    """What a `PersonSummary` says, by `summary`."""
    return (
        select(
            User.id,
            User.name,
            User.sort_name,
            User.sort_department,
            User.unseen,
            User.email,
            User.job_title,
            User.department,
            User.joined_at,
            User.last_seen_at,
            status.label("status"),
            Admission.kind,
            Admission.until,
            team.GROUPS.label("groups"),
            team.ROLES.label("roles"),
            _held(Session).label("sessions"),
            _POSTS.label("posts"),
        )
        .select_from(people)
        .join(User, (User.organization_id == people.c.organization_id) & (User.id == people.c.id))
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .outerjoin(
            Admission,
            (Admission.organization_id == User.organization_id) & (Admission.user_id == User.id),
        )
    )


def summary(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """The fields of a `PersonSummary`."""
    roles = [Role(role) for role in row.roles]
    shown = {name: getattr(row, name) for name in PersonSummary.model_fields if name in row._fields}
    return shown | {
        "admission": row.kind and Admitted(kind=row.kind, until=row.until),
        "highest_role": max(roles, key=list(Role).index, default=None),
    }


async def list_page(
    executor: Executor,
    actor: Actor,
    filters: PeopleFilters,
    *,
    sort: Sort,
    cursor: str | None,
    limit: int,
) -> PeoplePage:
    """Everyone, or whom the filters leave.

    Args:
        executor: what runs the statements.
        actor: who asks.
        filters: all must hold.
        sort: by name; by department, then by name; or by the day they were last seen, the latest
            first, then by name.
        cursor: `next_cursor` of the page before, of the same sort.
        limit: people a page.

    Raises:
        InvalidInput: the cursor is of no page of this sort.
    """
    keyset = _KEYSETS[sort]
    people = _visible(actor, filters.kind, keyset)
    if filters.role or filters.status not in {None, PersonStatus.BLOCKED}:
        people = people.join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
    rows, next_cursor = await keyset.fetch(
        executor,
        people,
        _place(keyset, cursor),
        limit,
        filters=await _filters(executor, actor, filters),
        described=described,
    )
    return PeoplePage(
        items=[PersonSummary.model_validate(summary(row)) for row in rows],
        next_cursor=next_cursor,
    )


def _place(keyset: Keyset[Any], cursor: str | None) -> Cursor | None:
    if not cursor:
        return None
    try:
        place: Cursor = keyset.cursor.parse(cursor)
    except ValueError as error:
        raise InvalidInput("cursor", str(error)) from error
    return place


def _visible(
    actor: Actor, kind: AdmissionKind | None, keyset: Keyset[Any]
) -> Select[*tuple[Any, ...]]:
    # A service is no person; it is listed where it is asked for.
    organization_id = literal(actor.organization_id)
    if kind is AdmissionKind.SERVICE:
        people = select(User.organization_id, User.id, User.sort_name).where(
            User.organization_id == organization_id
        )
    else:
        people = team.visible_in(organization_id)
    return people.with_only_columns(User.organization_id, *keyset.columns)


async def _filters(executor: Executor, actor: Actor, asked: PeopleFilters) -> list[Filter]:
    found: list[Filter] = []
    if asked.search and (wanted := await executor.scalar(select(func.folded(asked.search)))):
        found.append(team.has(actor, wanted))
    if asked.kind is not None:
        found.append(_of_kind(actor, asked.kind))
    if asked.group:
        found.append(team.in_group(actor, asked.group))
    if asked.department:
        found.append(team.in_department(actor, asked.department))
    if asked.role is not None:
        found += await _of_role(executor, actor, asked.role)
    if asked.owns_posts is not None:
        found.append(Filter(_HAS_POSTS if asked.owns_posts else ~_HAS_POSTS))
    match asked.status:
        case None:
            pass
        case PersonStatus.BLOCKED:
            blocked = User.blocked_at.is_not(None)
            found.append(Filter(blocked, _ids(actor).where(blocked)))
        case other:
            found.append(Filter(User.blocked_at.is_(None)))
            found += team.of_status(actor, TeamStatus(other))
    return found


def _ids(actor: Actor) -> Select[*tuple[Any]]:
    return select(User.id).where(User.organization_id == actor.organization_id)


def _of_kind(actor: Actor, kind: AdmissionKind) -> Filter:
    of_kind = Admission.kind == kind
    admitted = (
        select(Admission.user_id)
        .where(Admission.organization_id == actor.organization_id, of_kind)
        .scalar_subquery()
    )
    return Filter(
        looked_up(
            select(Admission.user_id).where(
                Admission.organization_id == User.organization_id,
                Admission.user_id == User.id,
                of_kind,
            )
        ),
        _ids(actor).where(User.id == func.any(func.array(admitted))),
    )


async def _of_role(executor: Executor, actor: Actor, role: Role) -> list[Filter]:
    is_so = Filter(access.c.roles.overlap(sessions.array_of([role])))
    if role is Role.MEMBER:
        return [Filter(access.c.active)]
    candidates = await holders.find(executor, actor.organization_id, role)
    if candidates is None:
        return [is_so]
    among = User.id.in_(candidates)
    return [Filter(among, _ids(actor).where(among)), is_so]


async def count(executor: Executor, actor: Actor) -> PeopleCounts:
    """How many there are of each status, of the first 10,000 at most.

    A status is derived, about 10 microseconds a person: so this costs a tenth of a second at most,
    however large the company is.
    """
    most = MOST_COUNTED + 1
    counted = (
        team.visible_in(literal(actor.organization_id))
        .order_by(User.sort_name, User.id)
        .limit(literal(most, literal_execute=True))
        .subquery("counted")
    )
    person = (
        select(status.label("status"), Admission.kind)
        .select_from(counted)
        .join(User, (User.organization_id == counted.c.organization_id) & (User.id == counted.c.id))
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .outerjoin(
            Admission,
            (Admission.organization_id == User.organization_id) & (Admission.user_id == User.id),
        )
        .subquery("person")
    )
    number = func.count(type_=Integer)
    rows = (
        await executor.execute(
            select(person.c.status, person.c.kind, number.label("number")).group_by(
                person.c.status, person.c.kind
            )
        )
    ).all()
    everyone = sum(row.number for row in rows)
    services = await executor.scalar(
        select(func.count()).where(
            Admission.organization_id == actor.organization_id,
            Admission.kind == AdmissionKind.SERVICE,
        )
    )
    by_kind = {kind: sum(row.number for row in rows if row.kind == kind) for kind in AdmissionKind}
    return PeopleCounts(
        everyone=everyone,
        by_status={of: sum(row.number for row in rows if row.status == of) for of in PersonStatus},
        by_kind=by_kind | {AdmissionKind.SERVICE: services or 0},
        complete=everyone <= MOST_COUNTED,
    )
