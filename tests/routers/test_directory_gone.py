"""When the directory is gone: everybody is out, an operator lets the owner in, who decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.errors import NotFound
from backend.services.people import break_glass
from emulator.testing import User
from tests.directory_api import ask, execute, user_id_of
from tests.explaining import why
from tests.routers.test_offboarding import run_job
from tests.stack import Stack


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def lose_the_directory(stack: Stack) -> None:
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    await run_job(stack)


# With the directory, the emulator has forgotten them; their identity provider has not.
async def sign_in(stack: Stack, person: User) -> httpx.AsyncClient:
    return await stack.sign_in(str(person.email), idp_id=person.idp_id)


async def refused(stack: Stack, person: User) -> str:
    return await stack.refused(str(person.email), idp_id=person.idp_id)


async def emergency(stack: Stack, hours: int = 4) -> break_glass.Opened:
    async with stack.database.transaction() as session:
        return await break_glass.let_in(
            session, stack.organization.id, why="The directory was deleted.", hours=hours
        )


@pytest.fixture
async def people(stack: Stack) -> dict[str, Any]:
    """Nora is the owner; Ann writes, Adam administers, and the directory is gone."""
    found = {name: stack.person(name) for name in ("Nora", "Ann", "Adam")}
    stack.group("Admins", found["Adam"])
    stack.group("Authors", found["Ann"])
    await stack.deliver()
    adam = await stack.sign_in(found["Adam"])
    ids = {name: await user_id_of(adam, person) for name, person in found.items()}
    named = await adam.put("/organization/break-glass", json={"user_id": ids["Nora"]})
    assert named.status_code == 204
    assert await ask(adam, "/organization/break-glass") == {"user_id": ids["Nora"]}
    ann = await stack.sign_in(found["Ann"])
    assert (await ask(adam, "/directory/gone"))["gone"] is False
    await lose_the_directory(stack)
    for browser in (adam, ann):
        assert (await browser.get("/me")).status_code == 401
    return {name: (found[name], ids[name]) for name in found}


@pytest.fixture
async def nora(stack: Stack, people: dict[str, Any]) -> httpx.AsyncClient:
    person, _ = people["Nora"]
    assert await refused(stack, person) == "deactivated"
    opened = await emergency(stack)
    assert str(opened.user_id) == people["Nora"][1]
    browser = await sign_in(stack, person)
    assert await stack.roles(browser) == ["member", "admin"]
    return browser


async def test_an_operator_lets_the_owner_in_and_every_admin_is_told(
    stack: Stack, people: dict[str, Any], nora: httpx.AsyncClient
) -> None:
    status = await ask(nora, "/directory")
    (told,) = [trouble for trouble in status["troubles"] if trouble["code"] == "break_glass"]
    assert "Nora" in told["text"]
    assert "The directory was deleted." in told["text"]
    explanation = await why(nora, people["Nora"][1])
    assert explanation["admission"]["kind"] == "break_glass"
    assert "break_glass.used" in [entry["what"] for entry in explanation["history"]["items"]]
    await execute(
        stack,
        "UPDATE admissions SET until = now() - interval '1 s' WHERE organization_id = :here",
        here=stack.organization.id,
    )
    assert (await nora.get("/me")).status_code == 401


async def test_nobody_is_let_in_where_nobody_was_named(stack: Stack) -> None:
    await stack.sign_in_as("Admins", "Adam")
    with pytest.raises(NotFound, match="has named an owner"):
        await emergency(stack)


async def test_an_owner_who_may_enter_is_an_admin_for_the_time(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    nora = await stack.sign_in_as(None, "Nora")
    nora_id = (await stack.me(nora))["id"]
    await adam.put("/organization/break-glass", json={"user_id": nora_id})
    await emergency(stack)
    assert await stack.roles(nora) == ["member", "admin"]
    assert (await why(adam, nora_id))["admission"] is None
    await execute(
        stack,
        "UPDATE role_grants SET until = now() - interval '1 s' WHERE organization_id = :here",
        here=stack.organization.id,
    )
    assert await stack.roles(nora) == ["member"]


async def test_the_facts(people: dict[str, Any], nora: httpx.AsyncClient) -> None:
    facts = await ask(nora, "/directory/gone")
    assert (facts["gone"], facts["directories"], facts["kept"]) == (True, ["Acme Okta"], 0)
    assert facts["people_out"] == 2  # Nora is in
    assert [admin["id"] for admin in facts["admins_out"]] == [people["Adam"][1]]
    assert facts["since"]


async def test_chosen_people_are_let_in_by_sso_alone_and_kept_out_again(
    stack: Stack, people: dict[str, Any], nora: httpx.AsyncClient
) -> None:
    ann, ann_id = people["Ann"]
    wanted = {
        "user_ids": [ann_id, people["Nora"][1]],
        "reason": "She runs the shop.",
        "until": in_days(7),
    }
    dry = await nora.post("/directory/gone/let-in", json=wanted | {"dry_run": True})
    assert dry.status_code == 200
    assert [person["id"] for person in dry.json()["changed"]] == [ann_id]
    assert [person["id"] for person in dry.json()["unchanged"]] == [people["Nora"][1]]
    assert await refused(stack, ann) == "deactivated"
    done = await nora.post("/directory/gone/let-in", json=wanted)
    assert done.json() == dry.json() | {"dry_run": False}
    browser = await sign_in(stack, ann)
    assert await stack.roles(browser) == ["member"]
    assert await refused(stack, people["Adam"][0]) == "deactivated"
    explanation = await why(nora, ann_id)
    assert explanation["admission"]["kind"] == "kept"
    assert "directory_gone.let_in" in [entry["what"] for entry in explanation["history"]["items"]]
    assert (await ask(nora, "/directory/gone"))["kept"] == 1
    out = await nora.post("/directory/gone/keep-out", json={"reason": "Enough."})
    assert [person["id"] for person in out.json()["changed"]] == [ann_id]
    assert (await browser.get("/me")).status_code == 401
    assert await refused(stack, ann) == "deactivated"
    assert (await nora.get("/me")).status_code == 200


async def test_nobody_is_let_in_by_half(
    stack: Stack, people: dict[str, Any], nora: httpx.AsyncClient
) -> None:
    nobody = "01920000-0000-7000-8000-000000000000"
    wanted = {"user_ids": [people["Ann"][1], nobody], "reason": "x", "until": in_days(7)}
    answer = await nora.post("/directory/gone/let-in", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await refused(stack, people["Ann"][0]) == "deactivated"
    answer = await nora.post("/directory/gone/let-in", json=wanted | {"until": in_days(400)})
    assert answer.status_code == 422


async def test_while_there_is_a_directory_it_decides(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    me = (await stack.me(adam))["id"]
    for path, body in [
        ("let-in", {"user_ids": [me], "reason": "x", "until": in_days(7)}),
        ("keep-out", {"reason": "x"}),
    ]:
        answer = await adam.post(f"/directory/gone/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "directory_not_gone")


async def test_whom_the_address_found_before_is_found_after(
    stack: Stack, people: dict[str, Any], nora: httpx.AsyncClient
) -> None:
    """And an identity that never was theirs finds nobody (invariant 11)."""
    ann, ann_id = people["Ann"]
    await nora.post(
        "/directory/gone/let-in",
        json={"user_ids": [ann_id], "reason": "x", "until": in_days(7)},
    )
    assert await stack.refused(str(ann.email), idp_id="somebody-else") in {
        "not_in_directory",
        "identity_conflict",
    }
