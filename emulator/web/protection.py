"""Who may ask: its own names only, and a change only from its own pages or from a program.

Whoever reaches the console is the administrator, so a page of another site must not drive it, nor
read it under a name that leads here (DNS rebinding).
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})
LARGEST_BODY = 2_000 * 1024
"""WorkOS's own limit, in bytes."""
TOLD_BROWSERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class OwnNames:
    """Middleware: 400 for a Host that is none of its names nor the address it was reached at."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self.app = app
        self.names = LOOPBACK | {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._knows(scope, headers.get("Host", "")):
            refused = PlainTextResponse(
                "This is not a name of the emulator; --allowed-host adds one.", 400
            )
            await refused(scope, receive, send)
        elif scope["method"] not in SAFE_METHODS and _is_foreign(headers):
            await PlainTextResponse("This came from another site.", 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _knows(self, scope: Scope, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        address = (scope.get("server") or ("",))[0]
        # In an in-memory test the server's address is the name that the client asked for.
        reached = address if address[:1].isdigit() or ":" in address else ""
        return bool(name) and (name in self.names or name == reached)


def _is_foreign(headers: Headers) -> bool:
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return site not in OWN_SITE
    return origin is not None and urlsplit(origin).netloc.lower() != headers["Host"].lower()


class Unframed:
    """Middleware: no page of another site may frame these, or have them guessed to be scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(TOLD_BROWSERS)
            await send(message)

        await self.app(scope, receive, send_told if scope["type"] == "http" else send)
