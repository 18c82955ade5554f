"""What an administrator does about people and roles, by the keyboard alone."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journey.people import Administrator, Person, Stack
from tests.journey.test_frame import ADMIN, MEMBER, entered, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    administrator = await Administrator.arrive(running, chromium)
    for group in ("Admins", "Editors"):
        await administrator.create_group(group)
    await administrator.put_into(ADMIN, "Admins")
    await administrator.put_into(MEMBER, "Editors")
    return administrator


@pytest.fixture
async def admin(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, ADMIN)
    yield person
    await person.page.context.close()


async def open_person(page: Page, name: str) -> None:
    await page.goto("/dashboard/team")
    await page.get_by_role("link", name=name).press("Enter")
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


async def test_by_the_keyboard_alone_a_role_is_given_and_taken(admin: Person) -> None:
    page = admin.page
    await open_person(page, MEMBER)
    await expect(page.get_by_role("heading", name="Why Ben can read")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Give a role…").press("Enter")
    await expect(page.get_by_label("Role", exact=True)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Writes the minutes")
    assert await violations(page) == []
    await page.get_by_role("button", name="Give role", exact=True).press("Enter")
    await expect(page.get_by_role("heading", name="Why Ben can write")).to_be_visible()
    await expect(page.get_by_text("Writes the minutes").first).to_be_visible()

    await page.get_by_role("button", name="Take the role Author").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Take").press("Enter")
    await expect(page.get_by_role("heading", name="Why Ben can read")).to_be_visible()


async def test_by_the_keyboard_alone_somebody_is_blocked_and_let_in_again(admin: Person) -> None:
    page = admin.page
    await open_person(page, MEMBER)
    await page.get_by_role("button", name="Block…").press("Enter")
    block = page.get_by_role("dialog").get_by_role("button", name="Block", exact=True)
    await block.press("Enter")
    await expect(page.get_by_text("Say why")).to_be_visible()
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("Laptop stolen")
    await block.press("Enter")
    await expect(page.get_by_role("heading", name="Why Ben cannot enter")).to_be_visible()
    await expect(page.get_by_text("Laptop stolen").first).to_be_visible()
    assert await violations(page) == []

    await page.get_by_role("button", name="Unblock").press("Enter")
    await expect(page.get_by_role("heading", name="Why Ben can read")).to_be_visible()


async def test_by_the_keyboard_alone_a_group_gives_a_role_after_a_preview(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/roles")
    await page.get_by_role("button", name="Add a group to Author").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("Edit")
    await dialog.get_by_role("radio", name="Editors").press("Space")
    await expect(dialog.get_by_role("status")).to_contain_text("1 person gains Author")
    await expect(dialog.get_by_role("status")).to_contain_text(MEMBER)
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Save").press("Enter")
    row = page.get_by_role("list", name="What gives the role Author").get_by_text("Editors")
    await expect(row).to_be_visible()

    await page.get_by_role("button", name="Remove Editors from Author").press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("1 person loses Author")
    await dialog.get_by_role("button", name="Remove").press("Enter")
    await expect(row).to_have_count(0)


async def test_the_last_admins_group_stays_and_it_is_said_why(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/roles")
    await page.get_by_role("button", name="Remove Admins from Admin").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("status")).to_contain_text("Nobody could administer any more")
    await expect(dialog.get_by_role("button", name="Remove")).to_be_disabled()


async def test_a_mapping_changed_meanwhile_is_shown_before_it_is_saved(admin: Person) -> None:
    """Two administrators at once: the second is told, sees what is there now, and chooses."""
    page = admin.page
    await page.goto("/dashboard/roles")
    await page.get_by_role("button", name="Add a group to Author").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("radio", name="Editors").press("Space")
    await expect(dialog.get_by_role("status")).to_contain_text("gains Author")
    group = await page.evaluate(
        """async () => (await (await fetch("/roles/groups?q=Editors")).json()).items[0]"""
    )
    other = {"roles": ["admin"], "version": group["version"]}
    assert await admin.request("PUT", f"/roles/mappings/{group['id']}", other) == 200
    await dialog.get_by_role("button", name="Save").press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("Editors gives by now: Admin")
    await dialog.get_by_role("button", name="Save").press("Enter")
    await expect(dialog).to_have_count(0)
    group = await page.evaluate(
        """async () => (await (await fetch("/roles/groups?q=Editors")).json()).items[0]"""
    )
    assert {mapped["role"] for mapped in group["roles"]} == {"admin", "author"}
    none = {"roles": [], "version": group["version"]}
    assert await admin.request("PUT", f"/roles/mappings/{group['id']}", none) == 200


async def test_by_the_keyboard_alone_a_setting_is_changed(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/settings")
    await page.get_by_label("Seats").press("5")
    save = page.get_by_role("button", name="Save changes")
    await save.press("Enter")
    await expect(page.get_by_text("Saved.", exact=True).first).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Seats")).to_have_value("5")


async def test_of_two_who_change_settings_at_once_neither_is_lost(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/settings")
    days = page.get_by_label("Days that a token may last")
    await days.fill("30")
    version = await page.evaluate(
        """async () => (await (await fetch("/organization")).json()).version"""
    )
    other = {"version": version, "inviters": "admins"}
    assert await admin.request("PATCH", "/organization", other) == 200
    save = page.get_by_role("button", name="Save changes")
    await save.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Somebody else changed the settings")
    await expect(save).not_to_have_attribute("aria-disabled", "true")
    await expect(days).to_have_value("30")
    await save.press("Enter")
    await expect(page.get_by_text("Saved.", exact=True).first).to_be_visible()
    now = await page.evaluate("""async () => await (await fetch("/organization")).json()""")
    assert (now["token_days_max"], now["inviters"]) == (30, "admins")


async def test_the_checklist_says_what_an_organization_still_lacks(
    admin: Person, administrator: Administrator
) -> None:
    page = admin.page
    await page.goto("/dashboard/settings")
    checklist = page.get_by_role("region", name="Set up")
    second = checklist.get_by_role("listitem").filter(has_text="A second administrator")
    await expect(second).to_contain_text("to do")
    await administrator.put_into(MEMBER, "Admins")
    await page.reload()
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    await expect(second.filter(has_text="to do")).to_have_count(0)
    await administrator.take_out_of(MEMBER, "Admins")


async def test_by_the_keyboard_alone_several_are_invited_and_all_are_exported(
    admin: Person,
) -> None:
    page = admin.page
    await page.goto("/dashboard/team")
    await expect(page.get_by_role("link", name="Everyone 2")).to_be_visible()
    await page.get_by_role("button", name="Invite people").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name=MEMBER).press("Space")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Invite 1").press("Enter")
    await expect(dialog.get_by_role("button", name=f"Copy: {MEMBER}")).to_be_visible()
    await dialog.get_by_role("button", name="Done").press("Enter")
    await expect(page.get_by_role("row", name=MEMBER)).to_contain_text("Invited")

    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").press("Enter")
    text = (await (await download.value).path()).read_text("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()] == ["Name", ADMIN, MEMBER]
