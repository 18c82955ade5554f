"""Roles by group: on directory users and profiles, and told where they change."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from workos import AsyncWorkOSClient

from emulator.testing import Directory, Emulator, Organization, RefusedError

Told = Callable[..., Awaitable[list[Any]]]


def slugs(user: Any) -> tuple[str, list[str]]:
    return user.role.slug, [role.slug for role in user.roles]


async def test_an_assignment_tells_of_each_whom_it_changes(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory, told: Told
) -> None:
    ann, bob, eve = (
        emulator.create_user(directory.id, email=f"{name}@acme.example")
        for name in ("ann", "bob", "eve")
    )
    authors = emulator.create_group(directory.id, "Authors")
    admins = emulator.create_group(directory.id, "Admins")
    for group, person in ((authors, ann), (authors, bob), (admins, bob)):
        emulator.add_member(group, person)
    emulator.assign_role(admins, "admin")
    emulator.assign_role(authors, "author")
    emulator.assign_role(authors, "author")
    listed = await workos.directory_sync.list_users(directory=directory.id)
    assert {user.id: slugs(user) for user in listed.data} == {
        ann.id: ("author", ["author"]),
        bob.id: ("admin", ["admin"]),
        eve.id: ("member", ["member"]),
    }
    events = await told("dsync.user.updated")
    assert [(event.data.id, slugs(event.data)[0]) for event in events] == [
        (bob.id, "admin"), (ann.id, "author"),
    ]  # fmt: skip
    for event in events:
        assert event.data.previous_attributes == {
            "role": {"slug": "member"}, "roles": [{"slug": "member"}],
        }  # fmt: skip
    before = len(emulator.events)
    emulator.assign_role(admins, None)
    (taken,) = emulator.events[before:]
    assert (taken["data"]["id"], taken["data"]["role"]) == (bob.id, {"slug": "author"})
    with pytest.raises(RefusedError):
        emulator.assign_role(admins, "emperor")


async def test_roles_follow_memberships(emulator: Emulator, directory: Directory) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.assign_role(authors, "author")

    def after(change: Callable[[], object]) -> list[tuple[str, str]]:
        before = len(emulator.events)
        change()
        return [
            (event["event"], event["data"].get("user", event["data"]).get("role", {}).get("slug"))
            for event in emulator.events[before:]
        ]

    assert after(lambda: emulator.add_member(authors, ann)) == [
        ("dsync.group.user_added", "member"), ("dsync.user.updated", "author"),
    ]  # fmt: skip
    assert after(lambda: emulator.rename_group(authors, "Writers"))[0][0] == "dsync.group.updated"
    assert after(lambda: emulator.deactivate_user(ann)) == [("dsync.user.deleted", "author")]
    assert after(lambda: emulator.reactivate_user(ann)) == [("dsync.user.created", "author")]
    assert after(lambda: emulator.remove_member(authors, ann)) == [
        ("dsync.group.user_removed", "author"), ("dsync.user.updated", "member"),
    ]  # fmt: skip
    emulator.add_member(authors, ann)
    assert after(lambda: emulator.delete_group(authors))[1:] == [("dsync.user.updated", "member")]


async def test_several_roles_where_the_environment_has_them(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    for name, slug in (("Authors", "author"), ("Admins", "admin")):
        group = emulator.create_group(directory.id, name)
        emulator.assign_role(group, slug)
        emulator.add_member(group, ann)
    await browser.post("/settings", data={"multiple_roles": "on", "webhooks": "on"})
    data = emulator.events[-1]["data"]
    assert data["role"] == {"slug": "admin"}
    assert data["roles"] == [{"slug": "admin"}, {"slug": "author"}]
    before = len(emulator.events)
    # The role is gone from the environment: whoever had it has the default.
    gone = {"roles": "author, guest", "webhooks": "on"}
    await browser.post("/settings", data=gone)
    assert emulator.settings.roles == ("author", "guest")
    (event,) = emulator.events[before:]
    assert event["data"]["roles"] == [{"slug": "author"}]
    await browser.post("/settings", data=gone | {"roles": ", ,"})
    assert emulator.settings.roles == ("author", "guest")


async def test_a_profile_has_its_roles_at_the_sign_in(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)
    emulator.assign_role(authors, "author")

    async def signed_in(who: Any, **given: str) -> tuple[str, list[str]]:
        code = emulator.sso_code(who, acme.id, **given)
        return slugs((await workos.sso.get_profile_and_token(code=code)).profile)

    assert await signed_in(ann) == ("author", ["author"])
    assert await signed_in(ann, idp_id="ann@acme.example") == ("author", ["author"])
    assert await signed_in("eve@acme.example") == ("member", ["member"])
    emulator.assign_role(authors, None)
    assert await signed_in(ann) == ("member", ["member"])


def test_a_large_group_is_one_turn(emulator: Emulator, directory: Directory) -> None:
    people = [
        emulator.create_user(directory.id, email=f"p{number}@acme.example") for number in range(300)
    ]
    everyone = emulator.create_group(directory.id, "Everyone")
    for person in people:
        emulator.add_member(everyone, person)
    before = len(emulator.events)
    emulator.assign_role(everyone, "author")
    assert len(emulator.events) - before == len(people)
    emulator.delete_group(everyone)
    assert len(emulator.events) - before == 2 * len(people) + 1
