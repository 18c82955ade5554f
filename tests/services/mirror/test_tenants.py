"""Invariant 9 in the mirror: an event of one organization that names another's touches nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import text

from backend.database import Database
from backend.models import Base
from emulator.testing import Directory, Group, User
from tests.stack import Stack, new_event

# Everything that is an organization's, byte for byte, with where each row is and what wrote it: not
# even the same is written again.
ROWS = " UNION ALL ".join(
    f"SELECT '{name} ' || concat_ws(' ', xmin, ctid, to_jsonb(t)) FROM {name} t"
    f" WHERE {'workos_id' if name == 'organizations' else 'organization_id'} = :organization"
    for name in Base.metadata.tables
    if name not in {"event_cursor", "forged_webhooks", "rate_counts"}
)
ACCESS = "SELECT concat('access ', to_jsonb(a)) FROM access a WHERE organization_id = :organization"


class Ours(NamedTuple):
    """Organization A, where people are signed in, and the directory of organization B."""

    stack: Stack
    ann: User
    authors: Group
    browser: httpx.AsyncClient
    theirs: Directory

    @property
    def a(self) -> str:
        return self.stack.organization.id

    def organization(self, **more: Any) -> dict[str, Any]:
        return {"object": "organization", "id": self.theirs.organization_id, "name": "Acme"} | more

    def named(self, **more: Any) -> dict[str, Any]:
        """Of B, but in A's directory."""
        organization_id = self.theirs.organization_id
        return {"organization_id": organization_id, "directory_id": self.ann.directory_id} | more

    def user(self, **more: Any) -> dict[str, Any]:
        return self.named(
            object="directory_user", id=self.ann.id, idp_id=self.ann.idp_id, email=self.ann.email,
            first_name="Eve", state="active",
        ) | more  # fmt: skip

    def group(self, **more: Any) -> dict[str, Any]:
        return self.named(object="directory_group", id=self.authors.id, name="Authors") | more

    def directory(self) -> dict[str, Any]:
        return self.named(object="directory", id=self.ann.directory_id, name="Theirs", type="okta")

    def membership(self, **group: Any) -> dict[str, Any]:
        return self.named(user=self.user(), group=self.group(**group))


@pytest.fixture
async def ours(stack: Stack) -> Ours:
    ann = stack.person("Ann")
    authors = stack.group("Authors", ann, stack.person("Kim"))
    theirs = stack.emulator.create_organization("Theirs")
    directory = stack.emulator.create_directory(theirs.id, "Their Okta")
    stack.emulator.create_user(directory.id, email="bob@theirs.example", first_name="Bob")
    await stack.sign_in_as("Admins", "Adam")
    browser = await stack.sign_in(ann)
    assert (await browser.post("/posts", json={"title": "t", "content": "c"})).status_code == 201
    return Ours(stack, ann, authors, browser, directory)


async def rows(database: Database, organization_id: str) -> list[str]:
    async with database.connect() as connection:
        found = await connection.scalars(
            text(f"{ROWS} UNION ALL {ACCESS}"), {"organization": organization_id}
        )
        return sorted(found)


async def theirs_alone(ours: Ours, *events: tuple[str, dict[str, Any]]) -> list[str]:
    """What B has after these events, of which A notices nothing."""
    database, stack = ours.stack.database, ours.stack
    before, me = await rows(database, stack.organization.id), await stack.me(ours.browser)
    assert {"sessions", "users", "role_mappings", "directory_memberships", "access"} <= {
        row.split()[0] for row in before
    }
    for kind, data in events:
        assert await stack.post_event(new_event(kind, data)) == "applied", kind
    assert await rows(database, stack.organization.id) == before
    assert await stack.me(ours.browser) == me
    return await rows(database, ours.theirs.organization_id)


Event = Callable[[Ours], tuple[str, dict[str, Any]]]

EVENTS: dict[str, Event] = {
    "user created": lambda ours: ("dsync.user.created", ours.user()),
    "user renamed": lambda ours: ("dsync.user.updated", ours.user(first_name="X", email="x@x.x")),
    "user of another key": lambda ours: ("dsync.user.updated", ours.user(idp_id="another")),
    "user moved": lambda ours: ("dsync.user.updated", ours.user(directory_id=ours.theirs.id)),
    "user deactivated": lambda ours: ("dsync.user.updated", ours.user(state="inactive")),
    "user deleted": lambda ours: ("dsync.user.deleted", ours.user()),
    "group created": lambda ours: ("dsync.group.created", ours.group()),
    "group named for admins": lambda ours: ("dsync.group.updated", ours.group(name="Admins")),
    "group moved": lambda ours: ("dsync.group.updated", ours.group(directory_id=ours.theirs.id)),
    "group deleted": lambda ours: ("dsync.group.deleted", ours.group()),
    "member added": lambda ours: ("dsync.group.user_added", ours.membership()),
    "admin added": lambda ours: ("dsync.group.user_added", ours.membership(name="Admins")),
    "member removed": lambda ours: ("dsync.group.user_removed", ours.membership()),
    "directory activated": lambda ours: ("dsync.activated", ours.directory()),
    "directory deleted": lambda ours: ("dsync.deleted", ours.directory()),
}
ROW_OF: dict[str, tuple[str, Callable[[Ours], str]]] = {
    "user": ("directory_users", lambda ours: ours.ann.id),
    "group": ("directory_groups", lambda ours: ours.authors.id),
    "member": ("directory_memberships", lambda ours: ours.ann.id),
    "admin": ("directory_memberships", lambda ours: ours.ann.id),
    "directory": ("directories", lambda ours: ours.ann.directory_id),
}


@pytest.mark.parametrize("what", EVENTS)
async def test_invariant_9_the_ids_of_another_organization(ours: Ours, what: str) -> None:
    theirs = await theirs_alone(ours, EVENTS[what](ours))
    table, named = ROW_OF[what.partition(" ")[0]]
    assert [row for row in theirs if row.startswith(f"{table} ") and named(ours) in row]


async def test_invariant_9_one_after_the_other(ours: Ours) -> None:
    events = [event(ours) for event in EVENTS.values()]
    await theirs_alone(ours, *events[:4], *events[6:9], *events[10:14])
    await theirs_alone(ours, EVENTS["user deleted"](ours), EVENTS["directory deleted"](ours))
    theirs = await theirs_alone(
        ours,
        ("organization.updated", ours.organization()),
        ("organization.deleted", ours.organization()),
    )
    assert not [row for row in theirs if row.startswith("access ") and '"active": true' in row]


async def test_invariant_9_the_same_event_id(ours: Ours) -> None:
    """It is another event, and no duplicate."""
    known = ours.stack.emulator.events[-1]["id"]
    before = await rows(ours.stack.database, ours.a)
    event = new_event("dsync.user.updated", ours.user(), id=known)
    assert await ours.stack.post_event(event) == "applied"
    assert await rows(ours.stack.database, ours.a) == before


async def test_invariant_9_a_membership_across_both(ours: Ours) -> None:
    before = await rows(ours.stack.database, ours.a)
    across = ours.membership(organization_id=ours.a)
    for kind in ("dsync.group.user_added", "dsync.group.user_removed"):
        assert await ours.stack.post_event(new_event(kind, across)) == "parked"
    assert await rows(ours.stack.database, ours.a) == before


@pytest.mark.parametrize(
    "event",
    [
        lambda ours: ("organization.updated", ours.organization(organization_id=ours.a)),
        lambda ours: ("organization.deleted", ours.organization(organization_id=ours.a)),
        lambda ours: (
            "dsync.user.updated",
            ours.user(object=None, user={"id": ours.ann.id, "organization_id": ours.a}),
        ),
        lambda ours: (
            "dsync.group.user_added",
            ours.membership() | {"object": "directory_user", "organization_id": ours.a},
        ),
    ],
)
async def test_invariant_9_an_event_that_names_two_organizations_changes_neither(
    ours: Ours, event: Event
) -> None:
    database, both = ours.stack.database, (ours.a, ours.theirs.organization_id)
    before = [[row for row in await rows(database, one) if not _is_event(row)] for one in both]
    assert await ours.stack.post_event(new_event(*event(ours))) == "parked"
    after = [[row for row in await rows(database, one) if not _is_event(row)] for one in both]
    assert after == before


def _is_event(row: str) -> bool:
    return row.startswith("directory_events ")
