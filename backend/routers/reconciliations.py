"""`/directory/reconciliations`."""

from uuid import UUID

from fastapi import APIRouter, Depends, status

from backend.http.guards import (
    Admin,
    ConnectionDep,
    EnqueueDep,
    GuardedRoute,
    Limited,
    SessionDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import TimeCursor
from backend.schemas.reconciliations import Reconciliation, ReconciliationPage, Trigger
from backend.services.rate_limits import RECONCILIATIONS
from backend.services.reconciliation import requests as reconciliations

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/directory/reconciliations",
    tags=["directory"],
    responses=problems(401, 403, 422, 429, 503),
)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Read the whole directory from WorkOS, and repair what differs",
    dependencies=[Depends(Limited(RECONCILIATIONS))],
    response_description="The new one, or the one that is under way.",
)
async def request_reconciliation(
    session: SessionDep, admin: Admin, enqueue: EnqueueDep
) -> Reconciliation:
    return await reconciliations.request(
        session,
        admin.organization_id,
        Trigger.API,
        enqueue=enqueue,
        requested_by=admin.user_id,
    )


@router.get("", summary="The reconciliations of the organization, newest first")
async def list_reconciliations(
    connection: ConnectionDep, admin: Admin, limit: Limit = 20, cursor: After[TimeCursor] = None
) -> ReconciliationPage:
    return await reconciliations.list_page(
        connection, admin.organization_id, cursor=cursor, limit=limit
    )


@router.get(
    "/{reconciliation_id}",
    summary="How far a reconciliation is, and what it found",
    responses=problems(404),
)
async def get_reconciliation(
    connection: ConnectionDep, admin: Admin, reconciliation_id: UUID
) -> Reconciliation:
    return await reconciliations.get(connection, admin.organization_id, reconciliation_id)


@router.post(
    "/{reconciliation_id}/confirm",
    summary="Carry out the removals that a reconciliation holds back",
    responses=problems(404, 409),
)
async def confirm_reconciliation(
    session: SessionDep, admin: Admin, reconciliation_id: UUID
) -> Reconciliation:
    return await reconciliations.confirm(
        session,
        admin.organization_id,
        reconciliation_id,
        confirmed_by=admin.user_id,
    )


@router.post(
    "/{reconciliation_id}/cancel",
    summary="Stop a reconciliation at the next page, or dismiss one that is held",
    responses=problems(404, 409),
)
async def cancel_reconciliation(
    session: SessionDep, admin: Admin, reconciliation_id: UUID
) -> Reconciliation:
    return await reconciliations.cancel(session, admin, reconciliation_id)
