"""The audit log as an administrator reads it."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from backend.schemas.audit import AuditAction
from tests.journey.people import ADMIN, Person, Stack
from tests.journey.test_frame import ENGLISH, PHONE

pytestmark = pytest.mark.browser

TITLE = "Assembly line 3 is back " + "W" * 120


@pytest.fixture
async def admin(admin: Person) -> Person:
    """Has written something."""
    assert await admin.request("POST", "/posts", {"title": TITLE, "content": "."}) == 201
    return admin


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


async def test_by_the_keyboard_alone_an_entry_is_read_and_the_list_filtered_and_kept(
    admin: Person, tmp_path: Path
) -> None:
    page = admin.page
    await page.keyboard.type("ga")
    await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    entry = page.get_by_role("complementary", name="Wrote a post")
    await expect(entry).to_contain_text(TITLE)
    assert "entry" in query(page)
    await page.keyboard.press("Escape")
    await expect(entry).to_have_count(0)
    assert "entry" not in query(page)

    await page.get_by_label("Action", exact=True).focus()
    await page.keyboard.type("Wrote")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name="Signed in")).to_have_count(0)
    assert query(page)["action"] == ["post.created"]

    await page.get_by_role("button", name="Export").press("Enter")
    await expect(page.get_by_role("menuitem", name="CSV")).to_be_focused()
    async with page.expect_download() as download:
        await page.keyboard.press("Enter")
    file = tmp_path / "audit.csv"
    await (await download.value).save_as(file)
    header, *lines = file.read_text().splitlines()
    assert header.startswith("id,at,action")
    assert lines
    assert all(",post.created," in line for line in lines)


async def test_an_entrys_address_leads_to_it_whatever_the_list_shows(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/audit?action=post.created")
    await page.get_by_role("link", name="Wrote a post").first.click()
    await expect(page.get_by_role("complementary")).to_contain_text(TITLE)
    (entry,) = query(page)["entry"]
    await page.goto(f"/dashboard/audit?action=audit.pruned&entry={entry}")
    await expect(page.get_by_text("No entry matches")).to_be_visible()
    await expect(page.get_by_role("complementary")).to_contain_text(TITLE)
    await page.goto("/dashboard/audit?entry=0199a1b2-0000-7000-8000-000000000001")
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_what_is_open_beside_the_list_makes_it_not_be_read_again(admin: Person) -> None:
    page = admin.page
    asked: list[str] = []
    await page.goto("/dashboard/audit", wait_until="networkidle")
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    await page.get_by_role("link", name="Wrote a post").first.click()
    await expect(page.get_by_role("complementary")).to_be_visible()
    await page.get_by_role("link", name="Close").click()
    await expect(page.get_by_role("complementary")).to_have_count(0)
    assert "/audit" not in asked


async def test_who_was_admin_on_a_day(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/audit")
    await page.get_by_role("link", name="Who was admin").press("Enter")
    panel = page.get_by_role("complementary")
    await expect(panel.get_by_role("link", name=ADMIN)).to_be_visible()
    await panel.get_by_label("Day").fill("2020-02-29")
    await expect(panel).to_contain_text("Nobody was Admin on Saturday, February 29, 2020.")
    assert query(page)["on"] == ["2020-02-29"]


async def test_on_a_german_page_each_entry_has_a_german_sentence(
    running: Stack, chromium: Browser, admin: Person
) -> None:
    entries = [
        {
            "id": f"01920000-0000-7000-8000-{at:012}",
            "at": "2026-11-03T12:00:00Z",
            "action": action.value,
            "sentence": "This is the sentence of the server.",
            "actor": {"id": "01920000-0000-7000-8000-000000000999", "name": "Ada"},
            "subject": {"kind": "person", "id": "x", "user_id": None, "name": "Ben"},
            "event_id": None,
            "count": None,
            "detail": {"reason": "unreachable", "detail": "This is the fault.", "role": "author"},
        }
        for at, action in enumerate(AuditAction)
    ]

    async def give(route: Route) -> None:
        last = urlsplit(route.request.url).path.rpartition("/")[2]
        page = {"items": entries, "next_cursor": None}
        await route.fulfill(json=next((each for each in entries if each["id"] == last), page))

    state = await admin.page.context.storage_state()
    context = await chromium.new_context(
        base_url=running.application, locale="de-DE", storage_state=state
    )
    page = await context.new_page()
    await page.route(re.compile(r"(?<!dashboard)/audit(\?|/0192|$)"), give)
    await page.goto("/dashboard/audit")
    links = page.locator("tr[data-id] a")
    await expect(links).to_have_count(len(entries))
    said = set()
    for at, entry in enumerate(entries):
        await links.nth(at).click()
        await expect(page).to_have_url(re.compile(str(entry["id"])))
        sentence = page.get_by_role("complementary").locator("p").first
        await expect(sentence).not_to_have_text(ENGLISH)
        said.add(await sentence.inner_text())
    assert len(said) == len(entries) - 1  # what a reconciliation did to somebody is one
    await context.close()


async def test_on_a_phone_an_entry_is_a_page_and_one_comes_back_to_its_row(admin: Person) -> None:
    page = admin.page
    await page.set_viewport_size(PHONE)
    await page.goto("/dashboard/audit")
    link = page.get_by_role("link", name="Wrote a post").first
    await link.press("Enter")
    await expect(page.get_by_role("heading", name="Wrote a post")).to_be_focused()
    await page.get_by_role("link", name="Close").press("Enter")
    await expect(link).to_be_focused()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_a_fault_is_said_and_the_list_stays(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/audit")
    await page.route("**/audit/*", lambda route: route.fulfill(status=503, body=""))
    await page.get_by_role("link", name="Who was admin").click()
    await expect(page.get_by_role("alert")).to_contain_text("503")
    await expect(page.get_by_role("link", name="Wrote a post").first).to_be_visible()
    await page.unroute("**/audit/*")
    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("complementary")).to_contain_text(ADMIN)
