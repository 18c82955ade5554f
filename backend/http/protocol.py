"""HTTP as uvicorn speaks it, with bounds on what a connection may hold on to."""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES = 32 * 1024
HEAD_SECONDS = 10
BODY_SECONDS = 30

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHttp(HttpToolsProtocol):
    """Ends a connection whose head is too large, or whose head or body takes too long.

    uvicorn itself bounds only the pause between two requests. A request that arrives in one piece,
    as almost all do, costs no timer.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_body = False
        self._too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_body:
            self._head_bytes = 0
            self._wait(BODY_SECONDS)
        elif self._head_bytes > MAX_HEAD_BYTES:
            self._refuse()
        elif self._head_bytes or not self._is_answering():
            # Also for what is no head yet, such as empty lines.
            self._wait(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        if self._head_bytes > MAX_HEAD_BYTES:
            # They came with a body or with other requests: only now it can be said.
            fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if fields + len(self.url) > MAX_HEAD_BYTES:
                self._too_large = True
                raise ValueError("the head is too large")
        self._arrived()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _is_answering(self) -> bool:
        cycle = getattr(self, "cycle", None)  # None until the first request
        return cycle is not None and not cycle.response_complete

    def _refuse(self) -> None:
        self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _wait(self, seconds: int) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_answering() and not self._in_body:
            self._wait(HEAD_SECONDS)  # it has sent the next request too early, and may finish it
        else:
            self.transport.close()
