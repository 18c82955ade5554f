"""`/tokens`, and for admins those of the organization and its service accounts."""

from uuid import UUID

from fastapi import APIRouter, status

from backend.http.guards import (
    Admin,
    AdminInSession,
    ConnectionDep,
    GuardedRoute,
    InSession,
    SessionDep,
    SignedIn,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import TimeCursor
from backend.schemas.tokens import (
    NewToken,
    OrganizationTokenPage,
    ServiceAccount,
    ServiceAccountCreate,
    ServiceAccountPage,
    TokenCreate,
    TokenList,
)
from backend.services import service_accounts, tokens

router = APIRouter(
    route_class=GuardedRoute, tags=["tokens"], responses=problems(401, 403, 422, 429, 503)
)


@router.post(
    "/tokens",
    status_code=status.HTTP_201_CREATED,
    summary="Make a token with one's own access, as it is at each request",
    responses=problems(409),
)
async def create_token(session: SessionDep, actor: InSession, new: TokenCreate) -> NewToken:
    return await tokens.create(session, actor, actor.user_id, new)


@router.get("/tokens", summary="One's own tokens, the newest first")
async def list_tokens(connection: ConnectionDep, actor: SignedIn) -> TokenList:
    return await tokens.list_own(connection, actor.organization_id, actor.user_id)


@router.delete(
    "/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End one of one's own tokens",
    responses=problems(404),
)
async def end_token(session: SessionDep, actor: SignedIn, token_id: UUID) -> None:
    await tokens.end(session, actor, token_id, of=actor.user_id)


@router.get("/organization/tokens", summary="Everybody's tokens, the newest first")
async def list_organization_tokens(
    connection: ConnectionDep, admin: Admin, limit: Limit = 20, cursor: After[TimeCursor] = None
) -> OrganizationTokenPage:
    return await tokens.list_page(connection, admin, cursor, limit)


@router.delete(
    "/organization/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End anybody's token",
    responses=problems(404),
)
async def end_organization_token(session: SessionDep, admin: Admin, token_id: UUID) -> None:
    await tokens.end(session, admin, token_id)


@router.post(
    "/service-accounts",
    status_code=status.HTTP_201_CREATED,
    summary="Make a service account, for a program that must outlive a person",
)
async def create_service_account(
    session: SessionDep, admin: AdminInSession, new: ServiceAccountCreate
) -> ServiceAccount:
    return await service_accounts.create(session, admin, new)


@router.get("/service-accounts", summary="The service accounts, the newest first")
async def list_service_accounts(
    connection: ConnectionDep, admin: Admin, limit: Limit = 20, cursor: After[TimeCursor] = None
) -> ServiceAccountPage:
    return await service_accounts.list_page(connection, admin, cursor, limit)


@router.post(
    "/service-accounts/{service_account_id}/tokens",
    status_code=status.HTTP_201_CREATED,
    summary="Make a token of a service account",
    responses=problems(404, 409),
)
async def create_service_account_token(
    session: SessionDep, admin: AdminInSession, service_account_id: UUID, new: TokenCreate
) -> NewToken:
    return await service_accounts.create_token(session, admin, service_account_id, new)


@router.delete(
    "/service-accounts/{service_account_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End a service account with its tokens; what it wrote stays",
    responses=problems(404),
)
async def end_service_account(session: SessionDep, admin: Admin, service_account_id: UUID) -> None:
    await service_accounts.end(session, admin, service_account_id)
