"""Prometheus metrics of this process, and the middleware that counts requests."""

import time

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter(
    "rollcall_http_requests_total", "Requests answered.", ("method", "route", "status")
)
DURATION = Histogram(
    "rollcall_http_request_duration_seconds", "Time to the first byte.", ("method", "route")
)
DIRECTORY_EVENTS = Counter(
    "rollcall_directory_events_total", "Directory events taken in.", ("outcome",)
)
CATCH_UP_FAILURES = Gauge(
    "rollcall_catch_up_failures", "Looks at WorkOS's events in a row that failed."
)


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
