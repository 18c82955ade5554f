"""Everything that `make run` starts, for as long as a block lasts: for tests and pictures."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tools.ports import free_port

_RUN = Path(__file__).with_name("run.py")
_OURS = ("WORKOS_", "ROLLCALL_", "EMULATOR_", "DATABASE_", "SESSION_")
_LINES = 3
_READY = "Ctrl-C stops everything.\n"
_STOPPING_SECONDS = 30


class Addresses(NamedTuple):
    """Where they are reached; `home` holds the database, and the emulator's state."""

    application: str
    console: str
    home: Path


class NotRunningError(Exception):
    """It did not start, or did not stop as it should."""


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Addresses]:
    """A new one, at free ports, in a folder that is gone afterwards.

    Args:
        environment: what is set besides; of what configures us, nothing else is.

    Raises:
        NotRunningError: it said something else than where to click.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Open to all, or for root the data would be kept elsewhere and left behind.
        Path(folder).chmod(0o755)
        yield from _run(Path(folder), environment)


def _run(folder: Path, more: Mapping[str, str]) -> Iterator[Addresses]:
    port, emulator_port, home = free_port(), free_port(), folder / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    ports = ["--port", str(port), "--emulator-port", str(emulator_port)]
    with subprocess.Popen(
        [sys.executable, str(_RUN), *ports],
        cwd=folder,
        env=kept | dict(more) | {"ROLLCALL_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            lines = [supervisor.stdout.readline() for _ in range(_LINES)]
            if lines[-1] != _READY:
                raise NotRunningError("".join(lines))
            yield Addresses(f"http://localhost:{port}", f"http://localhost:{emulator_port}", home)
        finally:
            supervisor.send_signal(signal.SIGINT)
            code = supervisor.wait(_STOPPING_SECONDS)
    if code:
        raise NotRunningError(f"It stopped with exit code {code}.")
