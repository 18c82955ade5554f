"""Counts and times every request."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.metrics import DURATION, REQUESTS


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
            REQUESTS.labels(scope["method"], route, status).inc()
            DURATION.labels(scope["method"], route).observe(time.perf_counter() - begun)

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        except Exception:
            count(500)  # what the outermost handler will answer
            raise
