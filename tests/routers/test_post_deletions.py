"""A deletion is whole at once, and whoever made it can take it back for a minute."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from backend.models import AuditEvent
from tests.database.test_privileges import withdrawn
from tests.routers.test_posts import PROBLEM, UNKNOWN, write
from tests.services.test_ended import count, tidy_up
from tests.stack import Stack
from tests.working import execute


async def delete(browser: httpx.AsyncClient, post: Any) -> str:
    """Where it is restored."""
    assert (await browser.delete(f"/posts/{post['id']}")).status_code == 204
    return f"/posts/{post['id']}/restore"


async def later(stack: Stack, post: Any, seconds: int) -> None:
    async with stack.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE deleted_posts SET expires_at = expires_at - make_interval(secs => :seconds)"
                " WHERE organization_id = :organization_id AND id = :id"
            ),
            {"seconds": seconds, "organization_id": stack.organization.id, "id": post["id"]},
        )


async def test_it_is_there_again_as_it_was(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    before, post, after = [await write(ann, title) for title in ("before", "post", "after")]
    post = (await ann.patch(f"/posts/{post['id']}", json={"content": "Words."})).json()
    answer = await ann.post(await delete(ann, post))
    assert (answer.status_code, answer.json()) == (200, post)
    assert answer.headers["etag"] == '"2"'
    assert (await ann.get("/posts")).json()["items"] == [after, post, before]
    assert (await ann.get("/posts", params={"q": "words"})).json()["items"] == [post]
    # By the version that somebody may still have on the screen.
    edited = await ann.patch(f"/posts/{post['id']}", json={"title": "t", "version": 2})
    assert edited.json()["version"] == 3


async def test_meanwhile_nobody_finds_it_anywhere(stack: Stack) -> None:
    ann, adam = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
    post = await write(ann, "Secret", "Words")
    await delete(ann, post)
    path = f"/posts/{post['id']}"
    for browser in (ann, adam):
        for params in (
            {}, {"view": "summary"}, {"q": "secret"}, {"author": post["author"]["id"]},
        ):  # fmt: skip
            assert (await browser.get("/posts", params=params)).json()["items"] == []
        assert (await browser.get(path)).status_code == 404
        assert (await browser.delete(path)).status_code == 404
    assert (await ann.patch(path, json={"title": "t"})).status_code == 404


async def test_only_by_whoever_deleted_it(stack: Stack) -> None:
    ann, adam = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
    path = await delete(adam, await write(ann))
    refused = await ann.post(path)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert (await adam.post(path)).status_code == 200


async def test_invariant_9_not_from_another_organization(stack: Stack) -> None:
    ann = await stack.sign_in_as("Admins")
    path = await delete(ann, await write(ann))
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins")
    assert (await eve.post(path)).status_code == 404
    assert (await ann.post(path)).status_code == 200


async def test_for_a_minute(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    early, late = await write(ann), await write(ann)
    paths = [await delete(ann, post) for post in (early, late)]
    await later(stack, early, 50)
    await later(stack, late, 60)
    in_time, too_late = [await ann.post(path) for path in paths]
    assert (in_time.status_code, too_late.status_code) == (200, 409)
    assert too_late.headers["content-type"] == PROBLEM
    assert too_late.json()["code"] == "restored_too_late"
    assert (await ann.get("/posts")).json()["items"] == [early]


async def test_what_is_not_deleted(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    answer = await ann.post(f"/posts/{post['id']}/restore")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_deleted")
    for unknown in (UNKNOWN, "x"):
        assert (await ann.post(f"/posts/{unknown}/restore")).status_code == 404


async def test_once(stack: Stack) -> None:
    """Of several who restore at once one does; and it can be deleted and restored again."""
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    for _ in range(2):
        path = await delete(ann, post)
        answers = await asyncio.gather(*(ann.post(path) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 4
    assert (await ann.get("/posts")).json()["items"] == [post]


class TestInvariant1:
    """Roles count as they are when it is taken back."""

    @pytest.mark.parametrize(
        ("left", "own", "code"),
        [
            (True, True, None),
            (True, False, "not_yours"),
            (False, True, "role_missing"),
            (False, False, "role_missing"),
        ],
    )
    async def test_of_somebody_who_was_an_admin(
        self, stack: Stack, code: str | None, *, left: bool, own: bool
    ) -> None:
        """Who is left an author, or a member."""
        person, author = stack.person("Adam"), stack.person()
        admins = stack.group("Admins", person)
        stack.group("Authors", *([person, author] if left else [author]))
        await stack.deliver()
        adam, ann = await stack.sign_in(person), await stack.sign_in(author)
        path = await delete(adam, await write(adam if own else ann))
        stack.emulator.remove_member(admins, person)
        await stack.deliver()
        answer = await adam.post(path)
        assert answer.json().get("code") == code
        assert answer.status_code == (403 if code else 200)


async def test_invariant_12_the_audit_trail_tells_of_all_of_it(stack: Stack) -> None:
    ann, adam = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
    post = await write(ann, "One")
    path = f"/posts/{post['id']}"
    edited = await ann.patch(path, json={"title": "Two"})
    refused = await ann.patch(path, json={"title": "Three", "version": 1})
    nothing = await ann.patch(path, json={})
    assert [edited.status_code, refused.status_code, nothing.status_code] == [200, 409, 200]
    assert (await adam.post(await delete(adam, post))).status_code == 200
    async with stack.database.connect() as session:
        query = (
            select(AuditEvent.action, AuditEvent.actor_id, AuditEvent.detail)
            .where(AuditEvent.subject_id == post["id"])
            .order_by(AuditEvent.at)
        )
        entries = [(row[0], str(row[1]), row[2]) for row in await session.execute(query)]
    author = post["author"]["id"]
    admin = (await stack.me(adam))["id"]
    after = {"title": "Two", "author_id": author, "version": 2}
    assert entries == [
        ("post.created", author, {"title": "One", "version": 1}),
        ("post.edited", author, after | {"title": "One"}),
        ("post.deleted", admin, after),
        ("post.restored", admin, after),
    ]


async def test_invariant_12_nothing_is_written_that_is_not_noted(
    own_stack: Stack, own_database_url: str
) -> None:
    """Writing and noting are one transaction, by whatever statement."""
    ann = await own_stack.sign_in_as("Authors")
    post, deleted = await write(ann), await write(ann)
    path = await delete(ann, deleted)
    async with withdrawn(own_database_url, "INSERT", "audit_events"):
        for method, refused, body in (
            ("POST", "/posts", {"title": "t", "content": "c"}),
            ("PATCH", f"/posts/{post['id']}", {"title": "t"}),
            ("DELETE", f"/posts/{post['id']}", None),
            ("POST", path, None),
        ):
            assert (await ann.request(method, refused, json=body)).status_code == 503
    assert (await ann.get("/posts")).json()["items"] == [post]


async def test_the_jobs_sweep_what_can_no_longer_be_restored(own_stack: Stack) -> None:
    ann = await own_stack.sign_in_as("Authors")
    old, new = await write(ann), await write(ann)
    path, still = await delete(ann, old), await delete(ann, new)
    await execute(
        own_stack,
        "UPDATE deleted_posts SET expires_at = now() - interval '1 second'"
        f" WHERE id = '{old['id']}'",
    )
    await tidy_up(own_stack)
    assert await count(own_stack, "deleted_posts") == 1
    assert (await ann.post(path)).status_code == 404
    assert (await ann.post(still)).status_code == 200
