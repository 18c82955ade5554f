"""An organization's first administrator sets it up, who has never seen the product."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.journey.people import Person, Stack
from tests.journey.test_frame import violations
from tools.running import Addresses, running

pytestmark = pytest.mark.browser

SCENARIO = Path(__file__).parent / "beginning.toml"
ORGANIZATION = "org_01JN0RDL1CHT00000000000001"
FIRST, SECOND = "Ines Krause", "Jonas Weber"
MOST_CLICKS = 25
STEPS = {
    "sso": "Single sign-on connected",
    "directory": "Directory connected",
    "event": "First event arrived",
    "groups": "Groups mapped to roles",
    "admin": "A second administrator",
    "source": "Webhook or catch-up healthy",
}
OBSERVED = """
addEventListener("click", ({isTrusted, detail}) => {
    if (isTrusted) noted(detail > 0 ? "click" : "key");
}, true);
addEventListener("keydown", ({isTrusted, key}) => {
    if (isTrusted && (key === "Enter" || key === " ")) noted("key");
}, true);
"""


class Hands:
    """All that somebody does in a browser: each click is counted, here and by the page itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.choices = 0
        self.noted: list[str] = []

    async def observe(self) -> None:
        await self.page.expose_binding("noted", lambda _, what: self.noted.append(what))
        await self.page.add_init_script(OBSERVED)

    async def click(self, target: Locator) -> None:
        self.clicks += 1
        await target.click()

    async def press(self, name: str) -> None:
        await self.click(self.page.get_by_role("button", name=name, exact=True))

    async def follow(self, name: str) -> None:
        await self.click(self.page.get_by_role("link", name=name, exact=True).first)

    async def type_into(self, label: str, text: str) -> None:
        await self.page.get_by_label(label, exact=True).fill(text)

    async def choose(self, label: str, option: str) -> None:
        """Open the list, and click on one of it: two clicks, of which the page hears nothing."""
        self.choices += 1
        await self.page.get_by_label(label, exact=True).select_option(label=option)

    @property
    def all_clicks(self) -> int:
        return self.clicks + 2 * self.choices


@pytest.fixture(scope="module")
def started() -> Iterator[Addresses]:
    with running({"EMULATOR_SCENARIO": str(SCENARIO)}) as addresses:
        yield addresses


def make_admin(addresses: Addresses, email: str) -> None:
    """By whoever operates the service: the first admin of an organization."""
    grant = ["grant-admin", email, "--organization", ORGANIZATION, "--why", "the first one"]
    command = [sys.executable, "-c", "from backend.cli.main import app; app()", *grant]
    environment = os.environ | {"ROLLCALL_HOME": str(addresses.home)}
    subprocess.run(command, env=environment, cwd=addresses.home, check=True, timeout=60)


async def has_done(page: Page, *keys: str) -> None:
    """The checklist says of these steps that they are done, and of no other."""
    checklist = page.get_by_role("region", name="Set up")
    for key, label in STEPS.items():
        step = checklist.get_by_role("listitem").filter(has_text=label)
        await expect(step).to_have_count(1)
        to_do = step.filter(has_text="to do")
        await expect(to_do, key).to_have_count(0 if key in keys else 1)


async def test_the_checklist_is_finished_in_25_clicks(
    started: Addresses, chromium: Browser
) -> None:
    stack = Stack(started.application, started.console)
    await stack.settled()
    ines = await Person.arrive(stack, chromium, FIRST)
    await ines.sign_in()
    await ines.has_entered()
    make_admin(started, "ines.krause@nordlicht.example")

    page = ines.page
    hands = Hands(page)
    await hands.observe()
    await page.goto("/dashboard")

    # What is there, and what to do first.
    await hands.follow("Settings")
    await has_done(page, "sso", "event", "source")  # WorkOS told of the organization
    assert await violations(page) == []
    checklist = page.get_by_role("region", name="Set up")
    await hands.click(checklist.get_by_role("button").first)

    # WorkOS's Admin Portal, and Okta.
    await hands.press("Set up a directory with Okta")
    endpoint = await page.locator("code").filter(has_text="/scim/v2.0/").inner_text()
    said = await page.get_by_role("status").inner_text()
    token = said.rpartition("the token ")[2].split()[0]
    await hands.follow("Settings")
    await hands.type_into("SCIM endpoint", endpoint)
    await hands.type_into("SCIM token", token)
    await hands.press("Save Okta settings")
    for person in (FIRST, SECOND):
        await hands.follow("People")
        await hands.follow(person)
        await hands.press("Assign to app")
    await hands.follow("Groups")
    await hands.type_into("Name", "IT")
    await hands.press("Create group")
    await hands.choose("Add person", SECOND)
    await hands.press("Add")

    # Back; the directory ended what was there before it.
    await stack.settled()
    await hands.follow("Open the application")
    await hands.click(page.get_by_role("link", name=f"Continue as {FIRST}"))
    await hands.click(page.get_by_role("button", name=FIRST).first)
    await ines.has_entered()
    await hands.follow("Settings")
    await has_done(page, "sso", "directory", "event", "source")

    # Which group gives which role.
    await hands.click(checklist.get_by_role("link").first)
    await hands.press("Add a group to Admin")
    await hands.click(page.get_by_role("radio", name="IT"))
    await hands.press("Save")
    await hands.follow("Settings")
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    await expect(page.get_by_label("Seats")).to_be_visible()
    await expect(checklist).to_have_count(0)

    assert hands.all_clicks <= MOST_CLICKS
    assert hands.noted == ["click"] * hands.clicks
