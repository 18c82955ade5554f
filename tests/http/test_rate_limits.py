"""Limits: what strangers can make us do, by client; writing, by user; never what WorkOS signed."""

import asyncio
import itertools
import logging
import re
import time
from collections.abc import AsyncIterator
from functools import partial

import httpx
import httpx2
import pytest
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from limits import RateLimitItem, RateLimitItemPerHour
from limits.aio.strategies import FixedWindowRateLimiter
from prometheus_client import REGISTRY
from sqlalchemy import text

from backend.cli.main import SERVER
from backend.database import Database
from backend.database.news import Teller
from backend.http import problems
from backend.http.guards import GuardedRoute, Limited, Reader
from backend.http.rate_limits import client_of
from backend.services import sessions
from backend.services.last_uses import LastUses
from backend.services.rate_counts import RateCounts
from backend.services.rate_limits import (
    CALLBACKS_REFUSED,
    EXPORTS,
    INVITATIONS,
    RECONCILIATIONS,
    REPLAYS,
    SIGN_INS_BEGUN,
    SIGNATURES_REFUSED,
    TOKENS_REFUSED,
    WRITES,
    RateLimiter,
)
from backend.workos.client import WorkosClient
from tests.http.test_guards import COOKIE, POST, ROUTES, Wire, ask, some
from tests.network import network_to
from tests.stack import Stack, as_body, new_event, post_webhook, running_stack, signed, user_data
from tests.working import execute, until

TOO_MANY = "/?error=too_many_attempts"
ELSEWHERE = "198.51.100.7"
FORGED = {"WorkOS-Signature": "t=1, v1=00", "Content-Type": "application/json"}


async def use(stack: Stack, limit: RateLimitItem, *of: str, left: int = 0) -> None:
    """Use a limit up, but for what is to be left of it, as another process would."""
    strategy = FixedWindowRateLimiter(RateCounts(stack.database))
    assert await strategy.hit(limit, *(of or (stack.address,)), cost=limit.amount - left)


async def user_of(stack: Stack, browser: httpx.AsyncClient) -> tuple[str, str]:
    return stack.organization.id, (await stack.me(browser))["id"]


async def counts(stack: Stack) -> dict[str, int]:
    """What was counted of the stack's own address."""
    query = text("SELECT key, count FROM rate_counts WHERE key LIKE :of")
    async with stack.database.connect() as connection:
        rows = await connection.execute(query, {"of": f"%/{stack.address}/%"})
    return {key.partition("/")[0]: count for key, count in rows}


def assert_too_many(answer: httpx.Response, limit: RateLimitItem) -> None:
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "rate_limited"
    seconds = int(answer.headers["retry-after"])
    assert 0 < seconds <= limit.get_expiry()
    assert f"in {seconds} second" in problem["detail"]
    name = limit.namespace
    assert answer.headers["ratelimit"] == f'"{name}";r=0;t={seconds}'
    policy = f'"{name}";q={limit.amount};w={limit.get_expiry()}'
    assert answer.headers["ratelimit-policy"] == policy


def target(answer: httpx.Response) -> str:
    assert answer.status_code == 302, answer.text
    location: str = answer.headers["location"]
    return location


@pytest.fixture
async def ann(stack: Stack) -> httpx.AsyncClient:
    return await stack.sign_in_as("Authors", "Ann")


class TestSignInsBegun:
    @pytest.mark.parametrize("path", ["/auth?organization={}", "/invitations/made-up?{}"])
    async def test_who_begins_too_many_ends_at_the_sign_in_page(
        self, stack: Stack, ann: httpx.AsyncClient, path: str
    ) -> None:
        """Nobody else does: not at another address, nor who is signed in at this one."""
        begin = path.format(stack.organization.id)
        await execute(stack, f"DELETE FROM rate_counts WHERE key LIKE '%/{stack.address}/%'")
        await use(stack, SIGN_INS_BEGUN, left=1)
        last = await stack.browser().get(begin)
        assert target(last) != TOO_MANY
        assert re.fullmatch(r'"sign_ins_begun";r=0;t=\d+', last.headers["ratelimit"])
        refused = await stack.browser().get(begin)
        assert target(refused) == TOO_MANY
        assert "set-cookie" not in refused.headers
        assert "retry-after" not in refused.headers  # of a redirect it would delay the next page
        assert target(await stack.browser(ELSEWHERE).get(begin)) != TOO_MANY
        assert (await ann.get("/posts")).status_code == 200
        assert (await ann.post("/posts", json=POST)).status_code == 201

    async def test_what_is_fetched_in_advance_is_not_counted(self, stack: Stack) -> None:
        answer = await stack.browser().get("/auth", headers={"Sec-Purpose": "prefetch"})
        assert answer.status_code == 503
        assert await counts(stack) == {}


class Exchanges(httpx2.AsyncBaseTransport):
    """The emulator, and how many codes it was asked about."""

    def __init__(self, stack: Stack) -> None:
        self.emulator = httpx2.ASGITransport(app=stack.emulator.app)
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += request.url.path == "/sso/token"
        return await self.emulator.handle_async_request(request)


@pytest.fixture
async def exchanges(stack: Stack) -> AsyncIterator[Exchanges]:
    transport, usual = Exchanges(stack), stack.app.state.workos
    stack.app.state.workos = WorkosClient(stack.app.state.settings, transport=transport)
    yield transport
    await stack.app.state.workos.close()
    stack.app.state.workos = usual


class TestCallbacks:
    async def test_made_up_states(self, stack: Stack) -> None:
        await use(stack, CALLBACKS_REFUSED, left=1)
        params = {"code": "made-up", "state": "made-up"}
        first = await stack.browser().get("/auth/callback", params=params)
        assert target(first) == "/?error=state_invalid"
        assert first.headers["ratelimit-policy"] == '"callbacks_refused";q=300;w=600'
        second = await stack.browser().get("/auth/callback", params=params)
        assert target(second) == TOO_MANY
        elsewhere = await stack.browser(ELSEWHERE).get("/auth/callback", params=params)
        assert target(elsewhere) == "/?error=state_invalid"

    @pytest.mark.parametrize("with_state", [True, False])
    async def test_made_up_codes_are_asked_about_no_more(
        self, stack: Stack, exchanges: Exchanges, *, with_state: bool
    ) -> None:
        """With one state and its cookie a stranger may come back as often as they like."""
        await use(stack, CALLBACKS_REFUSED, left=2)
        stranger = stack.browser()
        params, kept = {"code": "made-up"}, dict[str, str]()
        if with_state:
            begun = await stranger.get("/auth", params={"organization": stack.organization.id})
            params["state"] = httpx.URL(target(begun)).params["state"]
            kept = dict(stranger.cookies)
        ended = []
        for _ in range(5):
            stranger.cookies.update(kept)
            ended.append(target(await stranger.get("/auth/callback", params=params)))
        assert ended == ["/?error=code_rejected"] * 2 + [TOO_MANY] * 3
        assert exchanges.asked == 2

    async def test_whoever_has_signed_in_goes_on_and_is_not_counted(self, stack: Stack) -> None:
        """A repeat is no stranger's, whatever strangers at the same address have done."""
        person = stack.person("Ann")
        await stack.deliver()
        browser = stack.browser()
        code = stack.emulator.sso_code(person, stack.organization.id)
        begun = await browser.get("/auth", params={"organization": stack.organization.id})
        params = {"code": code, "state": httpx.URL(target(begun)).params["state"]}
        of_the_attempt = dict(browser.cookies)
        assert target(await browser.get("/auth/callback", params=params)) == "/dashboard"
        assert target(await browser.get("/auth/callback", params=params)) == "/dashboard"
        assert set(await counts(stack)) == {"sign_ins_begun"}
        await use(stack, CALLBACKS_REFUSED)
        assert target(await browser.get("/auth/callback", params=params)) == "/dashboard"
        browser.cookies.update(of_the_attempt)  # as in a second tab that comes back at once
        assert target(await browser.get("/auth/callback", params=params)) == "/dashboard"


class TestWebhooks:
    async def test_the_signed_are_never_limited_whatever_else_came_from_there(
        self, stack: Stack
    ) -> None:
        await use(stack, SIGNATURES_REFUSED, left=1)
        event = as_body(new_event("dsync.user.created", user_data(stack)))
        refused = await post_webhook(stack, event, FORGED)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_signature")
        assert_too_many(await post_webhook(stack, event, FORGED), SIGNATURES_REFUSED)
        assert_too_many(await post_webhook(stack, event, {}), SIGNATURES_REFUSED)
        async with stack.browser() as workos:
            for _ in range(3 * SIGNATURES_REFUSED.amount):
                body = as_body(new_event("dsync.user.created", user_data(stack)))
                headers = signed(stack, body)
                answer = await workos.post("/api/directory-sync", content=body, headers=headers)
                assert answer.json() == {"outcome": "applied"}
                assert "ratelimit" not in answer.headers
        assert_too_many(await post_webhook(stack, event, FORGED), SIGNATURES_REFUSED)

    async def test_those_that_are_signed_are_not_counted(self, stack: Stack) -> None:
        for body in (b"{}", b"no json", as_body(new_event("what.comes.later", {}))):
            await post_webhook(stack, body)
        assert await counts(stack) == {}

    async def test_what_is_too_large_to_be_proved_is_counted(self, stack: Stack) -> None:
        await use(stack, SIGNATURES_REFUSED)
        large = b"x" * (300 * 1024)
        assert_too_many(await post_webhook(stack, large, {}), SIGNATURES_REFUSED)


class TestTokens:
    async def test_forged_cookies(
        self, stack: Stack, ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database is not asked who holds them."""
        await use(stack, TOKENS_REFUSED, left=1)
        monkeypatch.setattr(sessions, "find_actor", _not_asked)
        forged = {"Cookie": f"{COOKIE}=org_1.secret.made-up"}
        first = await stack.browser().get("/me", headers=forged)
        assert first.status_code == 401
        assert first.headers["ratelimit"].startswith('"tokens_refused";r=0;t=')
        assert_too_many(await stack.browser().get("/posts", headers=forged), TOKENS_REFUSED)
        monkeypatch.undo()
        assert (await ann.get("/posts")).status_code == 200
        assert (await ann.post("/posts", json=POST)).status_code == 201

    async def test_cookies_of_sessions_that_are_over(
        self, stack: Stack, ann: httpx.AsyncClient
    ) -> None:
        over = {"Cookie": f"{COOKIE}={ann.cookies[COOKIE]}"}
        await ann.post("/auth/logout")
        await use(stack, TOKENS_REFUSED, left=1)
        assert (await stack.browser().get("/me", headers=over)).status_code == 401
        assert_too_many(await stack.browser().post("/posts", headers=over), TOKENS_REFUSED)
        assert (await stack.browser(ELSEWHERE).get("/me", headers=over)).status_code == 401

    async def test_who_sends_no_cookie_is_not_counted(self, stack: Stack) -> None:
        await use(stack, TOKENS_REFUSED)
        assert (await stack.browser().get("/me")).status_code == 401


async def _not_asked(*_of: object) -> None:
    raise AssertionError("the database was asked")


BY_USER = [
    (method, path, limit)
    for method, path in ROUTES
    if method != "GET"
    for limit in [
        REPLAYS
        if path.endswith("/replay")
        else RECONCILIATIONS
        if path.endswith("/reconciliations")
        else INVITATIONS
        if method == "POST" and "/invitation" in path
        else WRITES
    ]
]


class TestUsers:
    @pytest.mark.parametrize(("method", "path", "limit"), BY_USER)
    async def test_whatever_writes_is_limited_by_user(
        self, stack: Stack, method: str, path: str, limit: RateLimitItem
    ) -> None:
        """At whatever address, and no other user at the same one."""
        adam, eve = await stack.sign_in_as("Admins"), await stack.sign_in_as("Admins")
        await use(stack, limit, *await user_of(stack, adam), left=1)
        last = await ask(adam, method, some(path))
        assert last.status_code != 429
        assert last.headers["ratelimit"].startswith(f'"{limit.namespace}";r=0;t=')
        assert_too_many(await ask(adam, method, some(path)), limit)
        moved = stack.browser(ELSEWHERE)
        moved.cookies = adam.cookies
        assert_too_many(await ask(moved, method, some(path)), limit)
        assert (await ask(eve, method, some(path))).status_code != 429
        assert (await adam.get("/posts")).status_code == 200

    @pytest.mark.parametrize("path", [some(path) for method, path in ROUTES if method == "GET"])
    async def test_reading_is_not_limited(self, stack: Stack, path: str) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        for limit in (WRITES, REPLAYS, RECONCILIATIONS, INVITATIONS):
            await use(stack, limit, *await user_of(stack, adam))
        answer = await adam.get(path)
        assert answer.status_code in {200, 404, 422}  # some want to be asked for something
        own = f'"{EXPORTS.namespace}"' if path.endswith("/export") else ""
        assert answer.headers.get("ratelimit", "").partition(";")[0] == own

    async def test_who_may_not_is_told_so_and_not_counted(self, stack: Stack) -> None:
        member = await stack.sign_in_as(None)
        await use(stack, WRITES, *await user_of(stack, member))
        assert (await member.post("/posts", json=POST)).status_code == 403

    async def test_no_more_are_written_at_once_than_are_left(
        self, stack: Stack, ann: httpx.AsyncClient
    ) -> None:
        await use(stack, WRITES, *await user_of(stack, ann), left=3)
        answers = await asyncio.gather(*(ann.post("/posts", json=POST) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 7

    async def test_the_next_route_has_it_for_nothing(
        self, stack: Stack, ann: httpx.AsyncClient
    ) -> None:
        """One that writes by itself; another, such as an export, wears its limit."""
        exports = RateLimitItemPerHour(2, namespace="exports")
        router = APIRouter(route_class=GuardedRoute)

        @router.put("/settings")
        async def change(reader: Reader) -> str:
            return reader.name

        @router.get("/export", dependencies=[Depends(Limited(exports))])
        async def export(reader: Reader) -> str:
            return reader.name

        app = FastAPI()
        app.state = stack.app.state
        problems.register(app)
        app.include_router(router)
        browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=str(ann.base_url), cookies=ann.cookies
        )
        statuses = [(await browser.get("/export")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        await use(stack, WRITES, *await user_of(stack, ann), left=1)
        assert [(await browser.put("/settings")).status_code for _ in range(2)] == [200, 429]


async def test_hot_paths_have_no_further_round_trip(own_database_url: str) -> None:
    """What is limited has one, beside its own. What is written behind answers is not counted."""
    wire, aside = Wire(), Database(own_database_url, pool_size=1)
    async with wire.to(own_database_url) as url:
        database = Database(url, pool_size=1)
        async with running_stack(database) as stack:
            stack.app.state.news, stack.app.state.last_uses = Teller(aside), LastUses(aside)
            adam = await stack.sign_in_as("Admins", "Adam")
            body = as_body(new_event("what.comes.later", {}))
            expected = {"/posts": 1, "/me": 1, "/team": 1, "webhook": 1, "/auth": 1}
            taken = {}
            for _ in range(3):  # the first two connect and prepare
                for path in expected:
                    before = wire.round_trips
                    if path == "webhook":
                        await post_webhook(stack, body)
                    else:
                        await adam.get(path)
                    taken[path] = wire.round_trips - before
            assert taken == expected
            await stack.app.state.news.close()
        await database.close()
    await aside.close()


async def test_processes_share_what_they_count(own_database_url: str) -> None:
    """Two applications, each with connections of its own."""
    one, two = Database(own_database_url), Database(own_database_url)
    async with running_stack(one) as first, running_stack(two) as second:
        await use(first, SIGN_INS_BEGUN, ELSEWHERE, left=4)
        ended = [
            target(await stack.browser(ELSEWHERE).get("/auth", params={"organization": "org_1"}))
            for _ in range(4)
            for stack in (first, second)
        ]
        assert [location == TOO_MANY for location in ended] == [False] * 4 + [True] * 4
    await one.close()
    await two.close()


async def test_off_is_off(database: Database) -> None:
    async with running_stack(database, rate_limits="off") as stack:
        ann = await stack.sign_in_as("Authors", "Ann")
        for limit in (SIGN_INS_BEGUN, SIGNATURES_REFUSED, TOKENS_REFUSED, CALLBACKS_REFUSED):
            await use(stack, limit)
        await use(stack, WRITES, *await user_of(stack, ann))
        before = await counts(stack)
        begun = await stack.browser().get("/auth", params={"organization": "org_1"})
        assert target(begun) != TOO_MANY
        assert (await post_webhook(stack, b"{}", FORGED)).status_code == 401
        forged = {"Cookie": f"{COOKIE}=x"}
        assert (await stack.browser().get("/me", headers=forged)).status_code == 401
        callback = await stack.browser().get("/auth/callback", params={"state": "x"})
        assert target(callback) == "/?error=state_invalid"
        written = await ann.post("/posts", json=POST)
        assert written.status_code == 201
        assert "ratelimit" not in written.headers
        assert await counts(stack) == before


class TestStoreAway:
    async def test_nothing_is_limited_and_a_line_is_written(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
        async with running_stack(nowhere) as stack:
            clock = itertools.count(0, 10)  # it is asked again each time
            stack.app.state.rate_limiter = RateLimiter(nowhere, clock=lambda: next(clock))
            for _ in range(3):
                begun = await stack.browser().get("/auth", params={"organization": "org_1"})
                assert target(begun).startswith("http://emulator.localhost/")
                assert (await post_webhook(stack, b"{}", FORGED)).status_code == 401
        await nowhere.close()
        lines = [record for record in caplog.records if "nothing is limited" in record.message]
        assert len(lines) == 1
        assert lines[0].levelno == logging.WARNING

    async def test_a_silent_one_is_waited_for_once_and_counts_again_later(
        self, own_database_url: str
    ) -> None:
        seconds = 0.0
        async with network_to(own_database_url) as (network, url):
            database = Database(url, pool_size=2)
            async with running_stack(database) as stack:
                stack.app.state.rate_limiter = RateLimiter(database, clock=lambda: seconds)

                async def begin() -> httpx.Response:
                    return await stack.browser().get("/auth", params={"organization": "org_1"})

                assert "ratelimit" in (await begin()).headers
                network.forget_connections()
                began = time.monotonic()
                assert [("ratelimit" in (await begin()).headers) for _ in range(3)] == [False] * 3
                assert time.monotonic() - began < 2.5
                seconds = 5.0
                assert "ratelimit" in (await begin()).headers
            await database.close()


async def test_who_is_refused_costs_the_store_nothing_until_the_window_ends(stack: Stack) -> None:
    """A flood must not become a flood of statements."""
    seconds = 0.0
    stack.app.state.rate_limiter = RateLimiter(stack.database, clock=lambda: seconds)
    await use(stack, SIGNATURES_REFUSED)
    before = await counts(stack)
    for _ in range(20):
        assert_too_many(await post_webhook(stack, b"{}", FORGED), SIGNATURES_REFUSED)
    counted = (await counts(stack))["signatures_refused"] - before["signatures_refused"]
    assert counted == 1
    seconds = 61.0
    await execute(stack, "UPDATE rate_counts SET expires_at = now() - interval '1 second'")
    assert (await post_webhook(stack, b"{}", FORGED)).status_code == 401
    assert (await counts(stack))["signatures_refused"] == 1


async def test_a_refusal_is_counted_and_leaves_a_line(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(limit: RateLimitItem) -> float:
        labels = {"limit": limit.namespace}
        return REGISTRY.get_sample_value("rollcall_rate_limited_total", labels) or 0

    for limit in (TOKENS_REFUSED, SIGN_INS_BEGUN):
        await use(stack, limit)
    before = refused(TOKENS_REFUSED), refused(SIGN_INS_BEGUN)
    await stack.browser().get("/me", headers={"Cookie": f"{COOKIE}=x"})
    await stack.browser().get("/auth")
    assert (refused(TOKENS_REFUSED), refused(SIGN_INS_BEGUN)) == (before[0] + 1, before[1] + 1)
    reasons = [getattr(record, "reason", None) for record in caplog.records]
    assert reasons == ["rate_limited_tokens_refused", "too_many_attempts"]
    assert caplog.records[0].__dict__["client"] == stack.address


class TestClients:
    @pytest.mark.parametrize(
        ("host", "client"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:0DB8:1:2::", "2001:db8:1:2::/64"),
            ("", "unknown"),
            ("what a proxy may write", "unknown"),
        ],
    )
    def test_whom_an_address_counts_for(self, host: str, client: str) -> None:
        assert client_of(host) == client

    async def begun(self, stack: Stack, peer: str, forwarded: str) -> bool:
        """Whether a client that a peer names may begin a sign-in."""
        browser = stack.browser(peer)
        answer = await browser.get("/auth", headers={"X-Forwarded-For": forwarded})
        return target(answer) != TOO_MANY

    async def test_who_is_no_proxy_of_ours_is_not_believed(self, stack: Stack) -> None:
        await use(stack, SIGN_INS_BEGUN, left=1)
        assert await self.begun(stack, stack.address, "203.0.113.1")
        assert not await self.begun(stack, stack.address, "203.0.113.2")
        assert not await self.begun(stack, stack.address, "127.0.0.1")

    async def test_a_proxy_names_the_client(self, database: Database) -> None:
        async with running_stack(database, trusted_proxies="10.0.0.0/8,2001:db8::1") as stack:
            client = stack.address
            await use(stack, SIGN_INS_BEGUN)
            for peer in ("10.1.2.3", "2001:db8::1"):
                assert not await self.begun(stack, peer, client)
                assert await self.begun(stack, peer, "203.0.113.1")
                # What the client itself wrote stands to the left of what the proxies did.
                assert not await self.begun(stack, peer, f"203.0.113.1, {client}")
                assert not await self.begun(stack, peer, f"203.0.113.1, {client}, 10.9.9.9")
            assert await self.begun(stack, "127.0.0.1", client)

    async def test_addresses_of_one_network_are_one_client(self, stack: Stack) -> None:
        await use(stack, SIGN_INS_BEGUN, "2001:db8:7:7::/64")
        for host, may in (("2001:db8:7:7::1", False), ("2001:db8:7:7:ffff::", False)):
            begun = await stack.browser(host).get("/auth")
            assert (target(begun) != TOO_MANY) is may
        assert target(await stack.browser("2001:db8:7:8::1").get("/auth")) != TOO_MANY

    async def test_serve_believes_whom_the_setting_names(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not the server's own setting: only one of them decides."""
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
        for proxies, believed in (("", False), ("127.0.0.0/8", True)):
            async with running_stack(database, trusted_proxies=proxies) as stack:
                config = uvicorn.Config(stack.app, port=0, lifespan="off", **SERVER)
                server = uvicorn.Server(config)
                serving = asyncio.create_task(server.serve())
                await until(partial(_started, server))
                port = server.servers[0].sockets[0].getsockname()[1]
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
                    headers = {"X-Forwarded-For": stack.address}
                    await browser.get("/auth", headers=headers)
                server.should_exit = True
                await serving
                assert (await counts(stack) == {"sign_ins_begun": 1}) is believed


async def _started(server: uvicorn.Server) -> bool:
    return server.started


async def test_counts_are_not_logged_by_the_database(database: Database) -> None:
    """They are worth no write-ahead log, and nothing after a crash."""
    async with database.connect() as connection:
        persistence = await connection.scalar(
            text("SELECT relpersistence::text FROM pg_class WHERE relname = 'rate_counts'")
        )
    assert persistence == "u"


class TestStorage:
    """The rest of what the library asks of a storage."""

    async def test_a_window_that_is_over_begins_anew(self, own_stack: Stack) -> None:
        database = own_stack.database
        assert await RateCounts(database).incr("k", 60) == 1
        assert await RateCounts(database).incr("k", 60, 5) == 6
        expiry = await RateCounts(database).get_expiry("k")
        assert 50 < expiry - time.time() <= 61
        await execute(own_stack, "UPDATE rate_counts SET expires_at = now()")
        assert await RateCounts(database).get("k") == 0
        assert await RateCounts(database).incr("k", 60) == 1

    async def test_it_can_be_cleared(self, own_stack: Stack) -> None:
        storage = RateCounts(own_stack.database)
        for key in ("a", "b", "c"):
            await storage.incr(key, 60)
        await storage.clear("a")
        assert (await storage.get("a"), await storage.get("b")) == (0, 1)
        assert await storage.reset() == 2
        assert await storage.get("b") == 0
        assert await storage.check()

    async def test_it_says_when_it_is_away(self) -> None:
        nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
        assert not await RateCounts(nowhere).check()
        await nowhere.close()
