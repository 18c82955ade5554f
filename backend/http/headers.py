"""What browsers are told about every page."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http import rate_limits
from backend.http.pages import IMMUTABLE, build_of
from backend.services.rate_limits import Allowance

_EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
# For a year; it holds for this host alone, for what is below it may be somebody else's.
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_OF_A_FILE = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED})
_USUAL = [*_EVERYWHERE, (b"content-security-policy", _POLICY.encode())]


def _caching(path: str, status: int, headers: dict[bytes, bytes]) -> bytes:
    # A file that is not there may be there when the deployment is through.
    if path.startswith(IMMUTABLE) and status in _OF_A_FILE:
        return b"public, max-age=31536000, immutable"
    # What the API says is true of one person at one moment.
    of_the_moment = status >= HTTPStatus.BAD_REQUEST or b"json" in headers.get(b"content-type", b"")
    return b"no-store" if of_the_moment else b"no-cache"


class SecurityHeaders:
    """What protects a page in a browser.

    Args:
        https: whether browsers reach us by it; then never again by http.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        always = [_ONLY_HTTPS] if https else []
        if build := build_of():
            # By it an open page knows that there is a newer one.
            always.append((b"rollcall-build", build.encode()))
        self._always = [*_USUAL, *always]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        allowances: list[Allowance] = []
        scope[rate_limits.ALLOWANCES] = allowances

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                path: str = scope["path"]
                # At every request: a list of bytes, and none of the framework's wrappers.
                headers = [*message["headers"], *self._always]
                known = dict(headers)
                if b"cache-control" not in known:
                    headers.append((b"cache-control", _caching(path, message["status"], known)))
                if allowances:
                    headers += rate_limits.headers_of(allowances)
                headers.append((b"x-request-id", scope["rollcall.request_id"]))
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, with_headers)
