"""Who takes part in a journey: the administrator at the console, and people at Rollcall."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Self

import httpx
from playwright.async_api import Browser, Page, expect

ADMIN, MEMBER = ADA, BEN = "Ada Ortiz", "Ben Moreau"

_FORM = re.compile(r"<form method=\"post\" action=\"/sso/acs\">.*?</form>", re.DOTALL)
_FIELD = re.compile(r"name=\"(\w+)\" value=\"([^\"]*)\"")


@dataclass(frozen=True)
class Stack:
    """Where the application and the emulator are reached."""

    application: str
    console: str

    async def settled(self) -> None:
        """The application has been told of all that the emulator has to tell."""
        async with httpx.AsyncClient(base_url=self.console, timeout=60) as console:
            answer = await console.post("/emulator/settle", params={"seconds": 30})
        assert answer.status_code == 204, answer.text


class Administrator:
    """Somebody at the emulator's console, the Okta half."""

    def __init__(self, stack: Stack, page: Page) -> None:
        self._stack = stack
        self.page = page

    @classmethod
    async def arrive(cls, stack: Stack, browser: Browser) -> Self:
        return cls(stack, await browser.new_page())

    async def create_group(self, name: str) -> None:
        await self.page.goto(f"{self._stack.console}/groups")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_role("button", name="Create group").click()
        await self.page.goto(f"{self._stack.console}/groups")
        await expect(self.page.get_by_role("link", name=name)).to_be_visible()
        await self._stack.settled()

    async def create_person(self, first_name: str, last_name: str, email: str) -> None:
        await self.page.goto(f"{self._stack.console}/people")
        await self.page.get_by_text("New person").click()
        await self.page.get_by_label("First name").fill(first_name)
        await self.page.get_by_label("Last name").fill(last_name)
        await self.page.get_by_label("Email").fill(email)
        await self.page.get_by_role("button", name="Create person").click()
        await self._open(f"{first_name} {last_name}")
        await self._stack.settled()

    async def put_into(self, person: str, group: str) -> None:
        await self._open(person)
        await self.page.get_by_label("Add to group").select_option(label=group)
        await self.page.get_by_role("button", name="Add", exact=True).click()
        await expect(self.page.get_by_role("button", name=f"Remove from {group}")).to_be_visible()
        await self._stack.settled()

    async def take_out_of(self, person: str, group: str) -> None:
        await self._open(person)
        await self.page.get_by_role("button", name=f"Remove from {group}").click()
        await expect(self.page.get_by_role("button", name=f"Remove from {group}")).to_have_count(0)
        await self._stack.settled()

    async def deactivate(self, person: str) -> None:
        await self._open(person)
        await self.page.get_by_role("button", name="Deactivate").click()
        await expect(self.page.get_by_role("button", name="Reactivate")).to_be_visible()
        await self._stack.settled()

    async def reactivate(self, person: str) -> None:
        await self._open(person)
        await self.page.get_by_role("button", name="Reactivate").click()
        await expect(self.page.get_by_role("button", name="Deactivate")).to_be_visible()
        await self._stack.settled()

    async def _open(self, person: str) -> None:
        await self.page.goto(f"{self._stack.console}/people")
        await self.page.get_by_role("link", name=person).click()
        await expect(self.page.get_by_role("heading", name=person)).to_be_visible()


class Person:
    """Somebody with a browser of their own at Rollcall."""

    def __init__(self, stack: Stack, name: str, page: Page) -> None:
        self._stack = stack
        self.name = name
        self.page = page

    @classmethod
    async def arrive(cls, stack: Stack, browser: Browser, name: str) -> Self:
        # What is still moving is neither where nor as bright as it is going to be.
        context = await browser.new_context(base_url=stack.application, reduced_motion="reduce")
        return cls(stack, name, await context.new_page())

    def address(self, path: str) -> str:
        return f"{self._stack.application}{path}"

    async def sign_in(self, button: str | None = None) -> None:
        """Through the sign-in page and the identity provider's page."""
        await self.page.goto("/")
        await self.begin_to_sign_in()
        await self.page.get_by_role("button", name=button or self.name).first.click()

    async def enter(self) -> None:
        """As by `sign_in`, but without its pages: for tests of what comes after them."""
        request = self.page.context.request
        page = await (await request.get("/auth")).text()
        (form,) = [each for each in _FORM.findall(page) if f"<b>{self.name}</b>" in each]
        fields: dict[str, str | float | bool] = {
            name: unescape(value) for name, value in _FIELD.findall(form)
        }
        await request.post(f"{self._stack.console}/sso/acs", form=fields)
        await self.page.goto("/dashboard")
        await self.has_entered()

    async def begin_to_sign_in(self) -> None:
        """At the sign-in page: as whoever it remembers, if anybody."""
        anybody = self.page.get_by_role("button", name="Sign in with SSO")
        await anybody.or_(self.page.get_by_role("link", name="Continue as")).click()

    async def has_entered(self) -> None:
        await expect(
            self.page.get_by_role("button", name=f"Your menu: {self.name}")
        ).to_be_visible()

    async def close(self) -> None:
        await self.page.context.close()

    async def write(self, title: str, content: str) -> None:
        await self.page.goto("/dashboard")
        await self.page.get_by_role("link", name="New post").click()
        await self.page.get_by_label("Title", exact=True).fill(title)
        await self.page.get_by_label("Content", exact=True).fill(content)
        await self.page.get_by_role("button", name="Publish").click()
        await expect(self.page.get_by_role("article").get_by_text(content)).to_be_visible()

    async def sees(self, title: str, *, deletable: bool) -> None:
        """At a page load: the post, with or without the means to delete it."""
        await self.page.goto("/dashboard")
        await expect(self.page.get_by_role("heading", name=title)).to_be_visible()
        await self.open_actions_of(title)
        delete = self.page.get_by_role("menuitem", name="Delete")
        await expect(delete).to_have_count(1 if deletable else 0)
        await self.page.keyboard.press("Escape")

    async def open_actions_of(self, title: str) -> None:
        await self.page.get_by_role("button", name=f"Actions for {title}").click()
        await expect(self.page.get_by_role("menuitem", name="Copy link")).to_be_visible()

    async def delete(self, title: str) -> None:
        await self.open_actions_of(title)
        await self.page.get_by_role("menuitem", name="Delete").click()
        await expect(self.page.get_by_role("heading", name=title)).to_have_count(0)

    async def settle_at(self, path: str) -> None:
        """All is there, and nothing more comes but what is told live."""
        await self.page.goto(path, wait_until="networkidle")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    async def is_shut_out(self) -> None:
        """With nothing left to read. How soon it is told, `tests/routers/test_live.py` holds."""
        heading = self.page.get_by_role("heading", name="Your access has ended")
        await expect(heading).to_be_visible()
        await expect(self.page.get_by_role("navigation")).to_have_count(0)
        await expect(self.page.get_by_role("article")).to_have_count(0)
        await expect(self.page.get_by_role("dialog")).to_have_count(0)

    async def request(self, method: str, path: str, body: object = None) -> int:
        """The status of an API call made from within the page, with its cookie."""
        status: int = await self.page.evaluate(
            """async ([method, path, body]) => {
                const headers = {"Content-Type": "application/json"};
                const sent = body === null ? undefined : JSON.stringify(body);
                return (await fetch(path, {method, headers, body: sent})).status;
            }""",
            [method, path, body],
        )
        return status


async def entered(stack: Stack, browser: Browser, name: str) -> Person:
    person = await Person.arrive(stack, browser, name)
    await person.enter()
    return person
