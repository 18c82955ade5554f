"""What is compared: applications with their companies, and the bare limit beside them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from backend.http.guards import session_cookie_name, session_signer
from backend.services.sessions import Token
from backend.settings import Settings
from bench import load, programs
from bench.company import ORGANIZATION, WEBHOOK_SECRET, Company, signed
from bench.database import Server
from bench.filled import Size, fill
from bench.programs import Application

CONNECTIONS = 32
APPLIED = b'"applied"'
"""In the answer to an event that changed something."""

COMMAND = ["-c", "from backend.cli.main import app; app()"]
POST = b'{"title": "A post of the notebook", "content": "%s"}' % (
    b"What was said and what was decided. " * 8
)
_POSTS = 100


@dataclass(frozen=True)
class Side:
    """One that answers requests; the limit has no company, and is sent those of the side before.

    `copy` is a database with all that was in the application's when its company was founded.
    """

    name: str
    program: programs.Program
    company: Company | None = None
    copy: str = ""
    profiled: bool = False


class Refused(Exception):
    """A request was answered by something else than a 2xx."""


def environment(url: str, home: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "ROLLCALL_HOME": str(home),
        "SESSION_SECRET": "of the bench, and long enough for it",
        "WORKOS_API_KEY": "sk_bench",
        "WORKOS_CLIENT_ID": "client_bench",
        "WORKOS_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WORKOS_REDIRECT_URI": "http://localhost:3000/auth/callback",
        "RATE_LIMITS": "off",
        "NO_PROXY": "*",
    }


async def sent(
    port: int, requests: list[bytes], connections: int = CONNECTIONS, shows: bytes = b""
) -> load.Load:
    """Raises Refused, for an answer that is no 2xx or does not hold what it should."""
    done = await load.send(port, requests, connections, shows)
    if done.refused:
        raise Refused(done.refused.decode(errors="replace"))
    return done


@asynccontextmanager
async def migrated(
    application: Application, server: Server, name: str, home: Path
) -> AsyncIterator[dict[str, str]]:
    """A fresh database with the application's schema; the environment of its programs."""
    given = environment(await server.create(name), home)
    await programs.finish(application, "migrate", [*COMMAND, "migrate"], given, home)
    yield given
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def filled(
    server: Server, home: Path, name: str, size: Size
) -> AsyncIterator[tuple[programs.Program, dict[str, str]]]:
    """The application with a database of this size, and its environment."""
    rollcall = Application("rollcall")
    async with (
        programs.served(
            Application("bench"), "bench.fake_workos:create_app", {"BENCH_STREAM": "0,0"}, home
        ) as workos,
        migrated(rollcall, server, name, home) as given,
    ):
        await fill(server, name, size)
        # Workers that end would take what they cost with them.
        await server.execute(f"ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0")
        given["WORKOS_BASE_URL"] = f"http://127.0.0.1:{workos.port}"
        factory = "backend.main:create_served_app"
        async with programs.served(rollcall, factory, given, home) as program:
            yield program, given


def cookie_of(person: int, given: Mapping[str, str]) -> str:
    """Of somebody in a database that was filled."""
    settings = Settings.model_validate({name.lower(): value for name, value in given.items()})
    token = Token(ORGANIZATION, Company(person + 1).user(person)["idp_id"])
    signed_token = session_signer(settings).sign(str(token)).decode()
    return f"{session_cookie_name(settings)}={signed_token}"


@asynccontextmanager
async def founded(
    application: Application, server: Server, home: Path, people: int, profile: Path | None
) -> AsyncIterator[Side]:
    """The application, serving a company that came by webhooks, with person 0 signed in."""
    company, database = Company(people), f"of_{application.name}"
    factory = "backend.main:create_served_app"
    async with (
        programs.served(
            Application("bench"), "bench.fake_workos:create_app", {"BENCH_STREAM": "0,0"}, home
        ) as workos,
        migrated(application, server, database, home) as given,
    ):
        given["WORKOS_BASE_URL"] = f"http://127.0.0.1:{workos.port}"
        async with programs.served(application, factory, given, home) as program:
            await found(company, program.port)
        copy = await server.copy(database)
        if profile:
            given["BENCH_PROFILE"] = str(profile)
        async with programs.served(application, factory, given, home) as program:
            yield Side(application.name, program, company, copy, profile is not None)


async def found(company: Company, port: int) -> None:
    """Tell the application at this port of a company; person 0 signs in and writes posts."""
    await sent(port, signed(list(company.beginning())), 1, APPLIED)
    await sent(port, signed(list(company.arrivals())))
    company.cookie = await asyncio.to_thread(sign_in, port)
    await sent(port, [write_post(company)] * _POSTS)


def write_post(company: Company) -> bytes:
    return load.post("/posts", POST, {"Cookie": company.cookie})


def sign_in(port: int) -> str:
    """The session cookie that person 0 gets by signing in."""
    begun = _get(port, f"/auth?{urlencode({'organization': ORGANIZATION})}", {})
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    query = urlencode({"code": "of the bench", "state": state})
    cookie = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
    finished = _get(port, f"/auth/callback?{query}", cookie)
    for set_cookie in finished.headers.get_all("set-cookie", []):
        name, _, value = set_cookie.partition(";")[0].partition("=")
        if name.endswith("rollcall_session") and value:
            return f"{name}={value}"
    raise Refused(f"The sign-in ended at {finished.headers['location']}.")


class _Answer(NamedTuple):
    headers: HTTPMessage
    body: bytes


def _get(port: int, path: str, headers: dict[str, str]) -> _Answer:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return _Answer(response.headers, response.read())


@asynccontextmanager
async def bare(side: Side, home: Path) -> AsyncIterator[Side]:
    """The limit: it answers what that side answers now."""
    assert side.company is not None
    answers = home / "answers"
    answers.mkdir()
    for name in ("me", "posts", "team"):
        answer = await asyncio.to_thread(
            _get, side.program.port, f"/{name}", {"Cookie": side.company.cookie}
        )
        (answers / name).write_bytes(answer.body)
    given = {"BENCH_ANSWERS": str(answers)}
    async with programs.served(
        Application("bare"), "bench.bare:create_app", given, home
    ) as program:
        yield Side("limit", program)
