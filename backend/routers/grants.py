"""`/people/{user_id}/grants`."""

from uuid import UUID

from fastapi import APIRouter, status

from backend.http.guards import Admin, GuardedRoute, SessionDep
from backend.http.problems import problems
from backend.schemas.access import Role
from backend.schemas.roles import GrantCreate, RoleGrant
from backend.services.roles import grants

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/people/{user_id}/grants",
    tags=["roles"],
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Give a person a role by hand; an earlier grant of it is replaced",
)
async def create_grant(
    session: SessionDep, admin: Admin, user_id: UUID, new: GrantCreate
) -> RoleGrant:
    return await grants.create(session, admin, user_id, new)


@router.delete(
    "/{role}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take a role that a person was given by hand",
)
async def end_grant(session: SessionDep, admin: Admin, user_id: UUID, role: Role) -> None:
    await grants.end(session, admin, user_id, role)
