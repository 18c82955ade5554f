"""In which form a client is sent a file: as it is, or as the build has compressed it."""

import re
from http import HTTPStatus
from pathlib import Path

import anyio
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

_DESCRIPTION = "/openapi.json"
# The smallest first.
_SUFFIXES = {"br": ".br", "gzip": ".gz"}
_REFUSED = re.compile(r"\s*q=0(\.0*)?\s*", re.IGNORECASE)
# ASGI's extension by which a file is not read but named.
_NAMED = "http.response.pathsend"
_OF_A_FILE = b"last-modified"
_VARY = (b"vary", b"Accept-Encoding")


class CompressedPages:
    """Send the pages' files and the API's description compressed.

    The API's answers are not: they are small, and many.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressing = GZipMiddleware(app, minimum_size=1024)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        if scope["path"] == _DESCRIPTION:
            await self.compressing(scope, receive, send)
            return
        scope["extensions"] = {**(scope.get("extensions") or {}), _NAMED: {}}
        begun: Message | None = None

        async def send_file(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if _is_file(message["headers"]):
                    begun = message  # what it says depends on the form
                    return
                if message["status"] == HTTPStatus.NOT_MODIFIED:
                    message = {**message, "headers": [*message["headers"], _VARY]}
            elif begun is not None:
                headers = [*begun["headers"], _VARY]
                if message["type"] == _NAMED:
                    coding, body = await anyio.to_thread.run_sync(
                        _read, Path(message["path"]), _accepted(scope["headers"])
                    )
                    headers = headers if coding is None else _of_form(headers, coding, body)
                    message = {"type": "http.response.body", "body": body}
                await send({**begun, "headers": headers})
                begun = None
            await send(message)

        await self.app(scope, receive, send_file)


def _is_file(headers: Headers) -> bool:
    return any(name == _OF_A_FILE for name, _ in headers)


def _accepted(headers: Headers) -> list[str]:
    """The codings of `Accept-Encoding` that we have, the one to be sent first."""
    asked = b",".join(value for name, value in headers if name == b"accept-encoding")
    named = (part.split(";") for part in asked.decode("latin-1").lower().split(","))
    taken = {name.strip() for name, *weights in named if not any(map(_REFUSED.fullmatch, weights))}
    return [coding for coding in _SUFFIXES if coding in taken]


def _read(path: Path, accepted: list[str]) -> tuple[str | None, bytes]:
    for coding, suffix in _SUFFIXES.items():
        if path.suffix == suffix:  # asked for by its own name
            return coding, path.read_bytes()
    for coding in accepted:
        compressed = path.with_name(path.name + _SUFFIXES[coding])
        if compressed.is_file():
            return coding, compressed.read_bytes()
    return None, path.read_bytes()


def _of_form(headers: Headers, coding: str, body: bytes) -> Headers:
    # It says the same as the plain form and has other bytes: its tag is the same, but a weak one.
    changed = {b"content-length": str(len(body)).encode()}
    told = [
        (name, b"W/" + value if name == b"etag" else changed.get(name, value))
        for name, value in headers
    ]
    return [*told, (b"content-encoding", coding.encode())]
