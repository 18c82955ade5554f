"""Who asks and whether they may: sessions, requests from other sites, tenants, round trips."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from backend.database import Database
from tests.stack import ORIGIN, Stack, running_stack

COOKIE = "rollcall_session"
POST = {"title": "t", "content": "c"}


ROUTES = [
    ("GET", "/me"),
    ("GET", "/posts"),
    ("POST", "/posts"),
    ("GET", "/posts/{id}"),
    ("PATCH", "/posts/{id}"),
    ("DELETE", "/posts/{id}"),
    ("POST", "/posts/{id}/restore"),
    ("GET", "/team"),
    ("GET", "/team/seats"),
    ("GET", "/team/groups"),
    ("GET", "/team/departments"),
    ("GET", "/team/invitations"),
    ("POST", "/team/invitations"),
    ("POST", "/team/{id}/invitation"),
    ("DELETE", "/team/{id}/invitation"),
    ("POST", "/team/{id}/invitation/restore"),
    ("GET", "/me/invitations/{id}"),
    ("GET", "/sessions"),
    ("POST", "/sessions/end-others"),
    ("DELETE", "/sessions/{id}"),
    ("GET", "/people/{id}/sessions"),
    ("DELETE", "/people/{id}/sessions/{id}"),
    ("GET", "/tokens"),
    ("POST", "/tokens"),
    ("DELETE", "/tokens/{id}"),
    ("GET", "/organization/tokens"),
    ("DELETE", "/organization/tokens/{id}"),
    ("GET", "/organization"),
    ("PATCH", "/organization"),
    ("POST", "/organization/portal-link"),
    ("GET", "/service-accounts"),
    ("POST", "/service-accounts"),
    ("DELETE", "/service-accounts/{id}"),
    ("POST", "/service-accounts/{id}/tokens"),
    ("POST", "/directory/reconciliations"),
    ("GET", "/directory/reconciliations"),
    ("GET", "/directory/reconciliations/{id}"),
    ("POST", "/directory/reconciliations/{id}/confirm"),
    ("POST", "/directory/reconciliations/{id}/cancel"),
    ("GET", "/directory"),
    ("GET", "/directory/people/{id}/access"),
    ("GET", "/directory/events"),
    ("GET", "/directory/events/hours"),
    ("GET", "/directory/events/count"),
    ("GET", "/directory/events/{id}"),
    ("POST", "/directory/events/{id}/replay"),
    ("POST", "/directory/events/replay"),
    ("GET", "/audit"),
    ("GET", "/audit/{id}"),
    ("GET", "/audit/export"),
    ("GET", "/audit/roles"),
    ("POST", "/audit/erasures"),
    ("GET", "/people"),
    ("GET", "/people/counts"),
    ("POST", "/people/guests"),
    ("PATCH", "/people/guests/{id}"),
    ("DELETE", "/people/guests/{id}"),
    ("GET", "/people/{id}"),
    ("GET", "/people/{id}/access"),
    ("POST", "/people/{id}/block"),
    ("POST", "/people/{id}/unblock"),
    ("POST", "/people/{id}/sign-out"),
    ("POST", "/people/{id}/hand-over"),
    ("GET", "/organization/break-glass"),
    ("PUT", "/organization/break-glass"),
    ("GET", "/directory/gone"),
    ("POST", "/directory/gone/let-in"),
    ("POST", "/directory/gone/keep-out"),
    ("GET", "/roles"),
    ("GET", "/roles/groups"),
    ("PUT", "/roles/mappings/{id}"),
    ("PUT", "/roles/workos/{slug}"),
    ("POST", "/roles/preview"),
    ("POST", "/people/{id}/grants"),
    ("DELETE", "/people/{id}/grants/{role}"),
]

# By the beginning of the path, what is sent where something is: of the first that fits.
# They answer for as long as somebody listens.
STREAMS = [("GET", "/live")]


async def test_every_route_of_the_api_is_listed_here(stack: Stack) -> None:
    """A new route must be added to ROUTES, and so to the tests below."""
    public = {"/auth", "/auth/callback", "/auth/logout", "/invitations/{token}"}
    public |= {"/okta/universal-logout/{organization_id}"}
    public |= {"/api/directory-sync", "/healthz", "/readyz", "/metrics"}
    described = {
        (method.upper(), re.sub(r"\w+_id(?=\})", "id", path))
        for path, operations in stack.app.openapi()["paths"].items()
        for method in operations
        if path not in public
    }
    assert described == {*ROUTES, *STREAMS}


# By the end of a path: what is sent to it.
BODIES: dict[str, dict[str, Any]] = {
    "/posts": POST,
    "/posts/{id}": POST,
    "/tokens": {"name": "t", "scopes": ["read"]},
    "/organization": {"version": 0, "token_days_max": 365},
    "/organization/portal-link": {"intent": "sso"},
    "/service-accounts": {"name": "t", "role": "author", "reason": "r"},
    "/roles/preview": {"group_id": "directory_group_x", "roles": []},
    "/roles/mappings/{id}": {"roles": [], "version": 0},
    "/roles/workos/editor": {"roles": [], "version": 0},
    "/grants": {"role": "author", "reason": "r"},
    "/people/guests/{id}": {"reason": "r"},
    "/block": {"reason": "r"},
    "/hand-over": {"to": "01920000-0000-7000-8000-000000000000"},
}


async def ask(browser: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """As a browser would, with a body that is right."""
    route = re.sub(r"[0-9a-f-]{36}", "{id}", path)
    bodies = [body for end, body in BODIES.items() if route.endswith(end)]
    body = bodies[0] if bodies and method in {"POST", "PATCH", "PUT"} else None
    return await browser.request(method, path, json=body, **more)


def some(path: str, row_id: str = "01920000-0000-7000-8000-000000000000") -> str:
    return path.format(id=row_id, slug="editor", role="author")


@pytest.mark.parametrize(("method", "path"), [*ROUTES, *STREAMS])
async def test_without_a_session(stack: Stack, method: str, path: str) -> None:
    answer = await ask(stack.browser(), method, some(path))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_cookie_that_was_tampered_with(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    cookie = adam.cookies[COOKIE]
    token, signature = cookie.rsplit(".", 1)
    for value in (
        cookie[:-1],
        f"{token}x.{signature}",
        token,
        f"{token}.",
        "",
        ".",
        "x" * 5000,
        '"\\303\\251"',
    ):
        headers = {"Cookie": f"{COOKIE}={value}"}
        answer = await stack.browser().get("/me", headers=headers)
        assert answer.status_code == 401, value
    assert (await adam.get("/me")).status_code == 200


async def test_after_signing_out_the_cookie_opens_nothing(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    cookie = {"Cookie": f"{COOKIE}={adam.cookies[COOKIE]}"}
    assert (await adam.post("/auth/logout")).status_code == 204
    assert COOKIE not in adam.cookies
    assert (await stack.browser().get("/me", headers=cookie)).status_code == 401
    assert (await stack.browser().post("/auth/logout", headers=cookie)).status_code == 204
    assert (await stack.browser().post("/auth/logout")).status_code == 204


async def test_after_the_session_has_expired(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    me = (await adam.get("/me")).json()["id"]
    async with stack.database.transaction() as session:
        await session.execute(
            text("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE user_id = :me"),
            {"me": me},
        )
    assert (await adam.get("/me")).status_code == 401


CROSS_SITE = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "what-comes-later"}, False),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, False),
    ({"Origin": ORIGIN}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": ORIGIN + ".evil.example"}, False),
    ({"Origin": "http://localhost:3001"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "http://["}, False),
    ({"Origin": "localhost:3000"}, False),
    ({}, True),
]


@pytest.mark.parametrize(("headers", "passes"), CROSS_SITE)
async def test_requests_from_other_sites(
    stack: Stack, headers: dict[str, str], *, passes: bool
) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    for method, path in ROUTES:
        answer = await ask(adam, method, some(path), headers=headers)
        refused = method != "GET" and not passes
        assert (answer.status_code == 403) == refused, (method, path, answer.text)
        assert ("cross_site" in answer.text) == refused
    ended = await adam.post("/auth/logout", headers=headers)
    assert ended.status_code == (204 if passes else 403)
    assert (await adam.get("/me")).status_code == (401 if passes else 200)


async def test_the_host_that_the_browser_used_is_no_other_site(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    cookie = {"Cookie": f"{COOKIE}={adam.cookies[COOKIE]}"}
    headers = {"Host": "127.0.0.1:3000", "Origin": "http://127.0.0.1:3000", **cookie}
    assert (await stack.browser().post("/posts", json=POST, headers=headers)).status_code == 201


async def test_invariant_9_tenants_never_meet(stack: Stack) -> None:
    """An admin of one organization is told of nothing of another, whatever ids they send."""
    adam = await stack.sign_in_as("Admins", "Adam")
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins", "Adam")
    invitable = stack.person("Ian")
    await stack.deliver()
    post = (await adam.post("/posts", json=POST)).json()
    (ian,) = (await adam.get("/team", params={"q": invitable.email or ""})).json()["items"]
    assert (await adam.post(f"/team/{ian['id']}/invitation")).status_code == 201
    for method, path in ROUTES:
        if "{id}" in path:
            row_id = post["id"] if path.startswith("/posts") else ian["id"]
            answer = await ask(eve, method, some(path, row_id))
            assert answer.status_code == 404, (method, path)
    assert (await eve.get("/posts")).json()["items"] == []
    people = (await eve.get("/team")).json()["items"]
    assert [person["name"].split()[0] for person in people] == ["Adam"]
    assert (await eve.get("/team", params={"group": "Admins"})).json()["items"] == people
    # A cursor of the other organization shows nothing of it either.
    await adam.post("/posts", json=POST)
    cursor = (await adam.get("/posts?limit=1")).json()["next_cursor"]
    assert (await eve.get("/posts", params={"cursor": cursor})).json()["items"] == []
    # Nothing was changed.
    assert (await adam.get(f"/posts/{post['id']}")).json() == post
    (still,) = (await adam.get("/team", params={"status": "invited"})).json()["items"]
    assert still["id"] == ian["id"]


async def test_many_writes_at_once_do_not_starve_the_pool(
    database_url: str, database: Database
) -> None:
    """A request that holds one connection while it waits for a second one blocks all others."""
    async with running_stack(database) as stack:
        adam = await stack.sign_in_as("Admins", "Adam")
        small = Database(database_url, pool_size=1)
        stack.app.state.database = small
        try:
            writes = (adam.post("/posts", json=POST) for _ in range(40))
            answers = await asyncio.wait_for(asyncio.gather(*writes), 20)
        finally:
            stack.app.state.database = database
            await small.close()
    assert Counter(answer.status_code for answer in answers) == {201: 40}


class Wire:
    """A loopback proxy that counts what a client says to PostgreSQL."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.connections = 0

    def read(self, said: bytearray) -> None:
        """Take the whole messages from the front: a kind, then a length that counts itself."""
        while len(said) >= 5:
            kind = 1 if said[0] else 0  # the first message of a connection has no kind
            length = int.from_bytes(said[kind : kind + 4]) + kind
            if len(said) < length:
                return
            if kind:
                self.kinds[chr(said[0])] += 1
            del said[:length]

    @property
    def round_trips(self) -> int:
        return self.kinds["Q"] + self.kinds["S"]

    @asynccontextmanager
    async def to(self, url: str) -> Any:
        target = urlsplit(url)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            back, forth = await asyncio.open_connection(target.hostname, target.port)
            answering = asyncio.create_task(pump(back, writer))
            said = bytearray()
            while data := await reader.read(65536):
                said += data
                self.read(said)
                forth.write(data)
            forth.close()
            await answering

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            yield url.replace(f":{target.port}/", f":{port}/") + "?sslmode=disable"


@asynccontextmanager
async def watching(stack: Stack, database_url: str, pool_size: int = 1) -> AsyncIterator[Wire]:
    """What the application says to its database for the while."""
    wire, usual = Wire(), stack.database
    async with wire.to(database_url) as url:
        watched = Database(url, pool_size=pool_size)
        stack.app.state.database = watched
        try:
            yield wire
        finally:
            stack.app.state.database = usual
            await watched.close()


@pytest.mark.parametrize("path", ["/posts", "/team", "/team?limit=1", "/team?q="])
async def test_a_page_takes_one_round_trip(stack: Stack, database_url: str, path: str) -> None:
    """For who asks with live access, and for the page; no BEGIN and no COMMIT."""
    adam = await stack.sign_in_as("Admins", "Adam")
    await adam.post("/posts", json=POST)
    async with watching(stack, database_url) as wire:
        await adam.get(path)  # connects and prepares
        before, plain = wire.round_trips, wire.kinds["Q"]
        assert before > 0
        answer = await adam.get(path)
        assert len(answer.json()["items"]) == 1
        assert wire.round_trips - before == 1
        assert wire.kinds["Q"] == plain


async def test_a_post_takes_one_statement_and_who_asks_another(
    stack: Stack, database_url: str
) -> None:
    """What is one statement is a transaction by itself."""
    adam = await stack.sign_in_as("Admins", "Adam")
    async with watching(stack, database_url) as wire:
        for _ in range(2):  # connects and prepares
            await adam.post("/posts", json=POST)
        before, plain = wire.round_trips, wire.kinds["Q"]
        assert before > 0
        assert (await adam.post("/posts", json=POST)).status_code == 201
        assert wire.round_trips - before == 2
        assert wire.kinds["Q"] == plain


async def test_many_at_once_open_no_more_connections_than_are_kept(
    stack: Stack, database_url: str
) -> None:
    """To open one costs more than most requests do."""
    adam = await stack.sign_in_as("Admins", "Adam")
    async with watching(stack, database_url, pool_size=3) as wire:
        opened = []
        for _ in range(3):
            await asyncio.gather(
                *(adam.post("/posts", json=POST) for _ in range(10)),
                *(adam.get("/team?status=joined") for _ in range(10)),
                *(adam.get("/team") for _ in range(10)),
            )
            opened.append(wire.connections)
    assert opened[0] <= 3 + 3 + 2  # for transactions, for reads, for counting
    assert opened == [opened[0]] * 3


async def test_a_webhook_takes_one_round_trip(stack: Stack, database_url: str) -> None:
    wire, usual = Wire(), stack.database
    stack.person("Ann")
    first, *others = stack.skip()
    async with wire.to(database_url) as url:
        watched = Database(url, pool_size=1)
        stack.app.state.database = watched
        try:
            await stack.post_event(first)  # connects and prepares
            before, plain = wire.round_trips, wire.kinds["Q"]
            assert before > 0
            for event in others:
                assert await stack.post_event(event) == "applied"
            assert wire.round_trips - before == len(others) > 0
            assert wire.kinds["Q"] == plain
        finally:
            stack.app.state.database = usual
            await watched.close()
