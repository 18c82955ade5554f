"""An HTTP/1.1 client for one thing: many small POSTs to one address, thousands a second."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, urlsplit

from httptools import HttpParserError, HttpResponseParser

LARGEST_ANSWER = 2_000
HTTP_OK = 200
FRAMING = frozenset({b"content-length", b"transfer-encoding"})


@dataclass(frozen=True)
class Reply:
    """The status, and the beginning of the body as text."""

    status: int
    text: str


class NoAnswerError(ConnectionError):
    """Somebody was there, took the request, and answered nothing that can be read."""


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.reply: asyncio.Future[Reply] | None = None
        self.reusable = False
        self._new_answer()

    def _new_answer(self) -> None:
        self._body = bytearray()
        self._framed = self._ends_with_connection = False
        self._parser = HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by behaviour, not by class.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(NoAnswerError(f"not an HTTP answer: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None and self._ends_with_connection:
            self._answer()
        self.reusable = False
        self._fail(NoAnswerError(str(exc or "the connection was closed without an answer")))

    def on_header(self, name: bytes, _value: bytes) -> None:
        self._framed |= name.lower() in FRAMING

    def on_headers_complete(self) -> None:
        """Without a length the body lasts until the connection is closed (RFC 9112, 6.3)."""
        self._ends_with_connection = not self._framed

    def on_body(self, body: bytes) -> None:
        if len(self._body) < LARGEST_ANSWER:
            self._body += body

    def on_message_complete(self) -> None:
        self._ends_with_connection = False
        self.reusable = self._parser.should_keep_alive()
        self._answer()

    def _answer(self) -> None:
        status = self._parser.get_status_code()
        if status < HTTP_OK:
            return
        text = self._body[:LARGEST_ANSWER].decode(errors="replace")
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(Reply(status, text))

    def send(self, request: bytes) -> asyncio.Future[Reply]:
        if self.transport is None:
            raise ConnectionError("not connected")
        self.reusable = False
        self._new_answer()
        self.reply = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.reply

    def close(self) -> None:
        self.reusable = False
        if self.transport is not None:
            self.transport.close()

    def _fail(self, error: Exception) -> None:
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(error)


class HttpPoster:
    """POST to one URL over a pool of connections."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for anything but an http or https URL with a host."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"Not a webhook address: {url}")
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: deque[_Connection] = deque()
        self._head = _head(parts)

    async def post(self, headers: dict[str, str], body: bytes, timeout_seconds: float) -> Reply:
        """Raises OSError when there is no answer, TimeoutError among them."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (
            self._head,
            lines.encode(),
            len(body),
            body,
        )
        async with asyncio.timeout(timeout_seconds):
            connection = self._idle_connection() or await self._connect()
            try:
                reply = await connection.send(request)
            except BaseException:
                connection.close()
                raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    def _idle_connection(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self) -> _Connection:
        port = self._port or (443 if self._tls else 80)
        _, connection = await asyncio.get_running_loop().create_connection(
            _Connection, self._host, port, ssl=self._tls
        )
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _head(parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    return (
        f"POST {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rollcall-emulator\r\n"
        "Content-Type: application/json; charset=utf-8\r\nAccept: */*\r\n"
    ).encode()
