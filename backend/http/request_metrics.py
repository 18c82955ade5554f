"""Counts and times every request."""

import time
from functools import cache

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.metrics import DURATION, REQUESTS

# Strangers may send any word as a method: it would make a series each.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@cache
def _metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Of these labels: they are looked up once."""
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route)


class CountRequests:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        def count(status: int) -> None:
            # The route's template, never the path: ids would make a series each.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            requests, duration = _metrics(method, route, status)
            requests.inc()
            duration.observe(time.perf_counter() - begun)

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        except Exception:
            count(500)  # what the outermost handler will answer
            raise
