"""Two people at once: what one does, the other sees, for as long as they may."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from tests.journey.people import ADA, BEN, Administrator, Person, Stack, entered

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
async def administrator(running: Stack, chromium: Browser) -> Administrator:
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_group("Authors")
    for person in (ADA, BEN):
        await administrator.put_into(person, "Authors")
    return administrator


@pytest.fixture
async def ada(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, ADA)
    yield person
    await person.close()


@pytest.fixture
async def ben(
    running: Stack, chromium: Browser, administrator: Administrator
) -> AsyncIterator[Person]:
    del administrator
    person = await entered(running, chromium, BEN)
    yield person
    await person.close()


async def test_what_one_writes_the_other_sees(ada: Person, ben: Person) -> None:
    title = f"Post {uuid4()}"
    await ada.page.goto("/dashboard")
    await ben.write(title, "For Ada.")
    seen = ada.page.get_by_role("article", name=title)
    await expect(seen).to_be_visible()

    await ben.page.get_by_role("link", name="Edit").click()
    await ben.page.get_by_label("Content", exact=True).fill("For Ada, again.")
    await ben.page.keyboard.press("Control+Enter")
    await expect(seen).to_contain_text("again")

    await ben.page.goto("/dashboard")
    await ben.delete(title)
    await expect(seen).to_have_count(0)
    await ben.page.get_by_role("button", name="Undo").click()
    await expect(seen).to_be_visible()


async def test_whom_one_invites_the_other_sees(
    ada: Person, ben: Person, administrator: Administrator
) -> None:
    await administrator.create_person("Dora", "Marsh", f"dora.{uuid4()}@journey.example")
    for person in (ada, ben):
        await person.page.goto("/dashboard/team?q=dora")
    seen = ada.page.get_by_role("row").filter(has_text="Dora Marsh")
    await expect(seen).to_contain_text("Not invited")
    await ben.page.get_by_role("button", name="Invite Dora Marsh").click()
    await expect(seen).not_to_contain_text("Not invited")
    await expect(seen).to_contain_text("Invited")
    await ben.page.keyboard.press("Escape")

    await ben.page.get_by_role("button", name="Actions for Dora Marsh").click()
    await ben.page.get_by_role("menuitem", name="Withdraw invitation").click()
    await expect(seen).to_contain_text("Not invited")
    await ben.page.get_by_role("button", name="Undo").click()
    await expect(seen).not_to_contain_text("Not invited")
    said = ben.page.get_by_role("status").filter(has_text="works again")
    await expect(said).to_have_text("The invitation of Dora Marsh works again.")


async def test_nothing_jumps_where_somebody_reads(ada: Person, ben: Person) -> None:
    for _ in range(20):
        body = {"title": f"Post {uuid4()}", "content": "line\n\n" * 10}
        assert await ben.request("POST", "/posts", body) == 201
    page = ada.page
    await page.goto("/dashboard")
    await expect(page.get_by_role("article")).to_have_count(20)
    title = await page.get_by_role("article").nth(9).get_by_role("heading").inner_text()
    reading = page.get_by_role("article", name=title)
    await reading.scroll_into_view_if_needed()
    before = await reading.bounding_box()
    titles = [f"New {uuid4()}" for _ in range(3)]
    for title in titles:
        assert await ben.request("POST", "/posts", {"title": title, "content": "."}) == 201
    await expect(page.get_by_role("button", name="3 new")).to_be_visible()
    assert await reading.bounding_box() == before
    await page.get_by_role("button", name="3 new").click()
    await expect(page.get_by_role("article", name=titles[-1])).to_be_focused()
    await expect(page.get_by_role("button", name="3 new")).to_have_count(0)


async def test_whoever_is_deactivated_while_reading_reads_no_more(
    ada: Person, ben: Person, administrator: Administrator
) -> None:
    await ben.write(f"Secret {uuid4()}", "For those who may enter.")
    await ada.page.goto(ben.page.url)
    await expect(ada.page.get_by_text("For those who may enter.")).to_be_visible()
    await administrator.deactivate(ADA)
    await ada.is_shut_out()
    assert await ada.page.title() == "Your access has ended · Rollcall"
    assert "For those who may enter." not in await ada.page.content()
    await ada.page.keyboard.press("Control+k")
    await ada.is_shut_out()
    await administrator.reactivate(ADA)


async def test_whoever_is_deactivated_while_writing_finds_the_draft_again(
    ada: Person, administrator: Administrator
) -> None:
    page = ada.page
    await page.keyboard.press("n")
    await expect(page.get_by_label("Title", exact=True)).to_be_focused()
    await page.keyboard.type("Interrupted")
    await page.keyboard.press("Tab")
    await page.keyboard.type("in the middle of")
    await administrator.deactivate(ADA)
    await ada.is_shut_out()
    await expect(page.get_by_role("textbox")).to_have_count(0)
    await administrator.reactivate(ADA)
    await page.get_by_role("link", name="Sign in").click()
    await ada.begin_to_sign_in()
    await page.get_by_role("button", name=ADA).first.click()
    await expect(page.get_by_label("Title", exact=True)).to_have_value("Interrupted")
    await expect(page.get_by_label("Content", exact=True)).to_have_value("in the middle of")


@pytest.mark.parametrize("keys", ["Control+k", "?"])
async def test_whoever_is_deactivated_in_a_dialog_is_out_of_it(
    ada: Person, administrator: Administrator, keys: str
) -> None:
    await ada.settle_at("/dashboard")
    await ada.page.keyboard.press(keys)
    await expect(ada.page.get_by_role("dialog")).to_be_visible()
    await administrator.deactivate(ADA)
    await ada.is_shut_out()
    await administrator.reactivate(ADA)


async def test_a_role_comes_and_goes_while_one_looks(
    ada: Person, administrator: Administrator
) -> None:
    page = ada.page
    write = page.get_by_role("link", name="New post")
    await page.goto("/dashboard")
    await expect(write).to_be_visible()
    await administrator.take_out_of(ADA, "Authors")
    await expect(write).to_have_count(0)
    await expect(page.get_by_text("you can no longer write").first).to_be_visible()
    await administrator.put_into(ADA, "Authors")
    await expect(write).to_be_visible()


async def test_a_lost_stream_is_taken_up_again(ada: Person, ben: Person) -> None:
    """What happened meanwhile is seen without a reload."""
    title = f"Meanwhile {uuid4()}"
    page = ada.page
    await page.goto("/dashboard")
    await page.context.set_offline(True)
    assert await ben.request("POST", "/posts", {"title": title, "content": "."}) == 201
    await page.wait_for_timeout(1000)
    await expect(page.get_by_role("article", name=title)).to_have_count(0)
    await page.context.set_offline(False)
    await expect(page.get_by_role("article", name=title)).to_be_visible()
