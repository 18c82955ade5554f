"""`make bench`: a reconciliation beside a plain COPY of the same rows, in the same run."""

import argparse
import asyncio
import json
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import uvicorn
import uvloop
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

sys.path.insert(0, str(Path(__file__).parent.parent))

from backend.database import Database, LockedConnection
from backend.embedded_postgres import Addresses, running
from backend.schemas.reconciliations import Trigger
from backend.services.reconciliation import requests as reconciliations
from backend.services.reconciliation import run as reconciliation_run
from backend.services.reconciliation import targets as reconciliation_targets
from backend.settings import Settings
from backend.workos.client import WorkosClient
from bench import company
from emulator.scenario import generate
from emulator.testing import Emulator

AT_MOST = 5.0
MOST_MEMORY_MB = 250
COPIES = 3
TABLES = ("users", "directory_users", "directory_groups", "directory_memberships")


def serve_emulator(port: int, people: int) -> None:
    emulator = Emulator(port=port)
    generate.company(emulator, people)
    uvicorn.run(emulator.app, port=port, access_log=False, log_level="warning")


async def reconcile(url: str, base_url: str) -> None:
    """What the worker does, in a process of its own; the measurements as JSON."""
    settings = Settings(
        workos_api_key=SecretStr("sk_test_emulator"),
        workos_client_id="client_emulator",
        workos_base_url=base_url,
    )
    database, client = Database(url), WorkosClient(settings, listings_per_second=0)
    in_database = Stopwatch()
    begun = time.perf_counter()
    await reconciliation_targets.find(database, client, None)
    async with database.transaction() as session:
        asked = await reconciliations.request(session, generate.ORGANIZATION_ID, Trigger.COMMAND)
    done = await reconciliation_run.run(database, client, generate.ORGANIZATION_ID, asked.id)
    seconds = time.perf_counter() - begun
    assert done.state == "completed", done
    # Counted in bytes on macOS, in kilobytes elsewhere.
    megabyte = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / megabyte
    measured = {
        "database": in_database.seconds,
        "read": seconds - in_database.seconds,
        "memory": peak,
        "people": done.progress.people,
        "groups": done.progress.groups,
        "memberships": done.progress.memberships,
    }
    print(json.dumps(measured))
    await client.close()
    await database.close()


class Stopwatch:
    """The time spent in transactions of the reconciliation, from BEGIN to COMMIT."""

    def __init__(self) -> None:
        self.seconds = 0.0
        transaction = LockedConnection.transaction

        @asynccontextmanager
        async def timed(
            lock: LockedConnection, isolation_level: str = "READ COMMITTED"
        ) -> AsyncIterator[AsyncConnection]:
            begun = time.perf_counter()
            async with transaction(lock, isolation_level) as connection:
                yield connection
            self.seconds += time.perf_counter() - begun

        LockedConnection.transaction = timed  # type: ignore[assignment, method-assign]  # to measure


async def copy(url: str, folder: Path) -> float:
    """Seconds that COPY takes for the same rows into tables of the same columns and indexes."""
    connection = await asyncpg.connect(url)
    columns = {}
    for table in TABLES:
        rows = await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = ''",
            table,
        )
        columns[table] = [row["attname"] for row in rows]
        if not (folder / table).exists():
            await connection.copy_from_table(table, output=folder / table, columns=columns[table])
        await connection.execute(f"CREATE TABLE copy_{table} (LIKE {table} INCLUDING ALL)")
    begun = time.perf_counter()
    for table in TABLES:
        await connection.copy_to_table(
            f"copy_{table}", source=folder / table, columns=columns[table]
        )
    seconds = time.perf_counter() - begun
    for table in TABLES:
        await connection.execute(f"DROP TABLE copy_{table}")
    await connection.close()
    return seconds


async def main(people: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    emulator = await program("--serve", str(port), "--people", str(people))
    try:
        with tempfile.TemporaryDirectory() as home, running(_open_to_all(home)) as addresses:
            await company.migrate(addresses)
            await answering(port)
            await measure(addresses, base_url, Path(home))
    finally:
        emulator.terminate()
        await emulator.wait()


def _open_to_all(home: str) -> Path:
    # Or for root the data would be kept elsewhere and left behind.
    Path(home).chmod(0o755)
    return Path(home)


async def measure(addresses: Addresses, base_url: str, home: Path) -> None:
    print(
        f"{'reconciliation':<16}{'load s':>8}{'COPY s':>8}{'ratio':>7}{'at most':>9}"
        f"{'read s':>8}{'MB':>6}"
    )
    read = {}
    for name in ("first", "unchanged"):
        worker = await program("--worker", addresses.serving, base_url)
        output, _ = await worker.communicate()
        if worker.returncode:
            raise SystemExit("The reconciliation failed.")
        read = ours = json.loads(output)
        theirs = statistics.median([await copy(addresses.owner, home) for _ in range(COPIES)])
        print(
            f"{name:<16}{ours['database']:>8.1f}{theirs:>8.1f}{ours['database'] / theirs:>7.2f}"
            f"{AT_MOST:>9.2f}{ours['read']:>8.1f}{ours['memory']:>6.0f}",
            flush=True,
        )
    print(
        f"{read['people']:,} people, {read['groups']:,} groups, {read['memberships']:,} "
        f"memberships; memory at most {MOST_MEMORY_MB} MB"
    )


async def program(*args: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, __file__, *args, stdout=asyncio.subprocess.PIPE
    )


async def answering(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--serve", type=int)
    parser.add_argument("--worker", nargs=2)
    given = parser.parse_args()
    if given.serve:
        serve_emulator(given.serve, given.people)
    elif given.worker:
        uvloop.run(reconcile(*given.worker))
    else:
        uvloop.run(main(given.people))
