"""The emulator's company with some days of life in it: what pictures of the pages show."""

import asyncio
import html
import json
import re
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from playwright.async_api import APIRequestContext, APIResponse, Browser, BrowserContext

from backend.embedded_postgres import running as database_running
from backend.workos.signatures import sign
from tools.running import Addresses

ADMIN, AUTHOR, MEMBER, REFUSED = "Ingrid Solberg", "Ann Lee", "Yuki Tanaka", "Henrik Dahl"
INVITED = "Priya Raman"
GUEST = "Gus Aldana"
LOCALE = "en-GB"
_API_KEY = {"Authorization": "Bearer sk_test_emulator"}

_LIFE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
_SHOWN_HOURS = 71
_USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{}.0.0.0 Safari/537.36"
)
_SECOND_ADMIN = "Kwame Mensah"


class Console:
    """The emulator's console, Okta's half, as a program uses it."""

    def __init__(self, http: APIRequestContext) -> None:
        self._http = http

    async def post(self, path: str, form: Mapping[str, str] | None = None) -> str:
        """The path that it leads to."""
        answer = await self._http.post(path, form=dict(form or {}))
        _check(answer)
        return "/" + answer.url.split("/", 3)[3].partition("?")[0]

    async def address_of(self, kind: str, name: str) -> str:
        """Of a person or a group, by name."""
        page = await self._read(f"/{kind}?q={name}")
        found = re.search(rf'href="(/{kind}/[^"?]+)"[^>]*>\s*{re.escape(html.escape(name))}', page)
        assert found, f"no {name} among {kind}"
        return found[1]

    async def webhook_secret(self) -> str:
        page = await self._read("/settings")
        found = re.search(r"Webhook secret</dt>\s*<dd><code>([^<]+)", page)
        assert found
        return found[1]

    async def directory_user(self, email: str) -> dict[str, Any]:
        """As WorkOS has somebody."""
        directories = await self._http.get("/directories", headers=_API_KEY)
        directory = (await directories.json())["data"][0]["id"]
        users = await self._http.get(
            f"/directory_users?directory={directory}&limit=100", headers=_API_KEY
        )
        listed = (await users.json())["data"]
        user: dict[str, Any] = next(each for each in listed if each["email"] == email)
        return user

    async def create(self, name: str, email: str, department: str = "", title: str = "") -> str:
        first_name, _, last_name = name.partition(" ")
        return await self.post(
            "/people",
            {
                "first_name": first_name,
                "last_name": last_name,
                "email": email,
                "department": department,
                "job_title": title,
            },
        )

    async def add(self, person: str, group: str) -> None:
        group_id = (await self.address_of("groups", group)).rpartition("/")[2]
        await self.post(f"{person}/groups", {"group": group_id})

    async def remove(self, person: str, group: str) -> None:
        group_id = (await self.address_of("groups", group)).rpartition("/")[2]
        await self.post(f"{person}/groups/{group_id}/remove")

    async def _read(self, path: str) -> str:
        answer = await self._http.get(path)
        _check(answer)
        return await answer.text()


def _check(answer: APIResponse) -> None:
    assert answer.ok, f"{answer.url}: {answer.status}"


async def entered(addresses: Addresses, browser: Browser, name: str) -> BrowserContext:
    """A browser in which they have signed in."""
    major = browser.version.partition(".")[0]
    context = await browser.new_context(
        base_url=addresses.application, locale=LOCALE, user_agent=_USER_AGENT.format(major)
    )
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_role("button", name="Sign in with SSO").click()
    await page.get_by_role("button", name=name).first.click()
    await page.get_by_role("button", name=f"Your menu: {name}").wait_for()
    await page.close()
    return context


async def with_one_admin(console: Console) -> None:
    """Something is left to set up."""
    await console.remove(await console.address_of("people", _SECOND_ADMIN), "Admins")


async def live(addresses: Addresses, browser: Browser, console: Console) -> None:
    """Some days of a company: people come, write, change groups; and what nobody decided yet."""
    await console.add(await console.address_of("people", _SECOND_ADMIN), "Admins")
    await _take_on(console)
    await _write(addresses, browser)
    ann = await console.address_of("people", AUTHOR)
    await console.remove(ann, "Authors")
    await console.add(ann, "Authors")
    admin = (await entered(addresses, browser, ADMIN)).request
    await _invite(admin, INVITED)
    await _let_in(admin, GUEST)
    await _make_tokens(admin)
    await _park(addresses, admin, console)
    await _reconcile(admin)
    await asyncio.to_thread(_spread, addresses.home)
    await _let_go(admin, console)


async def _take_on(console: Console) -> None:
    for each in _LIFE["staff"]:
        email = _email(each["name"], "acme.example")
        await console.create(each["name"], email, each["department"], each["job_title"])
    for name in _LIFE["going"]:
        person = await console.create(name, _email(name, "contractors.example"), "", "Fitter")
        await console.add(person, "Contractors")
        if name == _LIFE["admin_among_them"]:
            await console.add(person, "Admins")


def _email(name: str, domain: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{domain}"


async def _write(addresses: Addresses, browser: Browser) -> None:
    for post in _LIFE["posts"]:
        context = await entered(addresses, browser, post["author"])
        body = {"title": post["title"], "content": post["content"]}
        _check(await context.request.post("/posts", data=body))
    # Some more have been here.
    for name in (MEMBER, "Amira Haddad", "Tomasz Wójcik", "Hana Ito"):
        await entered(addresses, browser, name)


async def person_id(http: APIRequestContext, name: str) -> str:
    listed = await http.get("/team", params={"q": name, "limit": 1})
    found: str = (await listed.json())["items"][0]["id"]
    return found


async def _invite(admin: APIRequestContext, name: str) -> None:
    _check(await admin.post(f"/team/{await person_id(admin, name)}/invitation"))


async def _let_in(admin: APIRequestContext, name: str) -> None:
    until = datetime.now(UTC) + timedelta(days=90)
    guest = {
        "name": name,
        "email": _email(name, "partner.example"),
        "reason": "Audits how we write our pages.",
        "until": until.isoformat(),
        "role": "author",
    }
    _check(await admin.post("/people/guests", data=guest))


async def _make_tokens(admin: APIRequestContext) -> None:
    for name, scopes, days in (("Nightly report", ["read"], 90), ("Line display", ["read"], 30)):
        body = {"name": name, "scopes": scopes, "expires_in_days": days}
        _check(await admin.post("/tokens", data=body))


async def _park(addresses: Addresses, admin: APIRequestContext, console: Console) -> None:
    """An event of WorkOS's that cannot be: it is from the future."""
    user = await console.directory_user("priya.raman@acme.example")
    at = datetime.now(UTC) + timedelta(minutes=20)
    event = {
        "object": "event",
        "id": "event_01JAC0FR0MTHEFUTURE0000001",
        "event": "dsync.user.updated",
        "data": user | {"previous_attributes": {}},
        "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    body, now_ms = json.dumps(event).encode(), time.time_ns() // 1_000_000
    signature = sign(body, await console.webhook_secret(), now_ms)
    headers = {
        "WorkOS-Signature": f"t={now_ms}, v1={signature}",
        "Content-Type": "application/json",
    }
    answer = await admin.post(
        f"{addresses.application}/api/directory-sync", data=body, headers=headers
    )
    assert (await answer.json())["outcome"] == "parked"


def _spread(home: Path) -> None:
    """As if the posts and events had come over some days."""
    with database_running(home) as found:
        asyncio.run(_shift(found.owner))


async def _shift(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for post in _LIFE["posts"]:
            await connection.execute(
                "UPDATE posts SET created_at = created_at - $2::interval WHERE title = $1",
                post["title"],
                timedelta(hours=post["hours_ago"]),
            )
        # By their order, over as many hours as the page shows, a little more or less.
        await connection.execute(
            """UPDATE directory_events AS e
            SET received_at = e.received_at - o.back, occurred_at = e.occurred_at - o.back
            FROM (
                SELECT organization_id, id,
                    (row_number() OVER (ORDER BY received_at DESC, id) - 1)
                    * $1::interval / count(*) OVER ()
                    + abs(hashtext(id)) % 90 * interval '1 minute' AS back
                FROM directory_events WHERE outcome <> 'parked'
            ) AS o
            WHERE (e.organization_id, e.id) = (o.organization_id, o.id)""",
            timedelta(hours=_SHOWN_HOURS),
        )
    finally:
        await connection.close()


async def _let_go(admin: APIRequestContext, console: Console) -> None:
    """So many are gone at once, and no webhook said so: a reconciliation holds them back."""
    going = [await console.address_of("people", name) for name in _LIFE["going"]]
    await console.post("/faults", {"drop": "-1"})
    for person in going:
        await console.post(f"{person}/status", {"status": "DEACTIVATED"})
    await console.post("/faults/none")
    # A listing is dated ten seconds back: by then, nothing that was heard of them is newer.
    await asyncio.sleep(11)
    await _reconcile(admin)


async def _reconcile(admin: APIRequestContext) -> None:
    """Until it is done, or held."""
    _check(await admin.post("/directory/reconciliations"))
    for _ in range(120):
        answer = await admin.get("/directory?counts=false")
        current = (await answer.json())["reconciliations"]["current"]
        if current is None or current["state"] == "held":
            return
        await asyncio.sleep(0.5)
    raise AssertionError("the reconciliation takes more than a minute")
