"""`make bench`: each hot path beside the limit that was measured in the same run."""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from backend.database import Database
from backend.embedded_postgres import running
from backend.http.guards import session_cookie_name, session_signer
from backend.settings import Settings
from backend.workos.signatures import sign
from bench import company, load

ROUNDS = 5
SESSION_SECRET = "of the bench, and long enough for it"
SECRET = "whsec_of_the_bench"
CONNECTIONS = 32
GETS = 3000
WEBHOOKS = 3000


@dataclass(frozen=True)
class Measure:
    name: str
    at_least: float
    requests: Callable[[int], list[bytes]]


@asynccontextmanager
async def served(factory: str, environment: dict[str, str]) -> AsyncIterator[int]:
    """One process of this application under uvicorn; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning", "--no-server-header"]
    process = await asyncio.create_subprocess_exec(*command, *quiet, env=environment)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()


async def main() -> None:
    with tempfile.TemporaryDirectory() as home, running(_open_to_all(home)) as url:
        database = Database(url, pool_size=1)
        await database.migrate()
        token = await company.found(database)
        await database.close()
        environment = os.environ | {
            "DATABASE_URL": url,
            "ROLLCALL_HOME": home,
            "SESSION_SECRET": SESSION_SECRET,
            "RATE_LIMITS": "off",
            "WORKOS_WEBHOOK_SECRET": SECRET,
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        settings = Settings(session_secret=SESSION_SECRET)
        signed = session_signer(settings).sign(token).decode()
        cookie = f"{session_cookie_name(settings)}={signed}"
        measures = [
            Measure("GET /posts", 0.35, lambda _: [load.get("/posts", cookie)] * GETS),
            Measure("signed webhook", 0.5, webhooks),
        ]
        async with (
            served("backend.main:create_served_app", environment) as ours,
            served("bench.bare:create_app", environment) as bare,
        ):
            print(f"{'path':<16}{'ours/s':>9}{'limit/s':>9}{'ratio':>7}{'at least':>10}")
            for measure in measures:
                await compare(measure, ours, bare)


def _open_to_all(home: str) -> Path:
    # Or for root the data would be kept elsewhere and left behind.
    Path(home).chmod(0o755)
    return Path(home)


def webhooks(round_number: int) -> list[bytes]:
    now_ms = time.time_ns() // 1_000_000
    made = []
    for n in range(WEBHOOKS):
        number = 1000 + round_number * WEBHOOKS + n
        body = company.event("dsync.user.updated", number, company.user_data(n, round_number))
        header = f"t={now_ms}, v1={sign(body, SECRET, now_ms)}"
        headers = {"Content-Type": "application/json", "WorkOS-Signature": header}
        made.append(load.post("/api/directory-sync", body, headers))
    return made


async def compare(measure: Measure, ours: int, bare: int) -> None:
    """Rounds in turn, so that what else the machine does falls on both; the median ratio."""
    rates: list[tuple[float, float]] = []
    for round_number in range(ROUNDS + 1):
        requests = measure.requests(round_number)
        mine = await load.send(ours, requests, CONNECTIONS)
        limit = await load.send(bare, requests, CONNECTIONS)
        if mine.refused or limit.refused:
            raise SystemExit(f"{measure.name}: {mine.refused} requests were not answered 200.")
        if round_number:  # the first warms up
            rates.append((mine.rate, limit.rate))
    ratio = statistics.median(mine / limit for mine, limit in rates)
    ours_rate, limit_rate = (statistics.median(column) for column in zip(*rates, strict=True))
    print(
        f"{measure.name:<16}{ours_rate:>9.0f}{limit_rate:>9.0f}{ratio:>7.2f}{measure.at_least:>10.2f}"
    )


if __name__ == "__main__":
    uvloop.run(main())
