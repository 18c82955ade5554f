"""Every page at every width: nothing is wider than the screen, and no word of a list is broken."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journey.people import ADMIN, MEMBER, Administrator, Person, Stack
from tests.journey.test_frame import PAGES

pytestmark = pytest.mark.browser

WIDTHS = [320, 390, 768, 1024, 1200, 1440]
# But for what scrolls, or ends in an ellipsis, within something that fits.
OVERFLOWING = """() => {
    const held = (element) => {
        for (let above = element; above.tagName !== "MAIN"; above = above.parentElement) {
            const {overflowX, position} = getComputedStyle(above);
            if (position === "fixed") return true;
            if (overflowX !== "visible" && above.getBoundingClientRect().right <= innerWidth)
                return true;
        }
        return false;
    };
    return Array.from(document.querySelectorAll("main *"))
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .filter((element) => !held(element))
        .map((element) => element.outerHTML.slice(0, 120));
}"""
BROKEN = """() => Array.from(document.querySelectorAll("tbody td")).filter((cell) => {
    const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let text = words.nextNode(); text; text = words.nextNode()) {
        for (const word of text.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            const lines = new Set(Array.from(range.getClientRects(), ({top}) => Math.round(top)));
            if (word[0].length < 12 && lines.size > 1) return true;
        }
    }
    return false;
}).map((cell) => cell.innerText)"""


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_group("Admins")
    await administrator.create_group("Engineering")
    await administrator.put_into(ADMIN, "Admins")
    await administrator.put_into(MEMBER, "Engineering")
    await administrator.create_person(
        "Maximiliane", "Featherstonehaugh", "maximiliane.featherstonehaugh@journey.example"
    )
    page = administrator.page
    await page.get_by_label("Department").fill("Engineering")
    await page.get_by_label("Job title").fill("Product Marketing Manager")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved")
    return administrator


async def assert_fits(page: Page, path: str) -> None:
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        assert await page.evaluate(OVERFLOWING) == [], (path, width)
        assert await page.evaluate(BROKEN) == [], (path, width)


async def test_every_page_fits_every_screen(admin: Person) -> None:
    page = admin.page
    for path in PAGES:
        await admin.settle_at(path)
        await assert_fits(page, path)


async def test_a_persons_page_fits_every_screen(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/team")
    await page.get_by_role("link", name=MEMBER).click()
    await expect(page.get_by_role("heading", name="Why Ben can read")).to_be_visible()
    await assert_fits(page, "person")
