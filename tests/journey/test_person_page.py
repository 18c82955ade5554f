"""What an administrator does on somebody's page, by the keyboard alone."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from tests.journey.people import ADMIN, MEMBER, Person
from tests.journey.test_frame import violations
from tests.journey.test_people_pages import open_person

pytestmark = pytest.mark.browser


async def ids_of(page: Page) -> dict[str, str]:
    people = await page.evaluate("""async () => (await (await fetch("/team")).json()).items""")
    return {person["name"]: person["id"] for person in people}


async def test_by_the_keyboard_alone_posts_are_handed_over(admin: Person, member: Person) -> None:
    del member  # who has joined, and so may be given something
    page = admin.page
    title = f"Post {uuid4()}"
    assert await admin.request("POST", "/posts", {"title": title, "content": "."}) == 201
    grants = f"/people/{(await ids_of(page))[MEMBER]}/grants"
    given = {"role": "author", "reason": "Takes the posts over"}
    await open_person(page, ADMIN)
    await page.get_by_role("button", name="Hand over…").press("Enter")
    dialog = page.get_by_role("dialog", name="Hand over what Ada wrote")
    await expect(dialog.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("Moreau")
    await expect(dialog.get_by_role("status")).to_contain_text("Nobody of that name may write")
    assert await admin.request("POST", grants, given) in {200, 201, 204}
    await page.keyboard.press("Backspace")
    await expect(dialog.get_by_role("radio", name=MEMBER)).to_be_checked()
    assert await violations(page) == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"The posts now belong to {MEMBER}.").first).to_be_visible()
    await expect(page.get_by_role("button", name="Hand over…")).to_have_count(0)
    await page.goto("/dashboard")
    await expect(page.get_by_role("article", name=title)).to_contain_text(MEMBER)
    assert await admin.request("DELETE", f"{grants}/author") == 204


async def test_by_the_keyboard_alone_somebody_is_signed_out_everywhere(
    admin: Person, member: Person
) -> None:
    page = admin.page
    await open_person(page, MEMBER)
    await page.get_by_role("button", name="Sign out everywhere").press("Enter")
    dialog = page.get_by_role("dialog", name="Sign Ben out everywhere?")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Sign out everywhere").press("Enter")
    await expect(page.get_by_text(f"{MEMBER} is signed out everywhere.").first).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out everywhere")).to_have_count(0)
    await member.is_shut_out()


async def test_by_the_keyboard_alone_one_sees_what_somebody_might_do_on_a_day(
    admin: Person, member: Person
) -> None:
    del member
    page = admin.page
    await open_person(page, MEMBER)
    day = page.get_by_label("As of")
    yesterday = datetime.now(UTC) - timedelta(days=2)
    await day.focus()
    await page.keyboard.type(f"{yesterday:%m%d%Y}")
    await expect(page.get_by_text("Nothing is noted of them up to then")).to_be_visible()
    await expect(page).to_have_url(f"{page.url.split('?')[0]}?as_of={yesterday:%Y-%m-%d}")
    assert await violations(page) == []
    await page.get_by_role("button", name="Back to now").press("Enter")
    await expect(page.get_by_text("Nothing is noted of them")).to_have_count(0)

    today = await page.evaluate("new Date().toLocaleDateString('en-CA')")
    await page.goto(f"{page.url.split('?')[0]}?as_of={today}")
    await expect(page.get_by_text("Could enter: Member")).to_be_visible()
    await expect(page.get_by_text("So it was since")).to_be_visible()


async def test_by_the_keyboard_alone_workos_portal_is_opened(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/settings")
    button = page.get_by_role("button", name="Open portal: Directory")
    await button.press("Enter")
    await expect(page.get_by_text("Admin Portal of Journey")).to_be_visible()
    await page.get_by_role("link", name="Back to the application").press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
