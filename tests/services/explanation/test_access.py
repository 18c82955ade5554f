"""The chain of an explanation, and each way of a person not to be live (invariant 12)."""

from typing import Any

import httpx
import pytest

from backend.schemas.explanation import Refusal, RefusalCode
from tests.explaining import execute, explained, group_data, membership, post, user_id_of, why
from tests.stack import Stack, new_event, user_data


class TestTheChain:
    async def test_from_the_person_to_the_roles(self, stack: Stack) -> None:
        """Each link with the event that made it; roles and permissions are those of /me."""
        kim = stack.person("Kim")
        authors = stack.group("Authors", kim)
        emitted = stack.skip()
        for event in emitted:
            await stack.post_event(event)
        ids = {event["event"]: event["id"] for event in emitted}
        adam = await stack.sign_in_as("Admins", "Adam")
        me = await stack.me(adam)
        user_id = await user_id_of(adam, kim)
        await execute(
            stack,
            "INSERT INTO role_grants (user_id, role, organization_id, granted_by)"
            " VALUES (:id, 'admin', :org, :by)",
            id=user_id,
            org=stack.organization.id,
            by=me["id"],
        )
        found = await why(adam, user_id)
        browser = await stack.sign_in(kim)
        seen = await stack.me(browser)
        assert (found["active"], found["refusal"], found["refusal_reason"]) == (True, None, None)
        assert found["roles"] == seen["roles"] == ["member", "admin", "author"]
        assert found["permissions"] == seen["permissions"]
        assert found["person"]["email"] == kim.email
        (entry,) = found["directory_users"]
        assert (entry["id"], entry["state"], entry["live"]) == (kim.id, "active", True)
        assert entry["directory"] == {"id": stack.directory.id, "name": "Acme Okta"}
        assert entry["since"]["cause"]["id"] == ids["dsync.user.created"]
        assert (entry["removed_at"], entry["removed_by"]) == (None, None)
        assert (entry["why_not"], entry["reason"]) == (None, None)
        (member,) = found["memberships"]
        assert member["group"] == {"id": authors.id, "name": "Authors"}
        assert (member["present"], member["live"]) == (True, True)
        assert (member["why_not"], member["reason"]) == (None, None)
        assert member["since"]["cause"]["id"] == ids["dsync.group.user_added"]
        (mapping,) = member["mappings"]
        assert (mapping["role"], mapping["source"], mapping["removed"]) == (
            "author", "default", False,
        )  # fmt: skip
        assert mapping["since"]["cause"] == {
            "kind": "event", "id": ids["dsync.group.created"], "actor": None,
        }  # fmt: skip
        assert mapping["gives"] is True
        (grant,) = found["grants"]
        assert (grant["role"], grant["gives"]) == ("admin", True)
        assert grant["granted_by"] == {"id": me["id"], "name": me["name"]}

    async def test_a_mapping_that_gives_nothing(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        authors = stack.group("Authors", kim)
        adam = await stack.sign_in_as(None, "Adam")
        me = await stack.me(adam)
        await execute(
            stack,
            "INSERT INTO role_grants (user_id, role, organization_id) VALUES (:id, 'admin', :org)",
            id=me["id"],
            org=stack.organization.id,
        )
        user_id = await user_id_of(adam, kim)
        await execute(
            stack, "UPDATE organizations SET default_mappings = false WHERE workos_id = :org",
            org=stack.organization.id,
        )  # fmt: skip
        found = await why(adam, user_id)
        (mapping,) = found["memberships"][0]["mappings"]
        assert (found["roles"], mapping["gives"]) == (["member"], False)
        assert mapping["reason"]["code"] == "default_mappings_off"
        assert mapping["why_not"].endswith("the rule is switched off.")
        await execute(
            stack, "UPDATE role_mappings SET removed = true WHERE group_id = :id", id=authors.id
        )
        (mapping,) = (await why(adam, user_id))["memberships"][0]["mappings"]
        assert (mapping["removed"], mapping["gives"]) == (True, False)
        assert mapping["reason"]["code"] == "mapping_removed"
        assert mapping["why_not"] == "An admin removed this mapping."


class TestWhyNot:
    """Each way of a directory's entry not to be live, and the refusal that follows."""

    @pytest.fixture
    async def admin(self, stack: Stack) -> httpx.AsyncClient:
        return await stack.sign_in_as("Admins", "Adam")

    async def entry(
        self,
        admin: httpx.AsyncClient,
        user: dict[str, Any],
        advice: str = "see that they are active there.",
    ) -> tuple[Any, Any]:
        user_id = await user_id_of(admin, user["email"])
        found = await why(admin, user_id)
        assert (found["active"], found["roles"], found["permissions"]) == (False, [], [])
        (entry,) = [row for row in found["directory_users"] if row["id"] == user["id"]]
        assert entry["live"] is False
        assert found["refusal"].endswith(advice)
        reason = entry["why_not"].rstrip(".")
        assert reason[0].lower() + reason[1:] in found["refusal"]
        gone = advice == "in its identity provider."
        assert found["refusal_reason"] == {
            "code": "directory_removed" if gone else "not_let_in", "at": None,
            "directory": entry["directory"], "reason": entry["reason"],
            "by": None, "why": None, "kind": None,
        }  # fmt: skip
        return entry, found

    async def test_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user = user_data(stack)
        await post(stack, "dsync.user.created", user, 60)
        removal = await post(stack, "dsync.user.deleted", user, 30)
        entry, _ = await self.entry(admin, user)
        assert entry["reason"]["code"] == "removed"
        assert entry["why_not"].startswith("Removed or deactivated in the directory on ")
        assert entry["removed_by"] == {"kind": "event", "id": removal, "actor": None}

    @pytest.mark.parametrize("state", ["inactive", "suspended"])
    async def test_deactivated(self, stack: Stack, admin: httpx.AsyncClient, state: str) -> None:
        user = user_data(stack)
        await post(stack, "dsync.user.created", user, 60)
        await post(stack, "dsync.user.updated", user | {"state": state}, 30)
        entry, _ = await self.entry(admin, user)
        assert (entry["state"], entry["removed_at"] is not None) == (state, True)

    async def test_said_to_be_suspended_by_a_hint_only(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user = user_data(stack, state="suspended")
        await post(stack, "dsync.group.user_added", membership(user, group_data(stack, user)), 60)
        entry, found = await self.entry(admin, user)
        assert entry["reason"]["code"] == "not_active"
        assert entry["why_not"] == (
            "The directory says that they are “suspended”; only “active” may enter."
        )
        assert found["memberships"][0]["live"] is True

    async def test_only_ever_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        """The user is from before the person got an id of the identity provider."""
        user = user_data(stack, idp_id=None)
        await post(stack, "dsync.user.created", user, 60)
        user_id = await user_id_of(admin, user["email"])
        await execute(
            stack, "UPDATE directory_users SET occurred_at = NULL, removed_at = now(),"
            " event_id = NULL WHERE id = :id", id=user["id"],
        )  # fmt: skip
        found = await why(admin, user_id)
        (entry,) = found["directory_users"]
        assert entry["since"] is None
        assert entry["reason"]["code"] == "never_described"
        assert entry["why_not"].startswith("Only removals of this person have arrived")

    async def test_its_directory_was_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        other = {"object": "directory", "id": f"{stack.directory.id}B", "name": "Second",
                 "organization_id": stack.organization.id, "type": "okta scim v2.0"}  # fmt: skip
        user = user_data(stack, directory_id=other["id"])
        await post(stack, "dsync.activated", other, 90)
        await post(stack, "dsync.user.created", user, 60)
        await post(stack, "dsync.deleted", other, 30)
        entry, found = await self.entry(admin, user, "in its identity provider.")
        assert entry["reason"]["code"] == "directory_removed"
        assert entry["why_not"].startswith("Its directory was removed on ")
        assert "“Second”" in found["refusal"]
        # Invariant 12: the directory's end is in the history of the person.
        newest = found["history"]["items"][0]
        assert (newest["what"], newest["scope"]) == ("dsync.deleted", "directory")
        assert newest["summary"] == (
            "The directory “Second” was removed: it lets nobody in any more."
        )

    async def test_older_than_the_complete_listing(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        other = {"object": "directory", "id": f"{stack.directory.id}B", "name": "Second",
                 "organization_id": stack.organization.id, "type": "okta scim v2.0"}  # fmt: skip
        user = user_data(stack, directory_id=other["id"])
        await post(stack, "dsync.activated", other, 90)
        await post(stack, "dsync.user.created", user, 60)
        await execute(
            stack, "UPDATE directories SET complete_as_of = now(), complete_id = 'snapshot_x'"
            " WHERE id = :id", id=other["id"],
        )  # fmt: skip
        entry, _ = await self.entry(admin, user)
        assert entry["reason"]["code"] == "not_listed"
        assert entry["why_not"].startswith("The complete listing of the directory of ")

    async def test_a_newer_namesake(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user = user_data(stack)
        await post(stack, "dsync.user.created", user, 60)
        rehired = user | {"id": f"{user['id']}B"}
        await post(stack, "dsync.user.created", rehired, 30)
        found = await why(admin, await user_id_of(admin, user["email"]))
        assert found["active"] is True
        new, old = found["directory_users"]
        assert (new["id"], new["live"], old["live"]) == (rehired["id"], True, False)
        assert old["reason"]["code"] == "newer_namesake"
        assert old["why_not"].endswith(f"under a newer id, {rehired['id']}.")

    async def test_it_became_somebody_else(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        """A row that got an id of the identity provider left the user it had made."""
        user = user_data(stack, idp_id=None)
        await post(stack, "dsync.user.created", user, 60)
        user_id = await user_id_of(admin, user["email"])
        await post(stack, "dsync.user.updated", user | {"idp_id": "00uNew"}, 30)
        found = await why(admin, user_id)
        (entry,) = found["directory_users"]
        assert (found["active"], entry["live"]) == (False, False)
        assert entry["reason"]["code"] == "other_user"
        assert entry["why_not"].startswith("It has got the id 00uNew of the identity provider")

    async def test_not_in_the_directory_at_all(self, stack: Stack) -> None:
        """Somebody of before the organization had a directory."""
        lone = stack.emulator.create_organization("Lone")
        stack.skip()
        zoe = await stack.sign_in("zoe@lone.example", organization_id=lone.id)
        zoe_id = (await stack.me(zoe))["id"]
        directory = {"object": "directory", "id": "directory_of_lone", "name": "Lone",
                     "organization_id": lone.id, "type": "okta scim v2.0"}  # fmt: skip
        await stack.post_event(new_event("dsync.activated", directory))
        found = await explained(stack.database, lone.id, zoe_id)
        assert (found.active, found.directory_users) == (False, [])
        assert found.refusal is not None
        assert found.refusal_reason == Refusal(code=RefusalCode.NOT_IN_DIRECTORY)
        assert "is not in the company's directory, which decides who may enter" in found.refusal

    async def test_without_a_directory(self, stack: Stack) -> None:
        lone = stack.emulator.create_organization("Lone")
        stack.skip()
        zoe = await stack.sign_in("zoe@lone.example", organization_id=lone.id)
        zoe_id = (await stack.me(zoe))["id"]
        cases = {
            "blocked_at = now()": ("blocked", " was blocked on "),
            "blocked_at = NULL, joined_at = NULL": (
                "never_signed_in", " has never signed in, and no directory",
            ),
        }  # fmt: skip
        for change, (code, sentence) in cases.items():
            await execute(stack, f"UPDATE users SET {change} WHERE id = :id", id=zoe_id)
            found = await explained(stack.database, lone.id, zoe_id)
            assert sentence in str(found.refusal)
            assert found.refusal_reason is not None
            assert found.refusal_reason.code == code
        await execute(
            stack, "UPDATE organizations SET deleted = true WHERE workos_id = :id", id=lone.id
        )
        found = await explained(stack.database, lone.id, zoe_id)
        assert found.refusal_reason == Refusal(code=RefusalCode.ORGANIZATION_DELETED)
        assert "their organization was deleted at WorkOS" in str(found.refusal)
