"""What paying users of other systems ran into, one test each, under the name of the report."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backend.workos.signatures import TOLERANCE_MS
from emulator.testing import User
from tests.events_api import PAST_THE_TRAIL, polling
from tests.explaining import execute, user_id_of
from tests.reconciling import completed
from tests.stack import Stack, as_body, new_event, post_webhook, signed, user_data

POST = {"title": "t", "content": "c"}

Leaving = Callable[[Stack, User], Awaitable[None]]


@pytest.mark.parametrize("state", ["inactive", "suspended", "anything else"])
async def test_former_employees_keep_access_because_state_is_ignored(
    stack: Stack, state: str
) -> None:
    """dust-tt/dust#27643. Invariant 2."""
    stack.emulator.settings.retain_deactivated = True
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.deactivate_user(ann)
    (updated,) = stack.skip()
    updated["data"]["state"] = state
    assert await stack.post_event(updated) == "applied"
    assert (await browser.get("/posts")).status_code == 401
    assert await stack.refused(ann) == "deactivated"


async def test_what_was_handed_out_outlives_the_person(stack: Stack) -> None:
    """BerriAI/litellm#26861. Invariant 2: every session ends, in every browser."""
    ann = stack.person("Ann")
    await stack.deliver()
    browsers = [await stack.sign_in(ann) for _ in range(3)]
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    for browser in browsers:
        for path in ("/me", "/posts", "/team"):
            assert (await browser.get(path)).status_code == 401
        assert (await browser.post("/posts", json=POST)).status_code == 401


async def test_an_acknowledged_webhook_skipped_by_a_polling_cursor(own_stack: Stack) -> None:
    """get-convex/workos-authkit#73. Invariant 5: what a webhook brought moves no cursor."""
    stack = own_stack
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.deactivate_user(ann)
    stack.skip()  # its webhook never comes
    bob = stack.person("Bob")
    await stack.deliver()
    stack.clock.advance(PAST_THE_TRAIL)
    async with polling(stack) as poller:
        assert (await poller.outcomes())["applied"] > 0
    assert (await browser.get("/me")).status_code == 401
    assert await stack.roles(await stack.sign_in(bob)) == ["member"]


async def test_a_full_sync_overtaking_a_deletion(stack: Stack) -> None:
    """firezone/firezone#15024. Invariant 8: listed a moment before she left, she stays out."""
    ann, bob = stack.person("Ann"), stack.person("Bob")
    stack.group("Authors", ann, bob)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    paths: list[str] = []

    async def meddle(_number: int, request: Any) -> None:
        paths.append(request.url.path)
        if paths[-2:] == ["/directory_users", "/directory_groups"]:
            stack.clock.advance(60)
            stack.emulator.delete_user(ann)
            await stack.deliver()

    await completed(stack, meddle)
    assert (await browser.get("/me")).status_code == 401
    await completed(stack)
    assert (await browser.get("/me")).status_code == 401
    assert await stack.roles(await stack.sign_in(bob)) == ["member", "author"]


async def test_reconciliation_wiping_manual_roles(stack: Stack) -> None:
    """FusionAuth/fusionauth-issues#3273. A role given by hand is no part of the mirror."""
    ann = stack.person("Ann")
    authors = stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    await execute(
        stack,
        "INSERT INTO role_grants (user_id, role, organization_id) VALUES (:id, 'admin', :org)",
        id=await user_id_of(browser, ann),
        org=stack.organization.id,
    )
    stack.emulator.remove_member(authors, ann)
    stack.skip()
    await completed(stack)
    assert await stack.roles(browser) == ["member", "admin"]


async def test_a_removal_that_creates(stack: Stack) -> None:
    """dust-tt/dust#30259. Invariant 4: neither a person nor a user, by any removal."""
    ghost = user_data(stack, first_name="Ghost")
    group = user_data(stack) | {"id": "directory_group_ghost", "name": "Admins"}
    for kind, data in (
        ("dsync.group.user_removed", {"user": ghost, "group": group}),
        ("dsync.user.deleted", ghost),
        ("dsync.group.deleted", group),
    ):
        assert await stack.post_event(new_event(kind, data)) == "applied"
    assert await stack.refused("ghost@acme.example", idp_id=ghost["idp_id"]) == "not_in_directory"
    zed = await stack.sign_in_as(None, "Zed")
    assert (await zed.get("/team", params={"q": "Ghost"})).json()["items"] == []


async def test_a_rename_that_loses_roles(stack: Stack) -> None:
    """simstudioai/sim#7567. A mapping is by the group's id; a rename changes only the label."""
    ann = stack.person("Ann")
    authors = stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.rename_group(authors, "Editors")
    await stack.deliver()
    assert await stack.roles(browser) == ["member", "author"]
    found = (await browser.get("/team", params={"q": ann.email})).json()["items"][0]
    assert found["groups"] == ["Editors"]


async def test_account_takeover_by_e_mail_adoption(stack: Stack) -> None:
    """intuitem/ciso-assistant-community#4658. Invariant 11."""
    ann = stack.person("Ann")
    stack.group("Admins", ann)
    await stack.deliver()
    await stack.sign_in(ann)
    assert await stack.refused(ann, idp_id="someone-else") == "not_in_directory"


async def test_a_removed_person_re_created_by_just_in_time_sign_in(stack: Stack) -> None:
    """triggerdotdev/trigger.dev#4148."""
    ann = stack.person("Ann")
    await stack.deliver()
    await stack.sign_in(ann)
    who = {"who": str(ann.email), "idp_id": ann.idp_id}
    stack.emulator.delete_user(ann)
    await stack.deliver()
    assert await stack.refused(**who) == "deactivated"
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    assert await stack.refused(**who) == "deactivated"


async def test_members_frozen_when_the_directory_goes(stack: Stack) -> None:
    """dust-tt/dust#18452. Nobody stays in by having been in, and a new directory lets them back."""
    ann = stack.person("Ann")
    stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    assert (await browser.get("/posts")).status_code == 401
    stack.directory = stack.emulator.create_directory(stack.organization.id, "New Okta")
    ann = stack.emulator.create_user(
        stack.directory.id, email=str(ann.email), first_name="Ann", idp_id=ann.idp_id
    )
    await stack.deliver()
    # Them, and not the session that they had.
    assert (await browser.get("/posts")).status_code == 401
    assert await stack.roles(await stack.sign_in(ann)) == ["member"]


async def test_an_invitation_that_outlives_the_invitee(stack: Stack) -> None:
    """getsentry/sentry#45430."""
    zed = await stack.sign_in_as(None, "Zed")
    ann = stack.person("Ann")
    await stack.deliver()
    (found,) = (await zed.get("/team", params={"q": ann.email})).json()["items"]
    link = (await zed.post(f"/team/{found['id']}/invitation")).json()["url"]
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    ended = "/?error=invitation_invalid"
    assert (await stack.browser().get(link)).headers["location"] == ended
    # Nor is it there again for somebody who comes back.
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    assert (await stack.browser().get(link)).headers["location"] == ended
    (found,) = (await zed.get("/team", params={"q": ann.email})).json()["items"]
    assert found["status"] == "invitable"


async def lose_and_list(stack: Stack, ann: User) -> None:
    stack.emulator.delete_user(ann)
    stack.skip()
    await completed(stack)


async def connect_another_directory(stack: Stack, _: User) -> None:
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    stack.directory = stack.emulator.create_directory(stack.organization.id, "Another")
    stack.emulator.create_user(stack.directory.id, email="zed@acme.example", idp_id="00uZed")


@pytest.mark.parametrize("leave", [lose_and_list, connect_another_directory])
async def test_an_invitation_that_comes_back_with_the_invitee(stack: Stack, leave: Leaving) -> None:
    """As above, where no event of the invitee's own ended it."""
    zed, ann = stack.person("Zed", "zed@acme.example", idp_id="00uZed"), stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(zed)
    (found,) = (await browser.get("/team", params={"q": ann.email})).json()["items"]
    link = (await browser.post(f"/team/{found['id']}/invitation")).json()["url"]
    await leave(stack, ann)
    stack.emulator.create_user(stack.directory.id, email=str(ann.email), idp_id=ann.idp_id)
    await stack.deliver()
    browser = await stack.sign_in("zed@acme.example", idp_id="00uZed")
    (back,) = (await browser.get("/team", params={"q": ann.email})).json()["items"]
    assert (back["id"], back["status"]) == (found["id"], "invitable")
    ended = "/?error=invitation_invalid"
    assert (await stack.browser().get(link)).headers["location"] == ended


async def test_milliseconds_read_as_seconds(stack: Stack) -> None:
    """adcontextprotocol/adcp#436. Invariant 6: the time of a signature is in milliseconds."""
    body = as_body(new_event("dsync.user.created", user_data(stack)))
    now_ms = time.time_ns() // 1_000_000
    for at_ms in (now_ms // 1000, now_ms - TOLERANCE_MS - 1000, now_ms + TOLERANCE_MS + 1000):
        answer = await post_webhook(stack, body, signed(stack, body, at_ms))
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert (await post_webhook(stack, body)).json() == {"outcome": "applied"}
