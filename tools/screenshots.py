"""Pictures of every page, by `make screenshots`: in two sizes and two themes."""

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, StorageState, ViewportSize, async_playwright

from tools import demonstration
from tools.browser import ARGUMENTS, find
from tools.demonstration import ADMIN, AUTHOR, GUEST, INVITED, MEMBER, REFUSED, Console, entered
from tools.running import Addresses, running

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
PHONE = 390
SIZES = {1440: ViewportSize(width=1440, height=900), PHONE: ViewportSize(width=PHONE, height=844)}
README_SIZE = ViewportSize(width=1200, height=720)
MOST_BYTES = 150 * 1024
HIGHEST = 3000
SETTLING_MS = 400

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """A page as somebody sees it; nobody is signed in where there is no `who`."""

    name: str
    path: str
    who: str | None = ADMIN
    act: Act | None = None
    in_readme: bool = False


def press(name: str | re.Pattern[str]) -> Act:
    async def act(page: Page) -> None:
        await page.get_by_role("button", name=name).first.click()

    return act


def keys(*pressed: str) -> Act:
    async def act(page: Page) -> None:
        for key in pressed:
            await page.keyboard.press(key)

    return act


def following(name: str | re.Pattern[str]) -> Act:
    async def act(page: Page) -> None:
        await page.get_by_role("main").get_by_role("link", name=name).first.click()

    return act


async def first_row(page: Page) -> None:
    await page.locator("tbody tr").first.get_by_role("link").first.click()
    await page.get_by_role("complementary").get_by_role("heading").first.wait_for()


async def menu(page: Page) -> None:
    await page.get_by_role("button", name=re.compile("^Your menu|^You$")).last.click()


async def typed(page: Page) -> None:
    await page.get_by_label("Title", exact=True).fill("Spare parts for line four")
    await page.get_by_label("Content", exact=True).fill(
        "Two belts and a gripper are on their way.\n\n- **Belts**: Thursday\n- Gripper: next week"
    )


async def previewed(page: Page) -> None:
    await typed(page)
    await press("Preview")(page)


async def group_to_give(page: Page) -> None:
    await press("Add a group to Author")(page)
    await page.get_by_role("radio", name=re.compile("Engineering")).click()
    await page.get_by_role("dialog").get_by_role("status").get_by_text("gain").first.wait_for()


async def new_link(page: Page) -> None:
    await press(f"Actions for {INVITED}")(page)
    await page.get_by_role("menuitem", name="New link").click()
    await page.get_by_label("One-time link").wait_for()


async def person(page: Page, name: str) -> None:
    await page.get_by_role("searchbox").fill(name)
    await page.get_by_role("link", name=name).first.click()
    await page.get_by_role("heading", name=re.compile("^Why ")).wait_for()


def of_person(name: str) -> Act:
    async def act(page: Page) -> None:
        await person(page, name)

    return act


async def blocking(page: Page) -> None:
    await person(page, AUTHOR)
    await press("Block…")(page)


async def guest_typed(page: Page) -> None:
    if await page.get_by_role("button", name="Let a guest in").is_visible():
        await press("Let a guest in")(page)
    else:
        await press("Actions")(page)
        await page.get_by_role("menuitem", name="Let a guest in").click()
    await page.get_by_label("Name", exact=True).fill("Noa Berg")
    await page.get_by_label("E-mail", exact=True).fill("noa.berg@partner.example")


async def guest_faults(page: Page) -> None:
    await guest_typed(page)
    await page.get_by_label("E-mail", exact=True).fill("ingrid@acme.example")
    await page.get_by_role("dialog").get_by_role("button", name="Let in", exact=True).click()


async def guest_let_in(page: Page) -> None:
    """As it is answered, and nobody is let in by each picture."""
    answer = {
        "id": "01920000-0000-7000-8000-000000000000",
        "url": f"{page.url.partition('/dashboard')[0]}/invitations/org_01J9ZA.3vD5rR0c",
        "expires_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    }
    await page.route("**/people/guests", lambda route: route.fulfill(status=201, json=answer))
    await guest_typed(page)
    await page.get_by_label("Reason").fill("Audits our pages.")
    day = datetime.now(UTC).date() + timedelta(days=90)
    await page.get_by_label("Until the end of").fill(day.isoformat())
    await page.get_by_role("dialog").get_by_role("button", name="Let in", exact=True).click()
    await page.get_by_label("One-time link").wait_for()


def of_guest(button: str) -> Act:
    async def act(page: Page) -> None:
        await person(page, GUEST)
        await press(button)(page)

    return act


async def come_back(page: Page) -> None:
    """The session is gone, and the browser remembers whose it was."""
    await page.context.clear_cookies()
    await page.goto("/")
    await page.get_by_role("link", name="Continue as").wait_for()


async def held(page: Page) -> None:
    await following(re.compile("and .* more"))(page)
    await page.get_by_role("heading", name="Who would lose what").wait_for()


async def confirming(page: Page) -> None:
    await press(re.compile("^Review and remove"))(page)
    await page.get_by_label(re.compile("^To confirm")).wait_for()


async def offline(page: Page) -> None:
    await page.context.set_offline(True)
    await page.get_by_role("link", name="People").last.click()
    await page.get_by_role("alert").first.wait_for()


async def ended(page: Page) -> None:
    """As the stream tells it to whom the directory has deactivated."""
    told = "event: ended\nid: 2026-01-01T00:00:00+00:00\ndata: {}\n\n"
    await page.route(
        "**/live", lambda route: route.fulfill(content_type="text/event-stream", body=told)
    )
    await page.reload()
    await page.get_by_role("heading", name="Your access has ended").wait_for()


BEFORE = [
    Shot("posts-none", "/dashboard"),
    Shot("settings-set-up", "/dashboard/settings"),
    Shot("directory-at-first", "/dashboard/directory"),
]
SHOTS = [
    Shot("sign-in", "/", who=None),
    Shot("sign-in-remembered", "/dashboard", act=come_back),
    Shot("sign-in-refused", "/?error=deactivated", who=None),
    Shot("not-found-signed-out", "/nowhere", who=None),
    Shot("api", "/docs", who=None),
    Shot("api-operation", "/docs#create_post", who=None),
    Shot("posts", "/dashboard", in_readme=True),
    Shot("posts-member", "/dashboard", who=MEMBER),
    Shot("posts-search", "/dashboard?q=belts"),
    Shot("posts-search-none", "/dashboard?q=nothing+like+it"),
    Shot("welcome", "/dashboard/welcome"),
    Shot("welcome-member", "/dashboard/welcome", who=MEMBER),
    Shot("post", "/dashboard", act=following("Retro notes")),
    Shot("composer", "/dashboard/new", act=typed),
    Shot("composer-preview", "/dashboard/new", act=previewed),
    Shot("composer-member", "/dashboard/new", who=MEMBER),
    Shot("people", "/dashboard/team"),
    Shot("people-member", "/dashboard/team", who=MEMBER),
    Shot("people-search-none", "/dashboard/team?q=nobody+called+so"),
    Shot("people-invite", "/dashboard/team", act=press("Invite people")),
    Shot("invitation", f"/dashboard/team?q={INVITED.split()[0]}", act=new_link),
    Shot("person", "/dashboard/team", act=of_person(AUTHOR), in_readme=True),
    Shot("person-refused", "/dashboard/team", act=of_person(REFUSED)),
    Shot("person-block", "/dashboard/team", act=blocking),
    Shot("guest-new", "/dashboard/team", act=guest_typed),
    Shot("guest-new-faults", "/dashboard/team", act=guest_faults),
    Shot("guest-let-in", "/dashboard/team", act=guest_let_in),
    Shot("guest-person", "/dashboard/team", act=of_person(GUEST)),
    Shot("guest-change", "/dashboard/team", act=of_guest("Change…")),
    Shot("guest-end", "/dashboard/team", act=of_guest("End the stay…")),
    Shot("directory", "/dashboard/directory", in_readme=True),
    Shot("directory-member", "/dashboard/directory", who=MEMBER),
    Shot("reconciliation", "/dashboard/directory", act=held),
    Shot("reconciliation-confirm", "/dashboard/directory", act=confirming),
    Shot("events", "/dashboard/events"),
    Shot("event", "/dashboard/events", act=first_row),
    Shot("event-parked", "/dashboard/events?outcome=parked", act=first_row),
    Shot("events-replay", "/dashboard/events", act=press("Replay a range…")),
    Shot("roles", "/dashboard/roles"),
    Shot("roles-preview", "/dashboard/roles", act=group_to_give),
    Shot("audit", "/dashboard/audit"),
    Shot("audit-entry", "/dashboard/audit", act=first_row),
    Shot("audit-roles", f"/dashboard/audit?on={datetime.now(UTC).date()}"),
    Shot("account", "/dashboard/account"),
    Shot("account-token", "/dashboard/account", act=press(re.compile("^New token"))),
    Shot("settings", "/dashboard/settings"),
    Shot("palette", "/dashboard", act=keys("Control+k")),
    Shot("shortcuts", "/dashboard", act=keys("?")),
    Shot("menu", "/dashboard", act=menu),
    Shot("not-found", "/dashboard/nowhere"),
    Shot("offline", "/dashboard", act=offline),
    Shot("access-ended", "/dashboard", who=MEMBER, act=ended),
]


class Photographer:
    """Takes the pictures; each in a browser as it is when somebody has just signed in."""

    def __init__(self, browser: Browser, addresses: Addresses) -> None:
        self._browser = browser
        self._addresses = addresses
        self._states: dict[str, StorageState] = {}

    async def _state(self, who: str | None) -> StorageState | None:
        if who is None:
            return None
        if who not in self._states:
            context = await entered(self._addresses, self._browser, who)
            self._states[who] = await context.storage_state()
            await context.close()
        return self._states[who]

    @asynccontextmanager
    async def _opened(self, shot: Shot, theme: Theme, size: ViewportSize) -> AsyncIterator[Page]:
        on_a_phone = size["width"] == PHONE
        context = await self._browser.new_context(
            base_url=self._addresses.application,
            storage_state=await self._state(shot.who),
            color_scheme=theme,
            reduced_motion="reduce",
            viewport=size,
            locale=demonstration.LOCALE,
            has_touch=on_a_phone,
            is_mobile=on_a_phone,
        )
        page = await context.new_page()
        await page.goto(shot.path)
        await page.get_by_role("heading", level=1).first.wait_for()
        if shot.act is not None:
            await page.wait_for_timeout(SETTLING_MS)
            await shot.act(page)
        await page.evaluate("document.fonts.ready")
        await page.wait_for_timeout(SETTLING_MS)
        yield page
        await context.close()

    async def take(self, shot: Shot, folder: Path) -> None:
        """The whole page, in each size and theme."""
        await self._state(shot.who)  # once, and not by each

        async def take(theme: Theme, width: int) -> None:
            async with self._opened(shot, theme, SIZES[width]) as page:
                height = await page.evaluate("document.documentElement.scrollHeight")
                whole = ViewportSize(width=width, height=min(height, HIGHEST))
                await page.set_viewport_size(whole)
                await page.screenshot(path=folder / f"{shot.name}-{width}-{theme}.png")

        await asyncio.gather(*(take(theme, width) for theme in THEMES for width in SIZES))
        print(shot.name, flush=True)

    async def take_for_readme(self, shot: Shot, folder: Path) -> None:
        for theme in THEMES:
            path = folder / f"{shot.name}-{theme}.png"
            async with self._opened(shot, theme, README_SIZE) as page:
                await page.screenshot(path=path)
            if path.stat().st_size > MOST_BYTES:
                raise SystemExit(f"{path} is larger than {MOST_BYTES} bytes.")


async def main(given: argparse.Namespace) -> None:
    executable = await asyncio.to_thread(find)
    given.to.mkdir(parents=True, exist_ok=True)
    with running({"RATE_LIMITS": "off"}) as addresses:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            http = await playwright.request.new_context(base_url=addresses.console)
            photographer = Photographer(browser, addresses)

            async def take(shots: list[Shot]) -> None:
                for shot in shots:
                    if given.only in shot.name:
                        await photographer.take(shot, given.to)
                    if shot.in_readme and given.readme:
                        await photographer.take_for_readme(shot, given.readme)

            console = Console(http)
            await demonstration.with_one_admin(console)
            await take(BEFORE)
            await demonstration.live(addresses, browser, console)
            await take(SHOTS)
            await http.dispose()
            await browser.close()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("screenshots"), help="the folder")
    parser.add_argument("--only", default="", help="the pictures whose name holds this")
    parser.add_argument("--readme", type=Path, help="the folder of the README's pictures")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(options()))
