"""Brings everything up with one command, and everything down with Ctrl-C."""

import argparse
import errno
import json
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Self

from backend.settings import Settings, SettingsError, get_settings

LAUNCHER = Path(__file__).with_name("die_with_parent.py")
API_KEY = "sk_test_emulator"
CLIENT_ID = "client_emulator"
READY_SECONDS = 120
GRACE_SECONDS = 20
HIGHEST_PORT = 65535
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotRunError(Exception):
    """Why not, in one sentence for the person at the terminal."""


class StoppedError(Exception):
    """Somebody asked for the end."""


@dataclass(frozen=True)
class Program:
    name: str
    process: subprocess.Popen[bytes]
    port: int

    def get(self, path: str, **headers: str) -> bytes | None:
        """The body of an answer 200, else None."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status == HTTPStatus.OK else None

    def end(self) -> None:
        # SIGINT, because uvicorn passes SIGTERM on to itself, which skips the programs' clean-up.
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """Ends what it started, in reverse order, whatever happens in its `with` block."""

    def __init__(self) -> None:
        self._programs: list[Program] = []
        # Handlers only put into it, so that no signal interrupts a start half-way.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        for number in (*STOPPING, signal.SIGCHLD):
            under_nohup = number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
            if not under_nohup:
                signal.signal(number, self._received)
        return self

    def __exit__(self, *_: object) -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        for program in reversed(self._programs):
            program.end()

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._signals.put(number)

    def start(
        self, name: str, command: list[str], environment: dict[str, str], port: int, ready: str
    ) -> Program:
        """Start a program that serves `port`, and wait until `GET ready` answers 200."""
        if not Path(command[0]).exists():
            raise CannotRunError(f"There is no {command[0]}: run `make install` first.")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            # What a program says of itself is said by us; its troubles come by stderr.
            stdout=subprocess.DEVNULL,
            # A terminal's Ctrl-C is for us alone.
            start_new_session=True,
        )
        program = Program(name, process, port)
        self._programs.append(program)
        deadline = time.monotonic() + READY_SECONDS
        while program.get(ready) is None:
            if time.monotonic() > deadline:
                raise CannotRunError(f"The {name} was not ready after {READY_SECONDS} seconds.")
            self.wait(0.05)
        return program

    def wait(self, seconds: float | None = None) -> None:
        """Until something happens.

        Raises:
            StoppedError: we were told to stop.
            CannotRunError: a program ended by itself.
        """
        with suppress(queue.Empty):
            if self._signals.get(timeout=seconds) in STOPPING:
                raise StoppedError
        for program in self._programs:
            code = program.process.poll()
            if code is not None:
                raise CannotRunError(
                    f"The {program.name} ended by itself (exit code {code}), so nothing runs now."
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of the application")
    parser.add_argument("--emulator-port", type=int, default=3001)
    parser.add_argument(
        "--programs",
        type=Path,
        default=Path(sys.executable).parent,
        help="the folder of rollcall and rollcall-emulator",
    )
    options = parser.parse_args()
    try:
        run(options.port, options.emulator_port, options.programs)
    except StoppedError:
        # A terminal that was closed cannot be told.
        with suppress(OSError):
            print("\nEverything has stopped.", flush=True)
    except (CannotRunError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(port: int, emulator_port: int, programs: Path) -> None:
    settings = get_settings()
    emulated = not settings.workos_api_key.get_secret_value()
    check_port(port, "PORT")
    if emulated:
        if port == emulator_port:
            raise CannotRunError(f"PORT and EMULATOR_PORT are both {port}: choose two.")
        check_port(emulator_port, "EMULATOR_PORT")

    environment = dict(os.environ)
    with Supervisor() as supervisor:
        if emulated:
            environment |= start_emulator(supervisor, settings, port, emulator_port, programs)
            directory = f"http://localhost:{emulator_port} (the emulator, WorkOS behind an Okta)"
        else:
            directory = f"{settings.workos_base_url} (WORKOS_API_KEY is set: no emulator)"
        serve = [str(programs / "rollcall"), "serve", "--host", "127.0.0.1", "--port", str(port)]
        supervisor.start("application", serve, environment, port, "/readyz")
        print(f"Rollcall   http://localhost:{port}")
        print(f"Directory  {directory}")
        print("Ctrl-C stops everything.", flush=True)
        while True:
            supervisor.wait()


def start_emulator(
    supervisor: Supervisor, settings: Settings, port: int, emulator_port: int, programs: Path
) -> dict[str, str]:
    """What the application's environment needs besides to find it."""
    application = f"http://localhost:{port}"
    redirect_uri = f"{application}/auth/callback"
    secret = f"whsec_{secrets.token_hex(16)}"
    # A proxy for the internet does not know our localhost.
    exempt = ",".join(filter(None, [os.environ.get("NO_PROXY"), "localhost,127.0.0.1"]))
    direct = {"NO_PROXY": exempt, "no_proxy": exempt}
    command = [
        str(programs / "rollcall-emulator"),
        *("--host", "127.0.0.1", "--port", str(emulator_port)),
        *("--home", str(settings.rollcall_home)),
        *("--webhook-url", f"{application}/api/directory-sync", "--webhook-secret", secret),
        *("--api-key", API_KEY, "--client-id", CLIENT_ID, "--redirect-uri", redirect_uri),
    ]
    environment = {**os.environ, **direct}
    emulator = supervisor.start("emulator", command, environment, emulator_port, "/healthz")
    listing = emulator.get("/organizations", Authorization=f"Bearer {API_KEY}")
    organizations = json.loads(listing)["data"] if listing else []
    return {
        **direct,
        "WORKOS_API_KEY": API_KEY,
        "WORKOS_CLIENT_ID": CLIENT_ID,
        "WORKOS_BASE_URL": f"http://localhost:{emulator_port}",
        "WORKOS_WEBHOOK_SECRET": secret,
        "WORKOS_REDIRECT_URI": redirect_uri,
        "WORKOS_ORG_ID": organizations[0]["id"] if organizations else "",
        "WORKOS_DIRECTORY_ID": "",
    }


def check_port(port: int, variable: str) -> None:
    if not 0 < port <= HIGHEST_PORT:
        raise CannotRunError(f"{variable} is {port}: a port is a number from 1 to {HIGHEST_PORT}.")
    # Both: a browser that asks for localhost may try the IPv6 address first, and find a stranger.
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                continue  # there is no IPv6 here
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"fails ({error.strerror})"
            raise CannotRunError(
                f"Port {port} {reason}: end the program that has it, or choose another port "
                f"as in `make run {variable}={port + 100}`."
            ) from error


if __name__ == "__main__":
    sys.exit(main())
