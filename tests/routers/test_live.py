"""Open pages are told what changes, for as long as those who hold them may know it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from backend.database import Database
from backend.jobs import Worker
from backend.schemas.access import Actor, roles_named
from backend.schemas.live import Topic
from backend.services import live
from tests.serving import serving
from tests.stack import Stack, running_stack
from tests.working import execute

POST = {"title": "t", "content": "c"}
# Far less than the look by the clock, which `seldom` makes a minute; far more than a busy machine.
_SOON = 25.0


class Page:
    """What a page has been told so far."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def next(self, seconds: float = _SOON) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(seconds):
            return await self._next()

    async def until(self, topic: str, seconds: float = _SOON) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                found, data = await self._next()
                if found == topic:
                    return data

    async def is_over(self) -> bool:
        async with asyncio.timeout(_SOON):
            async for _line in self._lines:
                pass
        return True

    async def _next(self) -> tuple[str, dict[str, Any]]:
        told: dict[str, str] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name:
                told[name] = value
            elif "event" in told:
                self.last_id = told["id"]
                return told["event"], json.loads(told["data"])
        raise EOFError


def headers_of(browser: httpx.AsyncClient) -> dict[str, str]:
    """What it would send to another address of the same application."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    bearer = browser.headers.get("Authorization")
    return {"Authorization": bearer} if bearer else {"Cookie": cookies}


@asynccontextmanager
async def opened(
    url: str, browser: httpx.AsyncClient, last_event_id: str | None = None
) -> AsyncIterator[Page]:
    headers = headers_of(browser)
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with (
        httpx.AsyncClient(base_url=url, headers=headers) as client,
        client.stream("GET", "/live", timeout=30) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        page = Page(answer.aiter_lines())
        assert (await page.next())[0] == "ready"
        yield page


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is told here is told because it was heard of."""
    monkeypatch.setattr(live, "_LOOK_SECONDS", 60)


@pytest.fixture
async def stack(own_stack: Stack) -> Stack:
    return own_stack


@pytest.fixture
async def url(stack: Stack) -> AsyncIterator[str]:
    async with serving(stack.app) as url:
        yield url


async def test_a_post_is_told_to_everybody_of_the_organization(stack: Stack, url: str) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    async with opened(url, bob) as page:
        written = (await ann.post("/posts", json=POST)).json()
        assert await page.until("posts") == {
            "items": [{"action": "post.created", "subject_id": written["id"]}], "count": 0
        }  # fmt: skip
        assert (await ann.delete(f"/posts/{written['id']}")).status_code == 204
        (change,) = (await page.until("posts"))["items"]
        assert change["action"] == "post.deleted"


async def test_invariant_2_it_is_closed_within_a_second_of_the_deactivation(
    stack: Stack, url: str
) -> None:
    """By a webhook, with cookie and token alike."""
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    made = await browser.post("/tokens", json={"name": "t", "scopes": ["read"]})
    bearer = stack.browser()
    bearer.headers["Authorization"] = f"Bearer {made.json()['secret']}"
    async with opened(url, browser) as page, opened(url, bearer) as other:
        stack.emulator.deactivate_user(ann)
        await stack.deliver()
        begun = time.monotonic()
        for each in (page, other):
            await each.until("ended")
            assert await each.is_over()
        assert time.monotonic() - begun < _SOON
    async with httpx.AsyncClient(base_url=url, headers=headers_of(browser)) as client:
        assert (await client.get("/live")).status_code == 401


async def test_ones_own_access_has_changed(stack: Stack, url: str) -> None:
    ann = stack.person("Ann")
    admins = stack.group("Admins", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    async with opened(url, browser) as page:
        stack.emulator.remove_member(admins, ann)
        await stack.deliver()
        access = await page.until("access")
        assert access["roles"] == ["member"]
        assert "administer" not in access["permissions"]
        stack.emulator.add_member(admins, ann)
        await stack.deliver()
        assert (await page.until("access"))["roles"] == ["member", "admin"]


async def test_who_is_invited_and_who_has_joined_is_told_to_everybody(
    stack: Stack, url: str
) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    ian = stack.person("Ian")
    await stack.deliver()
    (invited,) = (await ann.get("/team", params={"q": "ian"})).json()["items"]
    async with opened(url, bob) as page:
        made = await ann.post(f"/team/{invited['id']}/invitation")
        assert (await page.until("team"))["items"] == [
            {"action": "invitation.created", "subject_id": invited["id"]}
        ]
        code = stack.emulator.sso_code(ian, stack.organization.id)
        link = made.json()["url"].removeprefix(str(stack.app.state.settings.public_origin))
        await stack.finish_sign_in(stack.browser(), code, link)
        assert (await page.until("team"))["items"] == [
            {"action": "invitation.accepted", "subject_id": invited["id"]}
        ]


async def test_only_admins_hear_of_the_directory(stack: Stack, url: str) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    async with opened(url, adam) as of_admin, opened(url, ann) as of_author:
        stack.person("Zoe")
        await stack.deliver()
        assert (await of_admin.until("directory"))["count"] >= 1
        await ann.post("/posts", json=POST)
        topic, _ = await of_author.next()
        assert topic == "posts"


async def test_invariant_9_nothing_of_another_organization(own_database_url: str) -> None:
    database = Database(own_database_url, pool_size=4)
    async with running_stack(database) as one, running_stack(database) as other:
        ann, eve = await one.sign_in_as("Authors"), await other.sign_in_as("Admins", "Eve")
        async with serving(one.app) as url, opened(url, ann) as mine, opened(url, eve) as hers:
            await eve.post("/posts", json=POST)
            await hers.until("posts")
            with pytest.raises(TimeoutError):
                await mine.next(1)
    await database.close()


async def test_another_process_tells_of_it_too(
    stack: Stack, url: str, own_database_url: str
) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    database = Database(own_database_url, pool_size=2)
    async with running_stack(database) as second, opened(url, bob) as page:
        elsewhere = second.browser()
        elsewhere.cookies = ann.cookies
        assert (await elsewhere.post("/posts", json=POST)).status_code == 201
        await page.until("posts")
    await database.close()


async def test_what_the_worker_catches_up_with_is_told(stack: Stack, url: str) -> None:
    """A deactivation that no webhook brought."""
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    async with opened(url, browser) as page:
        stack.emulator.deactivate_user(ann)
        stack.skip()
        stack.clock.advance(60)
        settings = stack.app.state.settings.model_copy(update={"events_poll_seconds": 1})
        await Worker(settings, stack.database, stack.app.state.workos, asyncio.Event()).catch_up()
        await page.until("ended")


async def test_more_than_can_be_told_is_looked_for(stack: Stack, url: str) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    async with opened(url, bob) as page:
        await execute(
            stack,
            """INSERT INTO audit_events (organization_id, id, action, subject_id)
            SELECT organization_id, gen_random_uuid(), 'post.created', n::text
            FROM (SELECT DISTINCT organization_id FROM sessions) AS s,
                generate_series(1, 101) AS n""",
        )
        await ann.post("/posts", json=POST)
        await page.until("refresh")


async def test_a_lost_connection_goes_on_where_it_was(stack: Stack, url: str) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    async with opened(url, bob) as page:
        await ann.post("/posts", json=POST)
        await page.until("posts")
        last = page.last_id
    written = (await ann.post("/posts", json=POST)).json()
    async with opened(url, bob, last) as page:
        told = await page.until("posts")
        assert written["id"] in {change["subject_id"] for change in told["items"]}


@pytest.mark.parametrize("last", ["nonsense", "2026-01-01", "2026-01-01T00:00:00+00:00"])
async def test_whoever_was_away_for_long_looks_anew(stack: Stack, url: str, last: str) -> None:
    ann = await stack.sign_in_as("Authors")
    async with opened(url, ann, last) as page:
        assert (await page.next())[0] == "refresh"


async def test_what_ends_by_the_clock_ends_the_stream(
    stack: Stack, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.5)
    ann = await stack.sign_in_as("Authors")
    async with opened(url, ann) as page:
        await execute(stack, "UPDATE sessions SET expires_at = now()")
        await page.until("ended")


async def test_a_session_that_somebody_ends_is_closed(stack: Stack, url: str) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    laptop, phone = await stack.sign_in(ann), await stack.sign_in(ann)
    async with opened(url, phone) as page:
        assert (await laptop.post("/sessions/end-others")).status_code == 204
        await page.until("ended")


async def test_signing_out_closes_the_pages_of_other_tabs(stack: Stack, url: str) -> None:
    ann = await stack.sign_in_as("Authors")
    async with opened(url, ann) as page:
        assert (await ann.post("/auth/logout")).status_code == 204
        await page.until("ended")


async def test_a_page_that_does_not_keep_up_is_told_to_look(stack: Stack) -> None:
    stream = live.Stream(actor_of(await stack.me(await stack.sign_in_as("Authors"))))
    now = datetime.now(UTC)
    for _ in range(stream.waiting.maxsize + 1):
        stream.tell(live.News(Topic.POSTS, now))
    left = [stream.waiting.get_nowait().topic for _ in range(stream.waiting.qsize())]
    assert left == [Topic.REFRESH]


def actor_of(me: dict[str, Any]) -> Actor:
    return Actor(
        user_id=me["id"],
        name=me["name"],
        email=me["email"],
        organization_id=me["organization"]["id"],
        organization_name=me["organization"]["name"],
        roles=roles_named(me["roles"]),
    )
