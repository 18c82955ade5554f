"""The directory, its reconciliations and its events, as an admin uses them: by the keyboard."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Locator, Page, Route, ViewportSize, expect

from tests.journey.people import ADMIN, Administrator, Person, Stack
from tests.journey.test_frame import PHONE, violations

pytestmark = pytest.mark.browser

MANY = 12
DESKTOP = ViewportSize(width=1440, height=900)


@pytest.fixture
async def admin(admin: Person) -> Person:
    await admin.page.set_viewport_size(DESKTOP)
    return admin


async def webhooks(running: Stack, *, dropped: bool) -> None:
    """What the directory says from now on does not arrive by itself, or does."""
    async with httpx.AsyncClient(base_url=running.console, follow_redirects=True) as console:
        path, form = ("/faults", {"drop": "-1"}) if dropped else ("/faults/none", {})
        assert (await console.post(path, data=form)).status_code == 200


async def create_people(running: Stack, last_name: str) -> list[str]:
    """The console's addresses of so many new people."""
    async with httpx.AsyncClient(
        base_url=running.console, follow_redirects=True, timeout=30
    ) as console:
        made = []
        for number in range(MANY):
            name = {"first_name": f"P{number}", "last_name": last_name}
            email = f"p{number}.{last_name}@journey.example".lower()
            answer = await console.post("/people", data=name | {"email": email})
            assert answer.status_code == 200, answer.text
            made.append(answer.url.path)
        return made


async def deactivate(running: Stack, people: list[str]) -> None:
    async with httpx.AsyncClient(
        base_url=running.console, follow_redirects=True, timeout=30
    ) as console:
        for path in people:
            answer = await console.post(f"{path}/status", data={"status": "DEACTIVATED"})
            assert answer.status_code == 200, answer.text


async def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(60):
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    pytest.fail("the Tab key does not lead there")


async def hold(running: Stack, page: Page, last_name: str) -> None:
    """So many people are gone, which only a reconciliation finds."""
    people = await create_people(running, last_name)
    await running.settled()
    await webhooks(running, dropped=True)
    await deactivate(running, people)
    await webhooks(running, dropped=False)
    # A listing is dated ten seconds back: by then, nothing that was heard of them is newer.
    await asyncio.sleep(11)
    await page.goto("/dashboard/directory")


async def test_held_removals_are_carried_out_by_typing_their_number(
    running: Stack, admin: Person
) -> None:
    page = admin.page
    await hold(running, page, "Gone")
    await tab_to(page, page.get_by_role("button", name="Reconcile now"))
    await page.keyboard.press("Enter")
    heading = page.get_by_role("heading", name=f"{MANY} removals are held back")
    await expect(heading).to_be_visible(timeout=30_000)
    await expect(page.get_by_role("link", name="Directory needs attention")).to_be_visible()
    assert await violations(page) == []

    more = page.get_by_role("link", name=f"and {MANY - 4} more")
    await tab_to(page, more)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Who would lose what")).to_be_visible()
    await expect(page.get_by_text("Loses access", exact=True)).to_have_count(MANY)
    assert await violations(page) == []

    await tab_to(page, page.get_by_role("button", name="Review and remove…"))
    await page.keyboard.press("Enter")
    number = page.get_by_label(f"To confirm, type {MANY}")
    await expect(number).to_be_focused()
    assert await violations(page) == []
    await page.keyboard.type("11")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("That is not the number")).to_be_visible()
    await page.keyboard.press("Control+a")
    await page.keyboard.type(str(MANY))
    await page.keyboard.press("Enter")
    said = page.get_by_role("region", name="Messages")
    await expect(said).to_contain_text("Removed what WorkOS no longer lists.")
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()
    await expect(page.get_by_text(f"\N{MINUS SIGN}{MANY}").first).to_be_visible()


async def test_held_removals_are_dismissed(running: Stack, admin: Person) -> None:
    """Nobody loses anything by it, and the page says so first."""
    page = admin.page
    await hold(running, page, "Kept")
    await page.get_by_role("button", name="Reconcile now").press("Enter")
    dismiss = page.get_by_role("button", name="Dismiss")
    await expect(dismiss).to_be_visible(timeout=30_000)
    await dismiss.press("Enter")
    dialog = page.get_by_role("dialog", name="Dismiss these removals?")
    await expect(dialog).to_contain_text("nobody loses access")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    said = page.get_by_role("region", name="Messages")
    await expect(said).to_contain_text("Dismissed. Nothing was removed.")
    await expect(page.get_by_text("Cancelled").first).to_be_visible()
    await expect(dismiss).to_have_count(0)


async def test_two_troubles_of_a_kind_are_both_said(admin: Person) -> None:
    """Such as the tokens of two directories."""
    page = admin.page

    async def with_troubles(route: Route) -> None:
        status = await (await route.fetch()).json()
        trouble = {"code": "no_worker", "text": "No worker runs."}
        await route.fulfill(json={**status, "attention": True, "troubles": [trouble, trouble]})

    await page.route("**/directory?**", with_troubles)
    await page.goto("/dashboard/directory")
    await expect(page.get_by_text("2 things need attention")).to_be_visible()
    await expect(page.locator(".troubles li").filter(has_text="worker")).to_have_count(2)
    await page.unroute_all(behavior="wait")


async def test_what_was_counted_before_says_when(admin: Person) -> None:
    """Of a large company, as soon as it has been counted, and without being asked to look."""
    page = admin.page
    is_counted = False

    async def of_a_large_company(route: Route) -> None:
        status = await (await route.fetch()).json()
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
        told = {"more": [], "counts_as_of": an_hour_ago.isoformat()}
        await route.fulfill(json={**status, **(told if is_counted else {"more": ["people"]})})

    await page.route("**/directory?counts=true", of_a_large_company)
    await page.goto("/dashboard/directory")
    people = page.get_by_text(re.compile(r"^of \d+\+? in the directory"))
    await expect(people).to_have_text(re.compile(r"^of \d+\+ in the directory$"))
    is_counted = True
    await expect(people).to_have_text(re.compile(r"^of \d+ in the directory · as of .*\d:\d\d"))
    assert await violations(page) == []
    await page.unroute_all(behavior="wait")
    await expect(people).to_have_text(re.compile(r"^of \d+ in the directory$"))


async def test_an_hour_leads_to_its_events(admin: Person) -> None:
    """Its bar is reached by Tab, and the arrows go on."""
    page = admin.page
    await page.goto("/dashboard/directory")
    bar = page.get_by_role("group", name="Events an hour").get_by_role("link").last
    await tab_to(page, bar)
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("End")
    await expect(bar).to_be_focused()
    events = int((await bar.get_attribute("aria-label") or "").split(": ")[1].split()[0])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Events", exact=True)).to_be_visible()
    await expect(page.get_by_text(f"{events} event")).to_be_visible()
    assert "since=" in page.url
    assert "until=" in page.url


async def test_an_event_is_looked_at_and_replayed(admin: Person) -> None:
    """With j and Enter; the list keeps its place, and Escape leads back to the row."""
    page = admin.page
    await page.goto("/dashboard/events?type=dsync.group.user_added")
    row = page.locator("tbody tr").first
    await expect(row).to_contain_text("Added to group")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    panel = page.get_by_role("complementary")
    await expect(panel.get_by_role("heading", name="Added to group")).to_be_focused()
    await expect(panel).to_contain_text(f"{ADMIN} was added to Admins.")
    await expect(panel.get_by_label("Payload")).to_contain_text("dsync.group.user_added")
    assert await violations(page) == []
    assert "/dashboard/events/event_" in page.url
    await tab_to(page, panel.get_by_role("button", name="Replay now"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Messages")).to_contain_text("Replayed: ")
    await expect(panel).to_contain_text(f"by {ADMIN}")
    address = page.url
    await page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await expect(row.get_by_role("link")).to_be_focused()
    assert page.url.endswith("?type=dsync.group.user_added")
    await page.goto(address)
    await expect(panel.get_by_role("heading", name="Added to group")).to_be_visible()
    await page.goto("/dashboard/events/event_that_there_is_not")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("tbody tr").first).to_be_visible()  # the list stays


async def test_what_is_new_is_said_and_moves_no_row(
    admin: Person, administrator: Administrator
) -> None:
    page = admin.page
    await page.goto("/dashboard/events")
    first = page.locator("tbody tr").first
    newest = await first.get_attribute("data-id")
    await administrator.create_group("New")
    new = page.get_by_role("button", name="1 new")
    await expect(new).to_be_visible()
    assert await first.get_attribute("data-id") == newest
    await new.press("Enter")
    await expect(first).to_contain_text("Group created")
    await expect(new).to_have_count(0)


async def test_a_range_is_replayed_once_it_is_known_how_many(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/events?type=dsync.group.created")
    await tab_to(page, page.get_by_role("button", name="Replay a range…"))
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Replay a range")
    await expect(dialog.get_by_label("Outcome")).to_be_focused()
    await expect(dialog).to_contain_text("0 events would be replayed")  # of those that are parked
    await expect(dialog.get_by_role("button", name="Replay 0")).to_have_count(0)
    await page.keyboard.type("Applied")
    replay = dialog.get_by_role("button", name="Replay ")
    await expect(replay).to_be_visible()
    assert await violations(page) == []
    await tab_to(page, replay)
    await page.keyboard.press("Enter")
    done = page.get_by_role("dialog").filter(has_text="replayed")
    await expect(done.get_by_role("button", name="Done")).to_be_focused()


async def test_filters_stand_in_the_address(admin: Person) -> None:
    page = admin.page
    await page.goto("/dashboard/events")
    await tab_to(page, page.get_by_role("button", name="Outcome"))
    await page.keyboard.press("Enter")
    await page.keyboard.press("p")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/dashboard/events?outcome=parked")
    await expect(page.get_by_role("heading", name="No event matches")).to_be_visible()
    await tab_to(page, page.get_by_role("link", name="Clear filters"))
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr").first).to_be_visible()
    await tab_to(page, page.get_by_role("button", name="Person", exact=True))
    await page.keyboard.press("Enter")
    await page.keyboard.type("ada")
    await expect(page.get_by_role("dialog").get_by_role("button", name=ADMIN)).to_be_visible()
    await expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name=f"Person: {ADMIN}")).to_be_visible()
    assert "person=" in page.url
    await expect(page.locator("tbody tr").first).to_contain_text(ADMIN)


@pytest.mark.parametrize("path", ["/dashboard/directory", "/dashboard/events"])
async def test_a_server_that_is_away_is_said(admin: Person, path: str) -> None:
    page = admin.page
    await page.route("**/directory**", lambda route: route.abort())
    await page.goto("/dashboard/team")
    await page.get_by_role("link", name=path.rsplit("/", 1)[-1].title(), exact=True).press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.unroute("**/directory**")
    await page.get_by_role("button", name="Retry").press("Enter")
    await expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 390, 1000, 1440])
async def test_nothing_is_wider_than_the_screen(admin: Person, width: int) -> None:
    page = admin.page
    await page.set_viewport_size({"width": width, "height": PHONE["height"]})
    for path in ("/dashboard/directory", "/dashboard/events"):
        await page.goto(path, wait_until="networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await page.locator("tbody a").first.click()
    await expect(page.get_by_role("complementary")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
