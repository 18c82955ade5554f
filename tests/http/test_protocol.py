"""What one connection may hold on to, at the server as `rollcall serve` runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from backend.cli.main import SERVER
from backend.http import protocol
from backend.http.protocol import BoundedHttp
from tests.working import until

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)}")(scope, receive, send)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 1)
    monkeypatch.setattr(protocol, "BODY_SECONDS", 1)
    server = uvicorn.Server(uvicorn.Config(answer, port=0, lifespan="off", **SERVER))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def sent(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that comes back until the server closes; TimeoutError when that takes 5 s more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    back = b""
    async with asyncio.timeout(5 + pause * len(pieces)):
        with suppress(ConnectionError):  # it is closed while we send
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        with suppress(ConnectionError):
            back = await reader.read()
    writer.transport.abort()
    return back


def test_it_is_what_serve_runs() -> None:
    assert SERVER["http"] is BoundedHttp


@pytest.mark.parametrize("size", [33_000, 200_000, 5_000_000])
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("fields", [1, 20])
async def test_a_head_of_more_than_32_kb_is_refused(
    port: int, size: int, end: bytes, fields: int
) -> None:
    of_each = size // fields
    head = b"\r\n".join(b"X-%d: %b" % (n, b"a" * of_each) for n in range(fields))
    back = await sent(port, GET + head + end)
    assert back == b"" or back.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


async def test_a_head_of_32_kb_and_a_large_body_are_taken(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n"
    back = await sent(port, head + b"X: " + b"a" * 31_000 + b"\r\n\r\n" + b"b" * 200_000)
    assert back.startswith(b"HTTP/1.1 200 ")
    assert back.endswith(b"200000")


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [GET],
        [b"\r\n"] * 20,
        [b"G", b"E", b"T"] + [b" "] * 20,
        [GET, *[b"X-A: b\r\n"] * 20],
        [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n", *[b"b"] * 20],
        [GET + b"\r\n", *[b"\r\n"] * 20],
    ],
)
async def test_a_connection_that_never_comes_to_an_end_is_closed(
    port: int, pieces: list[bytes]
) -> None:
    begun = asyncio.get_running_loop().time()
    await sent(port, *pieces, pause=0.2)
    assert asyncio.get_running_loop().time() - begun < 5


async def test_slow_requests_that_come_in_time_are_answered(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that take longer together than each of them may."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 4)
    end = b"Connection: close\r\n\r\n"
    back = await sent(port, GET, b"\r\n", GET, end, pause=1.5)
    assert back.count(b"HTTP/1.1 200 ") == 2
