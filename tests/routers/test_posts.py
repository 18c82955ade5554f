"""Posts: who may read, write, edit and delete; pages; tenants apart."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from backend.models import AuditEvent, Post
from tests.stack import Stack

PROBLEM = "application/problem+json"
UNKNOWN = "01920000-0000-7000-8000-000000000000"


async def write(browser: httpx.AsyncClient, title: str = "Title", content: str = "…") -> Any:
    answer = await browser.post("/posts", json={"title": title, "content": content})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("second", ["00", "00.500000", "00.123450", "59.999999", "00.000001"])
async def test_a_time_is_written_alike_alone_and_in_a_list(stack: Stack, second: str) -> None:
    """Of one in ten PostgreSQL would leave away the zeros at the end, and pydantic does not."""
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    async with stack.database.transaction() as session:
        await session.execute(
            update(Post)
            .where(Post.id == post["id"])
            .values(created_at=datetime.fromisoformat(f"2026-01-15T12:00:{second}+00:00"))
        )
    alone = (await ann.get(f"/posts/{post['id']}")).json()
    assert (await ann.get("/posts")).json()["items"] == [alone]


async def titles(browser: httpx.AsyncClient) -> list[str]:
    return [post["title"] for post in (await browser.get("/posts")).json()["items"]]


async def test_a_post_from_writing_to_deleting(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann, "  Stand-up ", "We ship today.")
    assert (post["title"], post["content"]) == ("Stand-up", "We ship today.")
    assert post["author"]["id"] == (await ann.get("/me")).json()["id"]
    assert (post["can_edit"], post["can_delete"]) == (True, True)
    assert post["created_at"] == post["updated_at"]
    path = f"/posts/{post['id']}"
    assert (await ann.get(path)).json() == post
    edited = await ann.patch(path, json={"content": "We shipped."})
    assert edited.status_code == 200
    assert (edited.json()["title"], edited.json()["content"]) == ("Stand-up", "We shipped.")
    assert edited.json()["updated_at"] > post["updated_at"]
    assert (await ann.get("/posts")).json() == {"items": [edited.json()], "next_cursor": None}
    deleted = await ann.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await ann.get(path)).status_code == 404
    assert (await ann.delete(path)).status_code == 404


async def test_invariant_12_a_post_is_deleted_once(stack: Stack) -> None:
    """Of several who delete it at once one did, and the audit trail says who."""
    adam = await stack.sign_in_as("Admins")
    post = await write(adam)
    at_once = (adam.delete(f"/posts/{post['id']}") for _ in range(6))
    answers = [answer.status_code for answer in await asyncio.gather(*at_once)]
    assert sorted(answers) == [204] + [404] * 5
    async with stack.database.connect() as session:
        query = select(AuditEvent).where(
            AuditEvent.subject_id == post["id"], AuditEvent.action == "post.deleted"
        )
        (entry,) = await session.execute(query)
    assert (entry.action, str(entry.actor_id)) == ("post.deleted", post["author"]["id"])


async def test_newest_first(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    for number in range(3):
        await write(ann, str(number))
    assert await titles(ann) == ["2", "1", "0"]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limit=st.integers(1, 5), more=st.lists(st.integers(0, 2), max_size=5))
async def test_pages_are_the_whole_without_repeats(
    stack: Stack, limit: int, more: list[int]
) -> None:
    """However many posts are written between two pages."""
    ann = await stack.sign_in_as("Authors")
    for number in range(7):
        await write(ann, f"before {number}")
    whole = [post["id"] for post in (await ann.get("/posts?limit=100")).json()["items"]]
    seen: list[str] = []
    params: dict[str, Any] = {"limit": limit}
    while True:
        page = (await ann.get("/posts", params=params)).json()
        assert len(page["items"]) <= limit
        seen += [post["id"] for post in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        for _ in range(more.pop() if more else 0):
            await write(ann, "between")
    assert seen == whole


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "many", "", "9" * 30])
async def test_limit_out_of_bounds(stack: Stack, limit: str) -> None:
    max_ = await stack.sign_in_as(None)
    answer = await max_.get("/posts", params={"limit": limit})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == ["limit"]


async def test_unknown_cursor(stack: Stack) -> None:
    max_ = await stack.sign_in_as(None)
    named = "IlpvZSI"  # "Zoe" in base64
    for cursor in ("x", "\0", "é", "W10", named, "bnVsbA", "WyIyMDI2LTAxLTAxIiwieCJd"):
        answer = await max_.get("/posts", params={"cursor": cursor})
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), cursor
        assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cursor=st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True))
async def test_random_cursors_never_fail(stack: Stack, cursor: str) -> None:
    max_ = stack.__dict__.get("max") or await stack.sign_in_as(None)
    stack.__dict__["max"] = max_
    for path in ("/posts", "/team"):
        answer = await max_.get(path, params={"cursor": cursor})
        assert answer.status_code == (422 if cursor else 200)


@pytest.mark.parametrize("post_id", ["1", "x", "%00", "%ff", "' or 1=1", UNKNOWN, "9" * 500])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_unknown_and_malformed_ids(stack: Stack, method: str, post_id: str) -> None:
    ann = await stack.sign_in_as("Authors")
    body = {"title": "x"} if method == "PATCH" else None
    answer = await ann.request(method, f"/posts/{post_id}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": " \t\n "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 7}, "title"),
        ({"title": ["x"]}, "title"),
        ({"content": ""}, "content"),
        ({"content": "x" * 20_001}, "content"),
        ({"content": {}}, "content"),
    ],
)
async def test_invalid_input_names_the_field(
    stack: Stack, change: dict[str, Any], field: str
) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann)
    created = await ann.post("/posts", json={"title": "t", "content": "c"} | change)
    edited = await ann.patch(f"/posts/{post['id']}", json=change)
    for answer in (created, edited):
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert answer.json()["detail"].startswith(f"{field}: ")
    assert await titles(ann) == ["Title"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [(b"{}", ["title", "content"]), (b"{", ["body"]), (b"[]", ["body"]), (b"", ["body"])],
)
async def test_a_body_that_is_no_post(stack: Stack, body: bytes, fields: list[str]) -> None:
    ann = await stack.sign_in_as("Authors")
    headers = {"Content-Type": "application/json"}
    answer = await ann.post("/posts", content=body, headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "\xff", "content": "c"}',
        b'{"title": %b, "content": "c"}' % (b"9" * 5000),
        b"[" * 100_000,
    ],
    ids=["not UTF-8", "a number without end", "brackets without end"],
)
async def test_a_body_that_cannot_be_read(stack: Stack, body: bytes) -> None:
    ann = await stack.sign_in_as("Authors")
    answer = await ann.post("/posts", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]


async def test_the_longest_texts_are_kept(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann, "𝄞" * 200, "é" * 20_000)
    assert (len(post["title"]), len(post["content"])) == (200, 20_000)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "&lt;b&gt;", "'; DROP TABLE posts; --", "%s {0} \\u0041"]
)
async def test_text_is_kept_as_it_was_typed(stack: Stack, text: str) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann, text, text)
    assert (post["title"], post["content"]) == (text, text)
    answer = await ann.get(f"/posts/{post['id']}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nul_becomes_the_replacement_character(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann, "a\0b", "c\0d")
    assert (post["title"], post["content"]) == ("a\ufffdb", "c\ufffdd")


class TestRoles:
    async def test_a_member_reads_and_writes_nothing(self, stack: Stack) -> None:
        ann, max_ = await stack.sign_in_as("Authors"), await stack.sign_in_as(None)
        post = await write(ann)
        (seen,) = (await max_.get("/posts")).json()["items"]
        assert (seen["can_edit"], seen["can_delete"]) == (False, False)
        for answer in (
            await max_.post("/posts", json={"title": "t", "content": "c"}),
            await max_.patch(f"/posts/{post['id']}", json={"title": "t"}),
            await max_.delete(f"/posts/{post['id']}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")

    async def test_an_author_changes_their_own_alone(self, stack: Stack) -> None:
        ann = await stack.sign_in_as("Authors", "Ann")
        bob = await stack.sign_in_as("Authors", "Bob")
        post = await write(ann)
        (seen,) = (await bob.get("/posts")).json()["items"]
        assert (seen["can_edit"], seen["can_delete"]) == (False, False)
        edited = await bob.patch(f"/posts/{post['id']}", json={"title": "t"})
        deleted = await bob.delete(f"/posts/{post['id']}")
        assert (edited.status_code, edited.json()["code"]) == (403, "not_yours")
        assert (deleted.status_code, deleted.json()["code"]) == (403, "not_yours")
        assert await titles(ann) == ["Title"]

    async def test_an_admin_deletes_anyones_and_edits_their_own(self, stack: Stack) -> None:
        ann, adam = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
        theirs, own = await write(ann), await write(adam)
        seen = {post["id"]: post for post in (await adam.get("/posts")).json()["items"]}
        assert (seen[theirs["id"]]["can_edit"], seen[theirs["id"]]["can_delete"]) == (False, True)
        edited = await adam.patch(f"/posts/{theirs['id']}", json={"title": "t"})
        assert (edited.status_code, edited.json()["code"]) == (403, "not_yours")
        assert (await adam.patch(f"/posts/{own['id']}", json={"title": "t"})).status_code == 200
        assert (await adam.delete(f"/posts/{theirs['id']}")).status_code == 204
        assert await titles(ann) == ["t"]

    async def test_invariant_1_a_role_that_is_gone_counts_no_more(self, stack: Stack) -> None:
        """An author without the role edits or deletes nothing, their own included."""
        person = stack.person()
        group = stack.group("Authors", person)
        await stack.deliver()
        ann = await stack.sign_in(person)
        post = await write(ann)
        stack.emulator.remove_member(group, person)
        await stack.deliver()
        (seen,) = (await ann.get("/posts")).json()["items"]
        assert (seen["can_edit"], seen["can_delete"]) == (False, False)
        for answer in (
            await ann.patch(f"/posts/{post['id']}", json={"title": "t"}),
            await ann.delete(f"/posts/{post['id']}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")

    async def test_invariant_10_content_outlives_its_author(self, stack: Stack) -> None:
        person = stack.person("Ann", last_name="Leaver")
        stack.group("Authors", person)
        await stack.deliver()
        ann, max_ = await stack.sign_in(person), await stack.sign_in_as(None)
        post = await write(ann, "Kept")
        stack.emulator.deactivate_user(person)
        await stack.deliver()
        assert (await ann.get("/posts")).status_code == 401
        (seen,) = (await max_.get("/posts")).json()["items"]
        assert seen["id"] == post["id"]
        assert seen["author"]["name"] == "Ann Leaver"
