"""Somebody may administer: no person ends that, and where the directory does it is noted."""

import asyncio

import pytest
from sqlalchemy import text

from backend.schemas.access import Permission, roles_with
from tests.asking_roles import grant, group_named, have_give, put, trail
from tests.directory_api import user_id_of
from tests.stack import Stack


class TestLastAdmin:
    async def test_no_mapping_takes_the_last_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        group = await group_named(adam, "Admins")
        refused = await put(adam, group, "author")
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
        assert await group_named(adam, "Admins") == group
        assert await stack.roles(adam) == ["member", "admin"]
        assert await trail(stack, "mapping.changed") == []

    async def test_no_end_of_a_grant_takes_the_last_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        adam_id = (await stack.me(adam))["id"]
        assert (await grant(adam, adam_id, "admin")).status_code == 201
        await have_give(adam, "Admins")
        refused = await adam.delete(f"/people/{adam_id}/grants/admin")
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
        assert await stack.roles(adam) == ["member", "admin"]

    async def test_two_who_take_each_others_role_at_once(self, stack: Stack) -> None:
        """One of them is refused, however the two meet."""
        adam = await stack.sign_in_as("Admins", "Adam")
        eve = await stack.sign_in_as(None, "Eve")
        ids = [(await stack.me(browser))["id"] for browser in (adam, eve)]
        for user_id in ids:
            assert (await grant(adam, user_id, "admin")).status_code == 201
        await have_give(adam, "Admins")
        answers = await asyncio.gather(
            adam.delete(f"/people/{ids[1]}/grants/admin"),
            eve.delete(f"/people/{ids[0]}/grants/admin"),
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([204, 403], [204, 409])
        left = [await stack.roles(browser) for browser in (adam, eve)]
        assert sorted(left) == [["member"], ["member", "admin"]]

    async def test_a_program_is_none(self, stack: Stack) -> None:
        """It lets nobody back in."""
        adam = await stack.sign_in_as("Admins", "Adam")
        program = {"name": "Program", "role": "admin", "reason": "r"}
        assert (await adam.post("/service-accounts", json=program)).status_code == 201
        group = await group_named(adam, "Admins")
        refused = await put(adam, group, "author")
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")

    async def test_an_admin_who_may_not_enter_is_none(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = stack.person("Ann")
        await stack.deliver()
        ann_id = await user_id_of(adam, ann)
        assert (await grant(adam, ann_id, "admin")).status_code == 201
        stack.emulator.deactivate_user(ann)
        await stack.deliver()
        refused = await put(adam, await group_named(adam, "Admins"))
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")

    @pytest.mark.parametrize("how", ["person", "membership", "group", "directory"])
    async def test_where_the_directory_takes_the_last_one_it_is_noted(
        self, stack: Stack, how: str
    ) -> None:
        person, other = stack.person("Adam"), stack.person("Eve")
        group = stack.group("Admins", person, other)
        await stack.deliver()
        await stack.sign_in(person)
        stack.emulator.deactivate_user(other)
        await stack.deliver()
        assert await trail(stack, "admins.gone") == []
        if how == "person":
            stack.emulator.deactivate_user(person)
        elif how == "membership":
            stack.emulator.remove_member(group, person)
        elif how == "group":
            stack.emulator.delete_group(group)
        else:
            stack.emulator.delete_directory(stack.directory.id)
        sent = stack.skip()
        for event in sent:
            assert await stack.post_event(event) == "applied"
        gone = await trail(stack, "admins.gone")
        assert gone, sent
        assert {row.subject_id for row in gone} == {stack.organization.id}
        assert {row.event_id for row in gone} <= {event["id"] for event in sent}
        assert [row.actor_id for row in gone] == [None] * len(gone)


async def test_sql_knows_which_roles_administer(stack: Stack) -> None:
    async with stack.database.connect() as connection:
        known = await connection.scalar(text("SELECT admin_roles()"))
    assert known == list(roles_with(Permission.ADMINISTER))
