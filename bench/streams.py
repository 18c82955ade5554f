"""`make bench-streams`: what open pages cost a process, and how soon they are told.

Each page is of somebody else in one organization, on a socket of its own: the worst case, for
whatever is told there is told to all of them.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, programs, sides
from bench.company import Company, signed
from bench.filled import Size
from bench.run import home_and_server

MOST_MB = 50
MOST_SECONDS = 1.0
_AT_ONCE = 50
_WARMING = 20
_SETTLING_SECONDS = 3
_READY, _ENDED, _POSTS = b"event: ready", b"event: ended", b"event: posts"


class Page(asyncio.Protocol):
    """An open page: when it was told what."""

    def __init__(self, cookie: str) -> None:
        self._cookie = cookie
        self._told: dict[bytes, asyncio.Future[float]] = {
            each: asyncio.get_running_loop().create_future() for each in (_READY, _ENDED, _POSTS)
        }
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)
        self.transport.write(load.get("/live", self._cookie))
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        for each, told in self._told.items():
            if each in data and not told.done():
                told.set_result(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if not self._told[_READY].done():
            self._told[_READY].set_exception(exc or ConnectionError("a stream did not begin"))

    @property
    def follows(self) -> bool:
        return self.is_open and not self._told[_ENDED].done()

    async def told(self, what: bytes) -> float:
        async with asyncio.timeout(30):
            return await self._told[what]


@asynccontextmanager
async def opened(port: int, cookies: list[str]) -> AsyncIterator[list[Page]]:
    loop = asyncio.get_running_loop()
    pages: list[Page] = []
    for begin in range(0, len(cookies), _AT_ONCE):
        part = [Page(cookie) for cookie in cookies[begin : begin + _AT_ONCE]]
        for page in part:
            await loop.create_connection(partial(lambda page: page, page), "127.0.0.1", port)
        pages += part
        for page in part:
            await page.told(_READY)
    yield pages
    for page in pages:
        page.transport.close()


def _show(what: str, seen: float, unit: str, limit: float | None = None) -> None:
    aim = "" if limit is None else f"{limit:>9g}  {'met' if seen <= limit else 'MISSED'}"
    print(f"{what:52}{seen:>9.2f} {unit:4}{aim}", flush=True)


async def main(given: argparse.Namespace) -> None:
    size = Size(given.pages + given.pages // 10, 1)
    with home_and_server() as (home, server):
        async with sides.filled(server, home, "streams", size) as (program, environment):
            # Every fiftieth has been deactivated.
            people = [person for person in range(size.users) if person % 50 < 49][: given.pages]
            cookies = [sides.cookie_of(person, environment) for person in people]
            await measure(program, people, cookies, given.ended)


async def measure(
    program: programs.Program, people: list[int], cookies: list[str], ended: int
) -> None:
    company, port = Company(max(people) + 1), program.port
    company.cookie = cookies[0]
    async with opened(port, cookies[:_WARMING]):
        await sides.sent(port, [sides.write_post(company)])
    await asyncio.sleep(_SETTLING_SECONDS)
    before = programs.memory_mb(program.pid)
    print(f"{'':52}{'seen':>9}     {'limit':>9}")
    _show("memory before", before, "MB")
    begun = time.perf_counter()
    async with opened(port, cookies) as pages:
        _show(f"{len(pages)} pages open after", time.perf_counter() - begun, "s")
        await asyncio.sleep(_SETTLING_SECONDS)
        spent = programs.cpu_seconds(program.pid)
        await asyncio.sleep(20)  # longer than between two signs of life
        idle = (programs.cpu_seconds(program.pid) - spent) / 20
        _show("memory that they take", programs.memory_mb(program.pid) - before, "MB", MOST_MB)
        _show("processor while nothing happens", 100 * idle, "%")

        written = time.perf_counter()
        await sides.sent(port, [sides.write_post(company)])
        at = [await page.told(_POSTS) - written for page in pages]
        _show("a post is told to the first after", min(at), "s")
        _show("… and to the last", max(at), "s")

        took = []
        for person, page in list(zip(people, pages, strict=True))[1 : 1 + ended]:
            gone = company.event("dsync.user.deleted", company.user(person))
            await sides.sent(port, signed([gone]), shows=sides.APPLIED)
            answered = time.perf_counter()
            took.append(await page.told(_ENDED) - answered)
        _show(
            f"a deactivated person's page ends after (median of {ended})",
            statistics.median(took),
            "s",
        )
        _show("… at the latest", max(took), "s", MOST_SECONDS)
        await asyncio.sleep(_SETTLING_SECONDS)
        left = sum(page.follows for page in pages)
        _show("pages of others that stay open", left, f"of {len(pages) - ended}")


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--ended", type=int, default=20, help="people to deactivate")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    uvloop.run(main(options(sys.argv[1:])))
