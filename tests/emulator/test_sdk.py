"""WorkOS's own SDK makes every call that the application makes."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from workos import AsyncWorkOSClient, BadRequestError, NotFoundError

from emulator.testing import Directory, Emulator, Organization


async def test_people_and_groups_are_listed(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory
) -> None:
    ann = emulator.create_user(
        directory.id,
        email="Ann@acme.example",
        first_name="Ann",
        last_name="Lee",
        custom_attributes={"department": "Engineering", "job_title": "Engineer", "badge": 7},
    )
    bob = emulator.create_user(directory.id, email="bob@acme.example", first_name="Bob")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.create_group(directory.id, "Admins")
    emulator.add_member(authors, ann)

    page = await workos.directory_sync.list_users(directory=directory.id, limit=100)
    assert [user.id for user in page.data] == [bob.id, ann.id]
    listed = page.data[1]
    assert listed.email == "Ann@acme.example"
    assert listed.state == "active"
    assert listed.idp_id == ann.idp_id
    assert listed.name == "Ann Lee"
    assert listed.custom_attributes == {
        "department": "Engineering", "job_title": "Engineer", "badge": 7,
    }  # fmt: skip
    assert (listed.username, listed.job_title, listed.raw_attributes) == (None, None, {})
    assert (listed.emails, listed.groups) == ([], [])

    async def found(**filters: Any) -> list[str]:
        return [user.id async for user in (
            await workos.directory_sync.list_users(directory=directory.id, **filters)
        ).auto_paging_iter()]  # fmt: skip

    assert await found(email="ann@ACME.example") == [ann.id]
    assert await found(idp_id=bob.idp_id) == [bob.id]
    assert await found(group=authors.id) == [ann.id]
    assert await found(email="nobody@acme.example") == []
    groups = await workos.directory_sync.list_groups(directory=directory.id)
    assert {group.name for group in groups.data} == {"Authors", "Admins"}
    mine = await workos.directory_sync.list_groups(user=ann.id)
    assert [(group.id, group.idp_id) for group in mine.data] == [(authors.id, "Authors")]


async def test_directories(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization, directory: Directory
) -> None:
    emulator.settings.retain_deactivated = True
    users = [emulator.create_user(directory.id, email=f"{n}@acme.example") for n in range(3)]
    emulator.deactivate_user(users[0])
    emulator.create_group(directory.id, "Authors")
    emulator.create_directory(emulator.create_organization("Other").id, "Other Okta")

    listed = await workos.directory_sync.list_directories(organization_id=acme.id)
    assert [each.id for each in listed.data] == [directory.id]
    found = await workos.directory_sync.get_directory(directory.id)
    assert found.metadata is not None
    assert (found.metadata.users.active, found.metadata.users.inactive) == (2, 1)
    assert found.metadata.groups == 1
    assert (found.type.value, found.state.value) == ("okta scim v2.0", "linked")
    with pytest.raises(NotFoundError):
        await workos.directory_sync.get_directory("directory_unknown")


async def test_organizations_and_portal_links(
    workos: AsyncWorkOSClient, browser: httpx.AsyncClient, acme: Organization
) -> None:
    found = await workos.organizations.get_organization(acme.id)
    assert (found.name, found.domains[0].domain) == ("Acme", "acme.example")
    listed = await workos.organizations.list_organizations()
    assert [each.id for each in listed.data] == [acme.id]
    link = await workos.admin_portal.generate_link(organization=acme.id, intent="dsync")
    assert "Acme" in (await browser.get(link.link)).text


async def test_sign_in(
    emulator: Emulator,
    workos: AsyncWorkOSClient,
    browser: httpx.AsyncClient,
    acme: Organization,
    directory: Directory,
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    url = workos.sso.get_authorization_url(
        redirect_uri=emulator.options.redirect_uri,
        organization=acme.id,
        state="some state&more",
        login_hint="ann@acme.example",
    )
    emulator.settings.sign_in_by_login_hint = True
    answer = await browser.get(url, follow_redirects=False)
    while answer.headers["Location"].startswith("/"):
        answer = await browser.get(answer.headers["Location"])
    assert answer.headers["Location"].startswith(emulator.options.redirect_uri)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["state"] == ["some state&more"]

    token = await workos.sso.get_profile_and_token(code=query["code"][0])
    assert token.profile.idp_id == ann.idp_id
    assert (token.profile.email, token.profile.first_name) == ("ann@acme.example", "Ann")
    assert token.profile.organization_id == acme.id
    assert token.profile.connection_type == "OktaSAML"
    assert token.access_token
    with pytest.raises(BadRequestError) as spent:
        await workos.sso.get_profile_and_token(code=query["code"][0])
    assert spent.value.error == "invalid_grant"


async def test_events_and_webhooks_are_the_same(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)
    emulator.rename_group(authors, "Writers")
    emulator.update_user(ann, first_name="Anna")
    emulator.remove_member(authors, ann)
    emulator.deactivate_user(ann)
    emulator.delete_group(authors)
    emulator.delete_directory(directory.id)
    names = {event["event"] for event in emulator.events}

    answer = await workos.request_raw(
        "get", ("events",), params={"events": ",".join(names), "limit": 100}
    )
    assert answer["data"] == emulator.events
    for request in emulator.webhooks():
        verified = workos.webhooks.verify_event(
            event_body=request.body,
            event_signature=request.headers["WorkOS-Signature"],
            secret=emulator.options.webhook_secret,
            tolerance=180,
        )
        assert getattr(verified, "id", None) == request.event["id"]
        assert getattr(verified, "event", None) == request.event["event"]
