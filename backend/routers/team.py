"""`/team`."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.http.answers import JsonText
from backend.http.guards import ConnectionDep, GuardedRoute, Teammate, TeammateClaim
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import NameCursor
from backend.schemas.seats import Seats
from backend.schemas.team import FilterNames, TeamPage, TeamStatus
from backend.schemas.text import GroupName, SearchText
from backend.services import seats, team, team_filters

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/team",
    tags=["team"],
    responses=problems(401, 403, 422, 429, 503),
)

Status = Annotated[TeamStatus | None, Query(description="Only people of this status.")]
Group = Annotated[GroupName | None, Query(description="Only members of the group of this name.")]
Department = Annotated[
    GroupName | None, Query(description="Only people of this department, in whatever spelling.")
]
Search = Annotated[SearchText | None, Query(alias="q", description="Part of a name or address.")]
SearchName = Annotated[SearchText | None, Query(alias="q", description="Part of a name.")]


@router.get("", summary="The people of the organization, by name", response_model=TeamPage)
async def list_team(
    teammate: TeammateClaim,
    status: Status = None,
    group: Group = None,
    department: Department = None,
    search: Search = None,
    limit: Limit = 20,
    cursor: After[NameCursor] = None,
) -> JsonText:
    return JsonText(
        await team.list_page(
            teammate,
            status=status,
            group=group,
            department=department,
            search=search,
            cursor=cursor,
            limit=limit,
        )
    )


@router.get("/groups", summary="The names of groups to filter the team by")
async def list_group_names(
    connection: ConnectionDep, teammate: Teammate, search: SearchName = None
) -> FilterNames:
    return await team_filters.groups(connection, teammate, search)


@router.get("/departments", summary="The names of departments to filter the team by")
async def list_departments(
    connection: ConnectionDep, teammate: Teammate, search: SearchName = None
) -> FilterNames:
    return await team_filters.departments(connection, teammate, search)


@router.get(
    "/seats", summary="How many seats are taken, and by whom; everybody is gone through for it"
)
async def read_seats(connection: ConnectionDep, teammate: Teammate) -> Seats:
    return await seats.read(connection, teammate)
