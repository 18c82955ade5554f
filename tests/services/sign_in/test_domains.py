"""Sign-in finds the organization by the domain of an address, and tells strangers nothing."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from backend.services.sign_in.domains import domain_of
from backend.workos.client import WorkosClient
from emulator.testing import DomainState
from tests.stack import Stack, new_event
from tests.workos.test_client import Faulty

NOBODY = "/?error=organization_required"


class Organizations(httpx2.AsyncBaseTransport):
    """WorkOS, and how often it was asked which organizations there are."""

    def __init__(self, stack: Stack) -> None:
        self.asked: list[str] = []
        self._emulator = httpx2.ASGITransport(app=stack.emulator.app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/organizations":
            self.asked.append(request.url.params["domains[]"])
        return await self._emulator.handle_async_request(request)


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    """Domains are of everybody: no other test's are in the way."""
    return own_stack


@pytest.fixture
async def workos(stack: Stack) -> AsyncIterator[Organizations]:
    usual, transport = stack.app.state.workos, Organizations(stack)
    stack.app.state.workos = WorkosClient(stack.app.state.settings, transport=transport)
    yield transport
    await stack.app.state.workos.close()
    stack.app.state.workos = usual


async def begin(stack: Stack, **params: str) -> str:
    """Where it leads: the organization's id, or the sign-in page."""
    answer = await stack.browser().get("/auth", params=params)
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    if target.netloc:
        sent = parse_qs(target.query)
        assert sent.get("login_hint", [""]) == [params.get("email", "")]
        return sent["organization"][0]
    return str(answer.headers["location"])


async def test_the_organization_that_has_the_domain(stack: Stack, workos: Organizations) -> None:
    """As the mirror has it, WorkOS is not asked."""
    domain = stack.emulator.add_domain(stack.organization.id, "acme.example")
    await stack.deliver()
    assert await begin(stack, email="ann@acme.example") == NOBODY  # it is not verified yet
    stack.emulator.verify_domain(domain)
    await stack.deliver()
    workos.asked.clear()
    for email in ("ann@acme.example", " Ann@ACME.example ", '"a@b"@acme.example'):
        answer = await begin(stack, email=email.strip())
        assert answer == stack.organization.id
    assert workos.asked == []
    assert await begin(stack, email="ann@mail.acme.example") == NOBODY
    stack.emulator.delete_domain(domain)
    await stack.deliver()
    assert await begin(stack, email="ann@acme.example") == NOBODY


async def test_workos_is_asked_where_the_mirror_knows_nothing(
    stack: Stack, workos: Organizations
) -> None:
    stack.emulator.add_domain(stack.organization.id, "acme.example", DomainState.VERIFIED)
    stack.skip()
    assert await begin(stack, email="ann@acme.example") == stack.organization.id
    assert workos.asked == ["acme.example"]
    stack.emulator.add_domain(stack.organization.id, "pending.example")
    stack.skip()
    assert await begin(stack, email="ann@pending.example") == NOBODY


async def test_nobodys_and_several_are_refused_alike(stack: Stack, workos: Organizations) -> None:
    """Who exists is not told; what can be no domain is asked of nobody."""
    other = stack.emulator.create_organization("Other")
    for of in (stack.organization.id, other.id):
        domain = {
            "object": "organization_domain", "id": f"org_domain_{of}", "organization_id": of,
            "domain": "both.example", "state": "verified",
        }  # fmt: skip
        event = new_event("organization_domain.verified", domain)
        assert await stack.post_event(event) == "applied"
    for email in (
        "ann@both.example", "ann@nobody.example", "ann", "@", "ann@", "ann@localhost", "a@.b.c",
        "ann@a\0.example", f"ann@{'a' * 250}.example", "ann@%.example", "ann@acme.example:80",
    ):  # fmt: skip
        assert await begin(stack, email=email) == NOBODY, email
    assert workos.asked == ["nobody.example"]
    assert await begin(stack, organization=other.id, email="ann@nobody.example") == other.id


async def test_of_a_deleted_organization(stack: Stack, workos: Organizations) -> None:
    stack.emulator.add_domain(stack.organization.id, "acme.example", DomainState.VERIFIED)
    await stack.deliver()
    stack.emulator.delete_organization(stack.organization.id)
    await stack.deliver()
    assert await begin(stack, email="ann@acme.example") == NOBODY
    assert workos.asked == ["acme.example"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.ConnectError("away"), "directory_unavailable"),
        (httpx2.Response(500), "directory_unavailable"),
        (httpx2.Response(200, json={"data": [{"id": 7}]}), "directory_unavailable"),
    ],
)
async def test_while_workos_is_away(stack: Stack, answer: Any, error: str) -> None:
    """The sign-in page says so, and nobody is sent anywhere; who is known goes on."""
    stack.emulator.add_domain(stack.organization.id, "acme.example", DomainState.VERIFIED)
    await stack.deliver()
    usual = stack.app.state.workos
    transport = Faulty(stack, "/organizations", answer)
    stack.app.state.workos = WorkosClient(stack.app.state.settings, transport=transport)
    assert await begin(stack, email="ann@elsewhere.example") == f"/?error={error}"
    assert await begin(stack, email="ann@acme.example") == stack.organization.id
    await stack.app.state.workos.close()
    stack.app.state.workos = usual


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("ann@Straße.example", "strasse.example"),
        ("ann@bücher.example", "xn--bcher-kva.example"),
        ("ann@acme.example.", None),
        ("ann@acme..example", None),
    ],
)
def test_as_it_is_written_in_the_dns(email: str, domain: str | None) -> None:
    assert domain_of(email) == domain
