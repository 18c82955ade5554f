"""The running stack, started as `make run` starts it, and real browsers to drive it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.journey.people import ADMIN, MEMBER, Administrator, Person, Stack, entered
from tools import running as tools_running
from tools.browser import ARGUMENTS

# Far more than a busy machine takes.
_SOON_MS = 20_000
_COMPANY = Path(__file__).parent / "company.toml"


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """With what the module's `ENVIRONMENT` says, if it has one."""
    more: dict[str, str] = getattr(request.module, "ENVIRONMENT", {})
    with tools_running.running({"EMULATOR_SCENARIO": str(_COMPANY)} | more) as addresses:
        yield Stack(addresses.application, addresses.console)


@pytest.fixture(scope="session")
async def chromium(browser_path: Path | None) -> AsyncIterator[Browser]:
    expect.set_options(timeout=_SOON_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    """Has made `ADMIN` one."""
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_group("Admins")
    await administrator.put_into(ADMIN, "Admins")
    return administrator


@pytest.fixture
async def admin(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, ADMIN)
    yield person
    await person.close()


@pytest.fixture
async def member(running: Stack, chromium: Browser) -> AsyncIterator[Person]:
    person = await entered(running, chromium, MEMBER)
    yield person
    await person.close()
