"""Sign-ins that are fetched in advance, come back twice, pile up, or come all at once."""

import asyncio
from http.cookies import SimpleCookie

import httpx2
import pytest

from backend.workos import answers
from backend.workos import client as workos_client
from backend.workos.client import WorkosClient
from emulator.testing import User
from tests.routers.test_auth import SESSION, begin, come_back
from tests.stack import Stack
from tests.working import until

MOST_EXCHANGES = 8

PREFETCHES = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
]


@pytest.fixture
async def ann(stack: Stack) -> User:
    ann = stack.person("Ann")
    await stack.deliver()
    return ann


@pytest.mark.parametrize("headers", PREFETCHES)
async def test_a_prefetch_uses_nothing_up(stack: Stack, ann: User, headers: dict[str, str]) -> None:
    browser = stack.browser()
    state = await begin(stack, browser)
    before = dict(browser.cookies)
    code = stack.emulator.sso_code(ann, stack.organization.id)
    params = {"code": code, "state": state}
    for path in ("/auth/callback", "/auth", "/invitations/some.token"):
        answer = await browser.get(path, params=params, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "prefetched")
        assert "set-cookie" not in answer.headers
    assert dict(browser.cookies) == before
    assert (await come_back(browser, **params)).headers["location"] == "/dashboard"


async def test_a_repeat_goes_on_to_the_page(stack: Stack, ann: User) -> None:
    browser = stack.browser()
    state = await begin(stack, browser, return_to="/dashboard/team")
    code = stack.emulator.sso_code(ann, stack.organization.id)
    kept = dict(browser.cookies)
    for cookies in ({}, {}, kept):
        browser.cookies.update(cookies)
        answer = await come_back(browser, code=code, state=state)
        assert answer.headers["location"] == "/dashboard/team"
    assert (await browser.get("/me")).status_code == 200
    # Without the session it is what it was: nobody is let in by it.
    stranger = stack.browser()
    answer = await come_back(stranger, code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"
    assert SESSION not in stranger.cookies


async def test_it_goes_on_only_while_signed_in(stack: Stack, ann: User) -> None:
    browser = stack.browser()
    state = await begin(stack, browser)
    code = stack.emulator.sso_code(ann, stack.organization.id)
    await come_back(browser, code=code, state=state)
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    answer = await come_back(browser, code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"


async def test_a_made_up_state_or_a_bad_code_is_no_repeat(stack: Stack, ann: User) -> None:
    browser = await stack.sign_in(ann)
    answer = await come_back(browser, code="x", state="made-up")
    assert answer.headers["location"] == "/?error=state_invalid"
    state = await begin(stack, browser)
    answer = await come_back(browser, code="made-up", state=state)
    assert answer.headers["location"] == "/?error=code_rejected"


async def test_unfinished_sign_ins_do_not_pile_up(stack: Stack, ann: User) -> None:
    browser = stack.browser()
    longest = "/dashboard?" + "x" * 1900
    states = [await begin(stack, browser, return_to=longest) for _ in range(38)]
    assert len(browser.cookies) == 5
    header = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert len(header) < 2000
    code = stack.emulator.sso_code(ann, stack.organization.id)
    # The newest are kept.
    answer = await come_back(browser, code=code, state=states[-1])
    assert answer.headers["location"] == longest
    assert set(browser.cookies) == {SESSION}


async def test_cookies_of_no_attempt_are_dropped_first(stack: Stack) -> None:
    cookie = "; ".join(f"rollcall_sign_in_{number}=earlier" for number in range(30))
    answer = await stack.browser().get(
        "/auth", params={"organization": stack.organization.id}, headers={"Cookie": cookie}
    )
    dropped = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        dropped.load(header)
    gone = [name for name, cookie in dropped.items() if cookie["max-age"] == "0"]
    assert len(gone) == 30


class SlowExchange(httpx2.AsyncBaseTransport):
    """The emulator, but that no code is exchanged until it goes on."""

    def __init__(self, stack: Stack) -> None:
        self.goes_on = asyncio.Event()
        self.emulator = httpx2.ASGITransport(app=stack.emulator.app)
        self.at_once = self.most_at_once = 0
        self.full = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/sso/token":
            return await self.emulator.handle_async_request(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= MOST_EXCHANGES:
            self.full.set()
        try:
            await self.goes_on.wait()
            return await self.emulator.handle_async_request(request)
        finally:
            self.at_once -= 1


async def test_strangers_with_made_up_codes_slow_nobody(
    own_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has two connections here, and WorkOS takes its time."""
    stack = own_stack
    monkeypatch.setattr(workos_client, "_LONGEST_TURN", 0.5)
    monkeypatch.setattr(answers, "_DEADLINE_SECONDS", 120)
    ann = stack.person("Ann")
    await stack.deliver()
    reader = await stack.sign_in(ann)
    transport = SlowExchange(stack)
    usual = stack.app.state.workos
    stack.app.state.workos = WorkosClient(stack.app.state.settings, transport=transport)

    async def strange() -> str:
        stranger = stack.browser()
        state = await begin(stack, stranger)
        answer = await come_back(stranger, code="made-up", state=state)
        return str(answer.headers["location"])

    strangers = [asyncio.create_task(strange()) for _ in range(200)]
    await transport.full.wait()
    for path in ("/team?status=joined", "/readyz", "/team?status=joined"):
        assert (await reader.get(path)).status_code == 200

    async def the_others_are_refused() -> bool:
        return sum(not stranger.done() for stranger in strangers) == MOST_EXCHANGES

    await until(the_others_are_refused, 60)
    transport.goes_on.set()
    ended = await asyncio.gather(*strangers)
    assert transport.most_at_once == MOST_EXCHANGES
    assert ended.count("/?error=code_rejected") == MOST_EXCHANGES
    assert ended.count("/?error=too_many_sign_ins") == len(ended) - MOST_EXCHANGES
    await stack.app.state.workos.close()
    stack.app.state.workos = usual
