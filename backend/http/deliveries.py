"""Webhooks: who sent one is proved before anything else is done, as a guard for their route."""

import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from backend.database import Database
from backend.errors import InvalidSignature, PayloadTooLarge
from backend.http.guards import MAX_BODY_BYTES
from backend.http.rate_limits import allowance_of_client, client_of_request
from backend.schemas.audit import AuditAction
from backend.schemas.events import Source
from backend.services.audit_log import refusals
from backend.services.events import parsing
from backend.services.events.parsing import ReadEvent
from backend.services.rate_limits import SIGNATURES_REFUSED
from backend.settings import Settings
from backend.workos import signatures
from backend.workos.client import WorkosClient

# WorkOS takes 2,000 KB of SCIM, and an event of a change says both what is and what was.
MAX_EVENT_BYTES = 5 * 1024 * 1024
# So far an event is read that is larger, to know whether it is WorkOS's: none of it is kept.
_MOST_PROVED = 32 * 1024 * 1024


class Delivery(NamedTuple):
    """What WorkOS has sent, and where it is to be taken in."""

    database: Database
    event: ReadEvent


async def signed_by_workos(request: Request) -> Delivery:
    """A webhook, proved to come from WorkOS now.

    Of a body that is too large nothing is kept but who it is about, if it is WorkOS's. Only what
    is not proved is limited.

    Raises:
        InvalidSignature: before anything of the body is parsed.
        PayloadTooLarge: WorkOS did not send it, or it is beyond all measure.
        TooManyRequests: instead of these two, when too many came from the same client.
        NotAnEvent: the body is none.
    """
    try:
        return Delivery(request.app.state.database, await _proved(request))
    except (InvalidSignature, PayloadTooLarge):
        await allowance_of_client(request, SIGNATURES_REFUSED).use()
        await refusals.note(
            request.app.state.database, AuditAction.WEBHOOK_FORGED, client_of_request(request)
        )
        raise


async def _proved(request: Request) -> ReadEvent:
    settings: Settings = request.app.state.settings
    client: WorkosClient = request.app.state.workos
    header = dict(request.scope["headers"]).get(b"workos-signature", b"")
    secret = settings.workos_webhook_secret.get_secret_value()
    try:
        proof = signatures.Proof(header, secret, time.time_ns() // 1_000_000)
    except InvalidSignature:
        await _read(request, None)
        raise
    body, size = await _read(request, proof)
    try:
        proof.check()
    except InvalidSignature:
        if size > MAX_EVENT_BYTES:
            raise PayloadTooLarge from None
        raise
    sent_at = datetime.fromtimestamp(proof.at_ms / 1000, UTC)
    if size > MAX_EVENT_BYTES:
        return parsing.read_too_large(body, size, Source.WEBHOOK, sent_at, MAX_EVENT_BYTES)
    return parsing.read(body, Source.WEBHOOK, client.scope, sent_at=sent_at)


async def _read(request: Request, proof: signatures.Proof | None) -> tuple[bytes, int]:
    """The body, at most as long as an event may be, and how long it was."""
    parts, size = [], 0
    async for part in request.stream():
        room = MAX_EVENT_BYTES - size
        size += len(part)
        if size > (MAX_BODY_BYTES if proof is None else _MOST_PROVED):
            raise PayloadTooLarge
        if proof is not None:
            proof.update(part)
        if room > 0:
            parts.append(part[:room])
    return b"".join(parts), size


SignedDelivery = Annotated[Delivery, Depends(signed_by_workos)]


class SignedRoute(APIRoute):
    """A route whose handler takes a `SignedDelivery` and nothing else, and makes the answer.

    The framework has nothing to find for it, which would take a fifth of the request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def proved(request: Request) -> Response:
            delivery = await signed_by_workos(request)
            answer: Response = await self.endpoint(delivery)
            request.app.state.news.note(delivery.event.row["organization_id"])
            return answer

        return proved
