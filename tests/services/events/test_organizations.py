"""Whose an event is: that organization's whose rows it writes, and no two's (invariant 9)."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.convergence.mirror import contents
from tests.convergence.tale import Tale
from tests.events_api import one
from tests.stack import Stack, new_event, user_data

TWO: dict[str, Any] = {
    "a user and a directory's": lambda here, there: (
        "dsync.user.updated",
        here | {"directory": {"id": here["directory_id"], "organization_id": there}},
    ),
    "a user and the organization beside it": lambda here, there: (
        "dsync.user.created",
        here | {"organization": {"id": there}},
    ),
    "a user inside a user": lambda here, there: (
        "dsync.user.created",
        {name: value for name, value in here.items() if name != "object"}
        | {"user": here | {"organization_id": there}},
    ),
    "a membership and its group": lambda here, there: (
        "dsync.group.user_added",
        {"user": here, "group": {**here, "name": "Authors", "organization_id": there}},
    ),
    "a membership and its parts": lambda here, there: (
        "dsync.group.user_added",
        {"user": here, "group": {**here, "name": "Authors"}, "organization_id": there},
    ),
    "a removed membership and its parts": lambda here, there: (
        "dsync.group.user_removed",
        {"user": here, "group": {**here, "name": "Authors"}, "organization_id": there},
    ),
    "a directory": lambda here, there: (
        "dsync.deleted",
        {
            "object": "directory",
            "id": here["directory_id"],
            "organization_id": here["organization_id"],
            "organization": {"id": there},
        },
    ),
    "an organization": lambda here, there: (
        "organization.deleted",
        {"object": "organization", "id": there, "organization_id": here["organization_id"]},
    ),
}


@pytest.mark.parametrize("kind", TWO)
async def test_parts_of_two_organizations_are_applied_to_none(stack: Stack, kind: str) -> None:
    other = Stack(stack.app, stack.emulator, stack.clock)
    await stack.deliver()
    admin, theirs = await stack.sign_in_as("Admins"), await other.sign_in_as("Admins")
    both = [stack.organization.id, other.organization.id]
    async with stack.database.connect() as connection:
        before = [await contents(connection, organization) for organization in both]
    event = new_event(*TWO[kind](user_data(stack), other.organization.id))
    assert await stack.post_event(event) == "parked"
    async with stack.database.connect() as connection:
        assert [await contents(connection, organization) for organization in both] == before
    kept = await row(stack, event)
    assert kept["reason"] == "two_organizations"
    # Shown to those alone whose rows it would have written.
    shown = [
        (await browser.get(f"/directory/events/{event['id']}")).status_code == 200
        for browser in (admin, theirs)
    ]
    assert shown == [owner == kept["organization_id"] for owner in both]
    assert any(shown)
    # It stays one row, however often it comes.
    assert await stack.post_event(event) == "parked"
    assert (await row(stack, event))["attempts"] == 2


async def row(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    query = "SELECT * FROM directory_events WHERE id = :id"
    kept = await one(stack, query, id=event["id"])
    assert kept is not None
    return kept


async def test_two_directories_of_one_organization(stack: Stack) -> None:
    data = user_data(stack)
    parts = {"user": data, "group": {**data, "name": "Authors"}, "directory_id": "directory_other"}
    event = new_event("dsync.group.user_added", parts)
    assert await stack.post_event(event) == "parked"
    kept = await row(stack, event)
    assert (kept["organization_id"], kept["reason"]) == (stack.organization.id, "two_directories")


async def test_it_is_filed_under_what_it_writes(stack: Stack) -> None:
    """Whatever else it carries along, or calls itself."""
    data = user_data(stack)
    del data["object"]
    event = new_event("dsync.user.created", data | {"user": {"id": "directory_user_of_nobody"}})
    assert await stack.post_event(event) == "applied"
    kept = await row(stack, event)
    assert kept["organization_id"] == stack.organization.id
    assert kept["directory_user_id"] == data["id"]


class TestSuperseded:
    """What is older than the rest writes nothing, or is noted."""

    async def test_a_user_under_an_earlier_id(self, stack: Stack) -> None:
        tale = Tale(stack)
        newer = tale.person(2, "updated", idp_id="00u-new")
        assert await stack.post_event(newer) == "applied"
        assert await self.changes(stack, tale.person(1, "created")) == ("applied", True, True)
        assert await self.changes(stack, tale.person(0, "updated")) == ("superseded", False, False)

    async def test_an_organization_that_was_not_managed(self, stack: Stack) -> None:
        tale = Tale(stack)
        assert await stack.post_event(tale.person(2, "created")) == "applied"
        async with stack.database.connect() as connection:
            await connection.execute(
                text("UPDATE organizations SET directory_managed = false WHERE workos_id = :id"),
                {"id": stack.organization.id},
            )
        assert await self.changes(stack, tale.person(1, "created")) == ("applied", True, True)

    async def changes(self, stack: Stack, event: dict[str, Any]) -> tuple[str, bool, bool]:
        """The outcome, whether anything was written, and whether that is noted."""
        async with stack.database.connect() as connection:
            before = await contents(connection, stack.organization.id)
            outcome = await stack.post_event(event)
            after = await contents(connection, stack.organization.id)
        noted = await one(
            stack, "SELECT count(*) AS n FROM audit_events WHERE event_id = :id", id=event["id"]
        )
        assert noted is not None
        return outcome, before != after, noted["n"] == 1
