"""`/me`, and how one has joined."""

from uuid import UUID

from fastapi import APIRouter

from backend.http.guards import ConnectionDep, GuardedRoute, SignedIn
from backend.http.problems import problems
from backend.schemas.invitations import AcceptedInvitation
from backend.schemas.me import Me, Organization
from backend.services.invitations import accepted

router = APIRouter(route_class=GuardedRoute, tags=["sign-in"], responses=problems(401, 429, 503))


@router.get("/me", summary="Who is signed in, with the access they have now")
async def me(actor: SignedIn) -> Me:
    return Me(
        id=actor.user_id,
        name=actor.name,
        email=actor.email,
        organization=Organization(id=actor.organization_id, name=actor.organization_name),
        roles=list(actor.roles),
        permissions=sorted(actor.permissions),
    )


@router.get(
    "/me/invitations/{invitation_id}",
    summary="By whose invitation one has joined",
    responses=problems(404, 422),
)
async def accepted_invitation(
    connection: ConnectionDep, actor: SignedIn, invitation_id: UUID
) -> AcceptedInvitation:
    return await accepted.find(connection, actor, invitation_id)
