"""Invariant 2: what was begun before a deactivation is not written after it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import NotSignedIn
from backend.http import guards
from backend.http.guards import GuardedRoute, session_cookie_name, session_signer
from backend.schemas.events import ReplayRange
from backend.services import access_ends, sessions
from backend.services.events import replay
from backend.services.sessions import Claim, Token
from emulator.testing import User
from tests.asking_roles import have_give, trail
from tests.directory_api import ask, user_id_of
from tests.http.test_guards_first import APP, routes
from tests.stack import Stack
from tests.tokens import bearer, new_token

POST = {"title": "t", "content": "c"}

_WAITS = text(
    """SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (
        pg_blocking_pids(pid))"""
)


class Leaver(NamedTuple):
    """Ann, an admin who is about to leave, and who asks; and Ian."""

    ann: User
    ann_id: str
    ian_id: str
    asking: httpx.AsyncClient


@pytest.fixture
async def leaver(stack: Stack) -> Leaver:
    adam = await stack.sign_in_as("Admins", "Adam")
    ann, ian = stack.person("Ann"), stack.person("Ian")
    stack.emulator.add_member(stack._groups["Admins"], ann)
    await stack.deliver()
    ann_id, ian_id = await user_id_of(adam, ann), await user_id_of(adam, ian)
    return Leaver(ann, ann_id, ian_id, await stack.sign_in(ann))


@pytest.fixture
async def client(stack: Stack, leaver: Leaver) -> Leaver:
    """The same by a token."""
    return leaver._replace(asking=bearer(stack, await new_token(stack, leaver.ann_id)))


class Write(NamedTuple):
    """A request of Ann's, and what keeps it waiting that no deactivation touches."""

    method: str
    path: str
    body: dict[str, Any] | None
    held_up_by: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


_POSTS = "LOCK TABLE posts IN SHARE MODE"
_ROLES = "SELECT pg_advisory_xact_lock(hashtextextended(:here || ' roles', 0))"
_ROW = "SELECT FROM users WHERE id = :{} FOR UPDATE"
WRITES = [
    Write("POST", "/posts", POST, _POSTS),
    Write("PATCH", "/posts/{post}", {"title": "later"}, _POSTS),
    Write("DELETE", "/posts/{post}", None, _POSTS),
    Write("POST", "/tokens", {"name": "t", "scopes": ["read"]}, _ROW.format("ann")),
    Write("POST", "/team/{ian}/invitation", None, _ROW.format("ian")),
    Write("PUT", "/roles/mappings/{group}", {"roles": ["author"], "version": 0}, _ROLES),
    Write("POST", "/people/{ian}/grants", {"role": "author", "reason": "r"}, _ROLES),
    Write("POST", "/people/{ian}/block", {"reason": "r"}, _ROLES),
    Write("POST", "/people/{ian}/sign-out", {}, _ROW.format("ian")),
    Write("PATCH", "/organization", {"version": 0, "token_days_max": 30}, _ROLES),
]


async def written_by(stack: Stack, leaver: Leaver) -> Any:
    """Whatever is written is noted."""
    query = text(
        """SELECT (SELECT count(*) FROM audit_events WHERE actor_id::text = :ann),
            (SELECT string_agg(title, ' ' ORDER BY id) FROM posts WHERE organization_id = :here)"""
    )
    async with stack.database.connect() as connection:
        values = {"ann": leaver.ann_id, "here": stack.organization.id}
        return tuple((await connection.execute(query, values)).one())


async def until_it_waits(session: AsyncSession, asked: asyncio.Task[httpx.Response]) -> None:
    for _ in range(400):
        assert not asked.done(), asked.result().text
        if await session.scalar(_WAITS):
            return
        await asyncio.sleep(0.005)
    pytest.fail("nothing waits")


async def held_up(
    stack: Stack, leaver: Leaver, write: Write, meanwhile: Callable[[], Awaitable[None]]
) -> httpx.Response:
    """The answer to the write, which waits while something happens."""
    post = (await leaver.asking.post("/posts", json=POST)).json()["id"]
    group = stack.group("Designers")
    await stack.deliver()
    path = write.path.format(post=post, ian=leaver.ian_id, group=group.id)
    values = {"ann": leaver.ann_id, "ian": leaver.ian_id, "here": stack.organization.id}
    before = await written_by(stack, leaver)
    async with stack.database.transaction() as session:
        lock = text(write.held_up_by)
        await session.execute(lock, {name: values[name] for name in lock._bindparams})
        asked = asyncio.create_task(leaver.asking.request(write.method, path, json=write.body))
        await until_it_waits(session, asked)
        await meanwhile()
    answer = await asked
    assert await written_by(stack, leaver) == before
    return answer


async def overtaken(stack: Stack, leaver: Leaver, write: Write) -> tuple[int, str]:
    """What is said of a write that a deactivation overtakes."""

    async def deactivate() -> None:
        stack.emulator.deactivate_user(leaver.ann)
        assert set(await stack.deliver()) == {"applied"}

    answer = await held_up(stack, leaver, write, deactivate)
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("write", WRITES, ids=str)
async def test_a_write_that_a_deactivation_overtakes_is_refused(
    stack: Stack, leaver: Leaver, write: Write
) -> None:
    assert await overtaken(stack, leaver, write) == (401, "not_signed_in")


@pytest.mark.parametrize("write", WRITES[:2], ids=str)
async def test_so_is_one_by_a_token(stack: Stack, client: Leaver, write: Write) -> None:
    assert await overtaken(stack, client, write) == (401, "credential_refused")


@pytest.mark.parametrize("write", WRITES[:1] + WRITES[-2:], ids=str)
async def test_a_write_whose_role_is_taken_meanwhile_is_refused(
    stack: Stack, leaver: Leaver, write: Write
) -> None:
    async def take() -> None:
        stack.emulator.remove_member(stack._groups["Admins"], leaver.ann)
        assert set(await stack.deliver()) == {"applied"}

    answer = await held_up(stack, leaver, write, take)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")


@pytest.mark.parametrize(("path", "body"), [("/posts", POST), ("/people/{ian}/sign-out", {})])
async def test_a_write_waits_for_a_deactivation_that_is_about_to_commit(
    stack: Stack, leaver: Leaver, path: str, body: dict[str, Any]
) -> None:
    """It deletes what the write is asked by: whichever has that row first goes first."""
    before = await written_by(stack, leaver)
    async with stack.database.transaction() as session:
        await access_ends.end_for(session, stack.organization.id, [UUID(leaver.ann_id)])
        asked = asyncio.create_task(leaver.asking.post(path.format(ian=leaver.ian_id), json=body))
        await until_it_waits(session, asked)
    assert (await asked).status_code == 401
    assert await written_by(stack, leaver) == before


async def test_what_a_write_does_to_its_own_access_refuses_nobody(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    ann = await stack.sign_in_as("Admins", "Ann")
    (this,) = (await ask(ann, "/sessions"))["items"]
    assert (await ann.delete(f"/sessions/{this['id']}")).status_code == 204
    assert (await ann.get("/me")).status_code == 401
    adam_id = (await stack.me(adam))["id"]
    boss = await stack.sign_in_as(None, "Boss")
    boss_id = (await stack.me(boss))["id"]
    granted = await adam.post(f"/people/{boss_id}/grants", json={"role": "admin", "reason": "r"})
    assert granted.status_code == 201
    await have_give(adam, "Admins", "author")  # of which Adam is
    assert await stack.roles(adam) == ["member", "author"]
    assert await trail(stack, "mapping.changed")
    program = {"name": "p", "role": "admin", "reason": "r"}
    program_id = (await boss.post("/service-accounts", json=program)).json()["id"]
    new = {"name": "t", "scopes": ["write"]}
    made = await boss.post(f"/service-accounts/{program_id}/tokens", json=new)
    client = bearer(stack, made.json()["secret"])
    assert (await client.delete(f"/service-accounts/{program_id}")).status_code == 204
    assert (await client.get(f"/people/{adam_id}")).status_code == 401


async def test_a_portal_link_is_not_given_to_somebody_who_was_deactivated_meanwhile(
    stack: Stack, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stack.app.state.workos
    answers = client.portal_link

    async def slowly(*of: Any, **more: Any) -> str:
        link: str = await answers(*of, **more)
        stack.emulator.deactivate_user(leaver.ann)
        await stack.deliver()
        return link

    monkeypatch.setattr(client, "portal_link", slowly)
    answer = await leaver.asking.post("/organization/portal-link", json={"intent": "sso"})
    assert answer.status_code == 401
    assert await trail(stack, "portal_link.created") == []


async def test_a_replay_ends_with_the_access_of_whoever_asks(stack: Stack, leaver: Leaver) -> None:
    event = stack.emulator.events[-1]
    cookie = leaver.asking.cookies[session_cookie_name(stack.app.state.settings)]
    token = Token.parse(session_signer(stack.app.state.settings).unsign(cookie).decode())
    claim = Claim(stack.database, token)
    await sessions.find_actor(claim)  # as the guard does
    stack.emulator.deactivate_user(leaver.ann)
    await stack.deliver()
    scope = stack.app.state.workos.scope
    with pytest.raises(NotSignedIn):
        await replay.replay(stack.database, scope, event["id"], by=claim)
    with pytest.raises(NotSignedIn):
        await replay.replay_range(stack.database, scope, ReplayRange(ids=[event["id"]]), by=claim)
    assert await trail(stack, "event.replayed") == []


# They write in another way, and find their actor again themselves; a preview writes nothing.
_BY_THEMSELVES = {
    ("POST", "/posts"),
    ("POST", "/organization/portal-link"),
    ("POST", "/directory/events/{event_id}/replay"),
    ("POST", "/directory/events/replay"),
    ("POST", "/roles/preview"),
}


def test_every_route_that_writes_asks_again() -> None:
    writes = {
        (method, path): {dependency.call for dependency in route.dependant.dependencies}
        for method, path, route in routes(APP)
        if isinstance(route, GuardedRoute) and method not in {"GET", "HEAD"}
    }
    assert len(writes) > len(WRITES)
    assert {of for of, worn in writes.items() if guards.get_session not in worn} == _BY_THEMSELVES
