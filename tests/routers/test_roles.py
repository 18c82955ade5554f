"""`/roles`: what gives which role, shown to admins and changed by them."""

import asyncio
from typing import Any

import pytest

from backend.schemas.access import Permission
from tests.asking_roles import entry_of, grant, group_named, have_give, put, trail
from tests.directory_api import ask, execute, user_id_of
from tests.stack import Stack


class TestShown:
    async def test_each_role_with_what_gives_it(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        sales = stack.group("Authors", stack.person("Ann"), stack.person("Bob"))
        stack.emulator.rename_group(sales, "Writers")
        stack.emulator.rename_group(sales, "Sales")
        await stack.deliver()
        author = await entry_of(adam, "author")
        assert author["permissions"] == sorted(permission for permission in author["permissions"])
        assert Permission.CREATE_POSTS in author["permissions"]
        (group,) = author["groups"]
        assert group["name"] == "Sales"
        assert group["labels_before"] == ["Writers", "Authors"]
        assert group["directory"] == {"id": stack.directory.id, "name": "Acme Okta"}
        assert (group["members"], group["members_more"], group["version"]) == (2, False, 0)
        assert [(each["role"], each["source"]) for each in group["roles"]] == [
            ("author", "default")
        ]
        member = await entry_of(adam, "member")
        assert (member["groups"], member["grants"]) == ([], [])

    async def test_who_is_not_active_is_no_member(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann, bob = stack.person("Ann"), stack.person("Bob")
        stack.group("Authors", ann, bob)
        await stack.deliver()
        stack.emulator.deactivate_user(ann)
        await stack.deliver()
        assert (await group_named(adam, "authors"))["members"] == 1

    async def test_groups_without_a_mapping_are_found(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        for name in ("Zürich", "Sales", "sales north", "Authors"):
            stack.group(name)
        gone = stack.group("Sales of old")
        await stack.deliver()
        stack.emulator.delete_group(gone)
        await stack.deliver()
        page = await ask(adam, "/roles/groups", mapped=False, limit=2)
        names = [group["name"] for group in page["items"]]
        more = await ask(adam, "/roles/groups", mapped=False, limit=2, cursor=page["next_cursor"])
        names += [group["name"] for group in more["items"]]
        assert (names, more["next_cursor"]) == (["Sales", "sales north", "Zürich"], None)
        for asked, found in (
            ({"q": "SALES"}, ["Sales", "sales north"]),
            ({"q": "zurich"}, ["Zürich"]),
            ({"mapped": True}, ["Admins", "Authors"]),
            ({"role": "author"}, ["Authors"]),
            ({"role": "author", "q": "sales"}, []),
        ):
            listed = (await ask(adam, "/roles/groups", **asked))["items"]
            assert [group["name"] for group in listed] == found, asked

    async def test_grants_in_force(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = stack.person("Ann")
        await stack.deliver()
        ann_id = await user_id_of(adam, ann)
        given = await grant(adam, ann_id, "author", until="2099-01-01T00:00:00Z")
        assert given.status_code == 201, given.text
        (shown,) = (await entry_of(adam, "author"))["grants"]
        assert shown == given.json()
        assert shown["person"]["id"] == ann_id
        assert (shown["reason"], shown["until"]) == ("as a test", "2099-01-01T00:00:00Z")
        assert shown["granted_by"]["id"] == (await stack.me(adam))["id"]
        await execute(stack, "UPDATE role_grants SET until = now() WHERE user_id = :id", id=ann_id)
        assert (await entry_of(adam, "author"))["grants"] == []


class TestMappings:
    async def test_a_mapping_counts_at_the_next_request(self, stack: Stack) -> None:
        """Invariant 1: roles are derived, so nothing waits for anything."""
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as("Sales", "Ann")
        assert await stack.roles(ann) == ["member"]
        given = await have_give(adam, "Sales", "author")
        assert ([each["role"] for each in given["roles"]], given["version"]) == (["author"], 1)
        assert given["roles"][0]["source"] == "admin"
        assert await stack.roles(ann) == ["member", "author"]
        assert (await have_give(adam, "Sales"))["roles"] == []
        assert await stack.roles(ann) == ["member"]

    async def test_it_is_in_the_audit_trail(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as("Sales", "Ann")
        group = await have_give(adam, "Sales", "author")
        adam_id = (await stack.me(adam))["id"]
        (row,) = await trail(stack, "mapping.changed")
        assert (row.subject_id, row.actor_id) == (group["id"], adam_id)
        assert row.detail["before"]["group"]["roles"] == []
        assert row.detail["after"]["group"]["roles"] == ["author"]
        me = (await stack.me(ann))["id"]
        history = (await ask(adam, f"/directory/people/{me}/access"))["history"]["items"]
        assert history[0]["summary"] == "The group “Sales” gives author from now on."
        assert history[0]["cause"]["actor"]["id"] == adam_id

    async def test_what_changes_nothing_is_not_noted(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        group = await group_named(adam, "Admins")
        again = await put(adam, group, "admin")
        assert (again.status_code, again.json()) == (200, group)
        assert await trail(stack, "mapping.changed") == []

    async def test_a_stale_version_is_refused_with_the_current_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.group("Sales")
        await stack.deliver()
        group = await group_named(adam, "Sales")
        now = (await put(adam, group, "author")).json()
        late = await put(adam, group)
        assert (late.status_code, late.json()["code"]) == (409, "stale_version")
        assert late.json()["current"] == now == await group_named(adam, "Sales")
        early = await put(adam, group, version=7)
        assert early.status_code == 409

    async def test_of_many_at_once_one_is_taken_and_the_others_are_told(self, stack: Stack) -> None:
        """No edit is lost: each was made, or refused with what is there."""
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.group("Sales")
        await stack.deliver()
        group = await group_named(adam, "Sales")
        wanted = [("author",), ("admin",), ("author", "admin")] * 3
        answers = await asyncio.gather(*(put(adam, group, *roles) for roles in wanted))
        (taken,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert {answer.status_code for answer in answers} == {200, 409}
        assert await group_named(adam, "Sales") == taken
        assert taken["version"] == 1
        assert len(await trail(stack, "mapping.changed")) == 1

    async def test_what_an_admin_removed_stays_removed(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = stack.person("Ann")
        authors = stack.group("Authors", ann)
        await stack.deliver()
        assert (await have_give(adam, "Authors"))["roles"] == []
        stack.emulator.rename_group(authors, "Others")
        stack.emulator.rename_group(authors, "Authors")
        stack.emulator.add_member(authors, stack.person("Bob"))
        await stack.deliver()
        assert (await group_named(adam, "Authors"))["roles"] == []
        # By hand it is there again, and from then on by hand.
        (given,) = (await have_give(adam, "Authors", "author"))["roles"]
        assert given["source"] == "admin"

    async def test_where_the_rule_is_switched_off_a_mapping_is_made_by_hand(
        self, stack: Stack
    ) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as("Authors", "Ann")
        adam_id = (await stack.me(adam))["id"]
        assert (await grant(adam, adam_id, "admin")).status_code == 201
        await execute(
            stack,
            "UPDATE organizations SET default_mappings = false WHERE workos_id = :here",
            here=stack.organization.id,
        )
        assert await stack.roles(ann) == ["member"]
        group = await group_named(adam, "Authors")
        assert [(each["source"], each["gives"]) for each in group["roles"]] == [("default", False)]
        wanted = {"group_id": group["id"], "roles": ["author"]}
        tried = await adam.post("/roles/preview", json=wanted)
        assert [each["people"] for each in tried.json()["gains"]] == [1]
        assert (await put(adam, group, "author")).json()["roles"][0]["source"] == "admin"
        assert await stack.roles(ann) == ["member", "author"]

    async def test_a_group_that_there_is_not(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        elsewhere = Stack(stack.app, stack.emulator, stack.clock)
        eve = await elsewhere.sign_in_as("Admins", "Eve")
        theirs = await group_named(eve, "Admins")
        for group_id in ("directory_group_x", theirs["id"], "%00"):
            body: dict[str, Any] = {"roles": [], "version": 0}
            answer = await adam.put(f"/roles/mappings/{group_id}", json=body)
            assert answer.status_code == 404, answer.text
            answer = await adam.post("/roles/preview", json={"group_id": group_id, "roles": []})
            assert answer.status_code == 404, answer.text
        assert await group_named(eve, "Admins") == theirs

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"roles": ["member"], "version": 0}, "roles.0"),
            ({"roles": ["owner"], "version": 0}, "roles.0"),
            ({"roles": "author", "version": 0}, "roles"),
            ({"version": 0}, "roles"),
            ({"roles": []}, "version"),
            ({"roles": [], "version": -1}, "version"),
            ({"roles": [], "version": 2**31}, "version"),
        ],
    )
    async def test_bad_input(self, stack: Stack, body: dict[str, Any], field: str) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        group = await group_named(adam, "Admins")
        answer = await adam.put(f"/roles/mappings/{group['id']}", json=body)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json()["errors"]] == [field]
        assert await group_named(adam, "Admins") == group
