"""`/organization/break-glass`: whom an operator lets in in an emergency."""

from fastapi import APIRouter, status

from backend.http.guards import Admin, ConnectionDep, GuardedRoute, SessionDep
from backend.http.problems import problems
from backend.schemas.people import BreakGlassOwner
from backend.services.people import break_glass

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/organization/break-glass",
    tags=["people"],
    responses=problems(401, 403, 422, 429, 503),
)


@router.get("", summary="Who is let in in an emergency")
async def get_owner(connection: ConnectionDep, admin: Admin) -> BreakGlassOwner:
    return await break_glass.get_owner(connection, admin)


@router.put(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Name who is let in in an emergency, by whoever runs Rollcall",
    responses=problems(404),
)
async def name_owner(session: SessionDep, admin: Admin, owner: BreakGlassOwner) -> None:
    await break_glass.name_owner(session, admin, owner)
