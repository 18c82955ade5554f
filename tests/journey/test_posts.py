"""Posts as people write, read, edit and delete them."""

from collections.abc import AsyncIterator
from typing import Literal
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Route, expect

from tests.journey.looking import at_rest, wheel
from tests.journey.people import ADA, BEN, Administrator, Person, Stack, entered
from tests.journey.test_frame import violations

pytestmark = pytest.mark.browser

ENVIRONMENT = {"RATE_LIMITS": "off"}  # for the thousand posts


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_group("Authors")
    await administrator.put_into(ADA, "Authors")
    return administrator


@pytest.fixture
async def ada(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, ADA)
    yield person
    await person.close()


async def test_a_deletion_is_taken_back_where_it_was(ada: Person) -> None:
    titles = [f"Post {uuid4()}" for _ in range(3)]
    for title in titles:
        assert await ada.request("POST", "/posts", {"title": title, "content": "."}) == 201
    page = ada.page
    await page.goto("/dashboard")
    await ada.delete(titles[1])
    await expect(page.get_by_role("article").first).to_contain_text(titles[2])
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("article").nth(1)).to_contain_text(titles[1])
    await page.reload()
    await expect(page.get_by_role("article").nth(1)).to_contain_text(titles[1])

    await page.get_by_role("link", name=titles[1]).click()
    await expect(page.get_by_role("heading", name=titles[1], level=1)).to_be_visible()
    await page.get_by_role("button", name=f"Actions for {titles[1]}").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_role("heading", name="Posts")).to_be_visible()
    await expect(page.get_by_role("article", name=titles[1])).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", name=titles[1])).to_be_visible()


async def test_two_deletions_at_once_both_hold(ada: Person) -> None:
    titles = [f"Post {uuid4()}" for _ in range(2)]
    for title in titles:
        assert await ada.request("POST", "/posts", {"title": title, "content": "."}) == 201
    page = ada.page
    await page.goto("/dashboard")
    for title in titles:
        await ada.delete(title)
    await expect(page.get_by_role("button", name="Undo")).to_have_count(2)
    await page.reload()
    await expect(page.get_by_role("heading", name="Posts")).to_be_visible()
    for title in titles:
        await expect(page.get_by_role("article", name=title)).to_have_count(0)


@pytest.fixture
async def twin(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    """Ada in another browser: nobody but she may edit what she wrote."""
    del administrator
    person = await entered(running, chromium, ADA)
    yield person
    await person.close()


@pytest.mark.parametrize("choice", ["Save mine", "Take theirs"])
async def test_who_edits_second_sees_both_and_chooses(
    ada: Person, twin: Person, choice: str
) -> None:
    await ada.write(f"Post {uuid4()}", "At first.")
    address = f"{ada.page.url}/edit"
    for person in (ada, twin):
        # Without the stream: an edit that meets another of which nobody was told.
        await person.page.route("**/live", lambda route: route.abort())
        await person.page.goto(address)
        await expect(person.page.get_by_label("Content", exact=True)).to_have_value("At first.")
    await twin.page.get_by_label("Content", exact=True).fill("The first.")
    await twin.page.keyboard.press("Control+Enter")
    await expect(twin.page.get_by_role("article").get_by_text("The first.")).to_be_visible()

    page = ada.page
    await page.get_by_label("Content", exact=True).fill("The second.")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("changed this elsewhere")
    theirs = page.get_by_role("region", name=f"Version of {ADA}")
    await expect(theirs).to_contain_text("The first.")
    await expect(page.get_by_role("region", name="Your version")).to_contain_text("The second.")
    assert await violations(page) == []
    await page.get_by_role("button", name=choice).click()
    kept = "The second." if choice == "Save mine" else "The first."
    await expect(page.get_by_role("article").get_by_text(kept)).to_be_visible()


async def test_who_edits_second_is_told_while_writing(ada: Person, twin: Person) -> None:
    await ada.write(f"Post {uuid4()}", "At first.")
    await twin.page.goto(f"{ada.page.url}/edit")
    await ada.page.get_by_role("link", name="Edit").click()
    await ada.page.get_by_label("Content", exact=True).fill("The second, half")
    await twin.page.get_by_label("Content", exact=True).fill("The first.")
    await twin.page.keyboard.press("Control+Enter")
    await expect(ada.page.get_by_role("alert")).to_contain_text("changed this elsewhere")
    await expect(ada.page.get_by_label("Content", exact=True)).to_have_value("The second, half")


async def test_back_finds_the_place_among_a_thousand_posts(ada: Person) -> None:
    page = ada.page
    made: int = await page.evaluate(
        """async () => {
            let made = 0;
            const headers = {"Content-Type": "application/json"};
            for (let part = 0; part < 100; part += 1) {
                const answers = await Promise.all(Array.from({length: 10}, (_, at) => {
                    const body = JSON.stringify({title: `Of many ${part}-${at}`, content: "."});
                    return fetch("/posts", {method: "POST", headers, body});
                }));
                made += answers.filter(({status}) => status === 201).length;
            }
            return made;
        }"""
    )
    assert made == 1000
    await page.goto("/dashboard")
    articles = page.get_by_role("article")
    await expect(articles.first).to_be_visible()
    whole = page.locator("article[aria-setsize]:not([aria-setsize='-1'])")
    while await whole.count() == 0:
        await page.mouse.wheel(0, 20_000)
        await page.wait_for_timeout(50)
    await at_rest(page)
    assert int(await whole.first.get_attribute("aria-setsize") or 0) >= 1000
    # Of so many, only those near the screen are in the document.
    assert await articles.count() < 100
    await wheel(page, -10_000)
    read = page.locator("article").nth(await articles.count() // 2)
    place = await read.get_attribute("aria-posinset")
    read = page.locator(f"article[aria-posinset='{place}']")
    await read.scroll_into_view_if_needed()
    await at_rest(page)
    title = await read.get_by_role("heading").inner_text()
    link = read.get_by_role("link", name=title, exact=True)
    where = await link.bounding_box()
    before = await page.evaluate("scrollY")
    await link.click()
    await expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    await page.go_back()
    again = page.get_by_role("article", name=title, exact=True)
    await expect(again).to_be_in_viewport()
    await at_rest(page)
    assert abs(await page.evaluate("scrollY") - before) < 2
    assert await again.get_attribute("aria-posinset") == place
    assert await again.get_by_role("link", name=title, exact=True).bounding_box() == where
    assert int(await again.get_attribute("aria-setsize") or 0) >= 1000


async def test_by_the_keyboard_alone_one_writes_reads_edits_and_finds(ada: Person) -> None:
    page = ada.page
    keyboard = page.keyboard
    word = uuid4().hex
    await ada.settle_at("/dashboard")
    await keyboard.press("n")
    await expect(page.get_by_label("Title", exact=True)).to_be_focused()
    await keyboard.type(f"About {word}")
    await keyboard.press("Tab")
    await keyboard.type("Some **weight**.")
    await keyboard.press("Control+Enter")
    await expect(page.locator("article strong")).to_have_text("weight")

    await keyboard.type("gp")
    await expect(page.get_by_role("article", name=word)).to_be_visible()
    await keyboard.press("/")
    await keyboard.type(word)
    await expect(page.get_by_role("article")).to_have_count(1)
    await keyboard.press("Tab")
    await keyboard.press("j")
    await keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name=word)).to_be_visible()

    await keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keyboard.type(word)
    await expect(page.get_by_role("option", name=word)).to_be_visible()
    await keyboard.press("Enter")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.get_by_role("heading", level=1, name=word)).to_be_visible()
    await keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keyboard.type("Moreau")
    await expect(page.get_by_role("option", name=BEN)).to_be_visible()


async def test_markdown_is_shown_and_runs_nothing(ada: Person) -> None:
    said: list[str] = []
    hosts: set[str] = set()
    page = ada.page
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    content = """## One

<img src=x onerror="document.title='taken'"> <script>document.title = 'taken'</script>

![A picture](https://tracker.example/x.png) [bad](javascript:alert(1)) [out](https://out.example)

## Two

- item

## Three
"""
    await ada.request("POST", "/posts", {"title": "With marks", "content": content})
    await page.goto("/dashboard")
    await page.get_by_role("link", name="With marks").first.click()
    article = page.get_by_role("article")
    await expect(article.get_by_text("<script>")).to_be_visible()
    await expect(article.locator("script, img, [onerror]")).to_have_count(0)
    await expect(article.get_by_text("bad")).to_have_attribute("href", "")
    for name in ("A picture", "out"):
        rel = article.get_by_role("link", name=name)
        await expect(rel).to_have_attribute("rel", "noopener noreferrer nofollow")
    await page.get_by_role("navigation", name="On this page").get_by_text("Three").click()
    await expect(page.get_by_role("heading", name="Three")).to_be_focused()
    assert await page.title() == "With marks · Rollcall"
    assert said == []
    assert hosts == {page.url.split("/")[2]}


async def test_a_draft_is_in_every_tab_until_it_is_published(ada: Person) -> None:
    page = ada.page
    name = f"Idea {uuid4()}"
    await page.goto("/dashboard/new")
    await page.get_by_label("Title", exact=True).fill(name)
    other = await page.context.new_page()
    await other.goto("/dashboard")
    drafts = other.get_by_role("region", name="Drafts")
    await drafts.get_by_role("link", name=name).click()
    await other.get_by_label("Content", exact=True).fill("Typed in the other tab.")
    content = page.get_by_label("Content", exact=True)
    await expect(content).to_have_value("Typed in the other tab.")
    await page.close()

    await other.goto("/dashboard")
    await other.get_by_role("button", name=f"Discard the draft “{name}”").click()
    await expect(drafts.get_by_role("link", name=name)).to_have_count(0)
    await other.get_by_role("button", name="Undo").click()
    await drafts.get_by_role("link", name=name).click()
    await expect(other.get_by_label("Title", exact=True)).to_be_focused()
    await other.keyboard.press("Control+Enter")
    await expect(other.get_by_role("heading", level=1, name=name)).to_be_visible()
    await other.goto("/dashboard")
    await expect(other.get_by_role("article", name=name)).to_be_visible()
    await expect(drafts.get_by_role("link", name=name)).to_have_count(0)


async def test_a_new_release_is_offered_and_a_missing_script_fetches_it(ada: Person) -> None:
    page = ada.page
    await ada.request("POST", "/posts", {"title": "To be opened", "content": "."})
    await ada.settle_at("/dashboard")

    async def other_build(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, headers=answer.headers | {"rollcall-build": "other"})

    await page.route("**/me", other_build)
    await page.keyboard.type("gt")
    await expect(page.get_by_text("There is a new version").first).to_be_visible()
    await page.unroute("**/me")
    await page.get_by_role("button", name="Reload").click()
    await expect(page.get_by_text("There is a new version")).to_have_count(0)

    await ada.settle_at("/dashboard")
    asked = False

    async def another(route: Route) -> None:
        nonlocal asked
        asked = True
        await route.fulfill(json={"version": "other"})

    async def missing(route: Route) -> None:
        await (route.continue_() if asked else route.fulfill(status=404))

    await page.route("**/_app/version.json", another)
    await page.route("**/*.js", missing)
    async with page.expect_event("load"):
        await page.get_by_role("article").first.get_by_role("heading").get_by_role("link").click()
    await expect(page.get_by_role("button", name="Copy link")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_where_posts_are(
    ada: Person, scheme: Literal["light", "dark"]
) -> None:
    page = ada.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    content = "## One\n\ntext `code`\n\n```\ncode\n```\n\n> said\n\n## Two\n\n## Three\n"
    await ada.request("POST", "/posts", {"title": "For everybody", "content": content})
    await page.goto("/dashboard/new")
    await page.get_by_label("Title", exact=True).fill("A draft")
    assert await violations(page) == []
    await page.get_by_role("button", name="Preview").click()
    assert await violations(page) == []
    await page.goto("/dashboard")
    await expect(page.get_by_role("region", name="Drafts")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="For everybody").first.click()
    await expect(page.get_by_role("navigation", name="On this page")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_label("Title", exact=True)).to_have_value("For everybody")
    assert await violations(page) == []
