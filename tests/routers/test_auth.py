"""The sign-in's protocol: states, cookies, redirects, sessions."""

from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from itsdangerous import TimestampSigner
from pydantic import SecretStr

from backend.database import Database
from backend.services.sign_in import users
from backend.services.sign_in.flow import ATTEMPT_LIFETIME
from tests.stack import ORIGIN, Stack, running_stack

SESSION = "rollcall_session"


async def begin(stack: Stack, browser: httpx.AsyncClient, **params: str) -> str:
    """Start a sign-in; its state."""
    params = {"organization": stack.organization.id} | params
    answer = await browser.get("/auth", params=params)
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


async def come_back(browser: httpx.AsyncClient, **params: str) -> httpx.Response:
    answer = await browser.get("/auth/callback", params=params)
    assert answer.status_code == 302, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer


def set_cookies(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for header in answer.headers.get_list("set-cookie"):
        found |= SimpleCookie(header)
    return found


@pytest.fixture
async def code(stack: Stack) -> str:
    ann = stack.person("Ann")
    await stack.deliver()
    return stack.emulator.sso_code(ann, stack.organization.id)


async def test_to_workos(stack: Stack) -> None:
    answer = await stack.browser().get(
        "/auth", params={"organization": stack.organization.id, "email": "ann@acme.example"}
    )
    target = urlsplit(answer.headers["location"])
    assert (
        f"{target.scheme}://{target.netloc}{target.path}"
        == "http://emulator.localhost/sso/authorize"
    )
    sent = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert len(sent.pop("state")) >= 32
    assert sent == {
        "client_id": stack.emulator.client_id,
        "redirect_uri": f"{ORIGIN}/auth/callback",
        "response_type": "code",
        "organization": stack.organization.id,
        "login_hint": "ann@acme.example",
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_organization_of_the_settings_is_the_default(database: Database) -> None:
    async with running_stack(database, workos_org_id="org_default") as stack:
        answer = await stack.browser().get("/auth")
        assert "organization=org_default" in answer.headers["location"]


@pytest.mark.parametrize(
    ("overrides", "params", "error"),
    [
        ({}, {}, "organization_required"),
        ({}, {"organization": "x" * 256}, "organization_unknown"),
        ({"workos_api_key": SecretStr("")}, {"organization": "org_1"}, "not_configured"),
        ({"workos_client_id": ""}, {"organization": "org_1"}, "not_configured"),
    ],
)
async def test_cannot_begin(
    database: Database, overrides: dict[str, Any], params: dict[str, str], error: str
) -> None:
    async with running_stack(database, **overrides) as stack:
        answer = await stack.browser().get("/auth", params=params)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/?error={error}")
    assert set_cookies(answer) == {}


async def test_signed_in_and_back(stack: Stack, code: str) -> None:
    browser = stack.browser()
    state = await begin(stack, browser, return_to="/dashboard/team?q=a#b")
    answer = await come_back(browser, code=code, state=state)
    assert answer.headers["location"] == "/dashboard/team?q=a#b"
    assert (await browser.get("/me")).status_code == 200
    assert set(browser.cookies) == {SESSION}


async def test_state_is_of_one_use(stack: Stack, code: str) -> None:
    browser = stack.browser()
    state = await begin(stack, browser)
    kept = dict(browser.cookies)
    assert (await come_back(browser, code=code, state=state)).headers["location"] == "/dashboard"
    replay = stack.browser()
    replay.cookies.update(kept)
    again = stack.emulator.sso_code("ann@acme.example", stack.organization.id)
    answer = await come_back(replay, code=again, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"
    assert SESSION not in replay.cookies


async def test_a_used_state_stays_used_after_a_refusal(stack: Stack) -> None:
    browser = stack.browser()
    await stack.deliver()
    state = await begin(stack, browser)
    kept = dict(browser.cookies)
    code = stack.emulator.sso_code("eve@acme.example", stack.organization.id)
    refused = await come_back(browser, code=code, state=state)
    assert refused.headers["location"] == "/?error=not_in_directory"
    browser.cookies.update(kept)
    code = stack.emulator.sso_code("eve@acme.example", stack.organization.id)
    answer = await come_back(browser, code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"


async def test_state_of_another_browser(stack: Stack, code: str) -> None:
    """The attack: somebody is led to a callback with the attacker's code and state."""
    attacker, victim = stack.browser(), stack.browser()
    state = await begin(stack, attacker)
    await begin(stack, victim)
    answer = await come_back(victim, code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"
    assert SESSION not in victim.cookies


@pytest.mark.parametrize("state", ["x", "\0", "é", "x" * 3000, " "])
async def test_state_that_nobody_gave(stack: Stack, code: str, state: str) -> None:
    answer = await come_back(stack.browser(), code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"


async def test_cookie_of_one_attempt_for_the_state_of_another(stack: Stack, code: str) -> None:
    browser = stack.browser()
    first = await begin(stack, browser)
    (name, value), *_ = browser.cookies.items()
    second = await begin(stack, browser)
    for key in set(browser.cookies) - {name}:
        browser.cookies.delete(key)
        browser.cookies.set(key, value)
    answer = await come_back(browser, code=code, state=second)
    assert answer.headers["location"] == "/?error=state_invalid"
    again = stack.emulator.sso_code("x@acme.example", stack.organization.id)
    answer = await come_back(browser, code=again, state=first)
    assert answer.headers["location"] == "/?error=not_in_directory"


async def test_two_tabs_at_once(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    browser = stack.browser()
    tabs = [await begin(stack, browser, return_to=f"/dashboard?tab={n}") for n in range(2)]
    for number, state in enumerate(tabs):
        code = stack.emulator.sso_code(ann, stack.organization.id)
        answer = await come_back(browser, code=code, state=state)
        assert answer.headers["location"] == f"/dashboard?tab={number}"


async def test_an_attempt_that_took_too_long(
    stack: Stack, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stack.browser()
    now = TimestampSigner.get_timestamp(TimestampSigner("x"))
    past = now - int(ATTEMPT_LIFETIME.total_seconds()) - 2
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _self: past)
        state = await begin(stack, browser)
    answer = await come_back(browser, code=code, state=state)
    assert answer.headers["location"] == "/?error=state_invalid"


async def test_code_used_or_unknown(stack: Stack, code: str) -> None:
    ended = []
    for value in ("nonsense", "", "\0", code, code):
        browser = stack.browser()
        state = await begin(stack, browser)
        answer = await come_back(browser, code=value, state=state)
        ended.append(answer.headers["location"])
    rejected = "/?error=code_rejected"
    assert ended == [rejected, rejected, rejected, "/dashboard", rejected]


async def test_begun_at_the_identity_provider(stack: Stack, code: str) -> None:
    """A code without a state begins a fresh sign-in for that organization, never a session."""
    browser = stack.browser()
    answer = await come_back(browser, code=code)
    assert answer.headers["location"] == f"/auth?organization={stack.organization.id}"
    assert set(browser.cookies) == set()
    onward = await browser.get(answer.headers["location"])
    assert urlsplit(onward.headers["location"]).netloc == "emulator.localhost"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("access_denied", "access_denied"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "sign_in_failed"),
        ("//evil.example", "sign_in_failed"),
        ("a&b=c", "sign_in_failed"),
        ("a\r\nSet-Cookie: x=y", "sign_in_failed"),
        ("access_denied\n", "sign_in_failed"),
        ("<script>", "sign_in_failed"),
    ],
)
async def test_an_error_comes_back(stack: Stack, code: str, error: str, shown: str) -> None:
    browser = stack.browser()
    state = await begin(stack, browser)
    answer = await come_back(browser, code=code, state=state, error=error)
    assert answer.headers["location"] == f"/?error={shown}"
    assert SESSION not in browser.cookies


async def test_a_database_that_is_away_is_explained_on_the_page() -> None:
    """A browser is here, which problem documents are not for."""
    away = Database("postgresql://u:p@127.0.0.1:1/x")
    async with running_stack(away) as stack:
        ann = stack.person("Ann")
        browser = stack.browser()
        state = await begin(stack, browser)
        code = stack.emulator.sso_code(ann, stack.organization.id)
        answer = await come_back(browser, code=code, state=state)
        assert answer.headers["location"] == "/?error=temporarily_unavailable"
        followed = await browser.get("/invitations/some-token")
        assert followed.headers["location"] == "/?error=temporarily_unavailable"
    await away.close()


async def test_a_fault_of_ours_is_explained_on_the_page(
    stack: Stack, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    browser = stack.browser()
    state = await begin(stack, browser)
    monkeypatch.setattr(users, "join", fail)
    answer = await come_back(browser, code=code, state=state)
    assert answer.headers["location"] == "/?error=sign_in_failed"
    assert SESSION not in browser.cookies


@pytest.mark.parametrize(
    ("redirect_uri", "secure"),
    [
        ("http://localhost:3000/auth/callback", False),
        ("https://rollcall.example/auth/callback", True),
    ],
)
async def test_cookies(database: Database, redirect_uri: str, *, secure: bool) -> None:
    async with running_stack(database, workos_redirect_uri=redirect_uri) as stack:
        ann = stack.person("Ann")
        await stack.deliver()
        origin = redirect_uri.removesuffix("/auth/callback")
        browser = httpx.AsyncClient(transport=stack.transport, base_url=origin)
        begun = await browser.get("/auth", params={"organization": stack.organization.id})
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        # The emulator ties a code to the redirect address that it knows.
        code = stack.emulator.sso_code(ann, stack.organization.id)
        ended = await come_back(browser, code=code, state=state)
        assert ended.headers["location"] == "/dashboard"
        signed_out = await browser.post("/auth/logout")
    prefix = "__Host-" if secure else ""
    (attempt,) = set_cookies(begun)
    assert attempt.startswith(f"{prefix}rollcall_sign_in_")
    assert set(set_cookies(ended)) == {attempt, prefix + SESSION}
    assert set_cookies(ended)[attempt]["max-age"] == "0"
    assert set(set_cookies(signed_out)) == {prefix + SESSION}
    for answer in (begun, ended, signed_out):
        for cookie in set_cookies(answer).values():
            assert cookie["httponly"]
            assert cookie["samesite"] == "lax"
            assert bool(cookie["secure"]) == secure
            assert cookie["path"] == "/"
            assert cookie["domain"] == ""
