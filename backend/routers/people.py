"""`/people`: for admins, everyone of the organization, and what is done to them by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status

from backend.http.guards import (
    Admin,
    ConnectionDep,
    EnqueueDep,
    GuardedRoute,
    SessionDep,
    SettingsDep,
    SnapshotDep,
)
from backend.http.lists import Limit
from backend.http.problems import problems
from backend.schemas.access import AdmissionKind, Role
from backend.schemas.events import Moment
from backend.schemas.people import (
    Block,
    Guest,
    GuestCreate,
    GuestUpdate,
    HandOver,
    PastAccess,
    PeopleCounts,
    PeopleFilters,
    PeoplePage,
    PersonDetail,
    PersonStatus,
    SignOut,
    Sort,
)
from backend.schemas.text import GroupName, SearchText
from backend.services.people import blocking, guests, handing_over, listing, past, person

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/people",
    tags=["people"],
    responses=problems(401, 403, 422, 429, 503),
)


# What is asked for by no body.
_OF_SESSIONS = SignOut()


async def people_filters(
    status: Annotated[PersonStatus | None, Query(description="Only people of this status.")] = None,
    kind: Annotated[
        AdmissionKind | None,
        Query(description="Only people let in by hand so; `service`: programs, listed only here."),
    ] = None,
    role: Annotated[Role | None, Query(description="Only people who have this role now.")] = None,
    group: Annotated[
        GroupName | None, Query(description="Only members of the group of this name.")
    ] = None,
    department: Annotated[
        GroupName | None, Query(description="Only people of this department.")
    ] = None,
    search: Annotated[
        SearchText | None, Query(alias="q", description="Part of a name or address.")
    ] = None,
    owns_posts: Annotated[
        bool | None,
        Query(description="With `status=deactivated`: people gone whose posts want an owner."),
    ] = None,
) -> PeopleFilters:
    return PeopleFilters(
        status=status,
        kind=kind,
        role=role,
        group=group,
        department=department,
        search=search,
        owns_posts=owns_posts,
    )


@router.get("", summary="Everyone of the organization, with what they may and hold")
async def list_people(
    connection: ConnectionDep,
    admin: Admin,
    filters: Annotated[PeopleFilters, Depends(people_filters)],
    sort: Annotated[
        Sort, Query(description="`last_seen`: by the day, the latest first, then by name.")
    ] = Sort.NAME,
    limit: Limit = 20,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before, of the same `sort`.")
    ] = None,
) -> PeoplePage:
    return await listing.list_page(
        connection, admin, filters, sort=sort, cursor=cursor, limit=limit
    )


@router.get("/counts", summary="How many there are of each status")
async def count_people(connection: ConnectionDep, admin: Admin) -> PeopleCounts:
    return await listing.count(connection, admin)


@router.post(
    "/guests",
    status_code=status.HTTP_201_CREATED,
    summary="Let somebody in whom no directory holds, until a day",
    responses=problems(409),
)
async def admit_guest(
    session: SessionDep,
    admin: Admin,
    settings: SettingsDep,
    enqueue: EnqueueDep,
    new: GuestCreate,
) -> Guest:
    return await guests.create(session, admin, new, settings, enqueue)


@router.patch(
    "/guests/{user_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Give a guest another end or reason",
    responses=problems(404, 409),
)
async def change_guest(
    session: SessionDep, admin: Admin, user_id: UUID, change: GuestUpdate
) -> None:
    await guests.change(session, admin, user_id, change)


@router.delete(
    "/guests/{user_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End a guest's time now",
    responses=problems(404),
)
async def end_guest(session: SessionDep, admin: Admin, user_id: UUID) -> None:
    await guests.end(session, admin, user_id)


@router.get(
    "/{user_id}",
    summary="All of one person: profile, access and where it comes from, what they hold",
    responses=problems(404),
)
async def get_person(snapshot: SnapshotDep, admin: Admin, user_id: UUID) -> PersonDetail:
    return await person.get(snapshot, admin, user_id)


@router.get(
    "/{user_id}/access",
    summary="The access somebody has, or had at a time",
    description="Without `as_of` it is that of now, with the whole chain. Of the past it is what "
    "the audit trail tells: the state, the entry that made it so, and what happened after that to "
    "something above the person, by which it may have changed.",
    responses=problems(404),
)
async def get_access(
    snapshot: SnapshotDep,
    admin: Admin,
    user_id: UUID,
    as_of: Annotated[
        Moment | None,
        Query(description="Without a zone it is UTC.", examples=["2026-11-03T12:00:00Z"]),
    ] = None,
) -> PastAccess:
    return await past.look(snapshot, admin, user_id, as_of)


@router.post(
    "/{user_id}/block",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Refuse somebody whatever the directory says; all that they hold ends",
    responses=problems(404, 409),
)
async def block_person(session: SessionDep, admin: Admin, user_id: UUID, block: Block) -> None:
    await blocking.block(session, admin, user_id, block)


@router.post(
    "/{user_id}/unblock",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Let the directory decide again",
    responses=problems(404),
)
async def unblock_person(session: SessionDep, admin: Admin, user_id: UUID) -> None:
    await blocking.unblock(session, admin, user_id)


@router.post(
    "/{user_id}/sign-out",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End somebody's sessions, and with `tokens` their API tokens",
    responses=problems(404),
)
async def sign_out_person(
    session: SessionDep, admin: Admin, user_id: UUID, sign_out: SignOut = _OF_SESSIONS
) -> None:
    await blocking.sign_out(session, admin, user_id, tokens=sign_out.tokens)


@router.post(
    "/{user_id}/hand-over",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Give somebody's posts, some or all, to another who may write",
    responses=problems(404, 409),
)
async def hand_over_posts(
    session: SessionDep, admin: Admin, user_id: UUID, hand_over: HandOver
) -> None:
    await handing_over.hand_over(session, admin, user_id, hand_over)
