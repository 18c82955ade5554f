"""What lies between us and the database, and can fail: a proxy on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Network:
    """Passes bytes on, until it fails those who are connected."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._silent: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._kept: set[asyncio.StreamWriter] = set()

    def forget_connections(self) -> None:
        """As a firewall does: nothing comes through any more, and nobody is told."""
        self._silent |= self._clients

    def keep_open(self) -> None:
        """When the server ends them, its last words arrive, and the socket stays open."""
        self._kept |= self._clients

    async def __call__(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        from_server, server = await asyncio.open_connection(*self._target)
        self._ends |= {client, server}
        await asyncio.gather(
            self._pass_on(reader, server, client), self._pass_on(from_server, client, client)
        )

    async def close(self) -> None:
        for end in self._ends:
            end.transport.abort()
        await asyncio.sleep(0)

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if client not in self._silent:
                    target.write(data)
        if not (client in self._kept and target is client) and client not in self._silent:
            target.close()


@asynccontextmanager
async def network_to(url: str) -> AsyncIterator[tuple[Network, str]]:
    """A network, and the address of the same database through it."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    network = Network(parts.hostname, parts.port)
    server = await asyncio.start_server(network, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.replace(f":{parts.port}", f":{port}")
    try:
        yield network, urlunsplit(parts._replace(netloc=netloc))
    finally:
        server.close()
        await network.close()
        await server.wait_closed()
