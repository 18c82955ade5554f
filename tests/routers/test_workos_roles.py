"""Roles that people have at WorkOS: a second source, mapped as groups are."""

import asyncio

from tests.asking_roles import (
    entry_of,
    grant,
    group_named,
    have_slug_give,
    heed,
    roles_of,
    somebody,
    with_roles,
)
from tests.directory_api import ask, execute
from tests.stack import Stack, new_event


class TestRolesAtWorkos:
    async def test_they_give_roles_where_the_organization_heeds_them(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        user = await somebody(stack, "editor", "member")
        assert (await ask(adam, "/roles"))["workos_roles"] == [
            {"slug": slug, "roles": [], "people": people, "people_more": False, "version": 0}
            for slug, people in (("editor", 1), ("member", 2))  # as everybody is at WorkOS
        ]
        now = await have_slug_give(adam, "editor", "author")
        assert (now["roles"], now["version"]) == (["author"], 1)
        for source, given in (("groups", []), ("both", ["author"]), ("groups", [])):
            await heed(stack, source)
            assert await roles_of(adam, user) == ["member", *given], source
        assert (await entry_of(adam, "author"))["workos_roles"] == ["editor"]

    async def test_people_are_found_by_the_role_that_they_have_so(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        user = await somebody(stack, "editor", "member")
        await have_slug_give(adam, "editor", "author")
        for source, found in (("groups", []), ("both", [user["email"]])):
            await heed(stack, source)
            items = (await ask(adam, "/people", role="author"))["items"]
            assert [person["email"] for person in items] == found, source

    async def test_groups_give_nothing_where_only_they_are_heeded(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as("Authors", "Ann")
        await grant(adam, (await stack.me(adam))["id"], "admin")
        await heed(stack, "workos")
        assert await stack.roles(ann) == ["member"]
        assert (await group_named(adam, "Authors"))["roles"][0]["gives"] is False
        me = (await stack.me(ann))["id"]
        explained = await ask(adam, f"/directory/people/{me}/access")
        (membership,) = explained["memberships"]
        assert membership["mappings"][0]["reason"]["code"] == "groups_not_heeded"

    async def test_the_newest_word_wins_and_its_change_is_explained(self, stack: Stack) -> None:
        """Invariant 12, of what WorkOS assigns."""
        adam = await stack.sign_in_as("Admins", "Adam")
        await heed(stack, "both")
        await have_slug_give(adam, "editor", "author")
        user = await somebody(stack, "member")
        event = with_roles(user, "editor")
        assert await stack.post_event(event) == "applied"
        assert await roles_of(adam, user) == ["member", "author"]
        (found,) = (await ask(adam, "/team", q=user["email"]))["items"]
        explained = await ask(adam, f"/directory/people/{found['id']}/access")
        assert explained["role_source"] == "both"
        (held,) = explained["workos_roles"]
        assert (held["slug"], held["directory_user_id"]) == ("editor", user["id"])
        assert [(each["role"], each["gives"]) for each in held["mappings"]] == [("author", True)]
        newest = explained["history"]["items"][0]
        assert (newest["summary"], newest["cause"]["id"]) == ("Gained author.", event["id"])
        await stack.post_event(with_roles(user))
        assert await roles_of(adam, user) == ["member"]
        await have_slug_give(adam, "editor", version=1)
        explained = await ask(adam, f"/directory/people/{found['id']}/access")
        assert explained["workos_roles"] == []

    async def test_a_change_of_its_mapping_is_in_the_history_of_those_who_have_it(
        self, stack: Stack
    ) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        user = await somebody(stack, "editor")
        await have_slug_give(adam, "editor", "author")
        (found,) = (await ask(adam, "/team", q=user["email"]))["items"]
        explained = await ask(adam, f"/directory/people/{found['id']}/access")
        newest = explained["history"]["items"][0]
        assert newest["summary"] == "The role “editor” at WorkOS gives author from now on."
        assert newest["scope"] == "workos_role"
        (mapping,) = explained["workos_roles"][0]["mappings"]
        assert mapping["why_not"] == "Roles come from groups here, and not from WorkOS."

    async def test_what_is_no_role_holds_up_no_deactivation(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        user = await somebody(stack, "editor")
        odd = {
            "role": "editor",
            "roles": [{"slug": ["x"]}, {"slug": ""}, None],
            "state": "inactive",
        }
        assert await stack.post_event(new_event("dsync.user.updated", user | odd)) == "applied"
        (found,) = (await ask(adam, "/team", q=user["email"]))["items"]
        assert found["status"] == "deactivated"

    async def test_a_stale_version(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        wanted = [["author"], ["admin"]] * 4
        answers = await asyncio.gather(
            *(adam.put("/roles/workos/x", json={"roles": each, "version": 0}) for each in wanted)
        )
        (taken,) = [answer.json() for answer in answers if answer.status_code == 200]
        known = (await ask(adam, "/roles"))["workos_roles"]
        (now,) = [each for each in known if each["slug"] == "x"]
        assert now == taken
        late = [answer.json() for answer in answers if answer.status_code == 409]
        assert [each["current"] for each in late] == [taken] * 7

    async def test_by_the_sign_in_where_no_directory_decides(self, stack: Stack) -> None:
        elsewhere = stack.emulator.create_organization("No directory")
        ann = await stack.sign_in("ann@elsewhere.example", organization_id=elsewhere.id)
        me = (await stack.me(ann))["id"]
        await execute(
            stack,
            "UPDATE users SET role_slugs = ARRAY['boss'] WHERE organization_id = :here",
            here=elsewhere.id,
        )
        await execute(
            stack,
            "INSERT INTO workos_role_mappings VALUES (:here, 'boss', 'admin')",
            here=elsewhere.id,
        )
        assert await stack.roles(ann) == ["member"]
        await execute(
            stack,
            "UPDATE organizations SET role_source = 'both' WHERE workos_id = :here",
            here=elsewhere.id,
        )
        assert await stack.roles(ann) == ["member", "admin"]
        (held,) = (await ask(ann, f"/directory/people/{me}/access"))["workos_roles"]
        assert (held["slug"], held["directory_user_id"]) == ("boss", None)
