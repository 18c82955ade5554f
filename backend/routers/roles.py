"""`/roles`."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.http.guards import (
    Admin,
    ConnectionDep,
    DatabaseDep,
    GuardedRoute,
    SessionDep,
    SnapshotDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import LabelCursor
from backend.schemas.access import Role
from backend.schemas.roles import (
    GroupPage,
    MappedGroup,
    MappedWorkosRole,
    MappingChange,
    MappingPreview,
    Preview,
    Roles,
)
from backend.schemas.text import SearchText, Slug, WorkosId
from backend.services.roles import listing, mappings
from backend.services.roles import preview as previews

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/roles",
    tags=["roles"],
    responses=problems(401, 403, 422, 429, 503),
)

Search = Annotated[SearchText | None, Query(alias="q", description="Part of a group's name.")]
OfRole = Annotated[Role | None, Query(description="Only groups that are mapped to this role.")]
IsMapped = Annotated[
    bool | None, Query(description="Only groups that are mapped to a role, or that are not.")
]


@router.get("", summary="Each role, and what gives it")
async def list_roles(snapshot: SnapshotDep, admin: Admin) -> Roles:
    return await listing.read_all(snapshot, admin)


@router.get("/groups", summary="The directory's groups by name, and what each gives")
async def list_groups(
    connection: ConnectionDep,
    admin: Admin,
    search: Search = None,
    role: OfRole = None,
    mapped: IsMapped = None,
    limit: Limit = 20,
    cursor: After[LabelCursor] = None,
) -> GroupPage:
    return await listing.list_groups(
        connection, admin, search=search, role=role, mapped=mapped, cursor=cursor, limit=limit
    )


@router.put(
    "/mappings/{group_id}",
    summary="Have a group give these roles, and no others",
    responses=problems(404, 409),
)
async def change_mapping(
    session: SessionDep, admin: Admin, group_id: WorkosId, change: MappingChange
) -> MappedGroup:
    return await mappings.change_group(session, admin, group_id, change)


@router.put(
    "/workos/{slug}",
    summary="Have a role that people have at WorkOS give these roles, and no others",
    responses=problems(409),
)
async def change_workos_role(
    session: SessionDep, admin: Admin, slug: Slug, change: MappingChange
) -> MappedWorkosRole:
    return await mappings.change_workos_role(session, admin, slug, change)


@router.post(
    "/preview",
    summary="Who would gain and lose what by a change of a mapping; nothing is changed",
    responses=problems(404),
)
async def preview_mapping(database: DatabaseDep, admin: Admin, wanted: MappingPreview) -> Preview:
    return await previews.preview(database, admin, wanted)
