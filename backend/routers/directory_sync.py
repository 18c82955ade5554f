"""`POST /api/directory-sync`: WorkOS's signed webhooks."""

from fastapi import APIRouter

from backend.guards import DatabaseDep, SettingsDep, SignedBody
from backend.routers.metrics import DIRECTORY_EVENTS
from backend.routers.problems import problems
from backend.schemas.directory_sync import Receipt, Source
from backend.services import directory_sync

router = APIRouter(prefix="/api", tags=["directory"], responses=problems(401, 413, 422, 503))


@router.post(
    "/directory-sync",
    summary="Take in a directory event",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "parameters": [
            {
                "name": "WorkOS-Signature",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": "`t=<epoch milliseconds>, v1=<hex HMAC-SHA256 of t.body>`",
            }
        ],
    },
)
async def receive_event(database: DatabaseDep, settings: SettingsDep, body: SignedBody) -> Receipt:
    outcome = await directory_sync.receive(
        database, body, Source.WEBHOOK, only_directory=settings.workos_directory_id
    )
    DIRECTORY_EVENTS.labels(outcome).inc()
    return Receipt(outcome=outcome)
