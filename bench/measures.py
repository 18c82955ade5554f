"""Requests over HTTP: rounds in which the sides take turns, and what a request costs each."""

import signal
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import load, statements
from bench.company import Company, signed
from bench.database import Server
from bench.sides import APPLIED, Side, sent, write_post
from bench.table import Figures

_NOTED = 500
_SESSIONS = 8
_MICRO, _MILLI = 1e6, 1e3


@dataclass(frozen=True)
class Measure:
    """Makes so many requests; of an answer to one, what shows that it did what is measured."""

    name: str
    make: Callable[[Company, int], list[bytes]]
    shows: bytes = b""


def _getting(path: str) -> Callable[[Company, int], list[bytes]]:
    return lambda company, count: [load.get(path, company.cookie)] * count


def _again(company: Company, count: int) -> list[bytes]:
    known = [*(twin := Company(company.people)).beginning(), *twin.arrivals()]
    return signed((known * (1 + count // len(known)))[:count])


MEASURES = [
    Measure("GET /me", _getting("/me")),
    Measure("GET /posts", _getting("/posts")),
    Measure("GET /team", _getting("/team")),
    Measure("POST /posts", lambda company, count: [write_post(company)] * count),
    Measure("webhooks: profile", lambda of, count: signed(of.profiles(count)), APPLIED),
    Measure("webhooks: membership", lambda of, count: signed(of.roles(count)), APPLIED),
    Measure("webhooks: mixed", lambda of, count: signed(of.mixed(count)), APPLIED),
    Measure("webhooks: duplicates", _again, b'"duplicate"'),
    Measure("webhooks: one person", lambda of, count: signed(of.one_person(count)), APPLIED),
]


@dataclass
class Seen:
    """What a side did in all rounds but the first, which warms up."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    program_seconds: float = 0
    postgres_seconds: float = 0

    def summary(self) -> Figures:
        count, ordered = len(self.latencies), sorted(self.latencies)
        return {
            "rate": statistics.median(self.rates),
            "p50_ms": ordered[count // 2] * _MILLI,
            "p99_ms": ordered[count * 99 // 100] * _MILLI,
            "program_us": self.program_seconds / count * _MICRO,
            "postgres_us": self.postgres_seconds / count * _MICRO,
        }


async def run(
    measure: Measure, sides: list[Side], server: Server, *, rounds: int, count: int
) -> dict[str, Figures]:
    """As `take_turns`, and besides what the statements cost alone."""
    summaries = await take_turns(measure, sides, server, rounds=rounds, count=count)
    *applications, _ = sides
    alone: Figures = {}
    for side in applications:
        alone = await _statements_alone(measure, side, server)
        summaries[side.name]["statements"] = alone["statements"]
    return summaries | {"statement": alone}


async def take_turns(
    measure: Measure, sides: list[Side], server: Server, *, rounds: int, count: int
) -> dict[str, Figures]:
    """By the side's name; `ratio` is that of its rate to the last side's, round by round."""
    seen = {side.name: Seen() for side in sides}
    for number in range(rounds + 1):
        requests: list[bytes] = []
        for side in sides:
            if side.company is not None:
                requests = measure.make(side.company, count)
            if number == 1:
                _begin_profile(side)
            program = side.program.cpu_seconds
            postgres = server.cpu_seconds()
            done = await sent(side.program.port, requests)
            if number:
                here = seen[side.name]
                here.program_seconds += side.program.cpu_seconds - program
                here.postgres_seconds += server.cpu_seconds() - postgres
                here.rates.append(len(requests) / done.seconds)
                here.latencies += done.latencies
    summaries = {}
    limit = seen[sides[-1].name].rates
    for side in sides:
        rates = zip(seen[side.name].rates, limit, strict=True)
        summaries[side.name] = seen[side.name].summary() | {
            "ratio": statistics.median(ours / bare for ours, bare in rates),
            "memory_mb": side.program.most_memory_mb,
        }
    return summaries


def _begin_profile(side: Side) -> None:
    if side.profiled:
        side.program.process.send_signal(signal.SIGUSR1)


async def _statements_alone(measure: Measure, side: Side, server: Server) -> Figures:
    """What the statements of a request cost when the driver sends them, to a copy of the database.

    There each is as new as it was to the application.
    """
    assert side.company is not None
    requests = measure.make(side.company, _NOTED)
    async with server.noting() as noted:
        # One at a time, in their order: so each must do what it says.
        await sent(side.program.port, requests, 1, measure.shows)
    each, rest = divmod(len(noted.statements), _NOTED)
    if rest:
        return {"statements": len(noted.statements) / _NOTED}
    parts = [noted.statements[at : at + each] for at in range(0, len(noted.statements), each)]
    done = await statements.send(side.copy, parts, _SESSIONS, server.cpu_seconds)
    rate = len(done.latencies) / done.seconds
    seen = Seen([rate], done.latencies, done.program_seconds, done.postgres_seconds)
    return seen.summary() | {"statements": each}
