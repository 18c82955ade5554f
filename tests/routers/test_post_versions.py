"""Two tabs, or two people: nobody overwrites what they have not seen."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from backend.models import Post
from backend.schemas.access import Permission, Role
from tests.routers.test_posts import PROBLEM, UNKNOWN, write
from tests.stack import Stack
from tests.working import until

CHANGED = {"content": "Changed."}


def tag(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


async def edit(browser: httpx.AsyncClient, post: Any, **given: Any) -> Any:
    answer = await browser.patch(f"/posts/{post['id']}", json=CHANGED | given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_answer_tells_the_version(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    written = await ann.post("/posts", json={"title": "t", "content": "c"})
    path = f"/posts/{written.json()['id']}"
    read = await ann.get(path)
    edited = await ann.patch(path, json=CHANGED)
    again = await ann.patch(path, json={"title": "u"})
    for answer, version in ((written, 1), (read, 1), (edited, 2), (again, 3)):
        assert (answer.json()["version"], answer.headers["etag"]) == (version, f'"{version}"')
    assert [post["version"] for post in (await ann.get("/posts")).json()["items"]] == [3]


async def test_what_changes_nothing_is_no_new_version(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    answer = await ann.patch(f"/posts/{post['id']}", json={"version": 1})
    assert answer.json() == post


@pytest.mark.parametrize(
    "seen",
    [
        {"headers": tag(1)},
        {"headers": {"If-Match": 'W/"1"'}},
        {"headers": {"If-Match": '"7" , "0"'}},
        {"headers": {"If-Match": '"of another program"'}},
        {"json": CHANGED | {"version": 1}},
        {"json": CHANGED | {"version": 10**30}},
        {"json": {"version": 1}},
        # Both are to hold.
        {"json": CHANGED | {"version": 1}, "headers": tag(2)},
        {"json": CHANGED | {"version": 2}, "headers": tag(1)},
    ],
    ids=str,
)
async def test_a_stale_edit_is_refused_with_the_newer_post(
    stack: Stack, seen: dict[str, Any]
) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await edit(ann, await write(ann), content="By the other tab.")
    path = f"/posts/{post['id']}"
    answer = await ann.patch(path, **({"json": CHANGED} | seen))
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert (problem["code"], problem["current"]) == ("stale_version", post)
    assert (await ann.get(path)).json() == post


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {"headers": tag(2)},
        {"headers": {"If-Match": 'W/"2"'}},
        {"headers": {"If-Match": '"1", "2"'}},
        {"headers": {"If-Match": "*"}},
        {"json": CHANGED | {"version": 2}},
        {"json": CHANGED | {"version": None}},
        {"json": CHANGED | {"version": 2}, "headers": tag(2)},
    ],
    ids=str,
)
async def test_an_edit_of_the_newest_is_made(stack: Stack, seen: dict[str, Any]) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await edit(ann, await write(ann))
    answer = await ann.patch(f"/posts/{post['id']}", **({"json": CHANGED} | seen))
    assert (answer.status_code, answer.json()["version"]) == (200, 3)


@pytest.mark.parametrize(
    "seen",
    [
        {"headers": tag(1)},
        {"params": {"version": 1}},
        {"params": {"version": 2}, "headers": tag(1)},
    ],
    ids=str,
)
async def test_a_stale_deletion_is_refused_with_the_newer_post(
    stack: Stack, seen: dict[str, Any]
) -> None:
    ann, adam = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
    post = await edit(ann, await write(ann))
    answer = await adam.delete(f"/posts/{post['id']}", **seen)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_version")
    # As the one who asks may see it.
    assert answer.json()["current"] == post | {"can_edit": False}
    assert (await ann.get(f"/posts/{post['id']}")).json() == post


@pytest.mark.parametrize("seen", [{"headers": tag(2)}, {"params": {"version": 2}}], ids=str)
async def test_a_deletion_of_the_newest_is_made(stack: Stack, seen: dict[str, Any]) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await edit(ann, await write(ann))
    assert (await ann.delete(f"/posts/{post['id']}", **seen)).status_code == 204


async def test_of_several_who_edit_the_same_version_one_does(stack: Stack) -> None:
    """Each of the others is told what the one has written."""
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    path = f"/posts/{post['id']}"
    async with stack.database.transaction() as session:
        here = (Post.organization_id == stack.organization.id, Post.id == post["id"])
        await session.execute(select(Post.id).where(*here).with_for_update())
        at_once = [
            asyncio.create_task(ann.patch(path, json={"title": str(number), "version": 1}))
            for number in range(3)
        ]

        async def all_wait() -> bool:
            waiting = await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            return bool(waiting == len(at_once))

        await until(all_wait)
    answers = await asyncio.gather(*at_once)
    (made,) = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert [problem["current"] for problem in refused] == [made] * 2
    assert (await ann.get(path)).json() == made


async def test_edits_at_once_without_a_version_are_all_counted(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    path = f"/posts/{(await write(ann))['id']}"
    answers = await asyncio.gather(*(ann.patch(path, json=CHANGED) for _ in range(5)))
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6]


async def test_an_edit_and_a_deletion_of_the_same_version(stack: Stack) -> None:
    """Either the one is refused or the other finds nothing; never is an edit lost."""
    ann = await stack.sign_in_as("Authors")
    for _ in range(5):
        path = f"/posts/{(await write(ann))['id']}"
        edited, deleted = await asyncio.gather(
            ann.patch(path, json=CHANGED | {"version": 1}), ann.delete(path, headers=tag(1))
        )
        outcomes = (edited.status_code, deleted.status_code)
        assert outcomes in {(200, 409), (404, 204)}


@pytest.mark.parametrize("header", ["3", "x", '"1', '"1" "2"', '"1",', "", "*, *"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_what_is_no_tag_is_refused_by_name(stack: Stack, method: str, header: str) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    body = CHANGED if method == "PATCH" else None
    answer = await ann.request(
        method, f"/posts/{post['id']}", json=body, headers={"If-Match": header}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == ["If-Match"]


@pytest.mark.parametrize("version", ["x", "1.5", ""])
async def test_what_is_no_version_is_refused_by_name(stack: Stack, version: str) -> None:
    ann = await stack.sign_in_as("Authors")
    path = f"/posts/{(await write(ann))['id']}"
    for answer in (
        await ann.patch(path, json=CHANGED | {"version": version}),
        await ann.delete(path, params={"version": version}),
    ):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["version"]


async def test_who_may_not_is_told_that_and_not_what_is_there(stack: Stack) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as("Authors", "Bob")
    post = await edit(ann, await write(ann))
    for answer in (
        await bob.patch(f"/posts/{post['id']}", json=CHANGED, headers=tag(1)),
        await bob.delete(f"/posts/{post['id']}", headers=tag(1)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
        assert "current" not in answer.json()
    assert (await ann.patch(f"/posts/{UNKNOWN}", json=CHANGED, headers=tag(1))).status_code == 404


class TestEditedBy:
    async def test_nobody_then_the_author(self, stack: Stack) -> None:
        ann = await stack.sign_in_as("Authors")
        post = await write(ann)
        assert post["edited_by"] is None
        edited = await edit(ann, post)
        assert edited["edited_by"] == post["author"]
        assert (await ann.get("/posts")).json()["items"] == [edited]

    async def test_invariant_10_an_editor_keeps_their_name(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody who may edit what others wrote, and has left since."""
        role = Role.ADMIN
        monkeypatch.setattr(role, "permissions", frozenset(Permission))
        ann = await stack.sign_in_as("Authors")
        person = stack.person("Edith", last_name="Leaver")
        stack.group("Admins", person)
        await stack.deliver()
        edith = await stack.sign_in(person)
        post = await write(ann)
        edited = await edit(edith, post)
        assert edited["author"] == post["author"]
        stack.emulator.deactivate_user(person)
        await stack.deliver()
        (seen,) = (await ann.get("/posts")).json()["items"]
        assert seen["edited_by"] == edited["edited_by"]
        assert seen["edited_by"]["name"] == "Edith Leaver"
        assert (await ann.get(f"/posts/{post['id']}")).json() == seen
