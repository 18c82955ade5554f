"""`/people`: what an admin does to somebody by hand, and what follows at the very next request."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.directory_api import ask, execute, user_id_of
from tests.explaining import why
from tests.stack import Stack
from tests.tokens import bearer, new_token

POST = {"title": "t", "content": "c"}


async def id_of(browser: httpx.AsyncClient) -> str:
    user_id: str = (await browser.get("/me")).json()["id"]
    return user_id


async def block(admin: httpx.AsyncClient, user_id: str) -> httpx.Response:
    return await admin.post(f"/people/{user_id}/block", json={"reason": "Laptop stolen."})


async def trail(stack: Stack, action: str) -> list[Any]:
    async with stack.database.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT * FROM audit_events WHERE organization_id = :here AND action = :action"
                " ORDER BY at, id"
            ),
            {"here": stack.organization.id, "action": action},
        )
        return list(found.all())


class TestBlocking:
    async def test_invariant_2_refused_at_the_next_request_whatever_the_directory_says(
        self, stack: Stack
    ) -> None:
        person = stack.person("Ann")
        stack.group("Authors", person)
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in(person)
        ann_id = await id_of(ann)
        client = bearer(stack, await new_token(stack, ann_id))
        assert (await client.get("/me")).status_code == 200
        assert (await block(adam, ann_id)).status_code == 204
        assert (await ann.get("/me")).status_code == 401
        assert (await client.get("/me")).status_code == 401
        # What the directory says next lets nobody in.
        stack.emulator.update_user(person, first_name="Anna")
        assert await stack.deliver() == ["applied"]
        assert (await ann.get("/me")).status_code == 401
        explanation = await why(adam, ann_id)
        assert explanation["active"] is False
        assert explanation["refusal_reason"]["code"] == "blocked"
        assert "Laptop stolen." in explanation["refusal"]
        assert "Adam" in explanation["refusal"]
        (entry,) = await trail(stack, "user.blocked")
        assert entry.subject_id == ann_id
        assert str(entry.actor_id) == await id_of(adam)
        assert entry.detail["reason"] == "Laptop stolen."
        assert entry.detail["before"]["access"] == {"active": True, "roles": ["member", "author"]}
        assert entry.detail["after"]["access"] == {"active": False, "roles": []}

    async def test_blocked_cannot_sign_in_and_unblocked_can_without_the_old_session(
        self, stack: Stack
    ) -> None:
        person = stack.person("Ann")
        adam = await stack.sign_in_as("Admins", "Adam")
        ann = await stack.sign_in(person)
        ann_id = await id_of(ann)
        secret = await new_token(stack, ann_id)
        for _ in range(2):  # a second time changes nothing
            assert (await block(adam, ann_id)).status_code == 204
        assert await stack.refused(person) == "deactivated"
        for _ in range(2):
            assert (await adam.post(f"/people/{ann_id}/unblock")).status_code == 204
        assert (await ann.get("/me")).status_code == 401
        assert (await bearer(stack, secret).get("/me")).status_code == 401
        assert (await (await stack.sign_in(person)).get("/me")).status_code == 200
        assert len(await trail(stack, "user.blocked")) == 1
        assert len(await trail(stack, "user.unblocked")) == 1

    async def test_an_open_invitation_is_void(self, stack: Stack) -> None:
        person = stack.person("Ian")
        adam = await stack.sign_in_as("Admins", "Adam")
        ian = await user_id_of(adam, person)
        link = (await adam.post(f"/team/{ian}/invitation")).json()["url"]
        assert (await block(adam, ian)).status_code == 204
        begun = await stack.browser().get(link)
        assert begun.headers["location"] == "/?error=invitation_invalid"

    async def test_nobody_blocks_themselves(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        refused = await block(adam, await id_of(adam))
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
        await stack.sign_in_as("Admins", "Eve")
        refused = await block(adam, await id_of(adam))
        assert (refused.status_code, refused.json()["code"]) == (409, "not_yourself")

    async def test_two_admins_who_block_each_other_at_once_leave_one(self, stack: Stack) -> None:
        for _ in range(3):
            adam = await stack.sign_in_as("Admins", "Adam")
            eve = await stack.sign_in_as("Admins", "Eve")
            ids = await id_of(adam), await id_of(eve)
            answers = await asyncio.gather(block(adam, ids[1]), block(eve, ids[0]))
            # The other one is told so, or may not ask any more.
            done, other = sorted(answer.status_code for answer in answers)
            assert (done, other) in {(204, 401), (204, 409)}
            left = [browser for browser in (adam, eve) if (await browser.get("/me")).is_success]
            assert len(left) == 1
            # The next round has no other admin.
            await execute(
                stack,
                "UPDATE users SET blocked_at = now() WHERE organization_id = :here",
                here=stack.organization.id,
            )

    async def test_a_reason_must_be_given(self, stack: Stack) -> None:
        adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as(None)
        for body in ({}, {"reason": " "}, {"reason": "x" * 501}):
            answer = await adam.post(f"/people/{await id_of(ann)}/block", json=body)
            assert answer.status_code == 422


class TestSigningOut:
    async def test_sessions_end_and_tokens_only_where_asked_for(self, stack: Stack) -> None:
        person = stack.person("Ann")
        adam = await stack.sign_in_as("Admins", "Adam")
        browsers = [await stack.sign_in(person) for _ in range(2)]
        ann_id = await id_of(browsers[0])
        client = bearer(stack, await new_token(stack, ann_id))
        assert (await adam.post(f"/people/{ann_id}/sign-out")).status_code == 204
        assert [(await one.get("/me")).status_code for one in browsers] == [401, 401]
        assert (await client.get("/me")).status_code == 200
        answer = await adam.post(f"/people/{ann_id}/sign-out", json={"tokens": True})
        assert answer.status_code == 204
        assert (await client.get("/me")).status_code == 401
        assert (await (await stack.sign_in(person)).get("/me")).status_code == 200
        first, second = await trail(stack, "user.signed_out")
        assert first.detail == {"sessions": 2}
        assert second.detail == {"sessions": 0, "tokens": 1}


class TestHandingOver:
    @pytest.fixture
    async def three(self, stack: Stack) -> list[httpx.AsyncClient]:
        return [
            await stack.sign_in_as("Admins", "Adam"),
            await stack.sign_in_as("Authors", "Ann"),
            await stack.sign_in_as("Authors", "Kim"),
        ]

    async def give(
        self, admin: httpx.AsyncClient, user_id: str, to: str, posts: list[str] | None = None
    ) -> tuple[int, str | None]:
        body = {"to": to} | ({"post_ids": posts} if posts else {})
        answer = await admin.post(f"/people/{user_id}/hand-over", json=body)
        return answer.status_code, None if answer.is_success else answer.json()["code"]

    async def test_one_by_one_or_all(self, stack: Stack, three: list[httpx.AsyncClient]) -> None:
        adam, ann, kim = three
        posts = [(await ann.post("/posts", json=POST)).json() for _ in range(3)]
        ids = await id_of(ann), await id_of(kim)
        assert await self.give(adam, *ids, [posts[1]["id"]]) == (204, None)
        shown = (await kim.get("/posts")).json()["items"]
        assert [post["author"]["id"] for post in shown] == [ids[0], ids[1], ids[0]]
        assert [post["can_edit"] for post in shown] == [False, True, False]
        assert await self.give(adam, *ids) == (204, None)
        shown = (await kim.get("/posts")).json()["items"]
        assert {post["author"]["id"] for post in shown} == {ids[1]}
        assert [post["updated_at"] for post in shown] == [
            post["updated_at"] for post in reversed(posts)
        ]
        entries = await trail(stack, "post.handed_over")
        assert {entry.subject_id for entry in entries} == {post["id"] for post in posts}
        assert entries[0].detail == {"title": "t", "author_id": ids[0], "to": ids[1]}
        assert await self.give(adam, *ids) == (204, None)  # there is nothing left
        assert len(await trail(stack, "post.handed_over")) == 3

    async def test_whoever_may_not_write_gets_nothing(
        self, stack: Stack, three: list[httpx.AsyncClient]
    ) -> None:
        adam, ann, kim = three
        zoe = await stack.sign_in_as(None, "Zoe")
        post = (await ann.post("/posts", json=POST)).json()["id"]
        ann_id, kim_id, zoe_id = await id_of(ann), await id_of(kim), await id_of(zoe)
        assert await self.give(adam, ann_id, zoe_id) == (409, "cannot_write")
        assert (await block(adam, kim_id)).status_code == 204
        assert await self.give(adam, ann_id, kim_id) == (409, "cannot_write")
        assert await self.give(adam, ann_id, ann_id) == (422, "invalid_input")
        nobody = "01920000-0000-7000-8000-000000000000"
        assert await self.give(adam, ann_id, nobody) == (404, "not_found")
        assert await self.give(adam, nobody, await id_of(adam)) == (404, "not_found")
        assert await self.give(adam, ann_id, await id_of(adam), [post, nobody]) == (
            404, "not_found",
        )  # fmt: skip
        assert (await adam.get(f"/posts/{post}")).json()["author"]["id"] == ann_id
        assert await trail(stack, "post.handed_over") == []

    async def test_people_gone_who_still_own_posts_are_listed(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        person = stack.person("Ann")
        stack.emulator.add_member(stack.group("Authors"), person)
        await stack.deliver()
        ann = await stack.sign_in(person)
        await ann.post("/posts", json=POST)
        ann_id = await id_of(ann)
        gone = {"status": "deactivated", "owns_posts": True}
        assert (await ask(adam, "/people", **gone))["items"] == []
        stack.emulator.deactivate_user(person)
        await stack.deliver()
        (listed,) = (await ask(adam, "/people", **gone))["items"]
        assert (listed["id"], listed["posts"]) == (ann_id, 1)
        assert await self.give(adam, ann_id, await id_of(adam)) == (204, None)
        assert (await ask(adam, "/people", **gone))["items"] == []


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


GUEST = {"name": "Gus Guest", "email": "Gus@Partner.example", "reason": "Audits our pages."}


class TestGuests:
    async def admit(
        self, admin: httpx.AsyncClient, expected: int = 201, **more: Any
    ) -> dict[str, Any]:
        new = GUEST | {"until": in_days(30)} | more
        answer = await admin.post("/people/guests", json=new)
        assert answer.status_code == expected, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def sign_in(self, stack: Stack, **more: Any) -> httpx.AsyncClient:
        return await stack.sign_in("gus@partner.example", **({"idp_id": "gus-at-okta"} | more))

    async def test_a_guest_is_let_in_by_the_address_and_shown_as_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        guest = await self.admit(adam, role="author")
        begun = await stack.browser().get(guest["url"])
        assert begun.status_code == 302
        assert "error" not in begun.headers["location"]
        listed = await ask(adam, "/team", q="gus")
        assert listed["items"][0]["status"] == "invited"
        assert listed["items"][0]["guest_until"] is not None
        gus = await self.sign_in(stack)
        assert (await stack.me(gus))["id"] == guest["id"]
        assert await stack.roles(gus) == ["member", "author"]
        (person,) = (await ask(adam, "/people", kind="guest"))["items"]
        assert (person["status"], person["admission"]["kind"]) == ("joined", "guest")
        explanation = await why(adam, guest["id"])
        assert explanation["admission"]["lets_in"] is True
        assert explanation["admission"]["reason"] == GUEST["reason"]
        detail = await ask(adam, f"/people/{guest['id']}")
        assert "as a guest" in detail["sentence"]
        assert [identity["matched_by"] for identity in detail["ids"]["identities"]] == ["admission"]
        # Again, whatever the address has become at the identity provider.
        again = await stack.sign_in("gus@elsewhere.example", idp_id="gus-at-okta")
        assert (await stack.me(again))["id"] == guest["id"]
        (entry,) = await trail(stack, "guest.admitted")
        assert entry.detail["after"]["access"] == {"active": True, "roles": ["member", "author"]}

    async def test_the_end_is_the_end(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        guest = await self.admit(adam)
        gus = await self.sign_in(stack)
        token = bearer(stack, await new_token(stack, guest["id"]))
        await execute(
            stack,
            "UPDATE admissions SET until = now() - interval '1 s' WHERE user_id = :id",
            id=UUID(guest["id"]),
        )
        assert (await gus.get("/me")).status_code == 401
        assert (await token.get("/me")).status_code == 401
        assert await stack.refused("gus@partner.example", idp_id="gus-at-okta") == (
            "not_in_directory"
        )
        assert (await why(adam, guest["id"]))["refusal_reason"]["code"] == "admission_ended"
        longer = await adam.patch(
            f"/people/guests/{guest['id']}", json={"until": in_days(3), "reason": "One more."}
        )
        assert longer.status_code == 204
        assert (await gus.get("/me")).status_code == 401  # not by what they held before
        assert (await token.get("/me")).status_code == 401
        assert (await (await self.sign_in(stack)).get("/me")).status_code == 200

    async def test_ended_by_hand(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        guest = await self.admit(adam)
        gus = await self.sign_in(stack)
        token = bearer(stack, await new_token(stack, guest["id"]))
        assert (await adam.delete(f"/people/guests/{guest['id']}")).status_code == 204
        assert (await gus.get("/me")).status_code == 401
        assert (await token.get("/me")).status_code == 401
        assert await stack.refused("gus@partner.example", idp_id="gus-at-okta") == (
            "not_in_directory"
        )
        (listed,) = (await ask(adam, "/people", kind="guest"))["items"]
        assert listed["status"] == "deactivated"
        assert [len(await trail(stack, f"guest.{what}")) for what in ("admitted", "ended")] == [
            1,
            1,
        ]

    async def test_sessions_last_no_longer_than_the_guest(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        guest = await self.admit(adam)
        gus = await self.sign_in(stack)
        await adam.patch(f"/people/guests/{guest['id']}", json={"until": in_days(1)})
        async with stack.database.connect() as connection:
            late = await connection.scalar(
                text(
                    "SELECT max(expires_at) > now() + interval '1 d' FROM sessions"
                    " WHERE user_id = :id"
                ),
                {"id": UUID(guest["id"])},
            )
        assert late is False
        assert (await gus.get("/me")).status_code == 200

    @pytest.mark.parametrize("days", [-1, 367])
    async def test_the_end_is_within_a_year(self, stack: Stack, days: int) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        refused = await self.admit(adam, 422, until=in_days(days))
        assert "until" in str(refused)
        guest = await self.admit(adam)
        answer = await adam.patch(f"/people/guests/{guest['id']}", json={"until": in_days(days)})
        assert answer.status_code == 422

    @pytest.mark.parametrize(
        "wrong", [{"until": None}, {"reason": ""}, {"name": " "}, {"email": "gus"}, {"email": ""}]
    )
    async def test_what_must_be_given(self, stack: Stack, wrong: dict[str, Any]) -> None:
        await self.admit(await stack.sign_in_as("Admins", "Adam"), 422, **wrong)

    async def test_invariant_11_never_somebody_whom_the_directory_has(self, stack: Stack) -> None:
        person = stack.person("Ann")
        adam = await stack.sign_in_as("Admins", "Adam")
        refused = await self.admit(adam, 409, email=str(person.email).upper())
        assert refused["code"] == "already_here"
        await self.admit(adam)
        assert (await self.admit(adam, 409, name="Other"))["code"] == "already_here"
        # Somebody of the directory has got the address since.
        stack.person("Gus", email="gus@partner.example")
        await stack.deliver()
        assert await stack.refused("gus@partner.example", idp_id="gus-at-okta") == (
            "not_in_directory"
        )

    async def test_invariant_11_another_identity_of_the_address_is_not_the_guest(
        self, stack: Stack
    ) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await self.admit(adam)
        await self.sign_in(stack)
        assert await stack.refused("gus@partner.example", idp_id="someone-else") == (
            "identity_conflict"
        )

    async def test_whoever_was_deactivated_does_not_come_in_as_a_guest(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        person = stack.person("Ann", email="gus@partner.example")
        await stack.deliver()
        stack.emulator.deactivate_user(person)
        await stack.deliver()
        await self.admit(adam)  # an admin may let them in again, knowingly
        assert await stack.refused(person) == "deactivated"
        assert (await (await self.sign_in(stack)).get("/me")).status_code == 200

    async def test_without_a_directory_there_are_no_guests(self, stack: Stack) -> None:
        """Whoever signs in may enter, so that an end would end nothing."""
        elsewhere = stack.emulator.create_organization("No directory")
        ann = await stack.sign_in("ann@elsewhere.example", organization_id=elsewhere.id)
        await execute(
            stack,
            "INSERT INTO role_grants (organization_id, user_id, role)"
            " SELECT organization_id, id, 'admin' FROM users WHERE organization_id = :here",
            here=elsewhere.id,
        )
        assert (await self.admit(ann, 409))["code"] == "no_directory"

    async def test_a_guest_takes_a_seat_where_one_is_left(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await execute(
            stack,
            "UPDATE organizations SET seats = 2 WHERE workos_id = :here",
            here=stack.organization.id,
        )
        guest = await self.admit(adam)
        refused = await self.admit(adam, 409, email="another@partner.example")
        assert refused["code"] == "no_seats"
        path = f"/people/guests/{guest['id']}"
        assert (await adam.delete(path)).status_code == 204
        await self.admit(adam, email="another@partner.example")
        again = await adam.patch(path, json={"until": in_days(3)})
        assert (again.status_code, again.json()["code"]) == (409, "no_seats")

    async def test_admitted_twice_at_once_is_one(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        new = GUEST | {"until": in_days(30)}
        answers = await asyncio.gather(*(adam.post("/people/guests", json=new) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
