"""Catch-up by `rollcall worker`: a directory seen for the first time, and then changes in it."""

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg

from bench import programs
from bench.company import ORGANIZATION, Company, event_id, signed
from bench.copying import seconds_of_copy
from bench.database import Server
from bench.programs import Application, Program
from bench.sides import COMMAND, migrated, sent
from bench.table import Figures

NAMES = ("catch-up: new directory", "catch-up: changes")
WRITTEN = (
    "users",
    "directory_users",
    "directory_groups",
    "directory_memberships",
    "directory_events",
    "audit_events",
)
EVENTS_A_PERSON = 2.5
_BARE_REQUESTS = 2000


async def run(
    application: Application, server: Server, home: Path, events: int
) -> dict[str, Figures]:
    """By the name of the measure, each of so many events."""
    people = round(events / EVENTS_A_PERSON)
    company = Company(people)
    first = sum(1 for _ in company.beginning()) + sum(1 for _ in company.arrivals())
    figures = {}
    async with (
        migrated(application, server, "caught_up", home) as given,
        programs.served(Application("limit"), "bench.bare:create_receiver", {}, home) as bare,
    ):
        url = given["DATABASE_URL"]
        new = await _caught_up(application, server, home, given, f"{people},0", first, bare)
        new["copy_seconds"] = await seconds_of_copy(url, WRITTEN, home)
        new["of_copy"] = new["seconds"] / new["copy_seconds"]
        figures[NAMES[0]] = new
        stream, last = f"{people},{events}", first + events
        figures[NAMES[1]] = await _caught_up(application, server, home, given, stream, last, bare)
    return figures


async def _caught_up(
    application: Application,
    server: Server,
    home: Path,
    given: dict[str, str],
    stream: str,
    last: int,
    bare: Program,
) -> Figures:
    """What a worker does to come to the last event of the stream; `ratio` is to a bare POST."""
    head = Application("events")
    receiving = [await _bare_rate(bare)]
    async with programs.served(
        head, "bench.fake_workos:create_app", {"BENCH_STREAM": stream}, home
    ) as workos:
        polling = {
            "WORKOS_BASE_URL": f"http://127.0.0.1:{workos.port}",
            "EVENTS_POLL_SECONDS": "1",
        }
        connection = await asyncpg.connect(given["DATABASE_URL"])
        try:
            known = await _count(connection)
            transactions = await _transactions(connection)
            async with programs.running(
                application, "worker", [*COMMAND, "worker"], given | polling, home
            ) as worker:
                figures = await _watched(connection, worker, server, known, last)
            # A session's are counted when it has ended.
            transactions = await _transactions(connection) - transactions
            figures["statements"] = transactions / (last - known)
        finally:
            await connection.close()
    receiving.append(await _bare_rate(bare))
    return figures | {"ratio": figures["rate"] / statistics.mean(receiving)}


async def _watched(
    connection: asyncpg.Connection, worker: Program, server: Server, known: int, last: int
) -> Figures:
    async def has_begun() -> bool:
        return await _count(connection) > known

    async def is_done() -> bool:
        # The last is found at once, but those before it may be in a later batch.
        is_there = await connection.fetchval(
            "SELECT true FROM directory_events WHERE organization_id = $1 AND id = $2",
            ORGANIZATION,
            event_id(last),
        )
        return bool(is_there) and await _count(connection) >= last

    await _until(has_begun, worker, 0.01)
    begun, before = time.perf_counter(), await _count(connection)
    program, postgres = programs.cpu_seconds(worker.pid), server.cpu_seconds()
    await _until(is_done, worker, 0.05)
    seconds = time.perf_counter() - begun
    program = programs.cpu_seconds(worker.pid) - program
    postgres = server.cpu_seconds() - postgres
    count = await _count(connection) - before
    if count != last - before:
        raise programs.ProgramError(f"Of {last} events {last - before - count} are not there.")
    return {
        "seconds": seconds,
        "rate": count / seconds,
        "program_us": program / count * 1e6,
        "postgres_us": postgres / count * 1e6,
        "memory_mb": programs.most_memory_mb(worker.pid),
    }


async def _until(
    is_so: Callable[[], Coroutine[Any, Any, bool]], worker: Program, pause: float
) -> None:
    while not await is_so():
        worker.check()
        await asyncio.sleep(pause)


async def _count(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM directory_events"))


async def _transactions(connection: asyncpg.Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
    )


async def _bare_rate(bare: Program) -> float:
    company = Company(200)
    requests = signed(company.profiles(_BARE_REQUESTS))
    done = await sent(bare.port, requests)
    return len(requests) / done.seconds
