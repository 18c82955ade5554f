"""A new release comes while pages are open: two builds behind one address."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.journey.looking import search_script
from tests.journey.people import ADA, Administrator, Stack, entered
from tests.working import until
from tools.ports import free_port
from tools.run import API_KEY, CLIENT_ID
from tools.running import Addresses, running

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent.parent
COMPANY = Path(__file__).parent / "company.toml"
TEXTS = {".js", ".css", ".html", ".json"}
COMPRESSED = {".br", ".gz"}  # of what a file held before
NAMES = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:js|css|woff2)")


def another_build(of: Path, to: Path) -> str:
    """The same pages with other names for all hashed files, as after a change; its version."""
    renamed = {
        path.name: f"{path.stem}-next{path.suffix}"
        for path in (of / "_app" / "immutable").rglob("*")
        if path.is_file()
    }
    version: str = json.loads((of / "_app" / "version.json").read_text())["version"]
    for path in filter(Path.is_file, of.rglob("*")):
        if path.suffix in COMPRESSED:
            continue
        target = (to / path.relative_to(of)).with_name(renamed.get(path.name, path.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in TEXTS:
            text = NAMES.sub(lambda name: renamed.get(name[0], name[0]), path.read_text())
            target.write_text(text.replace(version, f"{version}-next"))
        else:
            target.write_bytes(path.read_bytes())
    return f"{version}-next"


class FrontDoor:
    """One address, behind which one release after the other answers."""

    def __init__(self, behind: str) -> None:
        self.address = ""
        self._behind = behind
        self._open: set[asyncio.StreamWriter] = set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = self._behind
        host, _, port = behind.removeprefix("http://").partition(":")
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        if behind != self._behind:  # it was replaced meanwhile
            writer.transport.abort()
            behind_writer.transport.abort()
            return
        self._open |= {writer, behind_writer}
        await asyncio.gather(self._pump(reader, behind_writer), self._pump(behind_reader, writer))
        self._open -= {writer, behind_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # the other side has gone, or is being replaced
        finally:
            writer.close()

    def replace(self, behind: str) -> None:
        """From now on this one answers; the other one's connections end."""
        self._behind = behind
        for writer in self._open:
            writer.transport.abort()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.address = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield
            self.replace(self._behind)


@pytest.fixture(scope="module")
def started() -> Iterator[Addresses]:
    with running({"EMULATOR_SCENARIO": str(COMPANY)}) as addresses:
        yield addresses


@pytest.fixture(scope="module")
async def next_release(
    started: Addresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The address of the same application with another build, on the same database."""
    tree = tmp_path_factory.mktemp("next")
    for shared in ("backend", "alembic", "pyproject.toml"):
        (tree / shared).symlink_to(ROOT / shared)
    version = another_build(ROOT / "frontend" / "build", tree / "frontend" / "build")
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "ROLLCALL_HOME": str(started.home),
        "WORKOS_API_KEY": API_KEY,
        "WORKOS_CLIENT_ID": CLIENT_ID,
        "WORKOS_BASE_URL": started.console,
        "WORKOS_REDIRECT_URI": f"{started.application}/auth/callback",
        "NO_PROXY": "localhost,127.0.0.1",
    }
    serve = ["serve", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from backend.cli.main import app; app()", *serve),
        env=environment,
        cwd=tree,
    )
    address = f"http://localhost:{port}"

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"{address}/readyz")
            except httpx.HTTPError:
                return False
        return bool(answer.headers.get("rollcall-build") == version)

    try:
        await until(answers)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()


@pytest.fixture
async def door(started: Addresses) -> AsyncIterator[FrontDoor]:
    door = FrontDoor(started.application)
    async with door.open():
        yield door


@pytest.fixture(scope="module")
async def stack(started: Addresses, chromium: Browser) -> Stack:
    stack = Stack(started.application, started.console)
    administrator = await Administrator.arrive(stack, chromium)
    await administrator.create_group("Authors")
    await administrator.put_into(ADA, "Authors")
    return stack


@pytest.fixture
async def page(stack: Stack, chromium: Browser, door: FrontDoor) -> AsyncIterator[Page]:
    """Ada's, at the front door; a cookie is of all ports."""
    ada = await entered(stack, chromium, ADA)
    await ada.page.goto(f"{door.address}/dashboard")
    await expect(ada.page.get_by_role("heading", name="Posts")).to_be_visible()
    yield ada.page
    await ada.page.context.close()


async def is_of(page: Page) -> str:
    """The build that an open page is of, by its first script."""
    script: str = await page.evaluate("document.querySelector('script[src*=bootstrap]').src")
    return "next" if "-next.js" in script else "first"


async def type_into(page: Page, title: str) -> None:
    await page.get_by_role("link", name="New post").click()
    await page.get_by_label("Title", exact=True).fill(title)
    await page.get_by_label("Content", exact=True).fill("Typed before the release.")


async def test_a_new_release_is_offered_and_a_draft_outlives_it(
    page: Page, door: FrontDoor, next_release: str
) -> None:
    title = f"Half written {uuid4()}"
    await type_into(page, title)
    door.replace(next_release)
    offer = page.get_by_text("There is a new version").first
    await expect(offer).to_be_visible()
    assert await is_of(page) == "first"
    await expect(page.get_by_label("Title", exact=True)).to_have_value(title)
    await page.get_by_role("button", name="Reload").click()
    await expect(page.get_by_label("Content", exact=True)).to_have_value(
        "Typed before the release."
    )
    assert await is_of(page) == "next"
    await expect(page.get_by_text("There is a new version")).to_have_count(0)
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


async def test_a_page_whose_script_is_gone_comes_with_the_new_release(
    page: Page, door: FrontDoor, next_release: str
) -> None:
    title = f"Left for a moment {uuid4()}"
    await type_into(page, title)
    loads = 0

    def count(_: Page) -> None:
        nonlocal loads
        loads += 1

    page.on("load", count)
    async with page.expect_event("load"):
        door.replace(next_release)
        await page.get_by_role("link", name="People").click()
    await expect(page.get_by_role("heading", level=1, name="People")).to_be_visible()
    assert page.url == f"{door.address}/dashboard/team"
    assert (await is_of(page), loads) == ("next", 1)
    await page.get_by_role("link", name="Posts", exact=True).click()
    await page.get_by_role("region", name="Drafts").get_by_role("link", name=title).click()
    await expect(page.get_by_label("Content", exact=True)).to_have_value(
        "Typed before the release."
    )


async def test_what_is_wanted_late_and_gone_brings_the_new_release(
    page: Page, door: FrontDoor, next_release: str
) -> None:
    """Such as the search: not before somebody wants it, though it is fetched in advance."""
    replaced = asyncio.Event()

    async def hold(route: Route) -> None:
        await replaced.wait()
        await route.continue_()

    await page.route(f"**/{search_script()}", hold)
    await page.reload()
    await expect(page.get_by_role("heading", name="Posts")).to_be_visible()
    async with page.expect_response(f"**/{search_script()}") as fetched:
        door.replace(next_release)
        replaced.set()
    assert (await fetched.value).status == 404
    await page.wait_for_timeout(1000)
    assert await is_of(page) == "first"
    async with page.expect_event("load"):
        await page.keyboard.press("Control+k")
    assert await is_of(page) == "next"
    await expect(page.get_by_role("heading", name="Posts")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()


async def test_going_back_to_the_release_before_is_a_new_one_too(
    page: Page, door: FrontDoor, started: Addresses, next_release: str
) -> None:
    door.replace(next_release)
    await page.reload()
    await expect(page.get_by_role("heading", name="Posts")).to_be_visible()
    assert await is_of(page) == "next"
    door.replace(started.application)
    await page.get_by_role("link", name="People").click()
    await expect(page.get_by_role("heading", level=1, name="People")).to_be_visible()
    assert await is_of(page) == "first"
