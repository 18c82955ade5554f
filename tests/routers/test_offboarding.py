"""Whoever loses access loses what they hold, for good, in whatever way they lost it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from backend import jobs
from backend.services.mirror import snapshots
from emulator.testing import Group, User
from tests.directory_api import user_id_of
from tests.reconciling import completed
from tests.stack import Stack
from tests.tokens import bearer, new_token

POST = {"title": "t", "content": "c"}


class Leaver(NamedTuple):
    """Ann, who writes, and Ian, who was invited; both leave."""

    admin: httpx.AsyncClient
    ann: User
    ann_id: str
    ian: User
    ian_id: str
    authors: Group
    browser: httpx.AsyncClient
    client: httpx.AsyncClient
    link: str
    post: str


@pytest.fixture
async def leaver(stack: Stack) -> Leaver:
    ann, ian = stack.person("Ann"), stack.person("Ian")
    authors = stack.group("Authors", ann)
    admin = await stack.sign_in_as("Admins", "Adam")
    browser = await stack.sign_in(ann)
    ann_id, ian_id = await user_id_of(admin, ann), await user_id_of(admin, ian)
    client = bearer(stack, await new_token(stack, ann_id))
    link = (await admin.post(f"/team/{ian_id}/invitation")).json()["url"]
    written = await browser.post("/posts", json=POST)
    assert (await client.get("/me")).status_code == 200
    return Leaver(
        admin, ann, ann_id, ian, ian_id, authors, browser, client, link, written.json()["id"]
    )


async def run_job(stack: Stack) -> None:
    """As every ten seconds."""
    state = stack.app.state
    await jobs.Worker(state.settings, stack.database, state.workos, asyncio.Event()).end_access()


async def by_event(stack: Stack, leaver: Leaver) -> None:
    for person in (leaver.ann, leaver.ian):
        stack.emulator.deactivate_user(person)
    await stack.deliver()


async def by_listing(stack: Stack, leaver: Leaver) -> None:
    for person in (leaver.ann, leaver.ian):
        stack.emulator.deactivate_user(person)
    stack.skip()
    await completed(stack)


async def by_snapshot(stack: Stack, leaver: Leaver) -> None:
    stack.emulator.settings.retain_deactivated = True
    for person in (leaver.ann, leaver.ian):
        stack.emulator.deactivate_user(person)
    stack.skip()
    stack.clock.advance(60)
    workos = stack.app.state.workos
    for person in (leaver.ann, leaver.ian):
        await snapshots.find_people(
            stack.database, workos, [stack.directory.id], idp_id=person.idp_id
        )


async def with_the_directory(stack: Stack, _leaver: Leaver) -> None:
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    await run_job(stack)


async def with_the_organization(stack: Stack, _leaver: Leaver) -> None:
    stack.emulator.delete_organization(stack.organization.id)
    await stack.deliver()
    await run_job(stack)


async def by_hand(_stack: Stack, leaver: Leaver) -> None:
    for user_id in (leaver.ann_id, leaver.ian_id):
        answer = await leaver.admin.post(f"/people/{user_id}/block", json={"reason": "Left."})
        assert answer.status_code == 204


WAYS: list[Callable[[Stack, Leaver], Awaitable[None]]] = [
    by_event, by_listing, by_snapshot, with_the_directory, with_the_organization, by_hand,
]  # fmt: skip


async def held(stack: Stack, leaver: Leaver) -> dict[str, Any]:
    query = """
        SELECT (SELECT count(*) FROM sessions WHERE user_id = :ann) AS sessions,
            (SELECT count(*) FROM api_tokens WHERE user_id = :ann) AS tokens,
            (SELECT count(*) FROM invitations WHERE user_id = :ian AND closed_at IS NULL)
                AS invitations
    """
    async with stack.database.connect() as connection:
        ids = {"ann": UUID(leaver.ann_id), "ian": UUID(leaver.ian_id)}
        return dict((await connection.execute(text(query), ids)).mappings().one())


@pytest.mark.parametrize("leave", WAYS)
async def test_invariant_2_nothing_that_they_held_is_left(
    stack: Stack, leaver: Leaver, leave: Callable[[Stack, Leaver], Awaitable[None]]
) -> None:
    assert await held(stack, leaver) == {"sessions": 1, "tokens": 1, "invitations": 1}
    await leave(stack, leaver)
    assert (await leaver.browser.get("/me")).status_code == 401
    assert (await leaver.client.get("/me")).status_code == 401
    begun = await stack.browser().get(leaver.link)
    assert begun.headers["location"] == "/?error=invitation_invalid"
    assert await held(stack, leaver) == {"sessions": 0, "tokens": 0, "invitations": 0}


@pytest.mark.parametrize("leave", [by_event, by_listing, by_snapshot, by_hand])
async def test_invariant_10_what_they_wrote_stays_with_their_name(
    stack: Stack, leaver: Leaver, leave: Callable[[Stack, Leaver], Awaitable[None]]
) -> None:
    before = (await leaver.admin.get(f"/posts/{leaver.post}")).json()
    await leave(stack, leaver)
    assert (await leaver.admin.get(f"/posts/{leaver.post}")).json() == before


async def test_rehired_they_have_their_posts_and_nothing_that_they_held(
    stack: Stack, leaver: Leaver
) -> None:
    await by_event(stack, leaver)
    stack.clock.advance(60)
    back = stack.emulator.reactivate_user(leaver.ann)
    stack.emulator.add_member(leaver.authors, back)
    await stack.deliver()
    assert (await leaver.browser.get("/me")).status_code == 401
    assert (await leaver.client.get("/me")).status_code == 401
    stack.clock.advance(60)
    again = await stack.sign_in(back)
    assert (await stack.me(again))["id"] == leaver.ann_id
    post = (await again.get(f"/posts/{leaver.post}")).json()
    assert (post["author"]["id"], post["can_edit"]) == (leaver.ann_id, True)
    assert await held(stack, leaver) == {"sessions": 1, "tokens": 0, "invitations": 0}
