"""The running stack, started as `make run` starts it, and real browsers to drive it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.journey.people import Stack
from tools import running as tools_running
from tools.browser import ARGUMENTS

_COMPANY = Path(__file__).parent / "company.toml"


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """With what the module's `ENVIRONMENT` says, if it has one."""
    more: dict[str, str] = getattr(request.module, "ENVIRONMENT", {})
    with tools_running.running({"EMULATOR_SCENARIO": str(_COMPANY)} | more) as addresses:
        yield Stack(addresses.application, addresses.console)


@pytest.fixture(scope="session")
async def chromium(browser_path: Path | None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        await browser.close()
