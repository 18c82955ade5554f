"""`/me`."""

from fastapi import APIRouter

from backend.http.guards import GuardedRoute, SignedIn
from backend.http.problems import problems
from backend.schemas.me import Me, Organization

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
