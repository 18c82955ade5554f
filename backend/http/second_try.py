"""A request that only reads is tried once more when the database's connection turns out dead."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = frozenset({"GET", "HEAD"})
_DEAD = "rollcall.connection_was_dead"
_IN_TIME_SECONDS = 1  # whoever asked should not wait twice as long


def note_dead_connection(scope: Scope) -> None:
    """Say of a request that another connection may answer it."""
    scope.get(_DEAD, []).append(True)


class TryReadsAgain:
    """The whole request, for what it has read before may be of another server."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _READING:
            await self.app(scope, receive, send)
            return
        begun = time.monotonic()
        untouched = dict(scope)
        dead: list[bool] = []
        scope[_DEAD] = dead
        again = False

        async def send_or_try_again(message: Message) -> None:
            nonlocal again
            if message["type"] == "http.response.start":
                again = bool(dead) and time.monotonic() - begun < _IN_TIME_SECONDS
            if not again:
                await send(message)

        await self.app(scope, receive, send_or_try_again)
        if again:
            await self.app(untouched, receive, send)
