"""A load of raw HTTP/1.1 requests over keep-alive connections, light enough not to be the limit."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class Load:
    """What became of the requests; `refused` is the first answer that was not as it should be."""

    shows: bytes
    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    refused: bytes = b""


class _Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], load: Load, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._load = load
        self._done = done
        self._buffer = bytearray()
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._sent_at = time.perf_counter()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(_END)
        if head < 0:
            return
        at = self._buffer.find(_LENGTH, 0, head) + len(_LENGTH)
        # An answer of 204 has no length.
        length = int(self._buffer[at : self._buffer.index(b"\r", at)]) if at >= len(_LENGTH) else 0
        if len(self._buffer) < head + len(_END) + length:
            return
        self._load.latencies.append(time.perf_counter() - self._sent_at)
        if not self._buffer.startswith(b"HTTP/1.1 2") or self._load.shows not in self._buffer:
            self._load.refused = self._load.refused or bytes(self._buffer)
        self._buffer.clear()
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))


async def send(port: int, requests: list[bytes], connections: int, shows: bytes) -> Load:
    """Send each request once, so many at a time; an answer should be a 2xx and hold `shows`."""
    loop = asyncio.get_running_loop()
    shared, load = iter(requests), Load(shows)
    begun = time.perf_counter()
    answers: list[asyncio.Future[None]] = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        answers.append(done)
        await loop.create_connection(partial(_Client, shared, load, done), "127.0.0.1", port)
    await asyncio.gather(*answers)
    load.seconds = time.perf_counter() - begun
    return load


def get(path: str, cookie: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return request("POST", path, body, headers)


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n"
    )
    return head.encode() + body
