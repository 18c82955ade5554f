"""`/roles/preview`: told before, seen after, and written nowhere."""

from typing import Any

import pytest

from emulator.testing import User
from tests.asking_roles import group_named, heed, put, somebody
from tests.directory_api import ask
from tests.stack import Stack


class TestPreview:
    async def test_it_is_what_follows(self, stack: Stack) -> None:
        """The same derivation: told before, seen after."""
        adam = await stack.sign_in_as("Admins", "Adam")
        ann, bob, eve, max_ = (stack.person(name) for name in ("Ann", "Bob", "Eve", "Max"))
        stack.group("Sales", ann, bob, eve, max_)
        stack.group("Authors", bob)
        await stack.deliver()
        stack.emulator.deactivate_user(eve)
        await stack.deliver()
        people: list[User] = [ann, bob, eve, max_]
        before = await self._roles(adam, people)
        group = await group_named(adam, "Sales")
        wanted = {"group_id": group["id"], "roles": ["author", "admin"]}
        answer = await adam.post("/roles/preview", json=wanted)
        assert answer.status_code == 200, answer.text
        tried = answer.json()
        assert await self._roles(adam, people) == before
        assert await group_named(adam, "Sales") == group
        await put(adam, group, "author", "admin")
        after = await self._roles(adam, people)
        for role in ("author", "admin"):
            gained = {id_ for id_ in after if role in after[id_] and role not in before[id_]}
            (told,) = [each for each in tried["gains"] if each["role"] == role]
            assert (told["people"], {one["id"] for one in told["examples"]}) == (
                len(gained),
                gained,
            )
        assert (tried["losses"], tried["looked_at"], tried["looked_at_all"]) == ([], 3, True)
        back = await adam.post("/roles/preview", json={"group_id": group["id"], "roles": []})
        losses = {each["role"]: each["people"] for each in back.json()["losses"]}
        assert losses == {"author": 2, "admin": 3}

    async def _roles(self, adam: Any, people: list[User]) -> dict[str, list[str]]:
        found = {}
        for person in people:
            (shown,) = (await ask(adam, "/team", q=person.email))["items"]
            found[shown["id"]] = shown["roles"]
        return found

    async def test_it_warns_of_the_last_admin(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        group = await group_named(adam, "Admins")
        tried = await adam.post("/roles/preview", json={"group_id": group["id"], "roles": []})
        assert tried.json()["last_admin"] is True
        kept = await adam.post(
            "/roles/preview", json={"group_id": group["id"], "roles": ["admin", "author"]}
        )
        assert kept.json()["last_admin"] is False

    async def test_of_a_role_at_workos(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await somebody(stack, "editor")
        wanted = {"slug": "editor", "roles": ["author"]}
        tried = (await adam.post("/roles/preview", json=wanted)).json()
        assert (tried["gains"], tried["looked_at"]) == ([], 1)
        await heed(stack, "both")
        tried = (await adam.post("/roles/preview", json=wanted)).json()
        assert [(each["role"], each["people"]) for each in tried["gains"]] == [("author", 1)]
        assert (await ask(adam, "/roles"))["workos_roles"][0]["roles"] == []

    async def test_more_people_than_are_looked_at(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backend.services.roles.preview.MOST_LOOKED_AT", 3)
        monkeypatch.setattr("backend.services.roles.preview._AT_ONCE", 2)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.group("Sales", *(stack.person() for _ in range(4)))
        await stack.deliver()
        group = await group_named(adam, "Sales")
        wanted = {"group_id": group["id"], "roles": ["author"]}
        tried = (await adam.post("/roles/preview", json=wanted)).json()
        assert (tried["looked_at"], tried["looked_at_all"]) == (3, False)
        assert [each["people"] for each in tried["gains"]] == [3]

    @pytest.mark.parametrize(
        "body",
        [{"roles": []}, {"roles": [], "slug": "x", "group_id": "y"}, {"roles": [], "slug": ""}],
    )
    async def test_bad_input(self, stack: Stack, body: dict[str, Any]) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        assert (await adam.post("/roles/preview", json=body)).status_code == 422
