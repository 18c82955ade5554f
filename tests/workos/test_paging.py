"""The pages of a listing: in order, from any cursor on, and a broken one is not the end."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from backend.errors import WorkosFault, WorkosUnavailable
from backend.workos.paging import Pace, Page, Pages, arriving, parse_page


class Listing:
    """Pages by cursor; each holds the cursor that it was asked with."""

    def __init__(self, following: dict[str | None, str | None]) -> None:
        self.following = following
        self.asked = 0

    async def fetch(self, after: str | None) -> Page[str | None]:
        self.asked += 1
        return Page([after], self.following[after])

    async def read(self, after: str | None = None) -> list[str | None]:
        return [item async for page in Pages("things", self.fetch, after) for item in page.items]


async def test_all_pages_in_order() -> None:
    listing = Listing({None: "a", "a": "b", "b": None})
    assert await listing.read() == [None, "a", "b"]
    assert listing.asked == 3


async def test_from_a_cursor_on() -> None:
    listing = Listing({None: "a", "a": "b", "b": None})
    assert await listing.read("a") == ["a", "b"]
    assert listing.asked == 2


async def test_one_that_has_ended_stays_so() -> None:
    listing = Listing({None: None})
    pages = Pages("things", listing.fetch)
    assert [page.items async for page in pages] == [[None]]
    assert [page.items async for page in pages] == []


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("before", [0, 1, 2, 7])
@pytest.mark.parametrize("length", [1, 2, 3, 10, 100])
async def test_a_cycle_of_any_length_is_a_fault(before: int, length: int, resumed: bool) -> None:
    cursors = [f"cursor_{number}" for number in range(before + length)]
    listing = Listing(
        {
            None: cursors[0],
            **dict(zip(cursors, [*cursors[1:], cursors[before]], strict=True)),
        }
    )
    with pytest.raises(WorkosUnavailable) as caught:
        await listing.read(cursors[0] if resumed else None)
    assert caught.value.fault is WorkosFault.CIRCULAR_LISTING
    assert caught.value.params == {"resource": "things"}
    assert listing.asked <= 4 * (before + length)


BROKEN: dict[str, object] = {
    "null": None,
    "text": "data",
    "a list": [],
    "nothing": {},
    "no word of what follows": {"data": []},
    "null for what follows": {"data": [], "list_metadata": None},
    "half a word of what follows": {"data": [], "list_metadata": {"before": None}},
    "a number for what follows": {"data": [], "list_metadata": {"after": 3}},
    "no data": {"list_metadata": {"after": None}},
    "data is an object": {"data": {}, "list_metadata": {"after": None}},
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_page_is_a_fault(answer: object) -> None:
    with pytest.raises(WorkosUnavailable) as caught:
        parse_page(answer)
    assert caught.value.fault is WorkosFault.UNREADABLE


@pytest.mark.parametrize(("after", "following"), [(None, None), ("", None), ("a", "a")])
def test_a_page_says_what_follows(after: str | None, following: str | None) -> None:
    page = parse_page({"data": [1], "list_metadata": {"after": after}})
    assert page == ([1], following)


async def pages_of(count: int, fault: Exception | None = None) -> AsyncIterator[Page[int]]:
    for number in range(count):
        yield Page([number], None)
    if fault is not None:
        raise fault


async def test_pages_arrive_in_order_while_those_before_are_used() -> None:
    seen: list[list[int]] = []
    async for together in arriving(pages_of(7), 3):
        seen.append([page.items[0] for page in together])
        await asyncio.sleep(0.01)
    assert [number for numbers in seen for number in numbers] == [*range(7)]
    assert max(map(len, seen)) > 1
    assert max(map(len, seen)) <= 4  # those that wait, and the one that was being handed over


async def test_what_came_before_a_fault_is_handed_on() -> None:
    seen: list[int] = []

    async def take() -> None:
        async for together in arriving(pages_of(5, OSError("away")), 3):
            seen.extend(page.items[0] for page in together)

    with pytest.raises(OSError, match="away"):
        await take()
    assert seen == [*range(5)]


async def test_nothing_is_asked_for_once_nobody_takes_it() -> None:
    asked = 0

    async def endless() -> AsyncIterator[Page[int]]:
        nonlocal asked
        while True:
            asked += 1
            yield Page([asked], None)

    taking = arriving(endless(), 3)
    await anext(taking)
    await taking.aclose()
    before = asked
    await asyncio.sleep(0.01)
    assert asked == before
    assert before <= 5


async def test_whoever_wakes_up_late_is_not_followed_too_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WorkOS counts when requests come, not when they were meant to."""
    now = [100.0]
    late = iter([0, 0.2, 0, 0])

    async def sleep(seconds: float) -> None:
        now[0] += seconds + next(late)

    monkeypatch.setattr("backend.workos.paging.time.monotonic", lambda: now[0])
    monkeypatch.setattr("backend.workos.paging.asyncio.sleep", sleep)
    pace = Pace(4)
    went = []
    for _ in range(4):
        await pace.wait("users")
        went.append(now[0])
    assert [round(b - a, 6) for a, b in pairwise(went)] == [0.45, 0.25, 0.25]
