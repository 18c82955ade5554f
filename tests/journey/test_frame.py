"""What every page has: the frame around it, its keys, its themes, and that everybody can use it."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.journey.people import ADMIN, Administrator, Person, Stack

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent.parent.parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1440, height=900)
PAGES = [
    "/dashboard",
    "/dashboard/new",
    "/dashboard/welcome",
    "/dashboard/team",
    "/dashboard/team?department=Sales&sort=last_seen",
    "/dashboard/people/{me}",
    "/dashboard/account",
    "/dashboard/directory",
    "/dashboard/events",
    "/dashboard/events?outcome=parked",
    "/dashboard/roles",
    "/dashboard/audit",
    "/dashboard/audit?on=2026-11-03",
    "/dashboard/settings",
    "/docs",
    "/docs#create_post",
    "/dashboard/nowhere",
]


async def pages_of(person: Person) -> list[str]:
    """Those of `PAGES`, with whatever is theirs."""
    me = await person.page.evaluate("""async () => (await (await fetch("/me")).json()).id""")
    return [path.format(me=me) for path in PAGES]


async def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA."""
    await page.evaluate(AXE.read_text())
    found: list[str] = await page.evaluate(
        """async () => {
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
            const {violations} = await axe.run(document, {runOnly: tags});
            return violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html}`));
        }"""
    )
    return found


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(
    admin: Person, scheme: Literal["light", "dark"], viewport: ViewportSize
) -> None:
    page = admin.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size(viewport)
    body = {"title": "A post", "content": "with text"}
    assert await admin.request("POST", "/posts", body) == 201
    for path in [*await pages_of(admin), "/?error=deactivated", "/nowhere"]:
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await violations(page) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_what_opens(
    admin: Person, scheme: Literal["light", "dark"]
) -> None:
    page = admin.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto("/dashboard")
    await page.get_by_role("button", name="Your menu").click()
    await expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    for keys, name in (("Control+k", "Search or jump to…"), ("?", "Keyboard shortcuts")):
        await page.keyboard.press(keys)
        dialog = page.get_by_role("dialog", name=name)
        await expect(dialog).to_be_visible()
        assert await violations(page) == [], name
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)


async def test_nothing_moves_while_a_page_loads(admin: Person) -> None:
    page = admin.page
    for path in await pages_of(admin):
        await admin.settle_at(path)
        shift = await page.evaluate(
            """() => new Promise((resolve) => {
                new PerformanceObserver((list) => resolve(
                    list.getEntries().reduce((sum, {value}) => sum + value, 0)
                )).observe({type: "layout-shift", buffered: true});
                setTimeout(resolve, 300, 0);
            })"""
        )
        assert shift == 0, path


# No German words, and in every other English sentence.
ENGLISH = re.compile(r"\b(the|and|with|they|cannot|of|is|from|this|has|been|your)\b", re.IGNORECASE)


async def test_german_pages_are_german(running: Stack, chromium: Browser, admin: Person) -> None:
    """But for what people and the directory have written, and the description of the API."""
    state = await admin.page.context.storage_state()
    context = await chromium.new_context(
        base_url=running.application, locale="de-DE", storage_state=state
    )
    person = Person(running, ADMIN, await context.new_page())
    page = person.page
    await page.goto("/dashboard")
    paths = [path for path in await pages_of(person) if not path.startswith("/docs")]
    refused = ["/dashboard/posts/01920000-0000-7000-8000-000000000000", "/?error=deactivated"]
    english: dict[str, list[str]] = {}
    for path in [*paths, *refused]:
        await person.settle_at(path)
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        text = await page.evaluate(
            """() => {
                const own = document.body.cloneNode(true);
                own.querySelectorAll("[lang=en], .mono, kbd, article, script, noscript")
                    .forEach((e) => e.remove());
                const said = [...own.querySelectorAll("[aria-label], [title], [placeholder]")]
                    .flatMap((e) => ["aria-label", "title", "placeholder"]
                        .map((name) => e.getAttribute(name) ?? ""));
                return [own.textContent, ...said].join("\\n");
            }"""
        )
        if found := [line.strip() for line in text.splitlines() if ENGLISH.search(line)]:
            english[path] = found
        assert await violations(page) == [], path
    assert english == {}
    await context.close()


async def test_in_forced_colours_what_a_colour_told_has_a_shape(admin: Person) -> None:
    page = admin.page
    await page.emulate_media(forced_colors="active")
    for path in await pages_of(admin):
        await admin.settle_at(path)
        assert await violations(page) == [], path
        shapeless = await page.evaluate(
            """() => {
                const shown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
                const bordered = (e) => parseFloat(getComputedStyle(e).borderTopWidth) > 0;
                const outlined = (e) => getComputedStyle(e).outlineStyle !== "none";
                const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
                return [
                    ...all(".status .dot").filter((e) => !bordered(e)),
                    ...all(".button:not(.quiet), .input").filter((e) => !bordered(e)),
                    ...all("nav a[aria-current]").filter((e) => !bordered(e) && !outlined(e)),
                ].map((e) => e.outerHTML);
            }"""
        )
        assert shapeless == [], path
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(ring) != "none", path


async def test_a_member_sees_no_administration(member: Person) -> None:
    page = member.page
    await expect(page.get_by_role("link", name="People")).to_be_visible()
    await expect(page.get_by_role("link", name="Directory")).to_have_count(0)
    await page.goto("/dashboard/directory")
    await expect(page.get_by_role("alert")).to_contain_text("for administrators")
    await expect(page.get_by_role("link", name="People")).to_be_visible()


async def test_the_frame_stays(admin: Person) -> None:
    """At an address that there is not, without a server, and when it is back."""
    page = admin.page
    posts = page.get_by_role("link", name="Posts", exact=True)
    await page.goto("/dashboard/nowhere")
    await expect(page.get_by_role("alert")).to_contain_text("no such page")
    await expect(posts).to_be_visible()

    await page.goto("/dashboard")
    await page.context.set_offline(True)
    await page.get_by_role("link", name="People").click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(posts).to_be_visible()
    await page.context.set_offline(False)
    # By itself.
    await expect(page.get_by_role("heading", name="People")).to_be_visible()

    # What the browser does not notice waits for somebody to press.
    away = re.compile(r":\d+/(people|team)\b")
    await page.goto("/dashboard")
    await page.route(away, lambda route: route.abort())
    await page.get_by_role("link", name="People").click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.unroute(away)
    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("heading", name="People")).to_be_visible()

    await page.route("**/me", lambda route: route.fulfill(status=503, body=""))
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("503")
    await expect(posts).to_be_visible()


async def test_a_theme_that_was_chosen_is_there_before_anything_else(admin: Person) -> None:
    page = admin.page
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Your menu").press("Enter")
    await page.get_by_role("menuitemradio", name="Dark").press("Enter")
    await expect(page.locator("html")).to_have_css("color-scheme", "dark")
    # Without the application's scripts, so that nothing but the first paint can have done it.
    await page.route("**/bootstrap.*.js", lambda route: route.abort())
    await page.reload()
    await expect(page.locator("html")).to_have_css("color-scheme", "dark")
    await page.unroute("**/bootstrap.*.js")
    await page.reload()
    await page.get_by_role("button", name="Your menu").press("Enter")
    await page.get_by_role("menuitemradio", name="System").press("Enter")
    await expect(page.locator("html")).not_to_have_css("color-scheme", "dark")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["/", "/dashboard"])
async def test_the_first_paint_waits_for_no_script_of_the_application(
    running: Stack, chromium: Browser, path: str, viewport: ViewportSize
) -> None:
    """What comes of HTML and styles alone is something to look at: to a browser, contentful."""
    context = await chromium.new_context(base_url=running.application, viewport=viewport)
    page = await context.new_page()
    await page.route("**/*.js", lambda route: route.abort())
    await page.route("**/first-paint.*.js", lambda route: route.continue_())
    await page.goto(path)
    painted = await page.evaluate(
        """() => new Promise((resolve) => {
            new PerformanceObserver((list) => {
                const names = list.getEntries().map(({name}) => name);
                if (names.includes("first-contentful-paint")) resolve(true);
            }).observe({type: "paint", buffered: true});
            setTimeout(resolve, 5000, false);
        })"""
    )
    assert painted
    await expect(page.locator("#first-paint")).to_be_visible()
    await context.close()


async def test_by_the_keyboard_alone_one_goes_anywhere(admin: Person) -> None:
    page = admin.page
    await page.keyboard.type("gt")
    await expect(page.get_by_role("heading", name="People")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("n")
    await expect(page.get_by_role("searchbox")).to_have_value("n")  # no shortcut where one types
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("audit")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    await page.keyboard.press("?")
    await page.get_by_role("checkbox").press("Space")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()  # switched off


async def test_on_a_phone_a_bar_of_four_leads_everywhere(admin: Person) -> None:
    page = admin.page
    await page.set_viewport_size(PHONE)
    bar = page.get_by_role("navigation", name="Main")
    await expect(bar.locator(":scope > :is(a, button)")).to_have_count(4)
    await page.get_by_role("button", name="You").click()
    await page.get_by_role("menuitem", name="Events").click()
    await expect(page.get_by_role("heading", name="Events")).to_be_visible()


async def test_a_role_lost_while_looking_is_said(
    admin: Person, administrator: Administrator
) -> None:
    """Live, and at the latest when somebody comes back to the tab."""
    page = admin.page
    await expect(page.get_by_role("link", name="Directory")).to_be_visible()
    await administrator.take_out_of(ADMIN, "Admins")
    await expect(page.get_by_role("link", name="Directory")).to_have_count(0)
    await expect(page.get_by_text("no longer administer").first).to_be_visible()
    await administrator.put_into(ADMIN, "Admins")
    await expect(page.get_by_role("link", name="Directory")).to_be_visible()

    await page.route("**/live", lambda route: route.abort())
    await page.reload()
    await expect(page.get_by_role("link", name="Directory")).to_be_visible()
    await administrator.take_out_of(ADMIN, "Admins")
    await page.clock.install()
    await page.clock.fast_forward(60_000)
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(page.get_by_role("link", name="Directory")).to_have_count(0)
    await administrator.put_into(ADMIN, "Admins")


async def test_the_words_follow_the_browsers_language(running: Stack, chromium: Browser) -> None:
    context = await chromium.new_context(base_url=running.application, locale="de-AT")
    page = await context.new_page()
    await page.goto("/")
    await expect(page.get_by_role("button", name="Mit SSO anmelden")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await context.close()
