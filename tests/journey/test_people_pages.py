"""What an administrator does about people and roles, by the keyboard alone."""

import asyncio
import re
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.journey.looking import at_rest, wheel
from tests.journey.people import ADMIN, MEMBER, Administrator, Person, Stack
from tests.journey.test_frame import violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    administrator = await Administrator.arrive(running, chromium)
    for group in ("Admins", "Editors"):
        await administrator.create_group(group)
    await administrator.put_into(ADMIN, "Admins")
    await administrator.put_into(MEMBER, "Editors")
    return administrator


async def open_person(page: Page, name: str) -> None:
    await page.goto("/dashboard/team")
    await page.get_by_role("link", name=name).press("Enter")
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


async def test_by_the_keyboard_alone_people_are_filtered_and_back_finds_it_so(
    admin: Person,
) -> None:
    page = admin.page
    rows = page.locator("tr[data-id]")
    await page.goto("/dashboard/team")
    await page.get_by_role("button", name="Department", exact=True).press("Enter")
    dialog = page.get_by_role("dialog", name="Only one department")
    await expect(dialog.get_by_role("searchbox")).to_be_focused()
    await expect(dialog.get_by_role("button", name="Engineering")).to_be_visible()
    await page.keyboard.type("sal")
    await expect(dialog.get_by_role("button", name="Engineering")).to_have_count(0)
    assert await violations(page) == []
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(MEMBER)
    await page.get_by_role("button", name="Group", exact=True).press("Enter")
    await (
        dialog.or_(page.get_by_role("dialog")).get_by_role("button", name="Editors").press("Enter")
    )
    await expect(page).to_have_url(admin.address("/dashboard/team?group=Editors&department=Sales"))
    await expect(rows).to_have_count(1)
    assert await violations(page) == []

    await page.get_by_role("link", name=MEMBER).press("Enter")
    await expect(page.get_by_role("heading", name=MEMBER, level=1)).to_be_visible()
    await page.go_back()
    await expect(rows).to_have_count(1)
    await page.get_by_role("link", name="Department: Sales: remove").press("Enter")
    await expect(page).to_have_url(admin.address("/dashboard/team?group=Editors"))
    await page.get_by_role("link", name="Group: Editors: remove").press("Enter")
    await expect(rows).to_have_count(2)

    names = page.get_by_role("columnheader", name="Name")
    await expect(names).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("button", name="Sort: Name").press("Enter")
    await page.get_by_role("menuitemradio", name="Last seen").press("Enter")
    seen = page.get_by_role("columnheader", name="Last seen")
    await expect(seen).to_have_attribute("aria-sort", "descending")
    await expect(rows.first).to_contain_text(ADMIN)
    await page.get_by_role("columnheader", name="Department").get_by_role("link").press("Enter")
    await expect(page).to_have_url(admin.address("/dashboard/team?sort=department"))
    await expect(page.get_by_role("link", name="Guests")).to_have_count(0)
    await page.goto("/dashboard/team?kind=guest")
    await expect(page.get_by_role("link", name="Guests 0")).to_have_attribute(
        "aria-current", "true"
    )
    await expect(page.get_by_text("Nobody matches")).to_be_visible()


async def test_the_directory_is_followed_while_somebody_looks(
    admin: Person, administrator: Administrator
) -> None:
    """Whom it deactivates, and how many that makes, on a page that was open before."""
    page = admin.page
    await page.goto("/dashboard/team")
    row = page.locator("tr[data-id]").filter(has_text=MEMBER)
    await expect(row).to_be_visible()
    out = page.get_by_role("link", name="Deactivated")
    number = int((await out.inner_text()).split()[-1])
    try:
        await administrator.deactivate(MEMBER)
        await expect(row).to_contain_text("Deactivated")
        await expect(out).to_have_text(re.compile(rf"Deactivated\s*{number + 1}$"))
    finally:
        await administrator.reactivate(MEMBER)
    await expect(row).not_to_contain_text("Deactivated")
    await expect(out).to_have_text(re.compile(rf"Deactivated\s*{number}$"))

    # In the directory they are there twice at least, with the same group and role at WorkOS.
    await row.get_by_role("link", name=MEMBER).press("Enter")
    await expect(page.get_by_role("heading", name=MEMBER, level=1)).to_be_visible()
    chain = page.get_by_role("list", name="From the directory").get_by_role("listitem")
    await expect(chain.filter(has_text="Editors").nth(1)).to_be_attached()


MANY = 10_000


def one_of_many(at: int) -> dict[str, object]:
    return {
        "id": f"01920000-0000-7000-8000-{at:012}",
        "name": f"Person {at:05}",
        "email": f"person{at}@journey.example",
        "job_title": "Engineer",
        "department": "Engineering",
        "status": "joined",
        "admission": None,
        "highest_role": "member",
        "roles": ["member"],
        # Rows that are higher than others, so that no place can be had by counting.
        "groups": [f"Group of many words {n}" for n in range(12)] if at % 7 == 0 else [],
        "sessions": 0,
        "posts": 0,
        "joined_at": None,
        "last_seen_at": None,
    }


async def give_many(route: Route, *, many: int = MANY) -> None:
    asked = parse_qs(urlsplit(route.request.url).query)
    first = int(asked.get("cursor", ["0"])[0])
    after = min(first + int(asked.get("limit", ["20"])[0]), many)
    await route.fulfill(
        json={
            "items": [one_of_many(at) for at in range(first, after)],
            "next_cursor": str(after) if after < many else None,
        }
    )


async def test_ten_thousand_people_are_gone_through_and_back_finds_the_place(
    admin: Person,
) -> None:
    """In the document are those near the screen; others are told of by their number."""
    page = admin.page
    rows = page.locator("tr[data-id]")
    await page.route("**/people?**", give_many)
    await page.goto("/dashboard/team")
    table = page.get_by_role("table")
    await expect(table).to_have_attribute("aria-rowcount", "-1")
    while await table.get_attribute("aria-rowcount") == "-1":
        await page.mouse.wheel(0, 30_000)
        await page.wait_for_timeout(20)
    await expect(table).to_have_attribute("aria-rowcount", str(MANY + 1))
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(rows.last).to_contain_text("Person 09999")
    assert await rows.count() < 100
    assert await violations(page) == []

    # By the keyboard from row to row, also when the row with the focus was scrolled away.
    await page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    await at_rest(page)
    middle = rows.nth(await rows.count() // 2)
    number = int(await middle.get_attribute("aria-rowindex") or 0)
    await page.locator(f"tr[aria-rowindex='{number}']").focus()
    await page.keyboard.press("j")
    focused = page.locator("tr[data-id]:focus")
    await expect(focused).to_have_attribute("aria-rowindex", str(number + 1))
    await wheel(page, 50_000)
    await expect(focused).not_to_be_in_viewport()
    await page.keyboard.press("j")
    await expect(focused).to_have_attribute("aria-rowindex", str(number + 2))
    await expect(focused).to_be_in_viewport()

    # And back.
    who = f"Person {number:05}"
    link = page.get_by_role("link", name=who, exact=True)
    await link.scroll_into_view_if_needed()
    await at_rest(page)
    place = await link.bounding_box()
    before = await page.evaluate("scrollY")
    await link.click()
    await expect(page.get_by_role("alert")).to_be_visible()  # there is no such person
    await page.go_back()
    await expect(link).to_be_in_viewport()
    await at_rest(page)
    assert await page.evaluate("scrollY") == before
    assert await link.bounding_box() == place
    await expect(table).to_have_attribute("aria-rowcount", str(MANY + 1))


# Initials are two letters, and each is made large when its row is worked on.
SCROLLED_UP = """async (steps) => {
    let changes = 0, rows = 0, letters = 0;
    const observer = new MutationObserver((records) => {
        const came = records.flatMap(({addedNodes}) => [...addedNodes])
            .filter(({nodeName}) => nodeName === "TR").length;
        rows += came;
        changes += Math.sign(came);
    });
    const {toLocaleUpperCase} = String.prototype;
    String.prototype.toLocaleUpperCase = function (...given) {
        letters += 1;
        return toLocaleUpperCase.apply(this, given);
    };
    observer.observe(document.querySelector("tbody"), {childList: true});
    for (let step = 0; step < steps; step += 1) {
        scrollBy(0, -30);
        await new Promise(requestAnimationFrame);
    }
    String.prototype.toLocaleUpperCase = toLocaleUpperCase;
    observer.disconnect();
    return {changes, rows, letters};
}"""


@pytest.mark.parametrize("many", [150, 1000])
async def test_scrolling_works_on_no_row_that_stays_and_brings_rows_several_at_once(
    admin: Person, many: int
) -> None:
    page = admin.page
    await page.route("**/people?**", partial(give_many, many=many))
    await page.goto("/dashboard/team")
    table = page.get_by_role("table")
    await expect(table).to_have_attribute("aria-rowcount", "-1")
    while await table.get_attribute("aria-rowcount") == "-1":
        await page.mouse.wheel(0, 30_000)
        await page.wait_for_timeout(20)
    await expect(table).to_have_attribute("aria-rowcount", str(many + 1))
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await at_rest(page)
    seen = await page.evaluate(SCROLLED_UP, 120)
    assert seen["letters"] <= 2 * seen["rows"]
    if many < 200:
        assert seen["rows"] == 0
    else:
        assert 40 <= seen["rows"] <= 90
        assert seen["changes"] <= seen["rows"] / 4


# A page that is busy is told late, and of all that happened at once.
TOLD_LATE = """window.IntersectionObserver = class extends IntersectionObserver {
    constructor(told, options) {
        let kept = [];
        super((entries) => {
            kept.push(...entries);
            setTimeout(() => {
                const all = kept;
                kept = [];
                if (all.length > 0) told(all, this);
            }, 300);
        }, options);
    }
}"""


async def test_a_busy_page_reads_on_for_as_long_as_the_end_is_in_sight(admin: Person) -> None:
    page = admin.page
    await page.add_init_script(TOLD_LATE)
    await page.route("**/people?**", partial(give_many, many=300))
    await page.goto("/dashboard/team")
    rows = page.locator("tr[data-id]")
    for shown in (20, 40, 60, 160):
        await expect(rows).to_have_count(shown)
        await page.wait_for_timeout(50)
        await page.evaluate("scrollTo(0, document.body.scrollHeight)")


@pytest.mark.parametrize("somebody", [True, False])
async def test_parts_in_which_nobody_was_found_are_no_end(admin: Person, somebody: bool) -> None:
    page = admin.page
    go_on = asyncio.Event()

    async def give_parts(route: Route) -> None:
        """Four, with somebody in the last at most."""
        (part,) = map(int, parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"]))
        if part == 2:
            await go_on.wait()
        last = part == 3
        items = [one_of_many(7)] if last and somebody else []
        await route.fulfill(json={"items": items, "next_cursor": None if last else str(part + 1)})

    await page.route("**/people?**", give_parts)
    await page.goto("/dashboard/team?q=zz")
    nobody = page.get_by_text("Nobody matches")
    await expect(page.get_by_role("button", name="Loading")).to_be_visible()
    await expect(nobody).to_have_count(0)
    go_on.set()
    await expect(page.locator("tr[data-id]")).to_have_count(1 if somebody else 0)
    await expect(nobody).to_have_count(0 if somebody else 1)


async def test_what_is_read_again_meanwhile_stops_no_reading_on(admin: Person) -> None:
    page = admin.page
    began, read_again, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def give_late(route: Route) -> None:
        if "cursor=20" in route.request.url and not began.is_set():
            began.set()
            await go_on.wait()
        await give_many(route, many=60)
        if began.is_set() and "cursor" not in route.request.url:
            read_again.set()

    await page.route("**/people?**", give_late)
    await page.goto("/dashboard/team")
    rows = page.locator("tr[data-id]")
    await expect(rows).to_have_count(20)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await began.wait()
    await page.get_by_role("link", name="Posts", exact=True).first.click()
    await expect(page.get_by_role("heading", name="Posts", level=1)).to_be_visible()
    await page.go_back()
    await read_again.wait()
    await page.wait_for_timeout(500)
    await expect(rows).to_have_count(20)
    go_on.set()
    await expect(rows).not_to_have_count(20)


async def test_who_is_blocked_has_a_tab_of_their_own(admin: Person) -> None:
    page = admin.page
    await open_person(page, MEMBER)
    path = page.url.removeprefix(admin.address("/dashboard"))
    assert await admin.request("POST", f"{path}/block", {"reason": "Laptop stolen"}) == 204
    await page.goto("/dashboard/team")
    await page.get_by_role("link", name="Blocked 1").press("Enter")
    rows = page.locator("tr[data-id]")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(MEMBER)
    await page.get_by_role("link", name="Deactivated 0").press("Enter")
    await expect(page.get_by_text("Nobody matches")).to_be_visible()
    assert await admin.request("POST", f"{path}/unblock") == 204


async def test_by_the_keyboard_alone_a_role_is_given_and_taken(admin: Person) -> None:
    page = admin.page
    await open_person(page, MEMBER)
    await expect(page.get_by_role("heading", name="Why Ben can read")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Give a role…").press("Enter")
    await expect(page.get_by_label("Role", exact=True)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Writes the minutes")
    await page.keyboard.press("Escape")  # which takes nothing that was typed
    await page.get_by_role("button", name="Give a role…").press("Enter")
    await expect(page.get_by_label("Reason")).to_have_value("Writes the minutes")
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
    await page.keyboard.press("Escape")  # which takes nothing that was typed
    await page.get_by_role("button", name="Block…").press("Enter")
    await expect(page.get_by_label("Reason")).to_have_value("Laptop stolen")
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
