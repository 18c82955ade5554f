"""How long the body of a request may be; what WorkOS sends has a limit of its own, at its guard."""

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.http.guards import MAX_BODY_BYTES


class BodyLimit:
    """Middleware: `without` is the path whose guard reads the body itself."""

    def __init__(self, app: ASGIApp, without: str) -> None:
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, max_body_size=MAX_BODY_BYTES)
        self._without = without

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        by_its_guard = scope["type"] == "http" and scope["path"] == self._without
        await (self._app if by_its_guard else self._limited)(scope, receive, send)
