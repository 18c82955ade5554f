"""`/directory/gone`: for admins, when the organization has lost its directory."""

from fastapi import APIRouter

from backend.http.guards import Admin, ConnectionDep, GuardedRoute, SessionDep
from backend.http.problems import problems
from backend.schemas.people import Decided, KeepOut, LetIn, PeopleGone
from backend.services.people import directory_gone

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/directory/gone",
    tags=["directory"],
    responses=problems(401, 403, 422, 429, 503),
)


@router.get("", summary="What the removal of the directory has done")
async def look(connection: ConnectionDep, admin: Admin) -> PeopleGone:
    return await directory_gone.look(connection, admin)


@router.post(
    "/let-in",
    summary="Let chosen people in by SSO alone, until a day",
    description="They are members, and what they were granted by hand. `dry_run` only says for "
    "whom something would change.",
    responses=problems(404, 409),
)
async def let_people_in(session: SessionDep, admin: Admin, wanted: LetIn) -> Decided:
    return await directory_gone.let_in(session, admin, wanted)


@router.post(
    "/keep-out",
    summary="Decide that people stay out; whoever was let in by SSO alone is out again",
    responses=problems(404, 409),
)
async def keep_people_out(session: SessionDep, admin: Admin, wanted: KeepOut) -> Decided:
    return await directory_gone.keep_out(session, admin, wanted)
