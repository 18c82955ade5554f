"""Guards come first: before the body is parsed, and before a connection is opened."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from sqlalchemy import text

from backend.database import Database
from backend.http.guards import Guard, GuardedRoute
from backend.main import create_app
from backend.routers import directory_sync
from backend.settings import Settings
from tests.stack import Stack

POST = {"title": "t", "content": "c"}
NOBODY = "postgresql://u:p@127.0.0.1:1/x"


def routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    """Method, path and route, of all that a handler of ours answers."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                yield method, route.path, route


APP = create_app(Settings(session_secret=SecretStr("s" * 32)), check_pages=False)
GUARDED = [(method, path) for method, path, route in routes(APP) if isinstance(route, GuardedRoute)]
# Who asks decides nothing there, or WorkOS's signature does.
OPEN = {
    ("GET", "/auth"),
    ("GET", "/auth/callback"),
    ("GET", "/docs"),
    ("GET", "/healthz"),
    ("GET", "/invitations/{token}"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("POST", "/auth/logout"),
    ("POST", "/okta/universal-logout/{organization_id}"),
    ("POST", directory_sync.PATH),
}


def test_a_route_is_guarded_or_listed_as_open() -> None:
    assert {(method, path) for method, path, _ in routes(APP)} == {*GUARDED, *OPEN}


def test_a_guarded_route_has_one_guard() -> None:
    for method, path, route in routes(APP):
        guards = [of for of in route.dependant.dependencies if isinstance(of.call, Guard)]
        assert len(guards) == ((method, path) in GUARDED), (method, path)


@contextmanager
def in_place_of_the_database(stack: Stack, other: Database) -> Iterator[None]:
    usual = stack.database
    stack.app.state.database = other
    try:
        yield
    finally:
        stack.app.state.database = usual


@pytest.fixture
async def away(stack: Stack) -> AsyncIterator[Stack]:
    """With a database that nobody reaches."""
    with in_place_of_the_database(stack, Database(NOBODY)):
        yield stack


BAD_BODIES: list[dict[str, Any]] = [
    {},
    {"json": POST},
    {"json": {"title": 1}},
    {"content": b"{", "headers": {"Content-Type": "application/json"}},
    {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
    {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
    {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}},
    {"params": {"limit": "many", "cursor": "?", "since": "then", "person": "x"}},
]


def filled(path: str, row_id: str) -> str:
    return "/".join(row_id if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("forged", [False, True])
@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_a_stranger_is_told_so_though_the_database_is_away(
    away: Stack, method: str, path: str, *, forged: bool
) -> None:
    async with away.browser() as browser:
        if forged:
            browser.cookies["rollcall_session"] = "org_01.secret.signature"
        for row_id in ("01920000-0000-7000-8000-000000000000", "no-uuid"):
            for bad in BAD_BODIES:
                answer = await browser.request(method, filled(path, row_id), **bad)
                said = (answer.status_code, answer.json()["code"])
                assert said == (401, "not_signed_in"), bad


async def test_open_routes_need_no_database_to_refuse(away: Stack) -> None:
    async with away.browser() as browser:
        assert (await browser.post(directory_sync.PATH, content=b"{}")).status_code == 401
        assert (await browser.post("/auth/logout")).status_code == 204
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await browser.post("/auth/logout", headers=elsewhere)).status_code == 403
        refused = await browser.get("/auth/callback?error=access_denied")
        assert refused.headers["location"] == "/?error=access_denied"


class Untouched(Database):
    """Only single statements: whoever opens a connection or a transaction has come too far."""

    def _too_far(self) -> NoReturn:
        raise AssertionError("a connection was opened before the guard had spoken")

    transaction = connect = snapshot = locked = _too_far  # type: ignore[assignment]


async def test_who_lacks_the_role_is_refused_before_all_other_work(
    stack: Stack, database_url: str
) -> None:
    ann = await stack.sign_in_as(None)
    untouched = Untouched(database_url, pool_size=1)
    with in_place_of_the_database(stack, untouched):
        for method, path in GUARDED:
            administers = path.startswith(("/directory", "/roles", "/people"))
            if administers or (method, path) == ("POST", "/posts"):
                for bad in BAD_BODIES:
                    answer = await ann.request(method, filled(path, "no-uuid"), **bad)
                    assert answer.status_code == 403, (method, path, bad)
    await untouched.close()


async def test_a_slow_body_does_not_outlive_a_deactivation(stack: Stack) -> None:
    """Invariant 2, for a request that had begun before."""
    ann = await stack.sign_in_as("Authors")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"title": "t", '
        begun.set()
        await go_on.wait()
        yield b'"content": "c"}'

    headers = {"Content-Type": "application/json"}
    answering = asyncio.create_task(ann.post("/posts", content=slowly(), headers=headers))
    await begun.wait()
    async with stack.database.transaction() as session:
        await session.execute(
            text("UPDATE directory_users SET state = 'inactive' WHERE organization_id = :here"),
            {"here": stack.organization.id},
        )
    go_on.set()
    answer: httpx.Response = await answering
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
