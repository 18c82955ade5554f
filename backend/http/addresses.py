"""Under which hosts and paths, and by which methods, anything is answered."""

from urllib.parse import urlsplit

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import InvalidHost, NotFound, RollcallError, UnknownHost
from backend.http.problems import problem_response
from backend.settings import Settings

# Whoever looks whether a process is well knows it by its own address.
_AT_ANY_HOST = frozenset({"/healthz", "/readyz", "/metrics"})


class Addressed:
    """Refuses what is addressed to others, and answers HEAD like GET.

    Args:
        app: what answers.
        settings: they know the hosts; none is refused where they know of none.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = settings.known_hosts
        self.exactly = frozenset(host.encode() for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (error := self._refused(scope)) is not None:
            response = problem_response(scope, error)
            await response(scope, receive, _without_body(send) if _is_head(scope) else send)
        elif _is_head(scope):
            await self._as_get(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refused(self, scope: Scope) -> RollcallError | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        path: str = scope["path"]
        if len(hosts) > 1 or (not hosts and scope["http_version"] == "1.1"):
            return InvalidHost()
        if self.hosts and path not in _AT_ANY_HOST and not self._knows(hosts):
            return UnknownHost()
        # A file has one address: others would have other headers, or be redirected to by `Host`.
        if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
            return NotFound()
        return None

    def _knows(self, hosts: list[bytes]) -> bool:
        host = hosts[0] if hosts else b""
        return host in self.exactly or _name(host) in self.hosts

    async def _as_get(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The server looks into its own scope for whether a body is to follow.
        inner = {**scope, "method": "GET"}

        send_head = _without_body(send)

        async def send_with_route(message: Message) -> None:
            if "route" in inner:
                scope["route"] = inner["route"]  # by which it is counted
            await send_head({**message, "more_body": False} if "more_body" in message else message)
            if message.get("more_body"):
                answering.cancel()  # a stream may go on for as long as somebody reads it

        with CancelScope() as answering:
            await self.app(inner, receive, send_with_route)


def _is_head(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if "body" in message else message)

    return send_head


def _name(host: bytes) -> str | None:
    """Of a `Host` header, without the port."""
    try:
        return urlsplit(f"//{host.decode('ascii')}").hostname
    except ValueError:
        return None
