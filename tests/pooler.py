"""A pooler before the database, as small as one can be: what PgBouncer does to its clients."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_SSL_REQUEST, _CANCEL_REQUEST = 80877103, 80877102
# PgBouncer's, without what `ignore_startup_parameters` adds.
_TAKEN = {"user", "database", "client_encoding", "application_name", "datestyle", "timezone"}


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    length = int.from_bytes(await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


class Pooler:
    """Refuses most startup parameters, makes up process ids, and may share one connection.

    Args:
        url: of the database.
        by_transaction: whether all clients are given the same connection, in turns.
    """

    def __init__(self, url: str, *, by_transaction: bool) -> None:
        self._target = urlsplit(url)
        self._by_transaction = by_transaction
        self._numbers = itertools.count(10_000_000)
        self._shared: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._greeting = b""
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        host = self._target.netloc.replace(f":{self._target.port}", f":{port}")
        try:
            yield urlunsplit(self._target._replace(netloc=host))
        finally:
            server.close()
            if self._shared is not None:
                self._shared[1].close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            start = await self._start(reader, writer)
            if start is None:
                pass
            elif self._by_transaction and self._shared is not None:
                writer.write(message(b"R", bytes(4)) + self._greeting + self._key())
                writer.write(message(b"Z", b"I"))
                await self._in_turns(reader, writer, *self._shared)
            else:
                back = await asyncio.open_connection(self._target.hostname, self._target.port)
                back[1].write(start)
                await self._sign_in(reader, writer, *back)
                if self._by_transaction:
                    self._shared = back
                    await self._in_turns(reader, writer, *back)
                else:
                    await self._alone(reader, writer, *back)
        writer.close()

    async def _start(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """The first message, unless it is none that we take."""
        while True:
            length = await reader.readexactly(4)
            rest = await reader.readexactly(int.from_bytes(length) - 4)
            code = int.from_bytes(rest[:4])
            if code == _SSL_REQUEST:
                writer.write(b"N")
                continue
            if code == _CANCEL_REQUEST:
                return None
            names = rest[4:].rstrip(b"\0").split(b"\0")[::2]
            for name in names:
                if name.decode().lower() not in _TAKEN:
                    said = b"unsupported startup parameter: " + name
                    writer.write(message(b"E", b"SFATAL\0C08P01\0M" + said + b"\0\0"))
                    return None
            return length + rest

    def _key(self) -> bytes:
        return message(b"K", next(self._numbers).to_bytes(4) + bytes(4))

    async def _sign_in(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        database: asyncio.StreamWriter,
    ) -> None:
        kind = b""
        while kind != b"Z":
            kind, body = await read_message(answers)
            if kind == b"S":
                self._greeting += message(kind, body)
            writer.write(self._key() if kind == b"K" else message(kind, body))
            # Whether a password is asked for, and whether that was all of it.
            if kind == b"R" and int.from_bytes(body[:4]) not in {0, 12}:
                database.write(message(*await read_message(reader)))

    async def _alone(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        database: asyncio.StreamWriter,
    ) -> None:
        async def answer() -> None:
            while data := await answers.read(65536):
                writer.write(data)
            writer.close()

        answering = asyncio.create_task(answer())
        while data := await reader.read(65536):
            database.write(data)
        database.close()
        await answering

    async def _in_turns(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        database: asyncio.StreamWriter,
    ) -> None:
        """From the first message of a transaction to its end nobody else has the connection."""
        reading = asyncio.ensure_future(read_message(reader))
        while (first := await reading)[0] != b"X":
            async with self._turn:
                database.write(message(*first))
                idle = asyncio.ensure_future(self._until_idle(writer, answers))
                reading = asyncio.ensure_future(read_message(reader))
                try:
                    while not idle.done():
                        await asyncio.wait({reading, idle}, return_when=asyncio.FIRST_COMPLETED)
                        if reading.done() and not idle.done():
                            database.write(message(*reading.result()))
                            reading = asyncio.ensure_future(read_message(reader))
                finally:
                    idle.cancel()

    async def _until_idle(
        self, writer: asyncio.StreamWriter, answers: asyncio.StreamReader
    ) -> None:
        kind, body = b"", b""
        while (kind, body) != (b"Z", b"I"):
            kind, body = await read_message(answers)
            writer.write(message(kind, body))
