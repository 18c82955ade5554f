"""Gives every request its id, and a fault of ours a line and an answer."""

import itertools
import logging
import re
import secrets

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import logs
from backend.http import problems

_log = logging.getLogger(__name__)

# No secret: to ask the system for random bytes takes longer than a middleware.
_OF_THIS_PROCESS = secrets.token_hex(6).encode()
_numbers = itertools.count(0x1000)

HEADER = b"x-request-id"
# Anybody may send one, and it goes into lines and headers.
_USABLE = re.compile(rb"[A-Za-z0-9._~+/=-]{1,128}")


class IdentifyRequests:
    """Outside it only headers are added: what it answers has them, too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        request_id = (
            given if _USABLE.fullmatch(given) else b"%s%x" % (_OF_THIS_PROCESS, next(_numbers))
        )
        scope["rollcall.request_id"] = request_id
        logs.begin_request(request_id.decode())
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except ClientDisconnect:
            if not started:
                _log.info("%s %s: the client left", scope["method"], problems.route_of(scope))
        except Exception:
            if started:
                raise  # the server writes it down and closes the connection
            _log.exception("%s %s failed", scope["method"], problems.route_of(scope))
            await problems.unexpected(scope)(scope, receive, send)
