"""The pages of a listing: in order, from any cursor on, and a broken one is not the end."""

import pytest

from backend.errors import WorkosFault, WorkosUnavailable
from backend.workos.paging import Page, Pages, parse_page


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
