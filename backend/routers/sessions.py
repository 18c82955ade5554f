"""`/sessions`, and those of others for admins."""

from uuid import UUID

from fastapi import APIRouter, status

from backend.http.guards import Admin, ConnectionDep, GuardedRoute, SessionDep, SignedIn
from backend.http.problems import problems
from backend.schemas.sessions import SessionList
from backend.services import session_list

router = APIRouter(
    route_class=GuardedRoute, tags=["sessions"], responses=problems(401, 403, 422, 429, 503)
)


@router.get("/sessions", summary="The browsers in which one is signed in")
async def list_sessions(connection: ConnectionDep, actor: SignedIn) -> SessionList:
    return await session_list.list_all(connection, actor, actor.user_id)


@router.post(
    "/sessions/end-others",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End all sessions but this one",
)
async def end_other_sessions(session: SessionDep, actor: SignedIn) -> None:
    await session_list.end_others(session, actor)


@router.delete(
    "/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End one of one's own sessions",
    responses=problems(404),
)
async def end_session(session: SessionDep, actor: SignedIn, session_id: UUID) -> None:
    await session_list.end(session, actor, actor.user_id, session_id)


@router.get(
    "/people/{user_id}/sessions",
    summary="The browsers in which somebody is signed in",
    responses=problems(404),
)
async def list_sessions_of(connection: ConnectionDep, admin: Admin, user_id: UUID) -> SessionList:
    return await session_list.list_all(connection, admin, user_id)


@router.delete(
    "/people/{user_id}/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End somebody's session",
    responses=problems(404),
)
async def end_session_of(
    session: SessionDep, admin: Admin, user_id: UUID, session_id: UUID
) -> None:
    await session_list.end(session, admin, user_id, session_id)
