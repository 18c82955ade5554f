"""What browsers are told about every page."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http import docs_page

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Swagger UI is started by one inline script, and writes styles as it goes.
_DOCS_POLICY = (
    "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data:; "
    f"script-src 'self' {docs_page.SCRIPT_SOURCE}; style-src 'self' 'unsafe-inline'"
)


def _caching(path: str, headers: MutableHeaders) -> str:
    if path.startswith("/_app/immutable/"):
        return "public, max-age=31536000, immutable"
    # What the API says is true of one person at one moment.
    return "no-store" if "json" in headers.get("content-type", "") else "no-cache"


class CompressedPages:
    """Compress the pages' files; the API's answers are small and often made."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressing = GZipMiddleware(app, minimum_size=1024)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of_pages = scope["type"] == "http" and scope["path"].startswith(
            ("/_app/", docs_page.ASSETS)
        )
        await (self.compressing if of_pages else self.app)(scope, receive, send)


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_EVERYWHERE)
                headers.setdefault("Cache-Control", _caching(scope["path"], headers))
                headers["Content-Security-Policy"] = (
                    _DOCS_POLICY if scope["path"] == docs_page.PATH else _POLICY
                )
            await send(message)

        await self.app(scope, receive, with_headers)
