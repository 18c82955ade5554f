"""`/team/…/invitation` and `/team/invitations`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status

from backend.http.guards import (
    ConnectionDep,
    EnqueueDep,
    GuardedRoute,
    Inviter,
    Limited,
    SessionDep,
    SettingsDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import TimeCursor
from backend.schemas.invitations import (
    InvitationLink,
    InvitationPage,
    InvitationResults,
    InvitationsCreate,
    InvitationStatus,
)
from backend.services.invitations import inviting, listing
from backend.services.rate_limits import INVITATIONS

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/team",
    tags=["team"],
    responses=problems(401, 403, 422, 429, 503),
)

Status = Annotated[
    InvitationStatus | None, Query(description="Only invitations that have come to this.")
]


@router.get("/invitations", summary="Who invited whom, and what became of it, newest first")
async def list_invitations(
    connection: ConnectionDep,
    inviter: Inviter,
    status: Status = None,
    limit: Limit = 20,
    cursor: After[TimeCursor] = None,
) -> InvitationPage:
    return await listing.list_page(connection, inviter, status=status, cursor=cursor, limit=limit)


@router.post(
    "/invitations",
    summary="Invite several people, each with an outcome of their own",
    dependencies=[Depends(Limited(INVITATIONS))],
)
async def invite_several(
    session: SessionDep,
    inviter: Inviter,
    settings: SettingsDep,
    enqueue: EnqueueDep,
    people: InvitationsCreate,
) -> InvitationResults:
    return await inviting.invite_several(session, inviter, people.user_ids, settings, enqueue)


@router.post(
    "/{user_id}/invitation",
    status_code=status.HTTP_201_CREATED,
    summary="Invite someone; a link given before stops working",
    dependencies=[Depends(Limited(INVITATIONS))],
    responses=problems(404, 409),
)
async def invite(
    session: SessionDep,
    inviter: Inviter,
    settings: SettingsDep,
    enqueue: EnqueueDep,
    user_id: UUID,
) -> InvitationLink:
    return await inviting.invite(session, inviter, user_id, settings, enqueue)


@router.delete(
    "/{user_id}/invitation",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Withdraw an invitation",
    responses=problems(404),
)
async def withdraw_invitation(session: SessionDep, inviter: Inviter, user_id: UUID) -> None:
    await inviting.withdraw(session, inviter, user_id)


@router.post(
    "/{user_id}/invitation/restore",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take back that an invitation was withdrawn, for a minute; its link works again",
    dependencies=[Depends(Limited(INVITATIONS))],
    responses=problems(404, 409),
)
async def restore_invitation(
    session: SessionDep, inviter: Inviter, enqueue: EnqueueDep, user_id: UUID
) -> None:
    await inviting.restore(session, inviter, user_id, enqueue)
