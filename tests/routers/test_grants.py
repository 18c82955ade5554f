"""`/people/{id}/grants`: roles given by hand, apart from the directory."""

from typing import Any
from uuid import uuid4

import pytest

from tests.asking_roles import entry_of, grant, have_give, trail
from tests.directory_api import ask, execute, user_id_of
from tests.stack import Stack


class TestGrants:
    async def test_given_and_taken(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as(None, "Ann")
        ann_id, adam_id = (await stack.me(ann))["id"], (await stack.me(adam))["id"]
        assert (await grant(adam, ann_id, "author")).status_code == 201
        assert await stack.roles(ann) == ["member", "author"]
        explained = await ask(adam, f"/directory/people/{ann_id}/access")
        (shown,) = explained["grants"]
        assert (shown["role"], shown["reason"], shown["until"]) == ("author", "as a test", None)
        assert (shown["gives"], shown["granted_by"]["id"]) == (True, adam_id)
        assert explained["history"]["items"][0]["summary"] == "Gained author."
        ended = await adam.delete(f"/people/{ann_id}/grants/author")
        assert (ended.status_code, ended.content) == (204, b"")
        assert await stack.roles(ann) == ["member"]
        again = await adam.delete(f"/people/{ann_id}/grants/author")
        assert again.status_code == 404
        (created,), (over,) = [
            await trail(stack, action) for action in ("grant.created", "grant.ended")
        ]
        for row in (created, over):
            assert (row.subject_id, row.actor_id) == (ann_id, adam_id)
            assert (row.detail["role"], row.detail["reason"]) == ("author", "as a test")

    async def test_until(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in_as(None, "Ann")
        ann_id = (await stack.me(ann))["id"]
        await grant(adam, ann_id, "author", until="2099-01-01T01:00:00+01:00")
        assert await stack.roles(ann) == ["member", "author"]
        await execute(
            stack,
            "UPDATE role_grants SET until = '2026-01-01T00:00:00Z' WHERE user_id = :id",
            id=ann_id,
        )
        assert await stack.roles(ann) == ["member"]
        (shown,) = (await ask(adam, f"/directory/people/{ann_id}/access"))["grants"]
        assert (shown["gives"], shown["why_not_reason"]["code"]) == (False, "grant_over")
        assert shown["why_not"] == "It was given until 2026-01-01 00:00 UTC."

    async def test_a_new_one_takes_the_place_of_an_earlier_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = stack.person("Ann")
        await stack.deliver()
        ann_id = await user_id_of(adam, ann)
        await grant(adam, ann_id, "author", reason="first")
        again = await grant(adam, ann_id, "author", reason="second")
        assert (again.status_code, again.json()["reason"]) == (201, "second")
        (shown,) = (await entry_of(adam, "author"))["grants"]
        assert shown == again.json()

    async def test_no_event_listing_or_mapping_touches_one(self, stack: Stack) -> None:
        """They are apart from the directory, whatever it says of the person and their groups."""
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = stack.person("Ann")
        authors = stack.group("Authors", ann)
        await stack.deliver()
        ann_id = await user_id_of(adam, ann)
        given = (await grant(adam, ann_id, "author")).json()
        emulator = stack.emulator
        await have_give(adam, "Authors", "admin")
        emulator.remove_member(authors, ann)
        emulator.rename_group(authors, "Others")
        await stack.deliver()
        (shown,) = (await ask(adam, "/team", q=ann.email))["items"]
        assert shown["roles"] == ["member", "author"]
        emulator.deactivate_user(ann)
        await stack.deliver()
        emulator.delete_group(authors)
        stack.clock.advance(1)
        emulator.reactivate_user(ann)
        await stack.deliver()
        assert (await entry_of(adam, "author"))["grants"] == [given]
        (shown,) = (await ask(adam, "/team", q=ann.email))["items"]
        assert shown["roles"] == ["member", "author"]

    async def test_whom_there_is_not(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        elsewhere = Stack(stack.app, stack.emulator, stack.clock)
        eve = await elsewhere.sign_in_as("Admins", "Eve")
        eve_id = (await stack.me(eve))["id"]
        await grant(eve, eve_id, "author")
        for user_id in (eve_id, str(uuid4()), "x"):
            assert (await grant(adam, user_id, "author")).status_code == 404
            answer = await adam.delete(f"/people/{user_id}/grants/author")
            assert answer.status_code == 404
        assert await stack.roles(eve) == ["member", "admin", "author"]
        adam_id = (await stack.me(adam))["id"]
        assert (await adam.delete(f"/people/{adam_id}/grants/owner")).status_code == 404

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"role": "member"}, "role"),
            ({"role": "owner"}, "role"),
            ({"reason": " "}, "reason"),
            ({"reason": "x" * 501}, "reason"),
            ({"until": "2020-01-01T00:00:00Z"}, "until"),
            ({"until": "2099-01-01T00:00:00"}, "until"),
        ],
    )
    async def test_bad_input(self, stack: Stack, change: dict[str, Any], field: str) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        adam_id = (await stack.me(adam))["id"]
        body = {"role": "author", "reason": "x"} | change
        answer = await adam.post(f"/people/{adam_id}/grants", json=body)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json()["errors"]] == [field]
