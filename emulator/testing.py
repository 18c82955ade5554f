"""The emulator inside a test: the same program, in memory, driven by plain calls.

    emulator = Emulator()
    acme = emulator.create_organization("Acme")
    directory = emulator.create_directory(acme.id, "Acme Okta")
    ann = emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)

    client = AsyncWorkOSClient(
        api_key=emulator.api_key,
        client_id=emulator.client_id,
        base_url="http://emulator",
        http_client=httpx2.AsyncClient(transport=httpx2.ASGITransport(app=emulator.app)),
    )
    for request in emulator.webhooks():        # each event as it would be posted
        await application.post("/api/directory-sync", content=request.body, headers=request.headers)
    code = emulator.sso_code(ann, acme.id)     # as the redirect to /auth/callback would bring it

Nothing is sent by itself unless `async with emulator:` (or `start`/`stop`) runs its webhooks.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from emulator.administration import Administration
from emulator.app import Parts
from emulator.clock import Clock
from emulator.direct import Directory, Group, Organization, User
from emulator.okta.records import OktaRefusedError
from emulator.okta.revocation import RevocationRequest, SubjectFormat, SubjectMember, Wrong
from emulator.options import SIGNING_KEY, Options
from emulator.workos import events, organizations, users
from emulator.workos.domains import DomainState, FailureReason
from emulator.workos.portal import Intent
from emulator.workos.settings import Faults, Settings, WithoutEmail
from emulator.workos.sso import codes
from emulator.workos.webhooks.http import Reply
from emulator.workos.webhooks.pump import Post
from emulator.workos.webhooks.signature import HEADER, sign
from emulator.workos.world import NotFoundError, RefusedError

__all__ = [
    "Directory", "DomainState", "Emulator", "FailureReason", "Faults", "Group", "Intent",
    "NotFoundError", "OktaRefusedError", "Organization", "Post", "RefusedError", "Reply",
    "RevocationRequest", "Settings", "SubjectFormat", "SubjectMember", "User", "WebhookRequest",
    "WithoutEmail", "Wrong",
]  # fmt: skip

Json = dict[str, Any]


@dataclass(frozen=True)
class WebhookRequest:
    """One webhook as it goes over the wire."""

    event: Json
    body: bytes
    headers: dict[str, str]


class Emulator(Administration):
    """One WorkOS with one Okta, in memory or kept under `home`."""

    def __init__(
        self,
        *,
        home: Path | None = None,
        settings: Settings | None = None,
        now: Callable[[], float] = time.time,
        post: Post | None = None,
        application: httpx.AsyncBaseTransport | None = None,
        webhook_url: str = "http://localhost:3000/api/directory-sync",
        webhook_secret: str = SIGNING_KEY,
        redirect_uri: str = "http://localhost:3000/auth/callback",
        port: int = 3001,
    ) -> None:
        """`settings` are without waits and limits unless given.

        `now` returns seconds since the epoch. `post(headers, body, timeout_seconds)` is given the
        webhooks instead of HTTP and returns a Reply; an OSError is a receiver that is away.
        `application` is the transport by which Okta's console reaches the application.
        """
        options = Options(
            home=home,
            allowed_hosts=("emulator", "emulator.localhost"),
            port=port,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            redirect_uri=redirect_uri,
        )
        super().__init__(
            Parts(options, settings or Settings.for_tests(), Clock(now), post, application)
        )
        self.app = self.parts.app
        self.options = options
        self.api_key = options.api_key
        self.client_id = options.client_id
        self._webhooks_given = ""

    @property
    def settings(self) -> Settings:
        """How this WorkOS behaves; assign to its fields at any time."""
        return self.world.settings

    @property
    def faults(self) -> Faults:
        """What goes wrong on the way; assign to its fields at any time."""
        return self.world.faults

    @property
    def events(self) -> list[Json]:
        """Every envelope so far, oldest first, exactly as on the wire."""
        return events.emitted(self.world)

    def sign(self, body: bytes, at_ms: int | None = None) -> str:
        """The WorkOS-Signature header for this body, at `at_ms` or now."""
        at = self.world.clock.now_ms() if at_ms is None else at_ms
        return sign(self.options.webhook_secret, body, at)

    def webhook(self, event: Json) -> WebhookRequest:
        """The request that delivers this envelope, signed now."""
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", HEADER: self.sign(body)}
        return WebhookRequest(event, body, headers)

    def webhooks(self) -> Iterator[WebhookRequest]:
        """What was emitted since this was last asked, without what goes by no webhook."""
        for event in self.events:
            if event["id"] > self._webhooks_given:
                self._webhooks_given = event["id"]
                if not event["event"].startswith("dsync.token."):
                    yield self.webhook(event)

    def sso_code(
        self,
        who: User | str,
        organization_id: str,
        *,
        idp_id: str | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        connection_id: str | None = None,
    ) -> str:
        """A code as sign-in would give it to the callback, whatever state the person is in.

        `who` is a person as elsewhere, or any e-mail address; the other arguments replace what
        the identity provider says of them. Somebody unknown has the address as idp_id.
        """
        if connection_id is None:
            found = organizations.connection_of(self.world, organization_id)
        else:
            found = organizations.connection(self.world, connection_id)
        if found is None:
            raise NotFoundError("Connection", organization_id)
        person = self._who(who)
        profile = codes.profile(
            self.world,
            found,
            idp_id=person.idp_id if idp_id is None else idp_id,
            email=(person.email or "") if email is None else email,
            first_name=first_name or person.first_name,
            last_name=last_name or person.last_name,
        )
        profile["organization_id"] = organization_id
        return codes.issue(self.world, profile, self.options.redirect_uri)

    def _who(self, who: User | str) -> users.Person:
        if isinstance(who, str) and "@" in who:
            row = self.world.store.row(
                "select * from scim_users where user_name_key = ? order by active desc, id desc",
                who.casefold(),
            )
            if row is None:
                return users.Person(who, who, None, None, None, active=True, custom_attributes="{}")
        else:
            row = self._user_row(who)
        return users.read(json.loads(row["document"]), {})

    async def start(self) -> None:
        """Begin to send webhooks."""
        await self.parts.pump.start()

    async def stop(self) -> None:
        await self.parts.pump.stop()

    async def settled(self, timeout_seconds: float = 5) -> bool:
        """Wait until everything due was tried; False when time ran out or nobody listens."""
        return await self.parts.pump.settle(timeout_seconds)

    def close(self) -> None:
        """Close the stores; with `home`, another Emulator may open them then."""
        self.parts.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await asyncio.sleep(0)
