"""`/team`."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.http.answers import JsonText
from backend.http.guards import ConnectionDep, GuardedRoute, Teammate, TeammateClaim
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import NameCursor
from backend.schemas.seats import Seats
from backend.schemas.team import TeamPage, TeamStatus
from backend.schemas.text import GroupName, SearchText
from backend.services import seats, team

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/team",
    tags=["team"],
    responses=problems(401, 403, 422, 429, 503),
)

Status = Annotated[TeamStatus | None, Query(description="Only people of this status.")]
Group = Annotated[GroupName | None, Query(description="Only members of the group of this name.")]
Search = Annotated[SearchText | None, Query(alias="q", description="Part of a name or address.")]


@router.get("", summary="The people of the organization, by name", response_model=TeamPage)
async def list_team(
    teammate: TeammateClaim,
    status: Status = None,
    group: Group = None,
    search: Search = None,
    limit: Limit = 20,
    cursor: After[NameCursor] = None,
) -> JsonText:
    return JsonText(
        await team.list_page(
            teammate, status=status, group=group, search=search, cursor=cursor, limit=limit
        )
    )


@router.get(
    "/seats", summary="How many seats are taken, and by whom; everybody is gone through for it"
)
async def read_seats(connection: ConnectionDep, teammate: Teammate) -> Seats:
    return await seats.read(connection, teammate)
