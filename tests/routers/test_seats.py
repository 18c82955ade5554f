"""Seats: a limit that every way in honours, also when many come at once."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.directory_api import ask, execute, user_id_of
from tests.stack import Stack


async def allow(stack: Stack, seats: int | None, organization_id: str | None = None) -> None:
    await execute(
        stack,
        "UPDATE organizations SET seats = :seats WHERE workos_id = :id",
        seats=seats,
        id=organization_id or stack.organization.id,
    )


async def admit(stack: Stack, user_id: str, kind: str) -> None:
    await execute(
        stack,
        """INSERT INTO admissions (organization_id, user_id, kind, reason)
        VALUES (:here, :id, :kind, 'a test')""",
        here=stack.organization.id,
        id=user_id,
        kind=kind,
    )


async def seats(browser: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = await ask(browser, "/team/seats")
    return found


async def invite(browser: httpx.AsyncClient, user_id: str) -> str:
    answer = await browser.post(f"/team/{user_id}/invitation")
    return "invited" if answer.status_code == 201 else str(answer.json()["code"])


async def test_who_takes_one(stack: Stack) -> None:
    ian, kim, lea = stack.person("Ian"), stack.person("Kim"), stack.person("Lea")
    stack.person("Zed")
    max_ = await stack.sign_in_as(None, "Max")
    assert (await seats(max_))["limit"] is None
    await allow(stack, 9)
    await invite(max_, await user_id_of(max_, ian))
    await invite(max_, await user_id_of(max_, lea))
    await admit(stack, await user_id_of(max_, kim), "guest")
    stack.emulator.deactivate_user(lea)
    await stack.deliver()
    wanted = {"limit": 9, "joined": 1, "invited": 1, "invitable": 1, "guests": 1}
    assert await seats(max_) == wanted
    await stack.sign_in(ian)
    assert await seats(max_) == wanted | {"joined": 2, "invited": 0}
    # Invariant 9: another organization's are its own.
    eve = await Stack(stack.app, stack.emulator, stack.clock).sign_in_as(None, "Eve")
    assert await seats(eve) == {
        "limit": None, "joined": 1, "invited": 0, "invitable": 0, "guests": 0,
    }  # fmt: skip


async def test_more_are_taken_than_there_are_by_the_same_count(stack: Stack) -> None:
    """Settings and `/team/seats` say the same, whoever takes a seat, and whoever takes none."""
    ian, kim, lea = stack.person("Ian"), stack.person("Kim"), stack.person("Lea")
    adam = await stack.sign_in_as("Admins", "Adam")
    leas = await stack.sign_in(lea)
    program = {"name": "Reports", "role": "author", "reason": "a test"}
    assert (await adam.post("/service-accounts", json=program)).status_code == 201
    await invite(adam, await user_id_of(adam, ian))
    await admit(stack, await user_id_of(adam, kim), "guest")
    taken = 4  # by Adam, Lea, Ian and Kim, and no program
    for limit in range(6):
        await allow(stack, limit)
        found = await seats(adam)
        assert found["joined"] + found["invited"] + found["guests"] == taken
        exceeded = (await ask(adam, "/organization"))["seats_exceeded"]
        assert exceeded is (taken > limit)
    # Who was gone and is back has none until the next sign-in.
    stack.emulator.deactivate_user(lea)
    await stack.deliver()
    stack.clock.advance(1)
    stack.emulator.reactivate_user(lea)
    await stack.deliver()
    assert (await leas.get("/me")).status_code == 401
    await allow(stack, 3)
    found = await seats(adam)
    assert found["joined"] + found["invited"] + found["guests"] == 3
    assert (await ask(adam, "/organization"))["seats_exceeded"] is False


async def test_inviting_takes_one_and_withdrawing_gives_it_back(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    max_ = await stack.sign_in_as(None, "Max")
    first, second = [await user_id_of(max_, person) for person in (ian, kim)]
    await allow(stack, 2)
    assert await invite(max_, first) == "invited"
    refused = await max_.post(f"/team/{second}/invitation")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_seats")
    assert "Withdraw an invitation" in refused.json()["detail"]
    assert await invite(max_, first) == "invited", "a new link needs no other seat"
    assert (await max_.delete(f"/team/{first}/invitation")).status_code == 204
    assert await invite(max_, second) == "invited"


async def test_of_several_the_first_get_what_is_left(stack: Stack) -> None:
    people = [stack.person("Ian") for _ in range(4)]
    max_ = await stack.sign_in_as(None, "Max")
    ids = [await user_id_of(max_, person) for person in people]
    await invite(max_, ids[3])
    await allow(stack, 4)
    answer = await max_.post("/team/invitations", json={"user_ids": ids})
    assert [item["outcome"] for item in answer.json()["items"]] == [
        "invited", "invited", "no_seats", "invited",
    ]  # fmt: skip


async def test_signing_in_uninvited_needs_one(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    max_ = await stack.sign_in_as(None, "Max")
    await allow(stack, 2)
    await invite(max_, await user_id_of(max_, ian))
    assert await stack.refused(kim) == "no_seats"
    assert [item["status"] for item in (await ask(max_, "/team", q=kim.email))["items"]] == [
        "invitable"
    ]
    await stack.sign_in(ian)  # whose seat it is
    assert await stack.refused(kim) == "no_seats"
    await allow(stack, 3)
    await stack.sign_in(kim)


async def test_who_has_joined_keeps_theirs_until_they_are_gone(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    max_ = await stack.sign_in_as(None, "Max")
    await stack.sign_in(ian)
    await allow(stack, 1)  # there are more already
    await stack.sign_in(ian)
    assert (await seats(max_))["joined"] == 2
    assert await stack.refused(kim) == "no_seats"
    await allow(stack, 2)
    stack.emulator.deactivate_user(ian)
    await stack.deliver()
    await stack.sign_in(kim)
    stack.clock.advance(1)
    back = stack.emulator.reactivate_user(ian)
    await stack.deliver()
    stack.clock.advance(15)
    assert await stack.refused(back) == "no_seats"
    await allow(stack, 3)
    await stack.sign_in(back)
    assert (await seats(max_))["joined"] == 3


async def test_guests_take_one_and_programs_none(stack: Stack) -> None:
    ian, kim, bot = stack.person("Ian"), stack.person("Kim"), stack.person("Bot")
    max_ = await stack.sign_in_as(None, "Max")
    await admit(stack, await user_id_of(max_, bot), "service")
    await allow(stack, 2)
    await admit(stack, await user_id_of(max_, ian), "guest")
    assert await invite(max_, await user_id_of(max_, kim)) == "no_seats"
    assert await stack.refused(kim) == "no_seats"
    await stack.sign_in(ian)  # who has theirs


async def test_without_a_directory(stack: Stack) -> None:
    here = stack.emulator.create_organization("Without").id
    await stack.sign_in("jo@without.example", organization_id=here)
    await allow(stack, 1, here)
    await stack.sign_in("jo@without.example", organization_id=here)
    assert await stack.refused("kim@without.example", organization_id=here) == "no_seats"
    async with stack.database.connect() as connection:
        users = await connection.exec_driver_sql(
            f"SELECT email FROM users WHERE organization_id = '{here}'"
        )
        assert users.scalars().all() == ["jo@without.example"]


async def test_many_at_once_take_no_more_than_there_are(stack: Stack) -> None:
    """Signing in, inviting one and inviting several, all at the same moment."""
    people = [stack.person("Ian") for _ in range(12)]
    max_ = await stack.sign_in_as(None, "Max")
    ids = [await user_id_of(max_, person) for person in people]
    await allow(stack, 4)

    async def enter(number: int) -> str:
        _, location = await stack.try_sign_in(people[number])
        return "in" if location == "/dashboard" else location

    async def several(*numbers: int) -> str:
        body = {"user_ids": [ids[number] for number in numbers]}
        answer = await max_.post("/team/invitations", json=body)
        assert answer.status_code == 200
        return " ".join(item["outcome"] for item in answer.json()["items"])

    outcomes = await asyncio.gather(
        *(enter(number) for number in range(4)),
        *(invite(max_, ids[number]) for number in range(4, 8)),
        several(8, 9),
        several(11, 10),
    )
    found = await seats(max_)
    assert found["joined"] + found["invited"] == 4, outcomes
    every = " ".join(outcomes).split()
    assert sum(outcome in {"in", "invited"} for outcome in every) == 3
    assert set(every) <= {"in", "invited", "no_seats", "/?error=no_seats"}


class TestWhoMayInvite:
    @pytest.fixture(autouse=True)
    async def _admins(self, stack: Stack) -> None:
        await stack.sign_in_as(None, "Zed")  # so that there is an organization
        await execute(
            stack,
            "UPDATE organizations SET inviters = 'admins' WHERE workos_id = :id",
            id=stack.organization.id,
        )

    async def test_only_admins_where_the_organization_says_so(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        adam = await stack.sign_in_as("Admins", "Adam")
        max_ = await stack.sign_in_as(None, "Max")
        user_id = await user_id_of(adam, ian)
        several = {"user_ids": [user_id]}
        for method, path, body in (
            ("POST", f"/team/{user_id}/invitation", None),
            ("POST", "/team/invitations", several),
            ("DELETE", f"/team/{user_id}/invitation", None),
        ):
            refused = await max_.request(method, path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
            assert "only admins invite" in refused.json()["detail"]
            assert (await adam.request(method, path, json=body)).is_success
