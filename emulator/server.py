"""Open or make the world, then serve it until told to stop."""

import errno
import fcntl
import logging
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from emulator.app import Parts
from emulator.clock import Clock
from emulator.direct import Direct
from emulator.options import Options
from emulator.scenario import generate, model
from emulator.scenario.provision import provision
from emulator.store import OWNER_ONLY
from emulator.workos.settings import Settings

GRACE_SECONDS = 1


class StartError(Exception):
    """Why it cannot start, in one sentence."""


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM; `announce` is told the address. Raises StartError."""
    listener = _listen(options)
    with listener, _only_one(options.home):
        try:
            scenario = model.load(options.scenario or model.DEFAULT)
            parts = Parts(options, Settings(), Clock())
        except (model.ScenarioError, ValueError, sqlite3.DatabaseError) as error:
            raise StartError(str(error)) from error
        direct = Direct(parts)
        if not parts.world.store.exists("select 1 from organizations"):
            if options.scenario is not None or not options.people:
                provision(direct, scenario)
            if options.people:
                generate.company(direct, options.people)
        parts.timeline = scenario.timeline
        config = uvicorn.Config(
            parts.app,
            log_level=logging.WARNING,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        announce(f"WorkOS and Okta: {options.base_url}/")
        # Uvicorn shuts down on a signal and then raises it again, which ends here with code 0.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        try:
            server.run(sockets=[listener])
        finally:
            parts.close()


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _listen(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        # The timeline may push before the server has its first turn to accept.
        listener.listen()
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use; choose another with --port" if taken else error.strerror
        raise StartError(f"{options.host}:{options.port} {reason}") from error
    return listener


@contextmanager
def _only_one(home: Path | None) -> Iterator[None]:
    """Two emulators over one home would send each webhook twice."""
    if home is None:
        yield
        return
    folder = home / "emulator"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock_path = folder / "lock"
        lock_path.touch(mode=OWNER_ONLY)
        lock_path.chmod(OWNER_ONLY)
        file = lock_path.open("w")
    except OSError as error:
        raise StartError(
            f"{folder} cannot be used ({error.strerror}); choose another home with --home, "
            "or for `make run` with ROLLCALL_HOME"
        ) from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(f"another emulator is running over {folder}") from error
        yield
