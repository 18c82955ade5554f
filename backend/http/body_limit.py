"""How long the body of a request may be; what WorkOS sends has a limit of its own, at its guard."""

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.http.guards import MAX_BODY_BYTES
from backend.http.problems import TooLargeAsProblem

_WITHOUT_BODY = frozenset({"GET", "HEAD"})  # nobody reads one that is sent all the same


class BodyLimit:
    """Middleware: `without` is the path whose guard reads the body itself."""

    def __init__(self, app: ASGIApp, without: str) -> None:
        self._app = app
        limited = RequestBodyLimitMiddleware(app, max_body_size=MAX_BODY_BYTES)
        self._limited = TooLargeAsProblem(limited)
        self._without = without

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        free = scope["type"] != "http" or (
            scope["method"] in _WITHOUT_BODY or scope["path"] == self._without
        )
        await (self._app if free else self._limited)(scope, receive, send)
