"""The tutorial's own journey, by real browsers against the running stack, over HTTP only."""

import pytest
from playwright.async_api import Browser, expect

from tests.journey.people import ADA, BEN, Administrator, Person, Stack

pytestmark = pytest.mark.browser


async def test_the_tutorials_journey(running: Stack, chromium: Browser) -> None:
    """Invariants 1, 2 and 10, as people meet them."""
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_group("Authors")
    await administrator.put_into(BEN, "Authors")
    ben = await Person.arrive(running, chromium, BEN)
    await ben.sign_in()
    await ben.has_entered()
    await ben.write("Ben's post", "Written by Ben.")

    await administrator.put_into(ADA, "Authors")
    ada = await Person.arrive(running, chromium, ADA)
    await ada.sign_in()
    await ada.has_entered()
    await ada.write("Ada's post", "Line one <b>stays text</b>.")
    await ada.sees("Ada's post", deletable=True)
    await ada.sees("Ben's post", deletable=False)

    await administrator.create_group("Admins")
    await administrator.put_into(ADA, "Admins")
    await ada.sees("Ben's post", deletable=True)
    await ada.sees("Ada's post", deletable=True)
    await ada.delete("Ben's post")

    await administrator.take_out_of(ADA, "Admins")
    await administrator.take_out_of(ADA, "Authors")
    await ada.sees("Ada's post", deletable=False)
    await expect(ada.page.get_by_role("link", name="New post")).to_have_count(0)
    await ada.page.goto("/dashboard/new")
    await expect(ada.page.get_by_role("alert")).to_contain_text("You can read, but not write")
    assert await ada.request("POST", "/posts", {"title": "No", "content": "more"}) == 403

    await administrator.deactivate(ADA)
    await ada.is_shut_out()
    await ada.page.get_by_role("link", name="Sign in").click()
    await expect(ada.page.get_by_role("link", name=f"Continue as {ADA}")).to_be_visible()
    await expect(ada.page.get_by_text("directory has ended your access")).to_be_visible()
    assert await ada.request("GET", "/posts") == 401

    await ada.sign_in(f"Sign in anyway as {ADA}")
    await expect(ada.page.get_by_text("directory has deactivated you")).to_be_visible()
    await expect(ada.page.get_by_text("IT administrator")).to_be_visible()

    await administrator.reactivate(ADA)
    ada = await Person.arrive(running, chromium, ADA)
    await ada.sign_in()
    await ada.has_entered()
    await ada.sees("Ada's post", deletable=False)


async def test_an_invitation_leads_its_person_in(running: Stack, chromium: Browser) -> None:
    """Who is then welcomed by name, told who invited them and what they can do, and has joined."""
    administrator = await Administrator.arrive(running, chromium)
    await administrator.create_person("Cleo", "Marsh", "cleo.marsh@journey.example")
    ben = await Person.arrive(running, chromium, BEN)
    await ben.sign_in()
    await ben.has_entered()
    await ben.page.get_by_role("link", name="People").click()
    await ben.page.get_by_role("button", name="Invite Cleo Marsh").click()
    link = await ben.page.get_by_label("One-time link").input_value()

    cleo = await Person.arrive(running, chromium, "Cleo Marsh")
    await cleo.page.goto(link)
    await cleo.page.get_by_role("button", name="Cleo Marsh").first.click()
    await cleo.has_entered()
    await expect(cleo.page.get_by_role("heading", name="Welcome, Cleo")).to_be_visible()
    await expect(cleo.page.get_by_text(f"{BEN} invited you to ")).to_be_visible()
    can_do = cleo.page.get_by_role("list", name="What you can do").get_by_role("link")
    await expect(can_do).to_have_text(["Read posts", "See people"])
    await cleo.page.get_by_role("link", name="Read the posts").focus()
    await cleo.page.keyboard.press("Enter")
    await expect(cleo.page.get_by_role("heading", name="Posts", level=1)).to_be_visible()
    again = await Person.arrive(running, chromium, "Cleo Marsh")
    await again.page.goto(link)
    await expect(again.page.get_by_role("alert")).to_contain_text("invitation")
