"""Measure the emulator: `python -m tests.emulator.measure`. Prints; nothing is asserted.

Start and second start; 100,000 people; a membership change in a group of 10,000; webhooks sent to
a receiver in a process of its own.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from emulator.scenario import generate
from emulator.testing import Emulator
from tests.emulator.server import Program
from tools.ports import free_port

WEBHOOKS = 10_000
TURNS = 20
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
RECEIVER = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def measure_starts(home: Path) -> None:
    for what in ("first start", "second start"):
        with Program(home) as program:
            say(f"{what}: {program.started_after:.2f} s")
    begin = time.monotonic()
    with Program(home / "big", "--people", "100000") as program:
        say(f"first start with 100,000 people: {time.monotonic() - begin:.1f} s")
        program.end()
    with Program(home / "big", "--people", "100000") as program:
        say(f"second start with 100,000 people: {program.started_after:.2f} s")


async def measure_membership() -> None:
    emulator = Emulator()
    directory = generate.company(emulator, 20_000)
    authors = emulator.world.store.one("select * from directory_groups where name = 'Authors'")
    outsider = emulator.user(f"00uGEN{1:014d}")
    naming = {"op": "replace", "value": {"id": authors["scim_id"], "displayName": "Authors"}}
    add = {"op": "add", "path": "members", "value": [{"value": outsider.scim_id}]}
    remove = {"op": "remove", "path": f'members[value eq "{outsider.scim_id}"]'}
    took = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(emulator.app),
        base_url=f"http://emulator{directory.scim_path}",
        headers={"Authorization": f"Bearer {directory.token}"},
    ) as scim:
        await scim.get("/ServiceProviderConfig")
        for turn in range(TURNS):
            body = {"schemas": [PATCH], "Operations": [remove if turn % 2 else add, naming]}
            begin = time.perf_counter()
            answer = await scim.patch(f"/Groups/{authors['scim_id']}", json=body)
            took.append((time.perf_counter() - begin) * 1000)
            answer.raise_for_status()
    emulator.close()
    say(
        f"membership change in a group of 10,000: median {statistics.median(took):.0f} ms,"
        f" worst of {TURNS} {max(took):.0f} ms"
    )


def measure_webhooks(folder: Path) -> None:
    (folder / "receiver.py").write_text(RECEIVER)
    port = free_port()
    arguments = ["-m", "uvicorn", "receiver:app", "--port", str(port), "--log-level", "warning"]
    receiver = subprocess.Popen([sys.executable, *arguments], cwd=folder)
    emulator = Emulator(webhook_url=f"http://127.0.0.1:{port}/hook", home=folder)
    try:
        with emulator.world.store.transaction():
            for number in range(WEBHOOKS):
                emulator.create_organization(f"Company {number}")
        time.sleep(2)
        seconds = asyncio.run(send_all(emulator))
        delivered = emulator.world.store.number(
            "select count(*) from deliveries where state = 'delivered'"
        )
    finally:
        receiver.terminate()
        receiver.wait()
        emulator.close()
    say(f"webhooks signed, sent and recorded: {delivered / seconds:,.0f} a second")


async def send_all(emulator: Emulator) -> float:
    """Seconds."""
    begin = time.perf_counter()
    async with emulator:
        await emulator.settled(60)
        return time.perf_counter() - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure_starts(Path(folder))
        asyncio.run(measure_membership())
        measure_webhooks(Path(folder))


if __name__ == "__main__":
    main()
