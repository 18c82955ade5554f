"""What the sign-in page remembers in this browser, and forgets."""

from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.journey.people import ADMIN, MEMBER, Administrator, Person, Stack
from tests.journey.test_frame import DESKTOP, PHONE, violations

pytestmark = pytest.mark.browser


async def sign_out(page: Page) -> None:
    await page.get_by_role("button", name="Your menu").press("Enter")
    await page.get_by_role("menuitem", name="Sign out").press("Enter")


async def test_by_the_keyboard_alone_whoever_was_here_last_goes_on_where_they_were(
    member: Person,
) -> None:
    page = member.page
    me = await page.evaluate("""async () => await (await fetch("/me")).json()""")
    await sign_out(page)
    go_on = page.get_by_role("link", name=f"Continue as {MEMBER} · Journey")
    await expect(go_on).to_be_visible()

    await page.goto("/dashboard/team?status=joined")
    await expect(go_on).to_be_visible()
    asked = urlsplit(await go_on.get_attribute("href") or "")
    assert asked.path == "/auth"
    assert parse_qs(asked.query) == {
        "organization": [me["organization"]["id"]],
        "email": [me["email"]],
        "return_to": ["/dashboard/team?status=joined"],
    }
    await page.keyboard.press("Tab")
    await expect(go_on).to_be_focused()
    await page.keyboard.press("Enter")
    # Named to the identity provider, which asks no more who it is.
    await page.get_by_role("button", name=f"Continue as {MEMBER}").press("Enter")
    await member.has_entered()
    await expect(page).to_have_url(member.address("/dashboard/team?status=joined"))


async def test_by_the_keyboard_alone_somebody_else_signs_in_and_is_remembered_instead(
    member: Person,
) -> None:
    page = member.page
    await sign_out(page)
    await page.get_by_role("button", name="Somebody else").press("Enter")
    await expect(page.get_by_label("Work e-mail")).to_be_focused()
    await page.get_by_role("button", name=f"Back to {MEMBER}").press("Enter")
    await page.get_by_role("button", name="Somebody else").press("Enter")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=ADMIN).first.click()
    await expect(page.get_by_role("button", name=f"Your menu: {ADMIN}")).to_be_visible()
    await sign_out(page)
    await expect(page.get_by_role("link", name=f"Continue as {ADMIN}")).to_be_visible()


async def test_by_the_keyboard_alone_one_is_forgotten(member: Person) -> None:
    page = member.page
    await sign_out(page)
    await page.get_by_role("button", name="Remove from this device").press("Enter")
    await expect(page.get_by_label("Work e-mail")).to_be_focused()
    go_on = page.get_by_role("link", name="Continue as")
    await page.get_by_role("button", name="Undo").press("Enter")
    await expect(go_on).to_be_visible()
    await page.get_by_role("button", name="Remove from this device").press("Enter")
    await expect(page.get_by_text("no longer remembered").first).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="Sign in with SSO")).to_be_visible()
    await expect(go_on).to_have_count(0)
    kept = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "Moreau" not in kept
    assert "journey.example" not in kept


async def test_whoever_was_deactivated_meanwhile_meets_the_usual_refusal(
    running: Stack, chromium: Browser, member: Person
) -> None:
    page = member.page
    await sign_out(page)
    administrator = await Administrator.arrive(running, chromium)
    await administrator.deactivate(MEMBER)
    await page.get_by_role("link", name=f"Continue as {MEMBER}").press("Enter")
    await page.get_by_role("button", name=f"Sign in anyway as {MEMBER}").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("directory has deactivated you")
    await expect(page.get_by_role("link", name=f"Continue as {MEMBER}")).to_be_visible()
    await administrator.reactivate(MEMBER)
    await administrator.page.close()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_whoever_is_remembered(
    member: Person, scheme: Literal["light", "dark"], viewport: ViewportSize
) -> None:
    page = member.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size(viewport)
    await page.context.clear_cookies()
    for path in ("/", "/?error=deactivated"):
        await page.goto(path)
        await expect(page.get_by_role("link", name="Continue as")).to_be_visible()
        assert await violations(page) == [], path
    await page.get_by_role("button", name="Somebody else").press("Enter")
    assert await violations(page) == []


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_nothing_moves_and_nothing_is_wider_than_the_screen(
    member: Person, width: int, *, remembered: bool
) -> None:
    """A name as long as may be, too."""
    page = member.page
    await page.set_viewport_size({"width": width, "height": 844})
    await page.context.clear_cookies()
    await page.goto("/")
    await expect(page.get_by_role("link", name="Continue as")).to_be_visible()
    await page.evaluate(
        """(remembered) => {
            const kept = JSON.parse(localStorage.getItem("last-person"));
            const long = JSON.stringify({...kept, name: "W".repeat(200)});
            if (remembered) localStorage.setItem("last-person", long);
            else localStorage.removeItem("last-person");
        }""",
        remembered,
    )
    await member.settle_at("/")
    await expect(page.get_by_role("link", name="Continue as")).to_have_count(1 if remembered else 0)
    shift = await page.evaluate(
        """() => new Promise((resolve) => {
            new PerformanceObserver((list) => resolve(
                list.getEntries().reduce((sum, {value}) => sum + value, 0)
            )).observe({type: "layout-shift", buffered: true});
            setTimeout(resolve, 300, 0);
        })"""
    )
    assert shift == 0
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_picture_says_nothing_aloud_and_has_lines_in_forced_colours(
    running: Stack, chromium: Browser
) -> None:
    stranger = await Person.arrive(running, chromium, "nobody")
    page = stranger.page
    await page.emulate_media(forced_colors="active")
    await page.goto("/")
    picture = page.locator("main > header svg").last
    await expect(picture).to_have_attribute("aria-hidden", "true")
    lines: list[str] = await picture.evaluate(
        """(svg) => [...svg.querySelectorAll("path")].map((e) => getComputedStyle(e).stroke)"""
    )
    ink = await page.evaluate(
        """() => {
            const probe = document.body.appendChild(document.createElement("i"));
            probe.className = "probe";
            return getComputedStyle(probe).color;
        }"""
    )
    assert set(lines) == {ink}
    await page.context.close()
