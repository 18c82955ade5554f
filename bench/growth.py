"""`make bench-growth`: what a request and an event cost in a large database, by a small one.

Both are filled by SQL and served at the same time, and take turns, so that what else the machine
does falls on both. Nothing is analysed by hand; autovacuum does what it does. What a worker counts
behind the requests has been counted, as where one runs; it is gone when the measures begin.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from backend.pagination import EventCursor, NameCursor, TimeCursor
from bench import load, programs, sides
from bench.company import ORGANIZATION, Company, signed
from bench.database import Server
from bench.filled import OWN_POSTS, Size
from bench.programs import Application
from bench.run import home_and_server
from bench.sides import APPLIED, COMMAND

SMALLEST = Size(1000, 1)
AIM = 1.5
_NANO_IN_MICRO = 1e3
_HOW = {"alone": 1, "32 at a time": 32}


@dataclass
class Grown:
    """A database of some size, the application that serves it, and what requests are made of."""

    name: str
    size: Size
    program: programs.Program
    company: Company
    users: list[UUID]
    invitable: list[UUID]
    posts: list[UUID]
    events: list[str]
    group_with_events: str
    post_in_the_middle: TimeCursor
    name_in_the_middle: NameCursor
    event_in_the_middle: EventCursor
    deleted: int = 0

    def get(self, path: str, **query: object) -> bytes:
        return load.get(f"{path}?{urlencode(query)}" if query else path, self.company.cookie)

    def write(self, method: str, path: str, body: bytes = b"") -> bytes:
        return load.request(method, path, body, {"Cookie": self.company.cookie})


@dataclass(frozen=True)
class Measure:
    """Makes so many requests, which are sent so many at a time."""

    name: str
    make: Callable[[Grown, int], list[bytes]]
    connections: int = 8
    shows: bytes = b""


# On a page: beside an empty one, any other would cost a multiple.
_SOMETHING = b'"items":[{'


def _getting(name: str, path: str = "", **query: object) -> Measure:
    return Measure(name, lambda of, count: [of.get(path or name, **query)] * count)


def _asking(name: str, request: Callable[[Grown, int], bytes], shows: bytes = b"") -> Measure:
    return Measure(
        name, lambda of, count: [request(of, number) for number in range(count)], shows=shows
    )


def _listing(name: str, path: str = "", **query: object) -> Measure:
    return replace(_getting(name, path, **query), shows=_SOMETHING)


def _deleting_posts(of: Grown, count: int) -> list[bytes]:
    return [of.write("DELETE", f"/posts/{of.posts.pop()}") for _ in range(count)]


def _restoring_posts(of: Grown, count: int) -> list[bytes]:
    """Each is deleted and restored."""
    paths = [f"/posts/{of.posts[number]}" for number in range(count // 2)]
    return [
        of.write(method, f"{path}{end}")
        for path in paths
        for method, end in (("DELETE", ""), ("POST", "/restore"))
    ]


def _invitations(of: Grown, count: int) -> list[bytes]:
    """Each is made and withdrawn."""
    paths = [
        f"/team/{of.invitable[number % len(of.invitable)]}/invitation"
        for number in range(count // 2)
    ]
    return [of.write(method, path) for path in paths for method in ("POST", "DELETE")]


def _patch(of: Grown, number: int) -> bytes:
    return of.write("PATCH", f"/posts/{of.posts[number % OWN_POSTS]}", b'{"title": "Another"}')


def _event(
    name: str, make: Callable[[Company, int], bytes], shows: bytes = APPLIED
) -> list[Measure]:
    def made(of: Grown, count: int) -> list[bytes]:
        return signed([make(of.company, number) for number in range(count)])

    return [
        Measure(f"{name}, {how}", made, connections, shows) for how, connections in _HOW.items()
    ]


def _plain(company: Company, number: int) -> bytes:
    person = company.somebody(number)
    departments = len(company.groups) - 2
    return company.role(person, 2 + (person + 1) % departments)


def _deleted(of: Grown, count: int) -> list[bytes]:
    """The last ones of the company, whom no other measure is about."""
    first = of.company.people - 1 - of.deleted
    of.deleted += count
    gone = [of.company.user(first - number) for number in range(count)]
    return signed([of.company.event("dsync.user.deleted", user) for user in gone])


def _group(company: Company, number: int, *, mapped: bool = False) -> bytes:
    group = company.group(number % 2 if mapped else 2 + number % (len(company.groups) - 2))
    return company.event("dsync.group.updated", group | {"previous_attributes": {}})


def _again(company: Company, number: int) -> bytes:
    """Of the profiles that came before."""
    body = company.event("dsync.user.updated", company.user(1))
    known = json.loads(body) | {"id": f"event_00{1 + number:024d}"}
    return json.dumps(known).encode()


_newcomers = itertools.count()


def _new(company: Company, number: int) -> bytes:
    newcomer = company.user(number % company.people)
    other = f"{next(_newcomers):020d}"
    return company.event(
        "dsync.user.created",
        newcomer | {"id": f"directory_user_09{other}", "idp_id": f"09u{other}"},
    )


MEASURES = [
    _getting("/me"),
    _listing("/posts"),
    _asking(
        "/posts, a far page",
        lambda of, _: of.get("/posts", cursor=of.post_in_the_middle),
        _SOMETHING,
    ),
    _listing("/posts, summaries", "/posts", view="summary"),
    _asking("/posts, an author's", lambda of, number: of.get("/posts", author=of.users[number])),
    _listing("/posts, a search that all meet", "/posts", q="decided"),
    _listing("/posts, a search that one meets", "/posts", q="number 778"),
    _getting("/posts, a search that nobody meets", "/posts", q="nobody"),
    _listing("/posts, a search of two letters", "/posts", q="de"),
    _asking("/posts/{id}", lambda of, number: of.get(f"/posts/{of.posts[number]}")),
    _listing("/team"),
    _asking(
        "/team, a far page",
        lambda of, _: of.get("/team", cursor=of.name_in_the_middle),
        _SOMETHING,
    ),
    *(
        _listing(f"/team, {status}", "/team", status=status)
        for status in ("joined", "invitable", "invited", "deactivated")
    ),
    _listing("/team, the group of half", "/team", group="Authors"),
    _listing("/team, a group of 200", "/team", group="Department 2"),
    _listing("/team, a search that all meet", "/team", q="person"),
    _listing("/team, a search that one meets", "/team", q="person778@"),
    _listing("/team, a search that some meet", "/team", q="number 77"),
    _getting("/team, a search that nobody meets", "/team", q="nobody"),
    _listing("/team, a search of two letters", "/team", q="be"),
    _getting("/team, one that nobody meets", "/team", q="zz"),
    _getting("/directory without counts", "/directory", counts="false"),
    # Eight at a time of half a second each are given up after six where the machine is busy.
    Measure("/directory with counts", lambda of, count: [of.get("/directory")] * count, 1),
    _listing("/directory/events"),
    _getting("/directory/events/hours"),
    _getting("/directory/events/count"),
    _asking(
        "/directory/events, a far page",
        lambda of, _: of.get("/directory/events", cursor=of.event_in_the_middle),
        _SOMETHING,
    ),
    _getting("/directory/events, parked", "/directory/events", outcome="parked"),
    _listing("/directory/events, superseded", "/directory/events", outcome="superseded"),
    _listing("/directory/events, a type", "/directory/events", type="dsync.user.updated"),
    _asking(
        "/directory/events, a person",
        lambda of, number: of.get("/directory/events", person=of.users[number]),
        _SOMETHING,
    ),
    _asking(
        "/directory/events, a group",
        lambda of, _: of.get("/directory/events", group=of.group_with_events),
        _SOMETHING,
    ),
    _asking(
        "/directory/events/{id}",
        lambda of, number: of.get(f"/directory/events/{of.events[number]}"),
    ),
    _asking(
        "explanation",
        lambda of, number: of.get(f"/directory/people/{of.users[number]}/access"),
    ),
    _asking(
        "explanation of an admin", lambda of, _: of.get(f"/directory/people/{of.users[0]}/access")
    ),
    _getting("/directory/reconciliations"),
    _asking("POST /posts", lambda of, _: of.write("POST", "/posts", sides.POST)),
    _asking("PATCH /posts/{id}", _patch),
    Measure("post deleted and restored", _restoring_posts, 1),
    Measure("DELETE /posts/{id}", _deleting_posts),
    Measure("invitation", _invitations, 1),
    *_event("profile", lambda of, number: of.profile(of.somebody(number))),
    *_event("newcomer", _new),
    *_event(
        "member of a role's group", lambda of, number: of.role(of.somebody(number), number % 2)
    ),
    *_event("member of a plain group", _plain),
    *_event("a plain group", _group),
    *_event("a role's group", lambda of, number: _group(of, number, mapped=True)),
    *_event("duplicate", _again, b'"duplicate"'),
    *(
        Measure(f"person deleted, {how}", _deleted, connections, APPLIED)
        for how, connections in _HOW.items()
    ),
]
SIGN_IN = "sign-in"
_SOME = 400
"""As many ids of each kind are known."""


async def _ids(connection: asyncpg.Connection, query: str) -> list[Any]:
    return [row[0] for row in await connection.fetch(query, ORGANIZATION)]


async def _middle(connection: asyncpg.Connection, table: str, *columns: str) -> tuple[Any, ...]:
    """Of our rows in a table, the one in the middle by these columns."""
    ours = f"FROM {table} WHERE organization_id = $1"
    row = await connection.fetchrow(
        f"SELECT {', '.join(columns)} {ours} ORDER BY {', '.join(columns)}"
        f" OFFSET (SELECT count(*) / 2 {ours}) LIMIT 1",
        ORGANIZATION,
    )
    return tuple(row)


# Nobody's row says of an hour that it was counted; one of the 72 is not over.
_IS_COUNTED = """
    SELECT NOT EXISTS (SELECT FROM pgqueuer)
        AND (SELECT count(*) >= 71 FROM event_hours WHERE organization_id = '')
"""
_ALONE = {"EVENTS_POLL_SECONDS": "0", "RECONCILE_HOURS": "0"}


async def _counted(
    connection: asyncpg.Connection, home: Path, side: Grown, given: Mapping[str, str]
) -> float:
    """Whoever looks at the directory has it counted; the seconds that this took."""
    await sides.sent(side.program.port, [side.get("/directory")], 1)
    worker = programs.running(
        Application("rollcall"),
        f"{side.name}-worker",
        [*COMMAND, "worker"],
        {**given, **_ALONE},
        home,
    )
    async with worker as program:
        while not await connection.fetchval(_IS_COUNTED):
            program.check()
            await asyncio.sleep(0.2)
    seconds: float = await connection.fetchval(
        "SELECT coalesce(max(extract(epoch FROM took)), 0)::float8 FROM directory_counts"
    )
    return seconds


@asynccontextmanager
async def grown(server: Server, home: Path, size: Size) -> AsyncIterator[Grown]:
    """A database of this size that is served, with person 0 of the company signed in."""
    name, begun = f"grown_{size.users}_{size.organizations}", time.perf_counter()
    async with sides.filled(server, home, name, size) as (program, given):
        print(f"{size}: filled in {time.perf_counter() - begun:.0f} s", flush=True)
        connection = await asyncpg.connect(server.url_of(name))
        company = Company(size.ours)
        company.as_filled()
        company.cookie = await asyncio.to_thread(sides.sign_in, program.port)
        of_ours = "WHERE organization_id = $1"
        side = Grown(
            name,
            size,
            program,
            company,
            await _ids(connection, f"SELECT id FROM users {of_ours} ORDER BY key LIMIT {_SOME}"),
            await _ids(
                connection,
                f"SELECT id FROM users AS u {of_ours} AND joined_at IS NULL AND NOT EXISTS ("
                "SELECT FROM invitations AS i WHERE i.organization_id = u.organization_id"
                " AND i.user_id = u.id) ORDER BY key LIMIT 40",
            ),
            await _ids(connection, f"SELECT id FROM posts {of_ours} ORDER BY id LIMIT {2 * _SOME}"),
            await _ids(connection, f"SELECT id FROM directory_events {of_ours} LIMIT {_SOME}"),
            await connection.fetchval(
                f"SELECT group_id FROM directory_events {of_ours} AND group_id IS NOT NULL"
                " ORDER BY received_at LIMIT 1",
                ORGANIZATION,
            ),
            TimeCursor(*await _middle(connection, "posts", "created_at", "id")),
            NameCursor(*await _middle(connection, "users", "sort_name", "id")),
            EventCursor(*await _middle(connection, "directory_events", "received_at", "id")),
        )
        seconds = await _counted(connection, home, side, given)
        await connection.close()
        if seconds:
            print(f"{size}: directories counted in the background in {seconds:.1f} s", flush=True)
        yield side


class Cost(NamedTuple):
    """Of a request, in microseconds of processor time."""

    program: float
    postgres: float


async def _cost(server: Server, of: Grown, measure: Measure | None, count: int) -> Cost:
    """Of one round; without a measure, of signing in."""
    requests = measure.make(of, count) if measure else []
    sessions = await server.sessions(of.name)
    program = programs.cpu_nanoseconds(of.program.pid)
    postgres = {pid: programs.cpu_nanoseconds(pid) for pid in sessions}
    if measure:
        await sides.sent(of.program.port, requests, measure.connections, measure.shows)
    else:
        for _ in range(count):
            await asyncio.to_thread(sides.sign_in, of.program.port)
    spent = sum(
        programs.cpu_nanoseconds(pid) - postgres.get(pid, 0)
        for pid in await server.sessions(of.name)
    )
    return Cost(
        (programs.cpu_nanoseconds(of.program.pid) - program) / _NANO_IN_MICRO / count,
        spent / _NANO_IN_MICRO / count,
    )


class Growth(NamedTuple):
    """What a measure costs at the smallest size and at another; `by` is of PostgreSQL's part."""

    smallest: Cost
    here: Cost
    by: float

    @property
    def is_met(self) -> bool:
        return self.by <= AIM


async def compare(
    server: Server, small: Grown, large: Grown, measure: Measure | None, rounds: int, count: int
) -> Growth:
    """The medians of the rounds; the first of which is not counted."""
    seen = [
        (await _cost(server, small, measure, count), await _cost(server, large, measure, count))
        for _ in range(rounds + 1)
    ][1:]
    smallest, here = (
        Cost(*(statistics.median(part) for part in zip(*costs, strict=True)))
        for costs in zip(*seen, strict=True)
    )
    by = statistics.median(large.postgres / small.postgres for small, large in seen)
    return Growth(smallest, here, by)


def _show(name: str, growth: Growth) -> None:
    cells = "".join(
        f"{cost:>9.0f}"
        for cost in (
            growth.smallest.program,
            growth.here.program,
            growth.smallest.postgres,
            growth.here.postgres,
        )
    )
    print(f"{name:42}{cells}{growth.by:>8.2f}{'' if growth.is_met else '  GROWS'}", flush=True)


async def main(given: argparse.Namespace) -> None:
    figures: dict[str, dict[str, object]] = {}
    chosen: list[tuple[str, Measure | None]] = [
        (measure.name, measure) for measure in MEASURES if given.only in measure.name
    ]
    if given.only in SIGN_IN:
        chosen.append((SIGN_IN, None))
    with home_and_server() as (home, server):
        for size in given.sizes:
            async with grown(server, home, SMALLEST) as small, grown(server, home, size) as large:
                heads = "".join(f"{head:>9}" for head in ("CPU us", "here", "PG us", "here"))
                print(f"{f'{size}, by {SMALLEST}':42}{heads}{'by':>8}")
                for name, measure in chosen:
                    growth = await compare(
                        server, small, large, measure, given.rounds, given.requests
                    )
                    _show(name, growth)
                    figures.setdefault(str(size), {})[name] = {
                        "smallest": growth.smallest._asdict(),
                        "here": growth.here._asdict(),
                        "by": growth.by,
                        "met": growth.is_met,
                    }
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=Size.parse,
        default=[Size(users, of) for users in (100_000, 1_000_000) for of in (1, 10_000)],
        help="users/organizations",
    )
    parser.add_argument("--only", default="", help="the measures whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=40, help="of a round")
    parser.add_argument("--json", type=Path, help="the file to write the figures to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    uvloop.run(main(options(sys.argv[1:])))
