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
REFUSALS = Counter(
    "rollcall_refusals_total", "Requests refused, by the code of the problem.", ("code",)
)
RATE_LIMITED = Counter(
    "rollcall_rate_limited_total", "Refused because a limit was reached.", ("limit",)
)
WEBHOOKS_REFUSED = Counter(
    "rollcall_webhooks_refused_total", "Webhooks that were not taken in.", ("reason",)
)
SIGN_INS = Counter("rollcall_sign_ins_total", "Sign-ins that have ended.", ("result",))
CONNECTIONS = Gauge("rollcall_database_connections", "Of this process.", ("pool", "state"))
OLDEST_PARKED = Gauge(
    "rollcall_oldest_parked_seconds", "Since the oldest parked event came; 0: there is none."
)
CURSOR_LAG = Gauge(
    "rollcall_cursor_lag_seconds",
    "Since the last event occurred that was read from WorkOS; NaN: none was.",
)
WORKER_ALIVE = Gauge(
    "rollcall_worker_alive", "1: there was a sign of a worker within the last minute."
)
