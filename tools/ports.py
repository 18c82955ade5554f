"""Ports for programs that are about to be started."""

import secrets
import socket
from contextlib import suppress

# No system gives these to connections that go out, as it might before a program has started.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
