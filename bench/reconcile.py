"""Run as a program of the application's: one reconciliation, and its measurements as JSON."""

import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import BACKGROUND, Database, LockedConnection
from backend.schemas.reconciliations import Trigger
from backend.services.reconciliation import requests, targets
from backend.services.reconciliation import run as reconciliation
from backend.settings import Settings
from backend.workos.client import WorkosClient


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


async def main(organization_id: str) -> None:
    settings = Settings()
    # Without the limit of requests that WorkOS has.
    database, client = (
        Database(settings.database_url, timeouts=BACKGROUND),
        WorkosClient(settings, listings_per_second=0),
    )
    in_database = Stopwatch()
    begun, program = time.perf_counter(), time.process_time()
    await targets.find(database, client, None)
    async with database.transaction() as session:
        asked = await requests.request(session, organization_id, Trigger.COMMAND)
    done = await reconciliation.run(database, client, organization_id, asked.id)
    seconds = time.perf_counter() - begun
    program = time.process_time() - program
    await client.close()
    await database.close()
    if done.state != "completed":
        sys.exit(f"The reconciliation is {done.state}.")
    rows = done.progress.people + done.progress.groups + done.progress.memberships
    # Counted in bytes on macOS, in kilobytes elsewhere.
    megabyte = 1 << 20 if sys.platform == "darwin" else 1 << 10
    measured = {
        "seconds": in_database.seconds,
        "read_seconds": seconds - in_database.seconds,
        "rate": rows / seconds,
        "program_us": program / rows * 1e6,
        "rows": rows,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / megabyte,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
