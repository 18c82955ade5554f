"""Explanations say what the views decide (invariant 12): each way not to count, each change."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from backend.database import Database
from backend.models import User, access
from backend.schemas.access import Actor, Role
from backend.schemas.directory_sync import Source
from backend.schemas.explanation import Explanation
from backend.services import access_explanation, directory_sync
from backend.services.directory_facts import HANDLERS, Facts
from backend.services.directory_sync import merge
from emulator.testing import User as Person
from tests.reconciling import reconcile
from tests.stack import Stack, new_event, user_data


async def account_of(browser: httpx.AsyncClient, person: Person | str) -> str:
    query = person if isinstance(person, str) else person.email
    (found,) = (await browser.get("/team", params={"q": query})).json()["items"]
    account_id: str = found["id"]
    return account_id


async def why(browser: httpx.AsyncClient, account_id: str, **params: Any) -> Any:
    answer = await browser.get(f"/directory/people/{account_id}/access", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def execute(stack: Stack, statement: str, **values: Any) -> None:
    async with stack.database.transaction() as session:
        await session.execute(text(statement), values)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def membership(user: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    return {"directory_id": user["directory_id"], "user": user, "group": group}


def group_data(stack: Stack, user: dict[str, Any], name: str = "Designers") -> dict[str, Any]:
    return {
        "object": "directory_group",
        "id": user["id"].replace("user", "group"),
        "directory_id": user["directory_id"],
        "organization_id": stack.organization.id,
        "idp_id": name,
        "name": name,
    }


async def post(stack: Stack, kind: str, data: dict[str, Any], seconds_ago: float) -> str:
    event = new_event(kind, data, created_at=ago(seconds_ago))
    assert await stack.post_event(event) == "applied"
    event_id: str = event["id"]
    return event_id


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
        account_id = await account_of(adam, kim)
        await execute(
            stack,
            "INSERT INTO role_grants (user_id, role, organization_id, granted_by)"
            " VALUES (:id, 'admin', :org, :by)",
            id=account_id,
            org=stack.organization.id,
            by=me["id"],
        )
        found = await why(adam, account_id)
        browser = await stack.sign_in(kim)
        seen = await stack.me(browser)
        assert (found["active"], found["refusal"]) == (True, None)
        assert found["roles"] == seen["roles"] == ["member", "admin", "author"]
        assert found["permissions"] == seen["permissions"]
        assert found["person"]["email"] == kim.email
        (entry,) = found["directory_users"]
        assert (entry["id"], entry["state"], entry["counts"]) == (kim.id, "active", True)
        assert entry["directory"] == {"id": stack.directory.id, "name": "Acme Okta"}
        assert entry["since"]["cause"]["id"] == ids["dsync.user.created"]
        assert (entry["removed_at"], entry["removed_by"], entry["why_not"]) == (None, None, None)
        (member,) = found["memberships"]
        assert member["group"] == {"id": authors.id, "name": "Authors"}
        assert (member["present"], member["counts"], member["why_not"]) == (True, True, None)
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
        account_id = await account_of(adam, kim)
        await execute(
            stack, "UPDATE organizations SET default_mappings = false WHERE workos_id = :org",
            org=stack.organization.id,
        )  # fmt: skip
        found = await why(adam, account_id)
        (mapping,) = found["memberships"][0]["mappings"]
        assert (found["roles"], mapping["gives"]) == (["member"], False)
        assert mapping["why_not"].endswith("the rule is switched off.")
        await execute(
            stack, "UPDATE role_mappings SET removed = true WHERE group_id = :id", id=authors.id
        )
        (mapping,) = (await why(adam, account_id))["memberships"][0]["mappings"]
        assert (mapping["removed"], mapping["gives"]) == (True, False)
        assert mapping["why_not"] == "An admin removed this mapping."


class TestWhyNot:
    """Each way of a directory's entry not to count, and the refusal that follows."""

    @pytest.fixture
    async def admin(self, stack: Stack) -> httpx.AsyncClient:
        return await stack.sign_in_as("Admins", "Adam")

    async def entry(self, admin: httpx.AsyncClient, user: dict[str, Any]) -> tuple[Any, Any]:
        account_id = await account_of(admin, user["email"])
        found = await why(admin, account_id)
        assert (found["active"], found["roles"], found["permissions"]) == (False, [], [])
        (entry,) = [row for row in found["directory_users"] if row["id"] == user["id"]]
        assert entry["counts"] is False
        assert found["refusal"].endswith("see that they are active there.")
        reason = entry["why_not"].rstrip(".")
        assert reason[0].lower() + reason[1:] in found["refusal"]
        return entry, found

    async def test_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user = user_data(stack)
        await post(stack, "dsync.user.created", user, 60)
        removal = await post(stack, "dsync.user.deleted", user, 30)
        entry, _ = await self.entry(admin, user)
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
        assert entry["why_not"] == (
            "The directory says that they are “suspended”; only “active” may enter."
        )
        assert found["memberships"][0]["counts"] is True

    async def test_only_ever_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        """The account is from before the person got an id of the identity provider."""
        user = user_data(stack, idp_id=None)
        await post(stack, "dsync.user.created", user, 60)
        account_id = await account_of(admin, user["email"])
        await execute(
            stack, "UPDATE directory_users SET occurred_at = NULL, removed_at = now(),"
            " event_id = NULL WHERE id = :id", id=user["id"],
        )  # fmt: skip
        found = await why(admin, account_id)
        (entry,) = found["directory_users"]
        assert entry["since"] is None
        assert entry["why_not"].startswith("Only removals of this person have arrived")

    async def test_its_directory_was_removed(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        other = {"object": "directory", "id": f"{stack.directory.id}B", "name": "Second",
                 "organization_id": stack.organization.id, "type": "okta scim v2.0"}  # fmt: skip
        user = user_data(stack, directory_id=other["id"])
        await post(stack, "dsync.activated", other, 90)
        await post(stack, "dsync.user.created", user, 60)
        await post(stack, "dsync.deleted", other, 30)
        entry, found = await self.entry(admin, user)
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
            stack, "UPDATE directories SET complete_as_of = now(), complete_id = 'reading_x'"
            " WHERE id = :id", id=other["id"],
        )  # fmt: skip
        entry, _ = await self.entry(admin, user)
        assert entry["why_not"].startswith("The complete listing of the directory of ")

    async def test_a_newer_namesake(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user = user_data(stack)
        await post(stack, "dsync.user.created", user, 60)
        rehired = user | {"id": f"{user['id']}B"}
        await post(stack, "dsync.user.created", rehired, 30)
        found = await why(admin, await account_of(admin, user["email"]))
        assert found["active"] is True
        new, old = found["directory_users"]
        assert (new["id"], new["counts"], old["counts"]) == (rehired["id"], True, False)
        assert old["why_not"].endswith(f"under a newer id, {rehired['id']}.")

    async def test_it_became_somebody_else(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        """A row that got an id of the identity provider left the account it had made."""
        user = user_data(stack, idp_id=None)
        await post(stack, "dsync.user.created", user, 60)
        account_id = await account_of(admin, user["email"])
        await post(stack, "dsync.user.updated", user | {"idp_id": "00uNew"}, 30)
        found = await why(admin, account_id)
        (entry,) = found["directory_users"]
        assert (found["active"], entry["counts"]) == (False, False)
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
        assert "is not in the company's directory, which decides who may enter" in found.refusal

    async def test_without_a_directory(self, stack: Stack) -> None:
        lone = stack.emulator.create_organization("Lone")
        stack.skip()
        zoe = await stack.sign_in("zoe@lone.example", organization_id=lone.id)
        zoe_id = (await stack.me(zoe))["id"]
        cases = {
            "blocked_at = now()": " was blocked on ",
            "blocked_at = NULL, joined_at = NULL": " has never signed in, and no directory",
        }
        for change, sentence in cases.items():
            await execute(stack, f"UPDATE users SET {change} WHERE id = :id", id=zoe_id)
            found = await explained(stack.database, lone.id, zoe_id)
            assert sentence in str(found.refusal)
        await execute(
            stack, "UPDATE organizations SET deleted = true WHERE workos_id = :id", id=lone.id
        )
        found = await explained(stack.database, lone.id, zoe_id)
        assert "their organization was deleted at WorkOS" in str(found.refusal)


class TestWhyAMembershipDoesNotCount:
    @pytest.fixture
    async def admin(self, stack: Stack) -> httpx.AsyncClient:
        return await stack.sign_in_as("Admins", "Adam")

    async def reason(self, admin: httpx.AsyncClient, user: dict[str, Any]) -> str:
        found = await why(admin, await account_of(admin, user["email"]))
        (member,) = found["memberships"]
        assert member["counts"] is False
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
        assert (await self.reason(admin, user)).startswith("They were taken out of the group on ")

    async def test_the_group_was_deleted(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await post(stack, "dsync.group.deleted", group, 60)
        assert (await self.reason(admin, user)).startswith("The group was deleted on ")

    async def test_the_group_came_back(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await post(stack, "dsync.group.deleted", group, 60)
        await post(stack, "dsync.group.created", group, 50)
        assert (await self.reason(admin, user)).startswith("It is from before the group was")

    async def test_from_before_the_person_left(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, _ = await self.joined(stack)
        await post(stack, "dsync.user.deleted", user, 60)
        await post(stack, "dsync.user.created", user, 50)
        assert (await self.reason(admin, user)).startswith("It is from before the person left on ")

    async def test_the_person_does_not_count(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, _ = await self.joined(stack)
        await post(stack, "dsync.user.deleted", user, 60)
        assert await self.reason(admin, user) == "The person does not count in this directory."

    async def test_older_than_a_reading(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, _ = await self.joined(stack)
        row = {"id": user["id"], "account_id": "01920000-0000-7000-8000-00000000000a",
               "directory_id": user["directory_id"], "organization_id": stack.organization.id,
               "idp_id": user["idp_id"], "email": user["email"], "name": "Zoe",
               "state": "active", "job_title": None, "department": None,
               "custom_attributes": {}, "rank": 1}  # fmt: skip
        facts = Facts(users=[row], groups=[], memberships=[], read_users=[user["id"]])
        async with stack.database.connect() as connection:
            await merge(connection, datetime.now(UTC), "reading_1", facts)
        assert (await self.reason(admin, user)).startswith("The reading of the person's groups of ")
        found = await why(admin, await account_of(admin, user["email"]))
        assert found["directory_users"][0]["since"]["cause"] == {
            "kind": "reading", "id": "reading_1", "actor": None,
        }  # fmt: skip

    async def test_the_group_was_never_announced(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, group = await self.joined(stack)
        await execute(stack, "DELETE FROM directory_groups WHERE id = :id", id=group["id"])
        assert (await self.reason(admin, user)).startswith("The group itself has not been")

    async def test_of_another_directory(self, stack: Stack, admin: httpx.AsyncClient) -> None:
        user, group = await self.joined(stack)
        await execute(
            stack, "UPDATE directory_groups SET directory_id = 'x' WHERE id = :id", id=group["id"]
        )
        assert await self.reason(admin, user) == (
            "The group belongs to another directory than the person."
        )

    async def test_the_listing_lacked_the_group(
        self, stack: Stack, admin: httpx.AsyncClient
    ) -> None:
        user, group = await self.joined(stack)
        listed = "UPDATE {} SET occurred_at = now(), event_id = 'reading_x' WHERE {} = :id"
        await execute(
            stack, "UPDATE directories SET complete_as_of = now() - interval '10 s',"
            " complete_id = 'reading_x' WHERE id = :id", id=stack.directory.id,
        )  # fmt: skip
        await execute(stack, listed.format("directory_users", "id"), id=user["id"])
        await execute(
            stack, listed.format("directory_users", "directory_id"), id=stack.directory.id
        )
        await execute(stack, "INSERT INTO role_grants (user_id, role, organization_id)"
                      " SELECT id, 'admin', organization_id FROM users WHERE name LIKE 'Adam%'"
                      " AND organization_id = :id", id=stack.organization.id)  # fmt: skip
        assert (await self.reason(admin, user)).startswith("The group: the complete listing of")
        await execute(stack, listed.format("directory_groups", "id"), id=group["id"])
        assert (await self.reason(admin, user)).startswith("The complete listing of the directory")


class TestHistory:
    async def test_every_change_with_its_cause(self, stack: Stack) -> None:
        """Invariant 12: what happened to the group is in the history of its member, too."""
        kim = stack.person("Kim")
        designers = stack.group("Designers", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        account_id = await account_of(adam, kim)
        browser = await stack.sign_in(kim)
        stack.emulator.rename_group(designers, "Authors")
        stack.emulator.rename_group(designers, "Writers")
        stack.emulator.delete_group(designers)
        stack.emulator.deactivate_user(kim)
        emitted = stack.skip()
        for event in emitted:
            await stack.post_event(event)
        assert (await browser.get("/me")).status_code == 401
        entries = (await why(adam, account_id))["history"]["items"]
        renamed = "The group “Designers” was renamed “Authors”."
        assert [(entry["what"], entry["summary"]) for entry in entries] == [
            ("dsync.user.deleted", "Lost access; the roles were member."),
            ("dsync.group.deleted", "The group “Writers”, which gave author, was deleted."),
            ("dsync.group.updated", "The group “Authors” was renamed “Writers”."),
            ("dsync.group.updated", f"{renamed} The group “Authors” gives author from now on."),
            ("session.opened", "Signed in for the first time."),
            ("dsync.group.user_added", "Came into the group “Writers”; access unchanged."),
            ("dsync.group.created", "The group “Designers” was described."),
            ("dsync.user.created", "Became active, with the roles member."),
            ("dsync.activated", "The directory “Acme Okta” was described."),
        ]
        assert [entry["cause"]["id"] for entry in entries[:4]] == [
            event["id"] for event in reversed(emitted)
        ]
        assert entries[4]["cause"]["kind"] == "sign_in"
        assert entries[4]["cause"]["actor"]["id"] == account_id
        assert entries[0]["before"]["access"] == {"active": True, "roles": ["member"]}
        assert entries[0]["after"]["access"] == {"active": False, "roles": []}
        assert [entry["changed"] for entry in entries] == [
            True, None, None, None, None, False, None, True, None,
        ]  # fmt: skip
        assert entries[5]["group"] == {"id": designers.id, "name": "Writers"}
        # Others are in it as little as their events are.
        others = (await why(adam, (await stack.me(adam))["id"]))["history"]["items"]
        assert {entry["what"] for entry in others} == {
            "session.opened", "dsync.group.user_added", "dsync.group.created",
            "dsync.user.created", "dsync.activated",
        }  # fmt: skip

    async def test_roles_gained_and_lost(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        authors = stack.group("Authors")
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.add_member(authors, kim)
        stack.emulator.remove_member(authors, kim)
        await stack.deliver()
        entries = (await why(adam, await account_of(adam, kim)))["history"]["items"]
        assert [entry["summary"] for entry in entries if entry["scope"] == "person"] == [
            "Lost author.", "Gained author.", "Became active, with the roles member.",
        ]  # fmt: skip

    async def test_a_reading_at_the_sign_in_is_a_cause(self, stack: Stack) -> None:
        """Somebody is back under the same id: their groups are read when they sign in."""
        stack.emulator.settings.retain_deactivated = True
        stack.emulator.settings.announce_memberships_on_return = False
        kim = stack.person("Kim")
        stack.group("Authors", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.deactivate_user(kim)
        stack.emulator.reactivate_user(kim)
        await stack.deliver()
        account_id = await account_of(adam, kim)
        assert (await why(adam, account_id))["roles"] == ["member"]
        stack.clock.advance(20)
        await stack.sign_in(kim)
        found = await why(adam, account_id)
        assert found["roles"] == ["member", "author"]
        (entry,) = [e for e in found["history"]["items"] if e["cause"]["kind"] == "reading"]
        assert (entry["changed"], entry["summary"]) == (True, "Gained author.")
        (member,) = found["memberships"]
        assert member["since"]["cause"]["id"] == entry["cause"]["id"]

    async def test_a_reconciliation_is_a_cause(self, stack: Stack) -> None:
        """A deletion was lost: the complete listing ends the access, and says so."""
        kim = stack.person("Kim")
        stack.group("Authors", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.delete_user(kim)
        stack.skip()
        done = await reconcile(stack)
        found = await why(adam, await account_of(adam, kim))
        assert (found["active"], found["directory_users"][0]["counts"]) == (False, False)
        assert "the complete listing of the directory of" in found["refusal"]
        newest = found["history"]["items"][0]
        assert (newest["what"], newest["changed"]) == ("reconciliation.access_lost", True)
        assert newest["summary"] == "Lost access; the roles were member, author."
        assert newest["cause"] == {"kind": "reconciliation", "id": str(done.id), "actor": None}
        state = (await adam.get("/directory")).json()
        assert state["reconciliations"]["last"]["id"] == str(done.id)
        assert state["reconciliations"]["last"]["drift"]["people"]["removed"] == 1
        (directory,) = state["directories"]
        assert directory["complete_as_of"] == state["reconciliations"]["last"]["as_of"]
        assert directory["counts"] == {
            "active_people": 1, "people": 1, "groups": 2, "memberships": 1,
        }  # fmt: skip

    async def test_a_reconciliation_that_gives_access(self, stack: Stack) -> None:
        """What brought a role was lost; of those who use it, the reading is noted as its cause."""
        kim, lea = stack.person("Kim"), stack.person("Lea")
        authors = stack.group("Authors")
        adam = await stack.sign_in_as("Admins", "Adam")
        await stack.sign_in(kim)
        stack.emulator.add_member(authors, kim)
        stack.emulator.add_member(authors, lea)
        stack.skip()
        done = await reconcile(stack)
        found = await why(adam, await account_of(adam, kim))
        newest = found["history"]["items"][0]
        assert (newest["what"], newest["summary"]) == (
            "reconciliation.access_changed", "Gained author.",
        )  # fmt: skip
        assert newest["cause"]["id"] == str(done.id)
        stack.emulator.deactivate_user(kim)
        await stack.deliver()
        stack.emulator.reactivate_user(kim)  # under a new id
        stack.skip()
        done = await reconcile(stack)
        # People are read before memberships, and are in from then on.
        newest = (await why(adam, await account_of(adam, kim)))["history"]["items"][:2]
        assert [entry["summary"] for entry in newest] == [
            "Gained author.", "Became active, with the roles member.",
        ]  # fmt: skip
        assert {entry["cause"]["id"] for entry in newest} == {str(done.id)}
        of_lea = await why(adam, await account_of(adam, lea))
        assert of_lea["roles"] == ["member", "author"]
        assert of_lea["memberships"][0]["since"]["cause"] == {
            "kind": "reading", "id": f"reading_{done.id}", "actor": None,
        }  # fmt: skip

    async def test_pages(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        authors = stack.group("Authors")
        adam = await stack.sign_in_as("Admins", "Adam")
        for _ in range(3):
            stack.emulator.add_member(authors, kim)
            stack.emulator.remove_member(authors, kim)
        await stack.deliver()
        account_id = await account_of(adam, kim)
        whole = (await why(adam, account_id))["history"]["items"]
        assert len(whole) == 9
        seen: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await why(adam, account_id, history_limit=2, **cursor))["history"]
            assert 0 < len(page["items"]) <= 2
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"history_cursor": page["next_cursor"]}
        assert seen == whole


async def explained(database: Database, organization_id: str, account_id: Any) -> Explanation:
    asking = Actor(
        user_id=account_id,
        name="",
        email=None,
        organization_id=organization_id,
        organization_name="",
        roles=(Role.ADMIN,),
    )
    async with database.snapshot() as snapshot:
        return await access_explanation.explain(
            snapshot, asking, account_id, cursor=None, limit=100
        )


class Fate:
    """An organization of its own in which anything may be said at any time."""

    numbers = itertools.count(1)

    def __init__(self) -> None:
        self.mark = f"fate{next(self.numbers):06d}"
        self.organization_id = f"org_{self.mark}"

    def directory(self, number: int) -> dict[str, Any]:
        return {"object": "directory", "id": f"directory_{self.mark}_{number}", "name": "Okta",
                "organization_id": self.organization_id, "type": "okta scim v2.0"}  # fmt: skip

    def user(self, number: int, state: str) -> dict[str, Any]:
        # The first two are one person under two ids; the last is in the second directory.
        return {"object": "directory_user", "id": f"directory_user_{self.mark}_{number}",
                "directory_id": self.directory(number // 2)["id"], "state": state,
                "organization_id": self.organization_id, "idp_id": f"00u{min(number, 1)}",
                "email": None, "first_name": "P", "last_name": str(number)}  # fmt: skip

    def group(self, number: int, name: str) -> dict[str, Any]:
        return {"object": "directory_group", "id": f"directory_group_{self.mark}_{number}",
                "directory_id": self.directory(0)["id"], "name": name, "idp_id": name,
                "organization_id": self.organization_id}  # fmt: skip

    def body(self, step: int, kind: str, who: int, which: int, second: int) -> bytes:
        state = {0: "inactive", 1: "suspended"}.get(second % 7, "active")
        name = ("Authors", "Admins", "Designers")[(which + second // 5) % 3]
        user, group = self.user(who, state), self.group(which, name)
        data: dict[str, Any] = group if ".group." in kind else user
        if "user_" in kind:
            data = {"directory_id": user["directory_id"], "user": user, "group": group}
        elif kind.count(".") == 1:
            data = self.directory(which)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        event_id = f"event_{self.mark}_{step:03d}"
        return json.dumps(
            {"id": event_id, "event": kind, "data": data, "created_at": at.isoformat()}
        ).encode()


steps = st.lists(
    st.tuples(
        st.sampled_from([*(kind for kind in HANDLERS if kind.startswith("dsync.")),
                         *["dsync.user.updated", "dsync.group.user_added"] * 3, "read", "list"]),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
async def test_invariant_12_the_reasons_agree_with_the_views(
    database: Database, drawn: list[tuple[str, int, int, int]]
) -> None:
    """Whatever is said, in whatever order: a reason is given exactly where a row does not count."""
    fate = Fate()
    async with database.connect() as connection:
        for number, (kind, who, which, second) in enumerate(drawn):
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
            if kind == "read":
                facts = Facts(read_users=[fate.user(who, "active")["id"]])
                await merge(connection, at, f"reading_{number:03d}", facts)
            elif kind == "list":
                await connection.execute(
                    text("UPDATE directories SET complete_as_of = :at, complete_id = :version"
                         " WHERE id = :id AND coalesce(complete_as_of < :at, true)"),
                    {"at": at, "version": f"reading_{number:03d}",
                     "id": fate.directory(which)["id"]},
                )  # fmt: skip
            else:
                body = fate.body(number, kind, who, which, second)
                await directory_sync.receive(connection, body, Source.WEBHOOK)
        rows = await connection.execute(
            select(User.id, access.c.active, access.c.roles)
            .join(access, access.c.user_id == User.id)
            .where(User.organization_id == fate.organization_id)
        )
        accounts = rows.all()
    for account in accounts:
        found = await explained(database, fate.organization_id, account.id)
        assert (found.active, found.roles) == (account.active, account.roles)
        assert (found.refusal is None) == found.active
        assert found.active == any(entry.counts for entry in found.directory_users)
        for entry in found.directory_users:
            assert entry.counts == (entry.why_not is None), entry
        given_roles = set()
        for member in found.memberships:
            assert member.counts == (member.why_not is None), member
            given_roles |= {mapping.role for mapping in member.mappings if mapping.gives}
        assert set(found.roles) - {Role.MEMBER} == given_roles
