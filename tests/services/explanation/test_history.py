"""How access changed: each change with its cause (invariant 12)."""

from typing import Any

from tests.explaining import user_id_of, why
from tests.reconciling import reconcile
from tests.stack import Stack, new_event, user_data


class TestHistory:
    async def test_every_change_with_its_cause(self, stack: Stack) -> None:
        """Invariant 12: what happened to the group is in the history of its member, too."""
        kim = stack.person("Kim")
        designers = stack.group("Designers", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        user_id = await user_id_of(adam, kim)
        browser = await stack.sign_in(kim)
        stack.emulator.rename_group(designers, "Authors")
        stack.emulator.rename_group(designers, "Writers")
        stack.emulator.delete_group(designers)
        stack.emulator.deactivate_user(kim)
        emitted = stack.skip()
        for event in emitted:
            await stack.post_event(event)
        assert (await browser.get("/me")).status_code == 401
        entries = (await why(adam, user_id))["history"]["items"]
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
        assert [[change["code"] for change in entry["changes"]] for entry in entries] == [
            ["access_lost"], ["group_deleted"], ["group_renamed"],
            ["group_renamed", "group_roles_gained"], ["first_sign_in"], ["group_joined"],
            ["group_described"], ["access_gained"], ["directory_described"],
        ]  # fmt: skip
        assert entries[3]["changes"] == [
            {"code": "group_renamed", "name": "Authors", "old_name": "Designers",
             "gained": [], "lost": []},
            {"code": "group_roles_gained", "name": "Authors", "old_name": None,
             "gained": ["author"], "lost": []},
        ]  # fmt: skip
        assert [entry["cause"]["id"] for entry in entries[:4]] == [
            event["id"] for event in reversed(emitted)
        ]
        assert entries[4]["cause"]["kind"] == "sign_in"
        assert entries[4]["cause"]["actor"]["id"] == user_id
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
        entries = (await why(adam, await user_id_of(adam, kim)))["history"]["items"]
        assert [entry["summary"] for entry in entries if entry["scope"] == "person"] == [
            "Lost author.", "Gained author.", "Became active, with the roles member.",
        ]  # fmt: skip

    async def test_a_rehire_whose_deletion_was_lost(self, stack: Stack) -> None:
        """They were in by the first row until the second, of the same user, came."""
        kim = stack.person("Kim")
        stack.group("Authors", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.delete_user(kim)
        stack.skip()
        stack.emulator.create_user(
            stack.directory.id, email=str(kim.email), first_name="Kim", idp_id=kim.idp_id
        )
        await stack.deliver()
        found = await why(adam, await user_id_of(adam, kim))
        assert found["roles"] == ["member"]
        newest = found["history"]["items"][0]
        assert (newest["changed"], newest["summary"]) == (True, "Lost author.")

    async def test_in_a_second_directory_as_well(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        adam = await stack.sign_in_as("Admins", "Adam")
        elsewhere = user_data(stack, idp_id=kim.idp_id, directory_id=f"{stack.directory.id}B")
        await stack.post_event(new_event("dsync.user.created", elsewhere))
        found = await why(adam, await user_id_of(adam, "Zoe"))
        newest = found["history"]["items"][0]
        assert (newest["changed"], newest["summary"]) == (False, "Access unchanged.")

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
        user_id = await user_id_of(adam, kim)
        assert (await why(adam, user_id))["roles"] == ["member"]
        stack.clock.advance(20)
        await stack.sign_in(kim)
        found = await why(adam, user_id)
        assert found["roles"] == ["member", "author"]
        (entry,) = [e for e in found["history"]["items"] if e["cause"]["kind"] == "snapshot"]
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
        found = await why(adam, await user_id_of(adam, kim))
        assert (found["active"], found["directory_users"][0]["live"]) == (False, False)
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
        """What brought a role was lost; of its users, the reconciliation is noted as the cause."""
        kim, lea = stack.person("Kim"), stack.person("Lea")
        authors = stack.group("Authors")
        adam = await stack.sign_in_as("Admins", "Adam")
        await stack.sign_in(kim)
        stack.emulator.add_member(authors, kim)
        stack.emulator.add_member(authors, lea)
        stack.skip()
        done = await reconcile(stack)
        found = await why(adam, await user_id_of(adam, kim))
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
        newest = (await why(adam, await user_id_of(adam, kim)))["history"]["items"][:2]
        assert [entry["summary"] for entry in newest] == [
            "Gained author.", "Became active, with the roles member.",
        ]  # fmt: skip
        assert {entry["cause"]["id"] for entry in newest} == {str(done.id)}
        of_lea = await why(adam, await user_id_of(adam, lea))
        assert of_lea["roles"] == ["member", "author"]
        assert of_lea["memberships"][0]["since"]["cause"] == {
            "kind": "snapshot", "id": f"snapshot_{done.id}", "actor": None,
        }  # fmt: skip

    async def test_pages(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        authors = stack.group("Authors")
        adam = await stack.sign_in_as("Admins", "Adam")
        for _ in range(3):
            stack.emulator.add_member(authors, kim)
            stack.emulator.remove_member(authors, kim)
        await stack.deliver()
        user_id = await user_id_of(adam, kim)
        whole = (await why(adam, user_id))["history"]["items"]
        assert len(whole) == 9
        seen: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await why(adam, user_id, history_limit=2, **cursor))["history"]
            assert 0 < len(page["items"]) <= 2
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"history_cursor": page["next_cursor"]}
        assert seen == whole
