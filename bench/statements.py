"""The statements alone: read from the server's log, and sent again by the driver."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from itertools import chain, islice
from typing import NamedTuple

import asyncpg

# What follows the time and the process of a line; lines that go on are indented.
_ENTRY = re.compile(r"^[\d-]+ [\d:.]+ \w+ \[\d+\] (\w+):  (.*(?:\n\t.*)*)", re.MULTILINE)
_STATEMENT = re.compile(r"(execute [^:]*|statement): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")

WARMING = 4  # requests of each session: it plans its statements

# As the application sets its sessions up.
_SETTINGS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}


class Statement(NamedTuple):
    """One as the log has it, its parameters as SQL; None: it was not prepared."""

    sql: str
    parameters: tuple[str, ...] | None


def of_log(log: str) -> list[Statement]:
    found: list[Statement] = []
    for severity, text in _ENTRY.findall(log):
        unfolded = text.replace("\n\t", "\n")
        if severity == "LOG" and (match := _STATEMENT.fullmatch(unfolded)):
            found.append(Statement(match[2], None if match[1] == "statement" else ()))
        elif severity == "DETAIL" and unfolded.lower().startswith("parameters: "):
            values = tuple(_PARAMETER.findall(unfolded))
            found[-1] = found[-1]._replace(parameters=values)
    return found


class Sent(NamedTuple):
    """What became of the requests; `program_seconds` is the driver's processor time."""

    seconds: float
    latencies: list[float]
    program_seconds: float
    postgres_seconds: float


class _Session:
    """A connection that prepares each statement once."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._prepared: dict[str, str] = {}

    async def send(self, requests: Iterable[list[Statement]]) -> list[float]:
        """The latency of each request."""
        latencies = []
        for statements in requests:
            begun = time.perf_counter()
            for statement in statements:
                await self._send(statement)
            latencies.append(time.perf_counter() - begun)
        return latencies

    async def _send(self, statement: Statement) -> None:
        sql, parameters = statement
        if parameters is None:
            await self.connection.execute(sql)
            return
        if sql not in self._prepared:
            name = self._prepared[sql] = f"prepared_{len(self._prepared)}"
            await self.connection.execute(f"PREPARE {name} AS {sql}")
        given = f"({', '.join(parameters)})" if parameters else ""
        await self.connection.execute(f"EXECUTE {self._prepared[sql]}{given}")


async def send(
    url: str, requests: list[list[Statement]], sessions: int, cpu_seconds: Callable[[], float]
) -> Sent:
    """Send the statements of each request, one after another; so many requests at a time.

    Args:
        url: of the database.
        requests: the first of them warm up.
        sessions: how many.
        cpu_seconds: that the server has used.
    """
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(sessions):
            connection = await asyncpg.connect(url, server_settings=_SETTINGS)
            stack.push_async_callback(connection.close)
            opened.append(_Session(connection))
        shared = iter(requests)
        await asyncio.gather(*(session.send(islice(shared, WARMING)) for session in opened))
        begun, program, postgres = time.perf_counter(), time.process_time(), cpu_seconds()
        latencies = await asyncio.gather(*(session.send(shared) for session in opened))
        return Sent(
            time.perf_counter() - begun,
            list(chain.from_iterable(latencies)),
            time.process_time() - program,
            cpu_seconds() - postgres,
        )
