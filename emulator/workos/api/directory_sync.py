"""Directories, directory users and directory groups."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from emulator.store import Row
from emulator.workos import directories, wire
from emulator.workos.api.errors import ApiError
from emulator.workos.api.guards import WorldDep, has_key, is_up
from emulator.workos.api.limits import RateLimit
from emulator.workos.api.paging import PageDep
from emulator.workos.world import NotFoundError, World

Json = dict[str, Any]
router = APIRouter(dependencies=[Depends(is_up), Depends(has_key)])

IN_GROUP = (
    "t.scim_id in (select m.user_id from scim_members m join directory_groups g"
    " on g.scim_id = m.group_id where g.id = ?)"
)
HOLDS_USER = (
    "t.scim_id in (select m.group_id from scim_members m join directory_users u"
    " on u.scim_id = m.user_id where u.id = ?)"
)
LIKE = "instr(lower(t.name), lower(?)) > 0"


def get_rate_limit(request: Request) -> RateLimit:
    limit: RateLimit = request.app.state.rate_limit
    return limit


@router.get("/directories")
async def list_directories(
    world: WorldDep,
    page: PageDep,
    organization_id: str | None = None,
    search: str | None = None,
    domain: str | None = None,
) -> Json:
    by_domain = (
        "t.organization_id in (select o.id from organizations o, json_each(o.domains) d"
        " where d.value ->> 'domain' = ?)"
    )
    return page.answer(
        world.store,
        "select t.* from directories t",
        [("t.organization_id = ?", organization_id), (LIKE, search), (by_domain, domain)],
        wire.listed_directory,
    )


@router.get("/directories/{directory_id}")
async def get_directory(world: WorldDep, directory_id: str) -> Json:
    row = directories.get(world, directory_id)
    states = dict.fromkeys(("active", "inactive"), 0) | {
        each["state"]: each["people"]
        for each in world.store.rows(
            "select state, count(*) as people from directory_users where directory_id = ?"
            " group by state",
            directory_id,
        )
    }
    groups = world.store.number(
        "select count(*) from directory_groups where directory_id = ?", directory_id
    )
    return wire.listed_directory(row) | {"metadata": {"users": states, "groups": groups}}


@router.delete("/directories/{directory_id}", status_code=202)
async def delete_directory(world: WorldDep, directory_id: str) -> Response:
    directories.delete(world, directory_id)
    return Response(status_code=202)


@router.get("/directory_users")
async def list_users(
    world: WorldDep,
    page: PageDep,
    limit: Annotated[RateLimit, Depends(get_rate_limit)],
    directory: str | None = None,
    group: str | None = None,
    idp_id: str | None = None,
    email: str | None = None,
) -> Json:
    asked = _directory_asked(world, directory, "directory_groups", group)
    limit.take(asked, world.settings.directory_users_per_second)
    return page.answer(
        world.store,
        "select t.* from directory_users t",
        [
            ("t.directory_id = ?", asked),
            (IN_GROUP, group),
            ("t.idp_id = ?", idp_id),
            ("t.email_key = ?", email.casefold() if email is not None else None),
        ],
        wire.listed_directory_user,
    )


@router.get("/directory_users/{user_id}")
async def get_user(
    world: WorldDep, limit: Annotated[RateLimit, Depends(get_rate_limit)], user_id: str
) -> Json:
    row = _found(world, "directory_users", user_id, "Directory User")
    limit.take(row["directory_id"], world.settings.directory_users_per_second)
    return wire.listed_directory_user(row)


@router.get("/directory_groups")
async def list_groups(
    world: WorldDep, page: PageDep, directory: str | None = None, user: str | None = None
) -> Json:
    asked = _directory_asked(world, directory, "directory_users", user)
    return page.answer(
        world.store,
        "select t.* from directory_groups t",
        [("t.directory_id = ?", asked), (HOLDS_USER, user)],
        wire.directory_group,
    )


@router.get("/directory_groups/{group_id}")
async def get_group(world: WorldDep, group_id: str) -> Json:
    return wire.directory_group(_found(world, "directory_groups", group_id, "Directory Group"))


BY_ID = {
    "directory_users": "select * from directory_users where id = ?",
    "directory_groups": "select * from directory_groups where id = ?",
}


def _found(world: World, table: str, object_id: str, kind: str) -> Row:
    row = world.store.row(BY_ID[table], object_id)
    if row is None:
        raise NotFoundError(kind, object_id)
    return row


def _directory_asked(
    world: World, directory_id: str | None, table: str, object_id: str | None
) -> str:
    """Which directory a list is of: named, or that of the named group or user."""
    if directory_id is not None:
        directory: str = directories.get(world, directory_id)["id"]
        return directory
    if object_id is None:
        raise ApiError(
            422, "Either a directory or a group or user is required.", "invalid_request_parameters"
        )
    return str(_found(world, table, object_id, table)["directory_id"])
