"""`rollcall worker`, and the worker inside `rollcall serve`: programs, killed and stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from tests.events_api import Poller, emitted, inbox, one
from tests.processes import resident
from tests.stack import Stack
from tests.working import until
from tools.ports import free_port

PROGRAM = Path(sys.executable).with_name("rollcall")
MEGABYTE = 1 << 20


@pytest.fixture
async def workos_url(own_stack: Stack) -> AsyncIterator[str]:
    """The test's emulator on a port, for another process."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            own_stack.emulator.app, port=port, log_level="error", lifespan="off", date_header=False
        )
    )
    serving = asyncio.create_task(server.serve())
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@contextmanager
def rollcall(
    stack: Stack, url: str, workos_url: str, folder: Path, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": url,
        "WORKOS_API_KEY": stack.emulator.api_key,
        "WORKOS_CLIENT_ID": stack.emulator.client_id,
        "WORKOS_BASE_URL": workos_url,
        "SESSION_SECRET": "a secret for tests, and long enough",
        "EVENTS_POLL_SECONDS": "1",
        "NO_PROXY": "*",
    }
    process = subprocess.Popen(
        [str(PROGRAM), *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def ended(process: subprocess.Popen[bytes], how: signal.Signals) -> tuple[int, bytes]:
    process.send_signal(how)
    _out, err = await asyncio.to_thread(process.communicate, timeout=15)
    return process.returncode, err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_worker(
    own_stack: Stack, own_database_url: str, workos_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    own_stack.person("Ann")

    async def caught_up() -> bool:
        return len(await inbox(own_stack)) == len(emitted(own_stack))

    with rollcall(own_stack, own_database_url, workos_url, tmp_path, "worker") as process:
        await until(caught_up, 60)
        assert resident(process.pid) < 250 * MEGABYTE
        assert await ended(process, how) == (0, b"")

    async def has_left() -> bool:  # the server notices a little later than whoever waits for it
        connections = await one(
            own_stack,
            """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND query ILIKE '%pgqueuer%' AND pid <> pg_backend_pid()""",
        )
        return connections == {"count": 0}

    await until(has_left)


@pytest.mark.parametrize("workers", [1, 2])
async def test_serve_does_the_work_when_it_is_alone(
    own_stack: Stack, own_database_url: str, workos_url: str, tmp_path: Path, workers: int
) -> None:
    own_stack.person("Ann")
    arguments = ("serve", "--port", str(free_port()), "--workers", str(workers))

    async def caught_up() -> bool:
        return len(await inbox(own_stack)) == len(emitted(own_stack))

    with rollcall(own_stack, own_database_url, workos_url, tmp_path, *arguments) as process:
        if workers == 1:
            await until(caught_up, 60)
        else:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
            assert b"rollcall worker" in line
            await asyncio.sleep(6)
            assert await inbox(own_stack) == {}
        code, err = await ended(process, signal.SIGTERM)
        assert (code, err) == (0, b"")


async def test_killed_in_the_middle_it_has_lost_nothing(
    own_stack: Stack, own_database_url: str, workos_url: str, tmp_path: Path
) -> None:
    """Invariant 5: what is behind the cursor is in the inbox, and the rest comes again."""
    for _ in range(3000):
        own_stack.person()
    everything = [event["id"] for event in emitted(own_stack)]
    own_stack.clock.advance(180)  # the events' times run ahead of the clock

    async def halfway() -> bool:
        return len(await inbox(own_stack)) > 150

    with rollcall(own_stack, own_database_url, workos_url, tmp_path, "worker") as process:
        await until(halfway, 60)
        process.kill()
        process.wait()
    known = set(await inbox(own_stack))
    assert len(known) < len(everything)
    cursor = await one(own_stack, "SELECT after FROM event_cursor")
    assert cursor is not None
    # What was applied since it moved last is known when it comes again.
    assert known >= set(everything[: everything.index(cursor["after"]) + 1])
    poller = Poller(own_stack)
    await until(poller.poll)  # once the server has noticed that whoever held the lock is gone
    await poller.client.close()
    assert set(await inbox(own_stack)) == set(everything)
