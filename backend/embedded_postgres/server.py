"""Starts the embedded PostgreSQL, shares it between programs, and stops it after the last.

Three files beside the data carry the locks:
`gate` is held by whoever starts or stops;
`users` is shared by everyone who uses the server;
`alive` is held by the server's processes and its keeper, inherited: free means that none is left,
whatever a `postmaster.pid` from before a crash says.
"""

import fcntl
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from backend.embedded_postgres import keeper
from backend.embedded_postgres.data import ENVIRONMENT, make_data
from backend.embedded_postgres.place import EmbeddedPostgresError, Place, find
from backend.embedded_postgres.roles import Addresses, addresses, ask

READY_SECONDS = 60
ATTEMPTS = 4

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Nothing is replicated from here.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_keepers: dict[Path, subprocess.Popen[bytes]] = {}
"""Those that this process started."""


@contextmanager
def running(
    home: Path, *, durable: bool = True, lost: Callable[[], object] | None = None
) -> Iterator[Addresses]:
    """The addresses of an existing database `rollcall` whose data lies under `home`.

    Programs with the same home share one server; the last to leave stops it. Without `durable`
    it is faster and forgets what it pleases when it or the machine crashes: for tests. One that
    is killed is started again at the same address; `lost` is called, from another thread, when
    it is gone for good.
    """
    with _sentences(home):
        place = find(home)
        users = _open(place.folder / "users")
    left = Event()
    try:
        with _sentences(home), _locked(place.folder / "gate"):
            fcntl.flock(users, fcntl.LOCK_SH)
            found = addresses(place, _ensure_started(place, durable=durable))
        if lost is not None:
            Thread(target=_watch, args=[place, left, lost], daemon=True).start()
        yield found
    finally:
        left.set()
        try:
            # Whoever removed the folder meanwhile leaves the stopping to the keeper.
            with _sentences(home), suppress(FileNotFoundError), _locked(place.folder / "gate"):
                _leave(place, users)
        finally:
            os.close(users)
            _reap(place)


def _watch(place: Place, left: Event, lost: Callable[[], object]) -> None:
    """Wait until neither the server nor its keeper is left, while we use it."""
    alive = _open(place.folder / "alive")
    fcntl.flock(alive, fcntl.LOCK_SH)
    os.close(alive)
    if not left.is_set():
        lost()


@contextmanager
def _sentences(home: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"The database under {home} belongs to another user ({error}): "
            "run as that user, or choose another folder with ROLLCALL_HOME."
        ) from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout or "").strip().splitlines() or [str(error)]
        raise EmbeddedPostgresError(f"PostgreSQL could not make its files: {reason[-1]}") from error
    except OSError as error:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot be used: {error}.") from error


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(place: Place) -> bool:
    descriptor = _open(place.folder / "alive")
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _ensure_started(place: Place, *, durable: bool) -> int:
    # Again when the port was taken meanwhile, or when what was found alive was about to end.
    for _ in range(ATTEMPTS):
        alive = _open(place.folder / "alive")
        try:
            if _try_lock(alive):
                if not place.data.exists():
                    make_data(place, alive)
                _launch(place, alive, durable=durable)
        finally:
            os.close(alive)
        port = _wait_until_ready(place)
        if port is not None:
            return port
    raise EmbeddedPostgresError(
        f"PostgreSQL did not start: {_last_complaint(place.log)} (its log: {place.log})."
    )


def _launch(place: Place, alive: int, *, durable: bool) -> None:
    if ended := _keepers.pop(place.folder, None):
        ended.wait()
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    settings = {**SETTINGS, "port": str(_free_port()), **({} if durable else NOT_DURABLE)}
    server = [str(place.binaries / "postgres"), "-D", str(place.data)]
    for name, value in settings.items():
        server += ["-c", f"{name}={value}"]
    owner = place.owner
    as_whom = [f"--uid={owner.uid}", f"--gid={owner.gid}"] if owner else []
    with place.log.open("wb") as log:
        place.log.chmod(0o600)
        _keepers[place.folder] = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", keeper.__file__),
                *(f"--alive={alive}", f"--users={place.folder / 'users'}"),
                *(f"--data={place.data}", *as_whom),
                *("--", *server),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=[alive],
            start_new_session=True,
        )


def _reap(place: Place) -> None:
    """Waits for the keeper we started, unless it goes on for others."""
    ours = _keepers.get(place.folder)
    if ours and not (place.folder.exists() and _is_alive(place)):
        ours.wait()
        del _keepers[place.folder]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(place: Place) -> int | None:
    """Its port, or None when it ended."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        lines = _pid_file(place)
        if lines[7:] == ["ready"] and ask(place, int(lines[3]), "SELECT 1").returncode == 0:
            return int(lines[3])
        if not _is_alive(place):
            return None
        time.sleep(0.02)
    _stop(place)
    return None


def _pid_file(place: Place) -> list[str]:
    """pid, data folder, start, port, socket folder, address, shared memory, status."""
    with suppress(FileNotFoundError):
        text = (place.data / "postmaster.pid").read_text(encoding="utf-8")
        return [line.strip() for line in text.splitlines()]
    return []


def _leave(place: Place, users: int) -> None:
    """The keeper waits for the same lock; whoever gets it stops the server."""
    fcntl.flock(users, fcntl.LOCK_UN)
    if _try_lock(users):
        _stop(place)
    elif not _try_lock(users, fcntl.LOCK_SH):
        fcntl.flock(users, fcntl.LOCK_SH)  # the keeper is at it


def _stop(place: Place) -> None:
    for ending, patience in keeper.ENDINGS:
        deadline = time.monotonic() + patience
        sent = False
        while time.monotonic() < deadline:
            if not _is_alive(place):
                return
            if not sent and (lines := _pid_file(place)):
                with suppress(ProcessLookupError):
                    os.kill(int(lines[0]), ending)
                sent = True
            time.sleep(0.01)
    raise EmbeddedPostgresError(f"PostgreSQL did not stop (its log: {place.log}).")


def _last_complaint(log: Path) -> str:
    """What it died of, with the detail that may follow."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    found = [re.split(r"(?:FATAL|PANIC|DETAIL): +", line) for line in lines]
    messages = [text.rstrip(".") for _, *texts in found for text in texts]
    return ". ".join(messages or lines[-1:]) or "it said nothing"
