"""`POST /api/directory-sync`: WorkOS's signed webhooks."""

from functools import cache

from fastapi import APIRouter

from backend.http.answers import JsonText
from backend.http.deliveries import SignedDelivery, SignedRoute
from backend.http.guards import WEBHOOK_PATH
from backend.http.problems import problems
from backend.schemas.events import Outcome, Receipt
from backend.services.events import intake

PATH = WEBHOOK_PATH

router = APIRouter(
    route_class=SignedRoute,
    tags=["directory"],
    responses=problems(
        429,
        503,
        _413="The event is too large. It is noted, and not kept; send it again when it fits.",
        _401="The signature is missing, wrong, or older or newer than 180 seconds.",
        _422="The body is not JSON, or not an event.",
    ),
)

_EVENT = {
    "object": "event",
    "id": "event_01J9ZC0000000000000000A001",
    "event": "dsync.user.created",
    "created_at": "2026-11-20T09:00:00.000Z",
    "data": {
        "object": "directory_user",
        "id": "directory_user_01J9ZBANN",
        "directory_id": "directory_01J9ZB",
        "organization_id": "org_01J9ZA",
        "idp_id": "00u1a0ufowBJlzPlk357",
        "email": "ann@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "state": "active",
        "custom_attributes": {"department": "Engineering"},
    },
}


@router.post(
    PATH,
    response_model=Receipt,
    summary="Take in a directory event",
    description="For WorkOS alone. 200 means that the event is kept: `applied`; `duplicate`, known "
    "by its id; `superseded`, by something newer; `ignored`, of no type that is listened to; "
    "`parked`, kept until it can be applied. After a 503 nothing was changed: send it again.",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "example": _EVENT}},
        },
    },
)
async def receive_event(delivery: SignedDelivery) -> JsonText:
    return JsonText(receipt(await intake.receive(delivery.database, delivery.event)))


@cache
def receipt(outcome: Outcome) -> str:
    return Receipt(outcome=outcome).model_dump_json()
