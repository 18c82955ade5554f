"""Prometheus metrics of this process."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "rollcall_http_requests_total", "Requests answered.", ("method", "route", "status")
)
DURATION = Histogram(
    "rollcall_http_request_duration_seconds", "Time to the first byte.", ("method", "route")
)
DIRECTORY_EVENTS = Counter(
    "rollcall_directory_events_total", "Directory events taken in.", ("outcome",)
)
TOO_LARGE = Counter(
    "rollcall_directory_events_too_large_total", "Deliveries by WorkOS that were refused for size."
)
CATCH_UP_FAILURES = Gauge(
    "rollcall_catch_up_failures", "Looks at WorkOS's events in a row that failed."
)
