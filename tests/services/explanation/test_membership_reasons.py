"""Each way of a membership not to be live, in words (invariant 12)."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from backend.services.mirror.apply import merge_person
from backend.services.mirror.rows import Version
from backend.workos.models import DirectoryUser
from tests.explaining import execute, group_data, membership, post, user_id_of, why
from tests.stack import Stack, user_data


class TestWhyAMembershipDoesNotCount:
    @pytest.fixture
    async def admin(self, stack: Stack) -> httpx.AsyncClient:
        return await stack.sign_in_as("Admins", "Adam")

    async def reason(self, admin: httpx.AsyncClient, user: dict[str, Any], code: str) -> str:
        found = await why(admin, await user_id_of(admin, user["email"]))
        (member,) = found["memberships"]
        assert member["live"] is False
        assert member["reason"]["code"] == code
        reason: str = member["why_not"]
        return reason

    async def joined(self, stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
        user = user_data(stack)
        group = group_data(stack, user)
        await post(stack, "dsync.user.created", user, 90)
        await post(stack, "dsync.group.created", group, 80)
        await post(stack, "dsync.group.user_added", membership(user, group), 70)
        return user, group

    async def test_taken_out(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await post(stack, "dsync.group.user_removed", membership(user, group), 60)
        assert (await self.reason(admin, user, "taken_out")).startswith(
            "They were taken out of the group on "
        )

    async def test_the_group_was_deleted(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await post(stack, "dsync.group.deleted", group, 60)
        assert (await self.reason(admin, user, "group_deleted")).startswith(
            "The group was deleted on "
        )

    async def test_the_group_came_back(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await post(stack, "dsync.group.deleted", group, 60)
        await post(stack, "dsync.group.created", group, 50)
        assert (await self.reason(admin, user, "before_group_deletion")).startswith(
            "It is from before the group was"
        )

    async def test_from_before_the_person_left(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, _ = await self.joined(stack)
        await post(stack, "dsync.user.deleted", user, 60)
        await post(stack, "dsync.user.created", user, 50)
        assert (await self.reason(admin, user, "before_removal")).startswith(
            "It is from before the person left on "
        )

    async def test_the_person_does_not_count(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, _ = await self.joined(stack)
        await post(stack, "dsync.user.deleted", user, 60)
        assert (
            await self.reason(admin, user, "directory_user_not_live")
            == "The person does not count in this directory."
        )

    async def test_older_than_a_reading(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, _ = await self.joined(stack)
        person = DirectoryUser.model_validate(user)
        async with stack.database.transaction() as session:
            await merge_person(session, person, [], Version(datetime.now(UTC), "snapshot_1"))
        assert (await self.reason(admin, user, "not_in_snapshot")).startswith(
            "The reading of the person's groups of "
        )
        found = await why(admin, await user_id_of(admin, user["email"]))
        assert found["directory_users"][0]["since"]["cause"] == {
            "kind": "snapshot", "id": "snapshot_1", "actor": None,
        }  # fmt: skip

    async def test_the_group_was_never_announced(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, group = await self.joined(stack)
        await execute(stack, "DELETE FROM directory_groups WHERE id = :id", id=group["id"])
        assert (await self.reason(admin, user, "group_unknown")).startswith(
            "The group itself has not been"
        )

    async def test_of_another_directory(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await execute(
            stack, "UPDATE directory_groups SET directory_id = 'x' WHERE id = :id", id=group["id"]
        )
        assert await self.reason(admin, user, "group_of_other_directory") == (
            "The group belongs to another directory than the person."
        )

    async def test_the_listing_lacked_the_group(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, group = await self.joined(stack)
        listed = "UPDATE {} SET occurred_at = now(), event_id = 'snapshot_x' WHERE {} = :id"
        await execute(
            stack, "UPDATE directories SET complete_as_of = now() - interval '10 s',"
            " complete_id = 'snapshot_x' WHERE id = :id", id=stack.directory.id,
        )  # fmt: skip
        await execute(stack, listed.format("directory_users", "id"), id=user["id"])
        await execute(
            stack, listed.format("directory_users", "directory_id"), id=stack.directory.id
        )
        await execute(stack, "INSERT INTO role_grants (user_id, role, organization_id)"
                      " SELECT id, 'admin', organization_id FROM users WHERE name LIKE 'Adam%'"
                      " AND organization_id = :id", id=stack.organization.id)  # fmt: skip
        assert (await self.reason(admin, user, "group_not_listed")).startswith(
            "The group: the complete listing of"
        )
        await execute(stack, listed.format("directory_groups", "id"), id=group["id"])
        assert (await self.reason(admin, user, "not_listed")).startswith(
            "The complete listing of the directory"
        )
