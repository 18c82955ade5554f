"""Lists of posts: summaries, somebody's, those that have some words."""

from typing import Any

import httpx
import pytest

from backend.services.posts import lists
from tests.routers.test_posts import PROBLEM, UNKNOWN, write
from tests.stack import Stack

SUMMARY = {"view": "summary"}


async def found(browser: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await browser.get("/posts", params=params)
    assert answer.status_code == 200, answer.text
    return [post["title"] for post in answer.json()["items"]]


async def walked(browser: httpx.AsyncClient, **params: Any) -> list[str]:
    """All pages of it."""
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        answer = await browser.get("/posts", params=params | {"cursor": cursor})
        page = answer.json()
        assert len(page["items"]) <= params["limit"]
        seen += [post["title"] for post in page["items"]]
        cursor = page["next_cursor"]
    return seen


class TestSummary:
    async def test_all_but_the_content(self, stack: Stack) -> None:
        ann = await stack.sign_in_as("Authors")
        post = await write(ann, "t", "**Short** <b>&amp;</b>")
        (seen,) = (await ann.get("/posts", params=SUMMARY)).json()["items"]
        content = post.pop("content")
        assert seen == post | {"excerpt": content}
        assert (await ann.get("/posts", params={"view": "full"})).json() == (
            await ann.get("/posts")
        ).json()

    @pytest.mark.parametrize(
        ("content", "excerpt"),
        [
            ("x" * 300, "x" * 300),
            ("x" * 301, "x" * 300 + "…"),
            ("é" * 20_000, "é" * 300 + "…"),
            ("# Title\n\n" + "word " * 100, "# Title\n\n" + "word " * 57 + "word…"),
            ("a " + "x" * 400, "a " + "x" * 298 + "…"),
        ],
        ids=["as long", "longer", "long", "between words", "a long word"],
    )
    async def test_the_beginning_to_the_end_of_a_word(
        self, stack: Stack, content: str, excerpt: str
    ) -> None:
        ann = await stack.sign_in_as("Authors")
        await write(ann, "t", content)
        (seen,) = (await ann.get("/posts", params=SUMMARY)).json()["items"]
        assert seen["excerpt"] == excerpt

    async def test_another_view(self, stack: Stack) -> None:
        max_ = await stack.sign_in_as(None)
        answer = await max_.get("/posts", params={"view": "short"})
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
        assert [error["field"] for error in answer.json()["errors"]] == ["view"]


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ("GRUSSE", "Grüße aus „Köln“"),
        ("grü", "Grüße aus „Köln“"),
        ("koln", "Grüße aus „Köln“"),
        ("köln GRÜẞE", "Grüße aus „Köln“"),
        ("istanbul", "İSTANBUL'dan"),
        ("\u0131stanbul", "İSTANBUL'dan"),
        ("naive cafe\u0301", "naïve café"),
        ("main", "src/main.py, see snake_case"),
        ("snake_case", "src/main.py, see snake_case"),
        ("case.", "src/main.py, see snake_case"),
        ("example", "ask ann@acme.example"),
        ("ann@ac", "ask ann@acme.example"),
        ("1.2", "release 1.2.3—final"),
        ("final", "release 1.2.3—final"),
        ("日本", "日本語、テスト"),
        ("テスト", "日本語、テスト"),
    ],
)
async def test_words_are_found_in_any_spelling(stack: Stack, wanted: str, title: str) -> None:
    """In the title and in the content."""
    ann = await stack.sign_in_as("Authors")
    await write(ann, title, "c")
    await write(ann, "of the content", f"Before: {title}; after.")
    await write(ann, "another", "entirely")
    assert await found(ann, q=wanted) == ["of the content", title]
    assert await found(ann, q=wanted, view="summary") == ["of the content", title]


@pytest.mark.parametrize(
    "wanted",
    ["uße", "köln berlin", "—", "!", "%", "' | 'aus':* | 'x", "\\", ":*", "a:b", "\0", "<->"],
)
async def test_nothing_is_found(stack: Stack, wanted: str) -> None:
    """What is in the middle of a word, not all of it, no word, and what PostgreSQL would read."""
    ann = await stack.sign_in_as("Authors")
    await write(ann, "Grüße aus Köln", "c")
    assert await found(ann, q=wanted) == []


async def test_nothing_wanted_is_everything(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    await write(ann, "one")
    for nothing in ("", "  "):
        assert await found(ann, q=nothing) == ["one"]


@pytest.mark.parametrize(("field", "value"), [("q", "x" * 201), ("author", "x"), ("author", "")])
async def test_what_cannot_be_looked_for_is_said_by_name(
    stack: Stack, field: str, value: str
) -> None:
    max_ = await stack.sign_in_as(None)
    answer = await max_.get("/posts", params={field: value})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_was_edited_is_found_by_its_new_words(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    post = await write(ann, "t", "before")
    assert (await ann.patch(f"/posts/{post['id']}", json={"content": "after"})).is_success
    assert (await found(ann, q="before"), await found(ann, q="after")) == ([], ["t"])


async def test_somebodys(stack: Stack) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as("Authors", "Bob")
    for number in range(3):
        await write(ann, f"hers {number}", "apple")
        await write(bob, f"his {number}", "apple" if number else "pear")
    ids = [(await stack.me(browser))["id"] for browser in (ann, bob)]
    assert await found(bob, author=ids[0]) == ["hers 2", "hers 1", "hers 0"]
    assert await found(ann, author=ids[1], q="apple") == ["his 2", "his 1"]
    assert await found(ann, author=ids[1], q="pear", view="summary") == ["his 0"]
    assert await found(ann, author=UNKNOWN) == []
    assert await walked(ann, author=ids[0], limit=1) == ["hers 2", "hers 1", "hers 0"]


async def test_invariant_9_nothing_of_another_organization(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    await write(ann, "apple")
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Authors")
    await write(eve, "apple tree")
    assert await found(eve, q="apple") == ["apple tree"]
    for view in ("full", "summary"):
        assert await found(eve, author=(await stack.me(ann))["id"], view=view) == []
        assert await found(eve, author=(await stack.me(ann))["id"], view=view, q="apple") == []


@pytest.mark.parametrize("params", [{"view": "summary"}, {"q": "a"}, {"author": UNKNOWN}])
async def test_invariant_2_nobody_without_access_finds_anything(
    stack: Stack, params: dict[str, str]
) -> None:
    person = stack.person()
    stack.group("Authors", person)
    await stack.deliver()
    ann = await stack.sign_in(person)
    await write(ann, "a", "a")
    stack.emulator.deactivate_user(person)
    await stack.deliver()
    answer = await ann.get("/posts", params=params)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("limit", [1, 3, 7])
@pytest.mark.parametrize("looked_through", [1, 4, 1000])
async def test_pages_are_all_that_is_found_in_order(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, limit: int, looked_through: int
) -> None:
    """However many are looked through before the index is asked."""
    ann = await stack.sign_in_as("Authors")
    for number in range(12):
        await write(ann, f"{number}", "many few" if number % 5 == 0 else "many")
    monkeypatch.setattr(lists, "_FIRST_LOOKED_THROUGH", looked_through)
    lists._found_among_the_first.cache_clear()
    author = (await stack.me(ann))["id"]
    every = [str(number) for number in reversed(range(12))]
    for more in ({}, {"author": author}, {"view": "summary"}):
        assert await walked(ann, q="many", limit=limit, **more) == every
        assert await walked(ann, q="few", limit=limit, **more) == ["10", "5", "0"]
    lists._found_among_the_first.cache_clear()
