"""Sessions, tokens and service accounts on their pages."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journey.people import ADMIN, MEMBER, Administrator, Person, Stack, entered

pytestmark = pytest.mark.browser

MOST_TOKENS = 50


async def status_by(page: Page, secret: str) -> int:
    """What the API answers to a program with the token alone."""
    status: int = await page.evaluate(
        """async (secret) => (await fetch("/posts", {
            credentials: "omit", headers: {Authorization: `Bearer ${secret}`},
        })).status""",
        secret,
    )
    return status


async def secret_shown(page: Page) -> str:
    field = page.get_by_role("dialog").get_by_label("Token", exact=True)
    await expect(field).to_be_focused()
    return await field.input_value()


async def test_by_the_keyboard_alone_a_token_is_made_and_ended(member: Person) -> None:
    page = member.page
    await page.goto("/dashboard/account")
    await page.get_by_role("button", name="New token").press("Enter")
    await page.keyboard.type("Nightly report")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New token").press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Nightly report")
    await page.keyboard.press("Enter")
    secret = await secret_shown(page)
    assert secret.startswith("rc_")
    assert await status_by(page, secret) == 200
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert secret not in await page.content()

    await page.get_by_role("button", name="End the token Nightly report").press("Enter")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No tokens")).to_be_visible()
    assert await status_by(page, secret) == 401


async def test_what_a_token_needs_is_said_at_its_field(member: Person) -> None:
    page = member.page
    await page.goto("/dashboard/account")
    await page.get_by_role("button", name="New token").click()
    await page.get_by_role("checkbox", name="Read").uncheck()
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await expect(page.get_by_text("Give it a name.")).to_be_visible()
    await expect(page.get_by_text("Choose at least one.")).to_be_visible()


async def test_one_token_too_many_is_explained(member: Person) -> None:
    page = member.page
    body = {"name": "One of many", "scopes": ["read"]}
    for _ in range(MOST_TOKENS):
        assert await member.request("POST", "/tokens", body) == 201
    await page.goto("/dashboard/account")
    await expect(page.get_by_role("listitem").filter(has_text="One of many")).to_have_count(50)
    await page.get_by_role("button", name="New token").click()
    await page.get_by_label("Name", exact=True).fill("One too many")
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_role("alert")).to_contain_text("End one that is not used any more")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("One too many")


async def test_by_the_keyboard_alone_another_session_is_ended(
    running: Stack, chromium: Browser, member: Person
) -> None:
    others = [await entered(running, chromium, MEMBER) for _ in range(2)]
    page = member.page
    await page.goto("/dashboard/account")
    ends = page.get_by_role("button", name="End the session of")
    await expect(ends.first).to_be_visible()
    known = await ends.count()
    assert known >= len(others)
    await ends.first.press("Enter")
    await expect(ends).to_have_count(known - 1)
    await page.get_by_role("button", name="End all others").press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(ends).to_have_count(0)
    for other in others:
        await other.page.reload()
        await expect(other.page.get_by_role("link", name="Continue as")).to_be_visible()
        await other.page.context.close()
    await page.reload()
    await expect(page.get_by_text("this one")).to_be_visible()


async def test_a_language_that_was_chosen_stays(member: Person) -> None:
    page = member.page
    await page.goto("/dashboard/account")
    await page.get_by_label("Language").select_option(label="Deutsch")
    await expect(page.get_by_role("heading", name="Sitzungen")).to_be_visible()
    await page.goto("/dashboard")
    await expect(page.get_by_role("heading", name="Beiträge")).to_be_visible()
    await page.goto("/dashboard/account")
    await page.get_by_label("Sprache").select_option(index=0)
    await expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


async def test_by_the_keyboard_alone_a_service_account_is_set_up_and_ended(
    running: Stack, chromium: Browser, administrator: Administrator
) -> None:
    del administrator
    admin = await entered(running, chromium, ADMIN)
    page = admin.page
    await page.goto("/dashboard/settings")
    await page.get_by_role("button", name="New service account").press("Enter")
    await page.keyboard.type("Release notes")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Au")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Posts what was released.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="New token of Release notes")).to_be_visible()
    await page.keyboard.type("Pipeline")
    await page.keyboard.press("Enter")
    secret = await secret_shown(page)
    assert await status_by(page, secret) == 200
    await page.keyboard.press("Escape")
    everybodys = page.get_by_role("list", name="Everybody's tokens")
    await expect(everybodys).to_contain_text("Release notes (service account)")

    await page.get_by_role("button", name="Actions for Release notes").press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No service accounts")).to_be_visible()
    await expect(page.get_by_text("Pipeline")).to_have_count(0)
    assert await status_by(page, secret) == 401
    await page.context.close()
