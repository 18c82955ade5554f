"""The application and the emulator facing each other in one process, over HTTP semantics only."""

import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from backend.database import Database
from backend.http.guards import session_cookie_name, session_signer
from backend.main import create_app
from backend.okta.keys import KeySets
from backend.services import sessions
from backend.settings import Settings
from backend.workos.client import WorkosClient
from emulator.testing import Directory, Emulator, Group, Organization, User

ORIGIN = "http://localhost:3000"

_numbers = itertools.count(1)


def _new_address() -> str:
    # Of a range that is for no one's use, RFC 2544.
    return str(ip_address("198.18.0.0") + next(_numbers))


class Clock:
    """The emulator's clock: the real one, moved on by `advance`."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


class Stack:
    """One organization with one directory of its own, so that tests share a database unharmed."""

    def __init__(self, app: FastAPI, emulator: Emulator, clock: Clock) -> None:
        self.app = app
        self.emulator = emulator
        self.clock = clock
        self.address = _new_address()
        self.transport = self._from(self.address)
        self.organization: Organization = emulator.create_organization("Acme")
        self.directory: Directory = emulator.create_directory(self.organization.id, "Acme Okta")
        self._groups: dict[str, Group] = {}

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def browser(self, address: str | None = None) -> httpx.AsyncClient:
        """A browser at the stack's own address, where nobody else uses up limits, or at another."""
        transport = self._from(address) if address else self.transport
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN)

    def _from(self, address: str) -> httpx.ASGITransport:
        return httpx.ASGITransport(
            app=self.app, raise_app_exceptions=False, client=(address, 50_000)
        )

    def person(self, first_name: str = "Ann", email: str | None = None, **more: Any) -> User:
        """A new person in the directory; the name is made unique unless an address is given."""
        number = next(_numbers)
        return self.emulator.create_user(
            self.directory.id,
            email=email or f"{first_name.lower()}{number}@acme.example",
            first_name=first_name,
            last_name=more.pop("last_name", f"Lee{number}"),
            **more,
        )

    def group(self, name: str, *members: User) -> Group:
        group = self.emulator.create_group(self.directory.id, name)
        for member in members:
            self.emulator.add_member(group, member)
        return group

    async def post_event(self, event: dict[str, Any]) -> str:
        """Deliver one event by webhook; the outcome."""
        request = self.emulator.webhook(event)
        now_ms = time.time_ns() // 1_000_000
        headers = request.headers | {"WorkOS-Signature": self.emulator.sign(request.body, now_ms)}
        async with self.browser() as client:
            answer = await client.post("/api/directory-sync", content=request.body, headers=headers)
        assert answer.status_code == 200, answer.text
        outcome: str = answer.json()["outcome"]
        return outcome

    async def deliver(self) -> list[str]:
        """Deliver everything that was emitted since the last time, in order; the outcomes."""
        return [await self.post_event(request.event) for request in self.emulator.webhooks()]

    def skip(self) -> list[dict[str, Any]]:
        """Take everything that was emitted since the last time, and deliver none of it."""
        return [request.event for request in self.emulator.webhooks()]

    async def finish_sign_in(
        self, browser: httpx.AsyncClient, code: str, begin: str | None = None
    ) -> str:
        """From /auth to the callback's redirect; its target."""
        begin = begin or f"/auth?organization={self.organization.id}"
        started = await browser.get(begin)
        assert started.status_code == 302, started.text
        state = parse_qs(urlsplit(started.headers["location"]).query)["state"][0]
        ended = await browser.get("/auth/callback", params={"code": code, "state": state})
        assert ended.status_code == 302, ended.text
        location: str = ended.headers["location"]
        return location

    async def try_sign_in(self, who: User | str, **profile: Any) -> tuple[httpx.AsyncClient, str]:
        """A browser that went through the sign-in, and where it ended."""
        browser = self.browser()
        organization_id = profile.pop("organization_id", self.organization.id)
        code = self.emulator.sso_code(who, organization_id, **profile)
        begin = f"/auth?organization={organization_id}"
        return browser, await self.finish_sign_in(browser, code, begin)

    async def sign_in(self, who: User | str, **profile: Any) -> httpx.AsyncClient:
        """A signed-in browser."""
        browser, location = await self.try_sign_in(who, **profile)
        assert location == "/dashboard", location
        return browser

    async def sign_in_as(self, group_name: str | None, name: str = "Ann") -> httpx.AsyncClient:
        """The browser of somebody new in this group, which is made when it is first asked for."""
        person = self.person(name)
        if group_name is not None:
            if group_name not in self._groups:
                self._groups[group_name] = self.group(group_name)
            self.emulator.add_member(self._groups[group_name], person)
        await self.deliver()
        return await self.sign_in(person)

    async def open_session(self, person: User) -> httpx.AsyncClient:
        """A browser of theirs without a sign-in, which reads what the directory says of them."""
        async with self.database.transaction() as session:
            found = await session.execute(
                text("SELECT organization_id, id FROM users WHERE key = :key"),
                {"key": person.idp_id},
            )
            token = await sessions.open_session(session, *found.one())
        settings = self.app.state.settings
        browser = self.browser()
        browser.cookies.set(
            session_cookie_name(settings), session_signer(settings).sign(str(token)).decode()
        )
        return browser

    async def refused(self, who: User | str, **profile: Any) -> str:
        """The reason with which this sign-in ends; it leaves no session."""
        browser, location = await self.try_sign_in(who, **profile)
        assert location.startswith("/?error="), location
        assert (await browser.get("/me")).status_code == 401
        return location.removeprefix("/?error=")

    async def me(self, browser: httpx.AsyncClient) -> dict[str, Any]:
        answer = await browser.get("/me")
        assert answer.status_code == 200, answer.text
        me: dict[str, Any] = answer.json()
        return me

    async def roles(self, browser: httpx.AsyncClient) -> list[str]:
        roles: list[str] = (await self.me(browser))["roles"]
        return roles


@asynccontextmanager
async def running_stack(database: Database, **overrides: Any) -> AsyncIterator[Stack]:
    clock = Clock()
    emulator = Emulator(now=clock)
    usual: dict[str, Any] = {
        "workos_api_key": SecretStr(emulator.api_key),
        "workos_client_id": emulator.client_id,
        "workos_base_url": "http://emulator.localhost",
        "workos_webhook_secret": SecretStr(emulator.options.webhook_secret),
        "session_secret": SecretStr("a secret for tests, and long enough"),
        "allowed_hosts": "localhost",  # of ORIGIN, by which its browsers know it
    }
    settings = Settings(**usual | overrides)
    transport = httpx2.ASGITransport(app=emulator.app)
    workos = WorkosClient(settings, transport=transport, listings_per_second=0)
    keys = KeySets(inner=settings.is_local, transport=transport)
    app = create_app(settings, database=database, workos=workos, okta_keys=keys, check_pages=False)
    async with app.router.lifespan_context(app):
        yield Stack(app, emulator, clock)
    await workos.close()
    await keys.close()
    emulator.close()


def signed(stack: Stack, body: bytes, at_ms: int | None = None) -> dict[str, str]:
    """Headers that carry a signature of this body, now unless `at_ms` is given."""
    at_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    return {
        "WorkOS-Signature": stack.emulator.sign(body, at_ms),
        "Content-Type": "application/json",
    }


def as_body(event: object) -> bytes:
    return json.dumps(event).encode()


def new_event(kind: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An envelope that WorkOS might send now, with an id of its own."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event_id = f"event_{uuid4().hex}"
    envelope = {"object": "event", "id": event_id, "event": kind, "data": data, "created_at": now}
    return envelope | more


def user_data(stack: Stack, **more: Any) -> dict[str, Any]:
    """The data of a `dsync.user.*` event for somebody new in the stack's directory."""
    number = uuid4().hex[:12]
    return {
        "object": "directory_user",
        "id": f"directory_user_{number}",
        "directory_id": stack.directory.id,
        "organization_id": stack.organization.id,
        "idp_id": f"00u{number}",
        "email": f"{number}@acme.example",
        "first_name": "Zoe",
        "last_name": number,
        "state": "active",
        "custom_attributes": {},
    } | more


async def post_webhook(
    stack: Stack, body: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Post raw bytes to the webhook, properly signed unless headers are given."""
    async with stack.browser() as client:
        return await client.post(
            "/api/directory-sync",
            content=body,
            headers=signed(stack, body) if headers is None else headers,
        )
