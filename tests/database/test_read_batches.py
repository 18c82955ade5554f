"""Reads in batches: each gets the answer to what they asked, as of a moment after they asked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import Integer, Text, bindparam, func, literal_column, select

from backend.database import BatchedQuery, Query, read_batches
from backend.database.pool import ConnectionPool
from backend.database.read_batches import ReadBatches
from backend.database.statements import Reads
from tests.stack import Stack
from tests.working import until

_WORD = bindparam("word", type_=Text)
# Nothing is found for an empty word.
SPELT = BatchedQuery(
    select((func.upper(_WORD) + bindparam("end", type_=Text)).label("found")).where(
        literal_column("''") != _WORD
    ),
    each=["word"],
)
DIVIDED = BatchedQuery(
    select((literal_column("60") / bindparam("by", type_=Integer)).label("found")), each=["by"]
)


class Noting:
    """Sends what it is to read, and notes it; only while `goes_on` is set is anything answered."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self.sent: list[dict[str, Any]] = []
        self.answered = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def fetch(self, query: Query, **values: object) -> list[Any]:
        self.sent.append(values)
        await self.goes_on.wait()
        try:
            return await self._reads.fetch(query, **values)
        finally:
            self.answered += 1


@pytest.fixture
async def reads(database_url: str) -> AsyncIterator[Noting]:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(database_url)

    pool = ConnectionPool(connect, size=4)
    reads = Noting(Reads(pool))
    yield reads

    async def all_are_answered() -> bool:
        return reads.answered == len(reads.sent)

    await until(all_are_answered)  # also those that nobody waits for any more
    await pool.close()


async def found(batches: ReadBatches, query: BatchedQuery, **values: object) -> list[Any]:
    return [row["found"] for row in await batches.fetch(query, **values)]


async def test_each_gets_their_own_rows(reads: Noting) -> None:
    """Whoever finds nothing, too; those who ask for something else are not in the same batch."""
    batches = ReadBatches(reads)
    asked = [(word, end) for end in "!?" for word in ("a", "", "b", "a", "ccc")]
    answers = await asyncio.gather(
        *(found(batches, SPELT, word=word, end=end) for word, end in asked)
    )
    assert answers == [[word.upper() + end] if word else [] for word, end in asked]
    assert [(sent["word"], sent["end"]) for sent in reads.sent] == [
        (["a", "", "b", "a", "ccc"], "!"),
        (["a", "", "b", "a", "ccc"], "?"),
    ]


async def test_who_asks_alone_waits_for_nobody(reads: Noting) -> None:
    batches = ReadBatches(reads)
    for word in "abc":
        assert await found(batches, SPELT, word=word, end="") == [word.upper()]
    assert [sent["word"] for sent in reads.sent] == [["a"], ["b"], ["c"]]


async def test_nobody_is_answered_by_what_was_sent_before_they_asked(reads: Noting) -> None:
    """Else somebody might come in by what they might do a moment ago."""
    batches = ReadBatches(reads)
    reads.goes_on.clear()
    asking = []
    for number in range(60):
        sent_before = len(reads.sent)
        asking.append(asyncio.create_task(found(batches, SPELT, word=str(number), end="")))
        await asyncio.sleep(0)
        for sent in reads.sent[:sent_before]:
            assert str(number) not in sent["word"]
        if number % 7 == 0:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    reads.goes_on.set()
    assert await asyncio.gather(*asking) == [[str(number)] for number in range(60)]
    assert sorted(word for sent in reads.sent for word in sent["word"]) == sorted(
        map(str, range(60))
    )


async def test_few_are_under_way_and_few_are_together(
    reads: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_batches, "_HELD_UP_SECONDS", 60)
    batches = ReadBatches(reads)
    reads.goes_on.clear()
    asking = [
        asyncio.create_task(found(batches, SPELT, word=str(number), end="")) for number in range(50)
    ]
    await asyncio.sleep(0.05)
    assert [len(sent["word"]) for sent in reads.sent] == [8, 8]
    reads.goes_on.set()
    await asyncio.gather(*asking)
    assert [len(sent["word"]) for sent in reads.sent] == [8, 8, 8, 8, 8, 8, 2]


async def test_what_is_held_up_keeps_nobody_waiting(reads: Noting) -> None:
    batches = ReadBatches(reads)
    reads.goes_on.clear()
    held_up = [
        asyncio.create_task(found(batches, SPELT, word="a", end=str(number))) for number in range(5)
    ]

    async def all_are_sent() -> bool:
        return len(reads.sent) == len(held_up)

    await until(all_are_sent)
    reads.goes_on.set()
    assert await asyncio.gather(*held_up) == [[f"A{number}"] for number in range(5)]


async def test_a_value_that_is_refused_fails_nobody_else(reads: Noting) -> None:
    """By the server (division by zero, NUL) and by the driver (a number that is none)."""
    batches = ReadBatches(reads)
    answers = await asyncio.gather(
        *(found(batches, DIVIDED, by=by) for by in (1, 0, 2, "three", 4)),
        *(found(batches, SPELT, word=word, end="") for word in ("a", "\0", "b")),
        return_exceptions=True,
    )
    one, by_zero, two, no_number, four, a, nul, b = answers
    assert [one, two, four, a, b] == [[60], [30], [15], ["A"], ["B"]]
    assert isinstance(by_zero, asyncpg.DivisionByZeroError)
    assert isinstance(no_number, asyncpg.DataError)
    assert isinstance(nul, asyncpg.CharacterNotInRepertoireError)


async def test_who_leaves_takes_no_answer_away(reads: Noting) -> None:
    """Whether they wait for their batch, or for its answer."""
    batches = ReadBatches(reads)
    reads.goes_on.clear()
    asking = [
        asyncio.create_task(found(batches, SPELT, word=str(number), end="")) for number in range(20)
    ]
    await asyncio.sleep(0.01)
    for leaving in asking[::3]:
        leaving.cancel()
    reads.goes_on.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 3:
            assert answer == [str(number)]
        else:
            assert isinstance(answer, asyncio.CancelledError)
    assert "18" not in reads.sent[-1]["word"]  # they had left before it was sent


async def test_who_is_not_answered_in_time_is_told(
    reads: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_batches, "_SECONDS", 0.05)
    batches = ReadBatches(reads)
    reads.goes_on.clear()
    with pytest.raises(TimeoutError):
        await found(batches, SPELT, word="a", end="")
    monkeypatch.undo()
    reads.goes_on.set()
    assert await found(batches, SPELT, word="b", end="") == ["B"]


async def test_a_fault_of_the_database_is_everybodys(
    reads: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked again for each of them."""

    async def fails(*_: object) -> list[Any]:
        raise asyncpg.InsufficientPrivilegeError("permission denied")

    monkeypatch.setattr(Query, "run", fails)
    batches = ReadBatches(reads)
    answers = await asyncio.gather(
        *(found(batches, SPELT, word=word, end="") for word in "abc"), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [asyncpg.InsufficientPrivilegeError] * 3
    assert len(reads.sent) == 1


class Batched:
    """How many asked, statement by statement."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        together = BatchedQuery.together

        def noted(query: BatchedQuery, asking: Sequence[dict[str, object]]) -> dict[str, object]:
            self.sizes.append(len(asking))
            return together(query, asking)

        monkeypatch.setattr(BatchedQuery, "together", noted)


@pytest.fixture
async def other_company(stack: Stack) -> Stack:
    return Stack(stack.app, stack.emulator, stack.clock)


async def test_people_of_two_companies_at_once(
    stack: Stack, other_company: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as if nobody else had asked, whatever they ask; a stranger, and who was put out: 401."""
    author, admin = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
    elsewhere = await other_company.sign_in_as("Authors")
    for company, browser in (("here", author), ("elsewhere", elsewhere)):
        for number in range(25):
            written = await browser.post(
                "/posts", json={"title": f"{number} {company}", "content": "…"}
            )
            assert written.status_code == 201
    gone = stack.person("Gone")
    await stack.deliver()
    put_out = await stack.sign_in(gone)
    stack.emulator.deactivate_user(gone)
    await stack.deliver()
    stranger = stack.browser()
    stranger.headers["Authorization"] = f"Bearer rc_{stack.organization.id}.made_up"

    browsers = [author, admin, elsewhere, put_out, stranger, stack.browser()]
    paths = ["/me", "/posts", "/posts?limit=3", "/posts?view=summary"]
    for browser in browsers[:3]:
        cursor = (await browser.get("/posts")).json()["next_cursor"]
        paths.append(f"/posts?cursor={cursor}")
    asked = [(browser, path) for path in paths for browser in browsers] * 3
    alone = [await browser.get(path) for browser, path in asked]
    batched = Batched(monkeypatch)
    together = await asyncio.gather(*(browser.get(path) for browser, path in asked))

    assert [answer.status_code for answer in together] == [answer.status_code for answer in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.status_code == 401 or one.content == other.content
    assert {answer.status_code for answer in alone[:6]} == {200, 401}
    assert max(batched.sizes) > 4  # they were asked for together
    assert len(batched.sizes) < len(asked) / 2


async def _ask_until(over: asyncio.Event, browser: httpx.AsyncClient) -> int:
    answers = 0
    while not over.is_set():
        assert (await browser.get("/me")).status_code == 200
        answers += 1
    return answers


async def test_who_is_put_out_while_others_ask_is_out(stack: Stack) -> None:
    """At their next request, however many are under way."""
    staying = await stack.sign_in_as("Authors")
    for _ in range(5):
        leaver = stack.person("Leaver")
        await stack.deliver()
        leaving = await stack.sign_in(leaver)
        over = asyncio.Event()
        crowd = [asyncio.create_task(_ask_until(over, staying)) for _ in range(20)]
        assert (await leaving.get("/me")).status_code == 200
        stack.emulator.deactivate_user(leaver)
        await stack.deliver()
        assert (await leaving.get("/me")).status_code == 401
        over.set()
        assert min(await asyncio.gather(*crowd)) > 0
