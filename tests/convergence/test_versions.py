"""Invariant 3: the newest version wins, and a copy inside a membership event is the oldest."""

import pytest

from tests.convergence.tale import Tale
from tests.stack import Stack

either_order = pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])


@pytest.fixture
def tale(stack: Stack) -> Tale:
    return Tale(stack)


@either_order
async def test_stale_copy_inside_a_membership_renames_nobody(tale: Tale, order: int) -> None:
    """A membership event is newer than the change of name, and carries the name from before."""
    state = await tale.told(
        tale.person(0, "created"),
        tale.group(0, "created"),
        tale.person(1, "updated", first_name="Anna"),
        tale.group(1, "updated", name="Writers"),
        tale.membership(2),
        order=order,
    )
    assert state is not None
    assert (state.name, state.groups) == ("Anna Lee", ["Writers"])
    reader = await tale.stack.sign_in_as(None, "Reader")
    team = (await reader.get("/team", params={"q": "Lee"})).json()["items"]
    assert "Anna Lee" in {person["name"] for person in team}


@either_order
async def test_stale_copy_inside_a_membership_lets_nobody_back_in(tale: Tale, order: int) -> None:
    left = await tale.told(
        tale.person(0, "created"),
        tale.group(0, "created"),
        tale.person(1, "updated", state="inactive"),
        tale.membership(2, state="active"),
        order=order,
    )
    assert left is not None
    assert not left.active


async def test_membership_that_arrives_first_lets_in(tale: Tale) -> None:
    """The copies in it are all that is known, and enough until the rest arrives."""
    assert await tale.roles(tale.membership(1)) == ["member", "author"]
    state = await tale.told(tale.person(0, "created", first_name="Anna"))
    assert state is not None
    assert (state.name, state.roles) == ("Anna Lee", ["member", "author"])


@either_order
async def test_leaving_a_group_and_joining_it_in_any_order(tale: Tale, order: int) -> None:
    known = (tale.person(0, "created"), tale.group(0, "created"))
    changes = (
        tale.membership(1),
        tale.membership(2, "user_removed"),
        tale.membership(3),
        tale.membership(4, "user_removed"),
    )
    assert await tale.roles(*known, *changes, order=order) == ["member"]
    assert await tale.roles(tale.membership(5), *changes, order=order) == ["member", "author"]


@either_order
async def test_of_one_moment_the_greater_event_id_is_the_later(tale: Tale, order: int) -> None:
    mark = tale.ann["id"]
    same = [
        tale.membership(1, kind) | {"id": f"event_{mark}_{number}"}
        for number, kind in enumerate(("user_removed", "user_added"))
    ]
    known = (tale.person(0, "created"), tale.group(0, "created"))
    assert await tale.roles(*known, *same, order=order) == ["member", "author"]
    left = tale.membership(1, "user_removed") | {"id": f"event_{mark}_9"}
    assert await tale.roles(left, *same, order=order) == ["member"]
    names = [
        tale.person(1, "updated", first_name=name) | {"id": f"event_{mark}_{name}"}
        for name in ("Ana", "Bea")
    ]
    named = await tale.told(*names, order=order)
    assert named is not None
    assert named.name == "Bea Lee"


@either_order
async def test_organization_has_its_newest_name(tale: Tale, order: int) -> None:
    reader = await tale.stack.sign_in_as(None, "Reader")
    names = [
        tale.event(
            63 + minute,
            "organization.updated",
            {"object": "organization", "id": tale.stack.organization.id, "name": name},
        )
        for minute, name in enumerate(("Acme & Co.", "Acme International"))
    ]
    for event in names[::order]:
        await tale.stack.post_event(event)
    assert (await tale.stack.me(reader))["organization"]["name"] == "Acme International"


@either_order
async def test_invariant_4_organization_that_was_deleted_stays_so(tale: Tale, order: int) -> None:
    organization = {"object": "organization", "id": tale.stack.organization.id, "name": "Acme"}
    state = await tale.told(
        tale.person(0, "created"),
        tale.event(1, "organization.deleted", organization),
        tale.event(2, "organization.updated", organization),
        tale.person(3, "updated"),
        order=order,
    )
    assert state is not None
    assert not state.active
