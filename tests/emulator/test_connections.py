"""Connections: their states, what sign-in makes of them, and the events."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from workos import AsyncWorkOSClient, NotFoundError

from emulator.testing import Directory, Emulator, Organization

Told = Callable[..., Awaitable[list[Any]]]


async def sign_in(
    workos: AsyncWorkOSClient, browser: httpx.AsyncClient, emulator: Emulator, organization: str
) -> dict[str, list[str]]:
    """What comes back to the application."""
    emulator.settings.sign_in_by_login_hint = True
    url = workos.sso.get_authorization_url(
        redirect_uri=emulator.options.redirect_uri,
        organization=organization,
        login_hint="ann@acme.example",
    )
    answer = await browser.get(url)
    while answer.headers["Location"].startswith("/"):
        answer = await browser.get(answer.headers["Location"])
    return parse_qs(urlsplit(answer.headers["Location"]).query)


async def test_a_connection_is_switched_off_and_on_and_deleted(
    emulator: Emulator,
    workos: AsyncWorkOSClient,
    browser: httpx.AsyncClient,
    acme: Organization,
    directory: Directory,
    told: Told,
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    emulator.deactivate_connection(acme.connection_id)
    emulator.deactivate_connection(acme.connection_id)
    assert (await workos.sso.get_connection(acme.connection_id)).state == "inactive"
    assert (await sign_in(workos, browser, emulator, acme.id))["error"] == ["connection_unlinked"]
    from_tile = await browser.post(
        "/sso/acs", data={"connection": acme.connection_id, "email": "ann@acme.example"}
    )
    assert "error=connection_unlinked" in from_tile.headers["Location"]
    emulator.activate_connection(acme.connection_id)
    assert "code" in await sign_in(workos, browser, emulator, acme.id)

    await workos.sso.delete_connection(acme.connection_id)
    with pytest.raises(NotFoundError):
        await workos.sso.get_connection(acme.connection_id)
    assert (await sign_in(workos, browser, emulator, acme.id))["error"] == ["connection_unlinked"]
    # Okta has not heard of the new one yet, and finds out whose it is.
    new = emulator.create_connection(acme.id)
    assert "code" in await sign_in(workos, browser, emulator, acme.id)

    names = ("connection.activated", "connection.deactivated", "connection.deleted")
    events = await told(*names)
    seen = [(event.event, event.data.id, event.data.state) for event in events]
    assert seen == [
        ("connection.deactivated", acme.connection_id, "inactive"),
        ("connection.activated", acme.connection_id, "active"),
        ("connection.deleted", acme.connection_id, "active"),
        ("connection.activated", new, "active"),
    ]
    assert {event.data.organization_id for event in events} == {acme.id}


async def test_connections_are_listed_by_each_filter(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization
) -> None:
    emulator.create_organization("Beta")
    queries: tuple[dict[str, Any], ...] = (
        {"organization_id": acme.id}, {"domain": "ACME.example"}, {"search": "acme"},
    )  # fmt: skip
    for query in queries:
        listed = await workos.sso.list_connections(**query)
        assert [each.id for each in listed.data] == [acme.connection_id], query
    listed = await workos.sso.list_connections(connection_type="OktaSAML")
    assert len(listed.data) == 2
    assert (await workos.sso.list_connections(connection_type="GenericSAML")).data == []


@pytest.mark.parametrize("days", [30, 0, -2])
async def test_a_certificate_nears_its_end_and_is_renewed(
    emulator: Emulator, acme: Organization, told: Told, days: int
) -> None:
    emulator.let_certificate_expire(acme.connection_id, days)
    emulator.renew_certificate(acme.connection_id)
    required, renewed = await told(
        "connection.saml_certificate_renewal_required", "connection.saml_certificate_renewed"
    )
    assert (required.data.connection.id, required.data.connection.organization_id) == (
        acme.connection_id, acme.id,
    )  # fmt: skip
    assert required.data.days_until_expiry == days
    assert required.data.certificate.is_expired is (days < 0)
    assert required.data.certificate.certificate_type == "ResponseSigning"
    left = required.data.certificate.expiry_date - required.created_at
    assert abs(left.total_seconds() - days * 86_400) < 60
    assert renewed.data.certificate.expiry_date > required.data.certificate.expiry_date
