"""`make bench-workers`: what one, two and four processes do, and what they need of the database.

They are started by `rollcall serve --workers N` and take turns with the bare limit, which is one
process. Beside some of them are as many behind PgBouncer, where that is installed.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, measures, pooler, programs, sides, table
from bench.company import Company
from bench.database import Server
from bench.programs import Application, Program
from bench.run import home_and_server
from bench.sides import Side
from tools.ports import free_port

MEASURED = ("GET /posts", "webhooks: profile", "webhooks: membership")
_DATABASE = "of_workers"
_STARTING_SECONDS = 60
_WORKING, _FIRST_JOBS_SECONDS = "Working in the background", 10
_IDLE = 0.1
_MICRO = 1e6


@dataclass(frozen=True)
class Started:
    """One that serves; how many seconds after its start it first answered."""

    name: str
    program: Program
    healthy: float
    ready: float


async def _first_answer(program: Program, path: str, begun: float) -> float:
    async with asyncio.timeout(_STARTING_SECONDS):
        while True:
            program.check()
            with suppress(OSError):  # it does not listen yet
                if not (await load.send(program.port, [load.get(path, "")], 1, b"")).refused:
                    return time.perf_counter() - begun
            await asyncio.sleep(0.01)


async def _until_idle(program: Program) -> None:
    """Until all of its processes have started: the first one answers before the others do."""
    async with asyncio.timeout(_STARTING_SECONDS):
        spent = -_IDLE
        while program.cpu_seconds - spent >= _IDLE:
            program.check()
            spent = program.cpu_seconds
            await asyncio.sleep(1)


@asynccontextmanager
async def serving(
    name: str, workers: int, environment: Mapping[str, str], home: Path
) -> AsyncIterator[Started]:
    """The application in so many processes; its connections have its name."""
    port = free_port()
    arguments = [*sides.COMMAND, "serve", "--port", str(port), "--workers", str(workers)]
    begun = time.perf_counter()
    async with programs.running(
        Application(name), "serve", arguments, named(environment, name), home, port=port
    ) as program:
        healthy = await _first_answer(program, "/healthz", begun)
        ready = await _first_answer(program, "/readyz", begun)
        await _until_idle(program)
        yield Started(name, program, healthy, ready)


def named(environment: Mapping[str, str], name: str) -> dict[str, str]:
    url = f"{environment['DATABASE_URL']}?application_name={name}"
    return {**environment, "DATABASE_URL": url}


async def connections(server: Server, name: str) -> list[int]:
    """The PostgreSQL processes of whoever connects by this name."""
    connection = await asyncpg.connect(server.url)
    try:
        found = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = $1", name
        )
        return [row["pid"] for row in found]
    finally:
        await connection.close()


async def show_needs(server: Server, name: str, program: Program, started: str = "") -> None:
    held = await connections(server, name)
    each = statistics.mean([programs.own_memory_mb(pid) for pid in held])
    print(
        f"{name:12}{started} {len(held)} connections of {each:.1f} MB each in PostgreSQL,"
        f" {program.most_memory_mb:.0f} MB the largest process",
        flush=True,
    )


async def measure(
    server: Server,
    started: list[Started],
    company: Company,
    limit: Side,
    pooling: Program | None,
    given: argparse.Namespace,
) -> None:
    taking_turns = [Side(each.name, each.program, company) for each in started]
    for chosen in measures.MEASURES:
        if chosen.name not in MEASURED or given.only not in chosen.name:
            continue
        pooler_spent = pooling.cpu_seconds if pooling else 0
        by_side = await measures.take_turns(
            chosen, [*taking_turns, limit], server, rounds=given.rounds, count=given.requests
        )
        table.show(chosen.name, by_side)
        if pooling:
            spent = pooling.cpu_seconds - pooler_spent
            each = spent / ((given.rounds + 1) * given.requests) * _MICRO
            print(f"{'':27}PgBouncer itself: {each:.0f} us a request", flush=True)
    for each in started:
        began = f"/healthz after {each.healthy:.2f} s, /readyz after {each.ready:.2f} s;"
        await show_needs(server, each.name, each.program, began)


async def show_worker(server: Server, environment: Mapping[str, str], home: Path) -> None:
    name = "worker"
    async with programs.running(
        Application(name), "run", [*sides.COMMAND, "worker"], named(environment, name), home
    ) as program:
        async with asyncio.timeout(_STARTING_SECONDS):
            while _WORKING not in program.log.read_text():
                program.check()
                await asyncio.sleep(0.1)
        await asyncio.sleep(_FIRST_JOBS_SECONDS)
        await show_needs(server, name, program)


async def show_refusal(
    command: str, server: Server, environment: Mapping[str, str], home: Path
) -> None:
    """What is said behind a pooler that gives connections away after each transaction."""
    async with pooler.pooled(command, server, _DATABASE, "transaction", home) as (_, url):
        given = {**environment, "DATABASE_URL": url}
        try:
            arguments = [*sides.COMMAND, "serve", "--port", str(free_port())]
            async with asyncio.timeout(_STARTING_SECONDS):
                await programs.finish(Application("refused"), "serve", arguments, given, home)
        except programs.ProgramError as error:
            print(f"Behind PgBouncer in transaction mode {error}", flush=True)
        else:
            raise SystemExit("Behind PgBouncer in transaction mode it serves, and should not.")


async def main(given: argparse.Namespace) -> None:
    print(f"{os.cpu_count()} processors, a load of {os.getloadavg()[0]:.1f} before it begins")
    command = pooler.find()
    if command is None:
        print("PgBouncer is not installed (Debian: apt install pgbouncer): it is left out.")
    with home_and_server() as (home, server):
        rollcall, factory = Application("rollcall"), "backend.main:create_served_app"
        workos = Application("bench"), "bench.fake_workos:create_app", {"BENCH_STREAM": "0,0"}
        company = Company(given.people)
        async with (
            programs.served(*workos, home) as answering,
            sides.migrated(rollcall, server, _DATABASE, home) as environment,
            AsyncExitStack() as stack,
        ):
            environment["WORKOS_BASE_URL"] = f"http://127.0.0.1:{answering.port}"
            async with programs.served(rollcall, factory, environment, home) as program:
                await sides.found(company, program.port)
                alone = Side("alone", program, company)
                limit = await stack.enter_async_context(sides.bare(alone, home))
            table.show_heads()
            for workers in given.workers:
                async with AsyncExitStack() as several:
                    enter = several.enter_async_context
                    started = [await enter(serving(str(workers), workers, environment, home))]
                    pooling = None
                    if command and workers == given.pooled:
                        pooling, url = await enter(
                            pooler.pooled(command, server, _DATABASE, "session", home)
                        )
                        behind = {**environment, "DATABASE_URL": url}
                        started.append(
                            await enter(serving(f"{workers}-pooled", workers, behind, home))
                        )
                    await measure(server, started, company, limit, pooling, given)
            await show_worker(server, environment, home)
            if command:
                await show_refusal(command, server, environment, home)


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the measures whose name holds this")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--pooled", type=int, default=2, help="as many behind PgBouncer, too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="of a round")
    parser.add_argument("--people", type=int, default=1000, help="of the company")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    uvloop.run(main(options(sys.argv[1:])))
