"""An emulator in memory, and WorkOS's own SDK pointed at it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import httpx2
import pytest
from workos import AsyncWorkOSClient
from workos.events.models import EventSchemaUnknown

from emulator.testing import Directory, Emulator, Organization


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    made = Emulator()
    yield made
    made.close()


@pytest.fixture
def acme(emulator: Emulator) -> Organization:
    return emulator.create_organization("Acme", domains=("acme.example",))


@pytest.fixture
def directory(emulator: Emulator, acme: Organization) -> Directory:
    return emulator.create_directory(acme.id, "Acme Okta")


@pytest.fixture
async def workos(emulator: Emulator) -> AsyncIterator[AsyncWorkOSClient]:
    transport = httpx2.ASGITransport(app=emulator.app)
    async with httpx2.AsyncClient(transport=transport) as http:
        yield AsyncWorkOSClient(
            api_key=emulator.api_key,
            client_id=emulator.client_id,
            base_url="http://emulator",
            max_retries=0,
            http_client=http,
        )


@pytest.fixture
async def browser(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A person at the console, without the browser."""
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        yield http


@pytest.fixture
def told(emulator: Emulator, workos: AsyncWorkOSClient) -> Callable[..., Awaitable[list[Any]]]:
    """Events as the SDK types them, by the Events API and by webhook alike."""

    async def read(*names: str) -> list[Any]:
        listed = await workos.events.list_events(events=list(names), limit=100)
        by_webhook = [
            workos.webhooks.verify_event(
                event_body=request.body,
                event_signature=request.headers["WorkOS-Signature"],
                secret=emulator.options.webhook_secret,
            )
            for request in emulator.webhooks()
            if request.event["event"] in names
        ]
        assert not [event for event in listed.data if isinstance(event, EventSchemaUnknown)]
        if not all(name.startswith("dsync.token.") for name in names):
            assert listed.data == by_webhook
        return listed.data

    return read


@pytest.fixture(params=["application/scim+json; charset=utf-8", "application/json"])
async def scim(
    emulator: Emulator, directory: Directory, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    """A SCIM client of the directory, with either of the media types that Okta sends."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(emulator.app),
        base_url=f"http://emulator{directory.scim_path}",
        headers={
            "Authorization": f"Bearer {directory.token}",
            "Accept": "application/scim+json",
            "Content-Type": request.param,
        },
    ) as http:
        yield http
