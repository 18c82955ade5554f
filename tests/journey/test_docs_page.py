"""The API's description as its readers use it."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Response, expect

from tests.journey.people import MEMBER, Person, Stack, entered
from tests.journey.test_frame import PHONE

pytestmark = pytest.mark.browser

MOST_BYTES = 200_000  # of all that an empty browser fetches, the font included


@pytest.fixture
async def stranger(running: Stack, chromium: Browser) -> AsyncIterator[Page]:
    person = await Person.arrive(running, chromium, "nobody")
    yield person.page
    await person.close()


async def test_whoever_is_not_signed_in_finds_an_operation_by_the_keyboard(stranger: Page) -> None:
    page = stranger
    await page.goto("/docs")
    await expect(page.get_by_role("heading", name="Posts", exact=True)).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("write a post")
    await page.keyboard.press("Enter")
    operation = page.locator("#create_post")
    await expect(operation.get_by_role("heading", name="Errors")).to_be_visible()
    await expect(operation).to_contain_text("1 to 200 characters")
    await expect(operation).to_contain_text("payload_too_large")
    assert page.url.endswith("/docs#create_post")
    await operation.get_by_role("button", name="Send request").press("Enter")
    await expect(operation.get_by_role("status", name="Response")).to_contain_text("401")


async def test_a_link_leads_to_an_operation_and_the_webhook_stands_apart(stranger: Page) -> None:
    page = stranger
    await page.goto("/docs#receive_event")
    webhook = page.get_by_role("region", name="Webhooks")
    await expect(webhook.get_by_text("WorkOS calls this")).to_be_visible()
    await expect(webhook.locator("summary")).to_be_in_viewport()
    await expect(webhook.get_by_role("button", name="Send request")).to_have_count(0)
    await page.get_by_role("link", name="Back to the notebook").click()
    await expect(page.get_by_role("button", name="Sign in with SSO")).to_be_visible()


async def test_a_token_is_tried_and_only_in_memory(running: Stack, chromium: Browser) -> None:
    person = await entered(running, chromium, MEMBER)
    page = person.page
    secret = await page.evaluate(
        """async () => (await (await fetch("/tokens", {
            method: "POST", headers: {"Content-Type": "application/json"},
            body: JSON.stringify({name: "Tried", scopes: ["read"]}),
        })).json()).secret"""
    )
    await page.goto("/docs#list_posts")
    operation = page.locator("#list_posts")
    answer = operation.get_by_role("status", name="Response")
    send = operation.get_by_role("button", name="Send request")
    await send.press("Enter")
    await expect(answer).to_contain_text("200")  # by the session
    await page.get_by_label("Token", exact=True).fill("rc_made.up")
    await send.press("Enter")
    await expect(answer).to_contain_text("401")  # by the token, and not by the session
    await page.get_by_label("Token", exact=True).fill(secret)
    await operation.get_by_label("limit").fill("1")
    async with page.expect_request("**/posts?limit=1") as sent:
        await send.press("Enter")
    headers = await (await sent.value).all_headers()
    assert (headers["authorization"], headers.get("cookie")) == (f"Bearer {secret}", None)
    await expect(answer).to_contain_text("200")
    await expect(answer).to_contain_text("next_cursor")

    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])"
    assert secret not in await page.evaluate(kept)
    await page.get_by_role("link", name="Back to the notebook").click()
    await person.has_entered()
    await page.goto("/docs")
    await expect(page.get_by_label("Token", exact=True)).to_have_value("")
    await page.context.close()


async def test_without_a_server_it_is_said(stranger: Page) -> None:
    page = stranger
    await page.goto("/docs#healthz")
    operation = page.locator("#healthz")
    await expect(operation.get_by_role("button", name="Send request")).to_be_visible()
    await page.context.set_offline(True)
    await operation.get_by_role("button", name="Send request").click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.context.set_offline(False)
    await page.route("**/openapi.json", lambda route: route.fulfill(status=503, body=""))
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("503")


async def test_on_a_phone_the_contents_open_and_nothing_is_too_wide(stranger: Page) -> None:
    page = stranger
    await page.set_viewport_size(PHONE)
    await page.goto("/docs")
    await page.get_by_role("button", name="Contents").click()
    await page.get_by_role("link", name="Write a post").click()
    await expect(page.locator("#create_post > summary")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_it_is_light(stranger: Page) -> None:
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    stranger.on("response", note)
    await stranger.goto("/docs", wait_until="networkidle")
    sizes = {answer.url: (await answer.request.sizes())["responseBodySize"] for answer in answers}
    assert any(url.endswith("/openapi.json") for url in sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes
