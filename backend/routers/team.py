"""`/team`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status

from backend.http.answers import JsonText
from backend.http.guards import (
    GuardedRoute,
    Inviter,
    SessionDep,
    SettingsDep,
    TeammateClaim,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import NameCursor
from backend.schemas.team import InvitationLink, TeamPage, TeamStatus
from backend.schemas.text import GroupName, SearchText
from backend.services import invitations, team

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


@router.post(
    "/{user_id}/invitation",
    status_code=status.HTTP_201_CREATED,
    summary="Invite someone; a link given before stops working",
    responses=problems(404, 409),
)
async def invite(
    session: SessionDep, inviter: Inviter, settings: SettingsDep, user_id: UUID
) -> InvitationLink:
    return await invitations.create(session, inviter, user_id, settings.public_origin)


@router.delete(
    "/{user_id}/invitation",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Withdraw an invitation",
    responses=problems(404),
)
async def withdraw_invitation(session: SessionDep, inviter: Inviter, user_id: UUID) -> None:
    await invitations.withdraw(session, inviter, user_id)
