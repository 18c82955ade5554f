"""The running stack, started as `make run` starts it, and real browsers to drive it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.journey.people import Stack
from tools.browser import ARGUMENTS

_ROOT = Path(__file__).parent.parent.parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """With what the module's `ENVIRONMENT` says, if it has one."""
    more: dict[str, str] = getattr(request.module, "ENVIRONMENT", {})
    with tempfile.TemporaryDirectory() as folder:
        # Open to all, or for root the data would be kept elsewhere and left behind.
        Path(folder).chmod(0o755)
        yield from _run(Path(folder), more)


def _run(folder: Path, more: dict[str, str]) -> Iterator[Stack]:
    port, emulator_port = _free_port(), _free_port()
    ours = ("WORKOS_", "ROLLCALL_", "EMULATOR_", "DATABASE_", "SESSION_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= more | {
        "ROLLCALL_HOME": str(folder / "home"),
        "EMULATOR_SCENARIO": str(Path(__file__).parent / "company.toml"),
    }
    command = [sys.executable, str(_ROOT / "tools" / "run.py")]
    ports = ["--port", str(port), "--emulator-port", str(emulator_port)]
    with subprocess.Popen(
        [*command, *ports], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            lines = [supervisor.stdout.readline() for _ in range(3)]
            assert lines[2] == "Ctrl-C stops everything.\n", lines
            yield Stack(f"http://localhost:{port}", f"http://localhost:{emulator_port}")
        finally:
            supervisor.send_signal(signal.SIGINT)
            assert supervisor.wait(30) == 0


@pytest.fixture(scope="session")
async def chromium(browser_path: Path | None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        await browser.close()
