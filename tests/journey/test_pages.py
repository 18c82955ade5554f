"""The pages as people use them: small screens, keyboards, dark rooms, sessions that end."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Response, expect

from tests.journey.looking import search_script
from tests.journey.people import Administrator, Person, Stack, entered

pytestmark = pytest.mark.browser

WRITER = "Dora Writer"
FIRST_LOAD = 80 * 1024  # bytes of script, compressed
MARKDOWN = 18 * 1024  # more, where a post is read and nowhere else


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    """Has taken on somebody who writes."""
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_person("Dora", "Writer", "dora.writer@journey.example")
    await administrator.create_group("Authors")
    await administrator.put_into(WRITER, "Authors")
    return administrator


@pytest.fixture
async def writer(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, WRITER)
    yield person
    await person.close()


async def test_what_was_typed_outlives_the_session(writer: Person) -> None:
    page = writer.page
    await page.goto("/dashboard/new")
    await page.get_by_label("Title", exact=True).fill("Half")
    await page.get_by_label("Content", exact=True).fill("half written")
    assert await writer.request("POST", "/auth/logout") == 204  # in another tab
    await writer.is_shut_out()
    await page.get_by_role("link", name="Sign in").click()
    await writer.begin_to_sign_in()
    await page.get_by_role("button", name=WRITER).first.click()
    await expect(page.get_by_label("Title", exact=True)).to_have_value("Half")
    await expect(page.get_by_label("Content", exact=True)).to_have_value("half written")


async def test_losing_the_role_while_writing_is_said(
    writer: Person, administrator: Administrator
) -> None:
    page = writer.page
    await page.goto("/dashboard/new")
    await page.get_by_label("Title", exact=True).fill("Too late")
    await page.get_by_label("Content", exact=True).fill("still here")
    await administrator.take_out_of(WRITER, "Authors")
    await expect(page.get_by_role("alert")).to_contain_text("You can't publish this")
    await expect(page.get_by_text("you can no longer write").first).to_be_visible()
    await expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    await expect(page.get_by_label("Content", exact=True)).to_have_value("still here")
    await page.goto("/dashboard")
    drafts = page.get_by_role("region", name="Drafts")
    await expect(drafts.get_by_role("link", name="Too late")).to_be_visible()
    await administrator.put_into(WRITER, "Authors")


async def test_text_stays_text_and_the_console_stays_empty(writer: Person) -> None:
    said: list[str] = []
    writer.page.on("console", lambda message: said.append(message.text))
    writer.page.on("pageerror", lambda error: said.append(str(error)))
    title = f"<img src=x onerror=alert(1)> {uuid4()}"
    await writer.write(title, f"<script>document.title = 'taken'</script> 😀 {uuid4()}")
    await writer.sees(title, deletable=True)
    assert await writer.page.title() == "Posts · Rollcall"
    for path in ("/dashboard/team", "/dashboard/new"):
        await writer.settle_at(path)
    await writer.page.goto("/docs", wait_until="networkidle")
    assert said == []


async def test_the_keyboard_keeps_its_place(writer: Person) -> None:
    page = writer.page
    titles = [f"Post {uuid4()}" for _ in range(21)]
    for title in titles:
        assert await writer.request("POST", "/posts", {"title": title, "content": "."}) == 201
    await page.goto("/dashboard")
    await page.get_by_role("button", name="Load more").press("Enter")
    await expect(page.get_by_role("article", name=titles[0])).to_be_focused()

    actions = page.get_by_role("button", name=f"Actions for {titles[-1]}")
    await actions.press("Enter")
    await page.keyboard.press("End")
    await expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await page.route("**/posts/*", lambda route: route.abort())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(page.get_by_role("article", name=titles[-1])).to_be_visible()
    await page.unroute("**/posts/*")
    await actions.press("Enter")
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("article", name=titles[-1])).to_have_count(0)
    await expect(page.get_by_role("article", name=titles[-2])).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 1000, 1440])
async def test_nothing_is_wider_than_the_screen(writer: Person, width: int) -> None:
    page = writer.page
    await page.set_viewport_size({"width": width, "height": 800})
    body = {"title": "W" * 200, "content": "x" * 20_000}
    assert await writer.request("POST", "/posts", body) == 201
    for path in ("/dashboard", "/dashboard/new", "/dashboard/team", "/?error=deactivated"):
        await page.goto(path)
        await expect(page.get_by_role("heading").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


async def test_an_unknown_reason_has_words_too(running: Stack, chromium: Browser) -> None:
    stranger = await Person.arrive(running, chromium, "nobody")
    await stranger.page.goto("/?error=constructor")
    await expect(stranger.page.get_by_role("alert")).to_contain_text("Sign-in did not work")


async def first_load(browser: Browser, person: Person, path: str) -> dict[str, int]:
    """The bytes of each script that an empty browser with the person's cookie fetches."""
    context = await browser.new_context(storage_state=await person.page.context.storage_state())
    page = await context.new_page()
    scripts: list[Response] = []

    def note(response: Response) -> None:
        if response.request.resource_type == "script":
            scripts.append(response)

    page.on("response", note)
    await page.goto(person.address(path), wait_until="networkidle")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    sizes = {
        response.url: (await response.request.sizes())["responseBodySize"]
        for response in scripts
        if not response.url.endswith(search_script())
    }
    await context.close()
    assert sizes
    return sizes


async def test_the_first_load_is_small(
    running: Stack, chromium: Browser, writer: Person, administrator: Administrator
) -> None:
    stranger = await Person.arrive(running, chromium, "nobody")
    assert sum((await first_load(chromium, stranger, "/")).values()) <= FIRST_LOAD
    of_members: set[str] = set()
    await writer.write("To be read", "with weight")
    post = writer.page.url.removeprefix(writer.address(""))
    for path in ("/dashboard", "/dashboard/new", "/dashboard/team", "/dashboard/account"):
        scripts = await first_load(chromium, writer, path)
        assert sum(scripts.values()) <= FIRST_LOAD, path
        of_members |= scripts.keys()
    of_reading = await first_load(chromium, writer, post)
    assert sum(of_reading.values()) <= FIRST_LOAD + MARKDOWN
    assert max(of_reading[script] for script in of_reading.keys() - of_members) <= MARKDOWN

    await administrator.create_group("Admins")
    await administrator.put_into(WRITER, "Admins")
    of_admins = (await first_load(chromium, writer, "/dashboard/directory")).keys()
    await administrator.take_out_of(WRITER, "Admins")
    assert of_admins - of_members, "administration has no script of its own"


async def test_the_api_is_described_in_both_schemes(running: Stack, chromium: Browser) -> None:
    stranger = await Person.arrive(running, chromium, "nobody")
    page = stranger.page
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    await page.goto("/docs")
    await expect(page.get_by_text("/posts", exact=True).first).to_be_visible()
    assert hosts == {running.application.removeprefix("http://")}
    body = page.locator("body")
    await page.emulate_media(color_scheme="dark")
    await expect(body).to_have_css("background-color", "rgb(11, 12, 16)")
    await page.emulate_media(color_scheme="light")
    await expect(body).to_have_css("background-color", "rgb(251, 251, 252)")
