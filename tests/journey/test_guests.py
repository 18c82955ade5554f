"""Guests as administrators let them in, by the keyboard alone, and as they come in themselves."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journey.people import ADMIN, MEMBER, Person, Stack, entered
from tests.journey.test_frame import violations
from tests.journey.test_people_pages import open_person

pytestmark = pytest.mark.browser

GUEST = "Gus Guest"
ADDRESS = "gus@partner.example"
REASON = "Audits our pages."
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
async def guest(running: Stack, chromium: Browser) -> AsyncIterator[Person]:
    person = await Person.arrive(running, chromium, GUEST)
    yield person
    await person.close()


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def let_in(admin: Person, email: str, name: str = GUEST) -> None:
    new = {"name": name, "email": email, "reason": REASON, "until": in_days(30).isoformat()}
    assert await admin.request("POST", "/people/guests", new) == 201


async def vouched_for(page: Page, email: str) -> None:
    """At the identity provider, which knows somebody whom the directory does not have."""
    await page.get_by_text("Somebody whom the directory does not have").click()
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Okta id").fill(f"00u{email.partition('@')[0]}")
    await page.get_by_role("button", name="Sign in as a stranger").click()


async def sign_in(guest: Person, email: str) -> None:
    await guest.page.goto("/")
    await guest.begin_to_sign_in()
    await vouched_for(guest.page, email)


async def nothing_is_found_by_axe(page: Page) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await violations(page) == [], scheme


async def test_by_the_keyboard_alone_a_guest_is_let_in_who_signs_in_and_reads(
    admin: Person, guest: Person
) -> None:
    title = f"Post {uuid4()}"
    assert await admin.request("POST", "/posts", {"title": title, "content": "."}) == 201
    page = admin.page
    await page.goto("/dashboard/team")
    button = page.get_by_role("button", name="Let a guest in")
    await button.press("Enter")
    dialog = page.get_by_role("dialog", name="Let a guest in")
    await expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    for text in (GUEST, ADDRESS, REASON, f"{in_days(30):%m%d%Y}"):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await nothing_is_found_by_axe(page)
    await dialog.get_by_role("button", name="Let in", exact=True).press("Enter")

    link = page.get_by_role("dialog", name=f"Invitation for {GUEST}")
    url = await link.get_by_label("One-time link").input_value()
    await expect(page.get_by_text(f"{GUEST} may enter until").first).to_contain_text(
        f"they sign in themselves through your company's sign-in, as {ADDRESS}"
    )
    await nothing_is_found_by_axe(page)
    await link.get_by_role("button", name="Done").press("Enter")
    await expect(button).to_be_focused()
    row = page.get_by_role("row", name=GUEST)
    await expect(row).to_contain_text("Invited")
    await expect(row).to_contain_text("Guest until")
    await expect(page.get_by_role("link", name="Guests 1")).to_be_visible()

    await guest.page.goto(url)
    await vouched_for(guest.page, ADDRESS)
    await guest.has_entered()
    await expect(guest.page.get_by_role("heading", name="Welcome, Gus")).to_be_visible()
    await guest.page.get_by_role("link", name="Read the posts").press("Enter")
    await expect(guest.page.get_by_role("article", name=title)).to_be_visible()
    await expect(guest.page.get_by_role("link", name="New post")).to_have_count(0)
    await page.reload()
    await expect(row).to_contain_text("Joined")


async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    admin: Person,
) -> None:
    page = admin.page
    await page.goto("/dashboard/team")
    button = page.get_by_role("button", name="Let a guest in")
    await button.press("Enter")
    dialog = page.get_by_role("dialog", name="Let a guest in")
    name = dialog.get_by_label("Name", exact=True)
    email = dialog.get_by_label("E-mail", exact=True)
    until = dialog.get_by_label("Until the end of")
    save = dialog.get_by_role("button", name="Let in", exact=True)
    await save.press("Enter")
    await expect(name).to_be_focused()
    for field, said in (
        (name, "Say who they are"),
        (email, "Give the address"),
        (dialog.get_by_label("Reason"), "Say why"),
        (until, "Choose the last day"),
    ):
        await expect(field).to_have_accessible_description(re.compile(said))
        await expect(field).to_have_attribute("aria-invalid", "true")
    await nothing_is_found_by_axe(page)

    await page.keyboard.type("Ben again")
    await email.fill("ben")
    await dialog.get_by_label("Reason").fill(REASON)
    await until.fill(f"{in_days(400):%Y-%m-%d}")
    await expect(email).to_have_accessible_description(re.compile("no e-mail address"))
    await expect(until).to_have_accessible_description(re.compile("more than a year away"))
    await until.fill(f"{in_days(-2):%Y-%m-%d}")
    await expect(until).to_have_accessible_description(re.compile("That day is over"))
    await until.fill(f"{in_days(30):%Y-%m-%d}")
    await email.fill("Ben.Moreau@journey.example")
    await save.press("Enter")
    await expect(email).to_be_focused()
    await expect(email).to_have_accessible_description(re.compile("has this address"))
    await email.fill("ben.guest@partner.example")
    await expect(email).not_to_have_attribute("aria-invalid", "true")

    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(button).to_be_focused()
    await page.reload()
    await button.press("Enter")
    await expect(name).to_have_value("Ben again")
    await expect(email).to_have_value("ben.guest@partner.example")
    await expect(until).to_have_value(f"{in_days(30):%Y-%m-%d}")
    await page.route("**/people/guests", lambda route: route.abort())
    await save.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(name).to_have_value("Ben again")
    await dialog.get_by_role("button", name="Cancel").press("Enter")
    await button.press("Enter")
    await expect(name).to_have_value("")


async def test_by_the_keyboard_alone_a_stay_is_changed(admin: Person) -> None:
    await let_in(admin, "gia@partner.example", "Gia Guest")
    page = admin.page
    await open_person(page, "Gia Guest")
    facts = page.get_by_role("complementary")
    await expect(facts).to_contain_text("Guest until")
    await expect(facts).to_contain_text(REASON)
    await expect(facts).to_contain_text(f"Let in by {ADMIN}")
    await nothing_is_found_by_axe(page)

    change = page.get_by_role("button", name="Change…")
    await change.press("Enter")
    dialog = page.get_by_role("dialog", name="The stay of Gia")
    reason = dialog.get_by_label("Reason")
    await expect(reason).to_be_focused()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("Audits more.")
    await page.keyboard.press("Escape")
    await expect(change).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(reason).to_have_value("Audits more.")
    await page.keyboard.press("Tab")
    await page.keyboard.type(f"{in_days(-2):%m%d%Y}")
    await page.keyboard.press("Enter")
    until = dialog.get_by_label("Until the end of")
    await expect(until).to_have_accessible_description(re.compile("That day is over"))
    await until.fill(f"{in_days(60):%Y-%m-%d}")
    await nothing_is_found_by_axe(page)
    await dialog.get_by_role("button", name="Save").press("Enter")
    await expect(facts).to_contain_text("Audits more.")
    day = await page.evaluate(
        "(day) => new Intl.DateTimeFormat('en-US', {dateStyle: 'medium'}).format(new Date(day))",
        f"{in_days(60):%Y-%m-%dT12:00:00}",
    )
    await expect(facts).to_contain_text(f"Guest until {day}")
    await expect(page.get_by_text(f"Gia Guest may enter until {day}.").first).to_be_visible()


async def test_invariant_2_by_the_keyboard_alone_a_stay_is_ended_and_the_guest_is_out(
    admin: Person, guest: Person
) -> None:
    """At the very next request; and in again only by signing in anew."""
    address = "gil@partner.example"
    await let_in(admin, address, "Gil Guest")
    guest.name = "Gil Guest"
    await sign_in(guest, address)
    await guest.has_entered()
    page = admin.page
    await open_person(page, "Gil Guest")
    facts = page.get_by_role("complementary")
    await page.get_by_role("button", name="End the stay…").press("Enter")
    end = page.get_by_role("dialog", name="End the stay of Gil?")
    await expect(end.get_by_role("button", name="Cancel")).to_be_focused()
    await nothing_is_found_by_axe(page)
    assert await guest.request("GET", "/posts") == 200
    async with page.expect_response("**/people/guests/*") as answered:
        await end.get_by_role("button", name="End the stay").press("Enter")
    assert (await answered.value).status == 204
    assert await guest.request("GET", "/posts") == 401
    await guest.is_shut_out()
    await expect(facts).to_contain_text("Was a guest until")
    await expect(page.get_by_role("heading", name="Why Gil cannot enter")).to_be_visible()
    await sign_in(guest, address)
    await expect(guest.page.get_by_role("alert")).to_contain_text("What to do")

    await page.get_by_role("button", name="Let in again…").press("Enter")
    again = page.get_by_role("dialog", name="Let Gil in again")
    let_in_again = again.get_by_role("button", name="Let in", exact=True)
    await let_in_again.press("Enter")
    await expect(again.get_by_label("Until the end of")).to_be_focused()
    await page.keyboard.type(f"{in_days(10):%m%d%Y}")
    await let_in_again.press("Enter")
    await expect(facts).to_contain_text("Guest until")
    assert await guest.request("GET", "/posts") == 401
    await sign_in(guest, address)
    await guest.has_entered()


async def test_members_download_nothing_of_letting_guests_in(
    running: Stack, chromium: Browser, admin: Person
) -> None:
    fetched: set[str] = set()
    admin.page.on(
        "request",
        lambda request: fetched.add(request.url) if request.resource_type == "script" else None,
    )
    await admin.settle_at("/dashboard/team")
    # Everybody's search, which is fetched seconds later.
    await admin.page.keyboard.press("Control+k")
    await expect(admin.page.get_by_role("combobox")).to_be_focused()
    await admin.page.keyboard.press("Escape")
    await expect(admin.page.locator("dialog")).to_have_count(0)
    before = set(fetched)
    await admin.page.get_by_role("button", name="Let a guest in").press("Enter")
    await expect(admin.page.get_by_role("dialog", name="Let a guest in")).to_be_visible()
    of_guests = fetched - before
    assert of_guests

    member = await entered(running, chromium, MEMBER)
    of_members: set[str] = set()
    member.page.on("request", lambda request: of_members.add(request.url))
    await member.settle_at("/dashboard/team")
    await expect(member.page.get_by_role("button", name="Let a guest in")).to_have_count(0)
    assert of_members.isdisjoint(of_guests)
    await member.page.context.close()


async def test_on_a_phone_a_guest_is_let_in_from_the_menu(admin: Person) -> None:
    page = admin.page
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto("/dashboard/team")
    await page.get_by_role("button", name="Actions", exact=True).press("Enter")
    await page.get_by_role("menuitem", name="Let a guest in").press("Enter")
    dialog = page.get_by_role("dialog", name="Let a guest in")
    await expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
