"""What the tutorial's own application gets wrong, one test each, in the words of the defect."""

import asyncio
from typing import Any

import httpx
import pytest

from emulator.testing import User
from tests.stack import Stack, new_event, post_webhook, signed, user_data

POST = {"title": "t", "content": "c"}


async def write(browser: httpx.AsyncClient) -> Any:
    return (await browser.post("/posts", json=POST)).json()


async def known(stack: Stack, person: User) -> Any:
    """How the team shows somebody."""
    browser = await stack.sign_in_as(None, "Zed")
    (found,) = (await browser.get("/team", params={"q": person.email})).json()["items"]
    return found


async def test_deletes_posts_by_an_unauthenticated_get(stack: Stack) -> None:
    ann = await stack.sign_in_as("Admins")
    path = f"/posts/{(await write(ann))['id']}"
    for browser in (stack.browser(), ann):
        for query in ("", "/delete", "?_method=DELETE"):
            await browser.get(path + query)
    assert (await stack.browser().delete(path)).status_code == 401
    assert (await ann.get(path)).status_code == 200


async def test_never_checks_the_authors_role(stack: Stack) -> None:
    max_ = await stack.sign_in_as("Sales")
    assert (await max_.post("/posts", json=POST)).status_code == 403


@pytest.mark.parametrize("again", [False, True])
async def test_a_late_or_repeated_created_event_wipes_roles(stack: Stack, *, again: bool) -> None:
    ann = stack.person()
    (created,) = [event for event in stack.skip() if event["event"] == "dsync.user.created"]
    if again:
        await stack.post_event(created)
    stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    assert await stack.roles(browser) == ["member", "author"]
    await stack.post_event(created)
    assert await stack.roles(browser) == ["member", "author"]


async def test_user_removed_creates_a_person(stack: Stack) -> None:
    """Invariant 4."""
    ghost = user_data(stack, first_name="Ghost")
    group = {**user_data(stack), "id": "directory_group_ghost", "name": "Authors"}
    event = new_event("dsync.group.user_removed", {"user": ghost, "group": group})
    assert await stack.post_event(event) == "applied"
    zed = await stack.sign_in_as(None, "Zed")
    assert (await zed.get("/team", params={"q": "Ghost"})).json()["items"] == []


async def test_ignores_reactivation_new_names_and_new_addresses(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    ann = stack.emulator.reactivate_user(ann)
    ann = stack.emulator.update_user(
        ann, first_name="Anna", last_name="Roe", email="roe@acme.example"
    )
    await stack.deliver()
    found = await known(stack, ann)
    assert (found["name"], found["email"]) == ("Anna Roe", "roe@acme.example")
    assert found["status"] == "invitable"
    assert (await (await stack.sign_in(ann)).get("/me")).json()["name"] == "Anna Roe"


@pytest.mark.parametrize("retained", [False, True])
async def test_never_reads_active(stack: Stack, *, retained: bool) -> None:
    """Invariant 2: the very next request after the event was answered."""
    stack.emulator.settings.retain_deactivated = retained
    ann = stack.person()
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.deactivate_user(ann)
    assert await stack.deliver() == ["applied"]
    assert (await browser.get("/me")).status_code == 401
    _, location = await stack.try_sign_in(ann)
    assert location == "/?error=deactivated"


async def test_the_first_sign_in_before_the_event_crashes(stack: Stack) -> None:
    ann = stack.person()
    stack.skip()
    stack.clock.advance(15)
    assert (await (await stack.sign_in(ann)).get("/me")).status_code == 200


async def test_ignores_deleted_and_renamed_groups(stack: Stack) -> None:
    ann = stack.person()
    group = stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    group = stack.emulator.rename_group(group, "Writers")
    await stack.deliver()
    assert (await known(stack, ann))["groups"] == ["Writers"]
    assert await stack.roles(browser) == ["member", "author"]
    stack.emulator.delete_group(group)
    await stack.deliver()
    assert (await known(stack, ann))["groups"] == []
    assert await stack.roles(browser) == ["member"]


async def test_ignores_a_deleted_directory(stack: Stack) -> None:
    browser = await stack.sign_in_as("Admins")
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401


async def test_roles_are_upper_cased_group_names(stack: Stack) -> None:
    ann = stack.person()
    for name in ("ADMIN", "admins", "AUTHORS", "author", "Authors "):
        stack.group(name, ann)
    await stack.deliver()
    assert await stack.roles(await stack.sign_in(ann)) == ["member"]


async def test_roles_sit_in_an_array_changed_without_a_lock(stack: Stack) -> None:
    """Two changes at once: neither is lost."""
    ann = stack.person()
    await stack.deliver()
    stack.group("Authors", ann)
    stack.group("Admins", ann)
    await asyncio.gather(*(stack.post_event(event) for event in stack.skip()))
    roles = await stack.roles(await stack.sign_in(ann))
    assert sorted(roles) == ["admin", "author", "member"]


async def test_knows_no_order_and_no_duplicates(stack: Stack) -> None:
    """Invariant 3."""
    ann = stack.person()
    group = stack.group("Authors", ann)
    stack.emulator.remove_member(group, ann)
    for event in reversed(stack.skip() * 2):
        await stack.post_event(event)
    assert await stack.roles(await stack.sign_in(ann)) == ["member"]


async def test_signs_reserialised_json(stack: Stack) -> None:
    body = b'{ "id":"event_spaced" ,"event":"x.y", "data":{}, "created_at":"2026-01-15 12:00:00"}'
    assert (await post_webhook(stack, body)).status_code == 200
    compact = body.replace(b" ", b"")
    assert (await post_webhook(stack, compact, signed(stack, body))).status_code == 401


async def test_has_no_state(stack: Stack) -> None:
    ann = stack.person()
    await stack.deliver()
    victim = stack.browser()
    code = stack.emulator.sso_code(ann, stack.organization.id)
    await victim.get("/auth/callback", params={"code": code, "state": "of-the-attacker"})
    assert (await victim.get("/me")).status_code == 401


async def test_keeps_the_session_id_at_sign_in(stack: Stack) -> None:
    ann = stack.person()
    await stack.deliver()
    browser = await stack.sign_in(ann)
    before = browser.cookies["rollcall_session"]
    await stack.finish_sign_in(browser, stack.emulator.sso_code(ann, stack.organization.id))
    assert browser.cookies["rollcall_session"] != before


async def test_keeps_the_session_after_signing_out(stack: Stack) -> None:
    browser = await stack.sign_in_as(None)
    cookie = {"Cookie": f"rollcall_session={browser.cookies['rollcall_session']}"}
    await browser.post("/auth/logout")
    assert (await stack.browser().get("/me", headers=cookie)).status_code == 401


async def test_team_shows_the_first_ten_by_a_live_call(stack: Stack) -> None:
    for _ in range(12):
        stack.person("Pat")
    zed = await stack.sign_in_as(None, "Zed")
    stack.app.state.workos = None  # nothing may be asked
    people = (await zed.get("/team", params={"limit": 100})).json()["items"]
    assert len(people) == 13
    assert {person["status"] for person in people} == {"invitable", "joined"}


async def test_offers_joined_people_for_invitation(stack: Stack) -> None:
    zed = await stack.sign_in_as(None, "Zed")
    invitable = await zed.get("/team", params={"status": "invitable"})
    assert invitable.json()["items"] == []
    me = (await zed.get("/me")).json()["id"]
    assert (await zed.post(f"/team/{me}/invitation")).status_code == 409


async def test_invitations_do_nothing(stack: Stack) -> None:
    ian = stack.person("Ian")
    found = await known(stack, ian)
    zed = await stack.sign_in_as(None, "Zoe")
    invited = (await zed.post(f"/team/{found['id']}/invitation")).json()
    code = stack.emulator.sso_code(ian, stack.organization.id)
    browser = stack.browser()
    location = await stack.finish_sign_in(browser, code, invited["url"])
    assert location.startswith("/dashboard/welcome?")
    assert (await browser.get("/me")).json()["id"] == found["id"]


async def test_posts_keep_a_dangling_author(stack: Stack) -> None:
    """Invariant 10."""
    ann = stack.person("Ann", last_name="Lee")
    stack.group("Authors", ann)
    await stack.deliver()
    post = await write(await stack.sign_in(ann))
    stack.emulator.delete_user(ann)
    await stack.deliver()
    zed = await stack.sign_in_as(None, "Zed")
    assert (await zed.get(f"/posts/{post['id']}")).json()["author"]["name"] == "Ann Lee"
