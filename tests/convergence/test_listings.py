"""Invariant 3 with complete listings among the events: before, between or after them."""

from datetime import timedelta
from itertools import permutations

import pytest

from backend.schemas.events import Source
from backend.services.mirror.apply import merge_person
from backend.services.mirror.rows import Version
from backend.workos.models import DirectoryGroup, DirectoryUser
from tests.convergence.history import LISTING
from tests.convergence.mirror import contents, deliver
from tests.convergence.tale import Tale
from tests.reconciling import completed
from tests.stack import Stack

any_order = pytest.mark.parametrize(
    "order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order))
)

_AFTER = 63  # minutes: after the listing, and no further ahead than is believed


async def lacking(tale: Tale, order: tuple[int, ...], kind: str) -> None:
    """The creation of Ann or her group long ago, a listing without it, and a newer membership."""
    await tale.stack.deliver()
    created = getattr(tale, kind)(0, "created")
    for step in order:
        if step == 0:
            assert await tale.stack.post_event(created) in {"applied", "superseded"}
        elif step == 1:
            await completed(tale.stack)
        else:
            assert await tale.stack.post_event(tale.membership(_AFTER)) == "applied"


@any_order
async def test_copy_of_somebody_whom_the_listing_lacked(
    stack: Stack, order: tuple[int, ...]
) -> None:
    """The copy is no match for the fact, which the listing ended: she waits for a newer fact."""
    tale = Tale(stack)
    await lacking(tale, order, "person")
    state = await tale.told()
    assert state is not None
    assert not state.active
    assert await tale.roles(tale.person(_AFTER + 1, "updated")) == ["member", "author"]


@any_order
async def test_copy_of_a_group_that_the_listing_lacked(
    stack: Stack, order: tuple[int, ...]
) -> None:
    tale = Tale(stack)
    await tale.told(tale.person(_AFTER - 1, "created"))
    await lacking(tale, order, "group")
    assert await tale.roles() == ["member"]
    assert await tale.roles(tale.group(_AFTER + 1, "updated")) == ["member", "author"]


async def test_the_rows_are_the_same_on_either_side_of_the_listing(stack: Stack) -> None:
    """What a listing has ended is kept as it would have been, and is not live."""
    tale = Tale(stack)
    events = (
        tale.person(0, "created"),
        tale.group(1, "created", name="Writers"),
        tale.membership(2, "user_removed"),
        tale.person(3, "deleted"),
        tale.group(4, "deleted"),
        tale.event(5, "dsync.deleted", tale.directory),
    )
    await stack.deliver()
    await completed(stack)
    assert [await stack.post_event(event) for event in events] == ["superseded"] * len(events)
    async with stack.database.connect() as connection:
        rows = "\n".join(await contents(connection, stack.organization.id))
    assert tale.ann["id"] in rows
    assert rows.count(f'"removed_at": "{tale.begin:%Y-%m-%d}') == 3


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
async def test_of_two_readings_of_a_person_the_newer_says_what_ended(
    stack: Stack, order: int
) -> None:
    """She was read in her group, and ten minutes later in none."""
    tale = Tale(stack)
    ann = DirectoryUser.model_validate(tale.ann)
    authors = DirectoryGroup.model_validate(tale.authors)
    for minute, groups in [(0, [authors]), (10, [])][::order]:
        at = tale.begin + timedelta(minutes=minute)
        async with stack.database.transaction() as session:
            await merge_person(session, ann, groups, Version(at, f"snapshot_{minute}"))
    await tale.told(tale.group(1, "created"))
    assert await tale.roles() == ["member"]
    assert await tale.roles(tale.membership(11)) == ["member", "author"]


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
async def test_of_one_moment_a_listing_is_later_than_removals(stack: Stack, order: int) -> None:
    """What it has is there: a removal that is not newer is superseded."""
    tale = Tale(stack)
    removals = [
        tale.person(1, "deleted"),
        tale.group(1, "deleted"),
        tale.event(1, "dsync.deleted", tale.directory),
    ]
    listed = {
        "directory": tale.directory,
        "users": [tale.ann],
        "groups": [tale.authors],
        "memberships": [(tale.ann["id"], tale.authors["id"])],
    }
    listing = {"event": LISTING, "id": "snapshot_0", "created_at": removals[0]["created_at"]}
    steps = [(event, Source.WEBHOOK) for event in [*removals, listing | {"data": listed}]]
    await deliver(stack.database, steps[::order])
    assert await tale.roles() == ["member", "author"]
