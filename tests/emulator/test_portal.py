"""The Admin Portal: what each link opens, for whom, for how long, and what can be done there."""

import re

import httpx
import pytest
from workos import AsyncWorkOSClient

from emulator.testing import Directory, Emulator, Intent, Organization

SHOWN = {
    Intent.SSO: "Deactivate",
    Intent.DSYNC: "Roles by group",
    Intent.DOMAIN_VERIFICATION: "acme.example",
    Intent.CERTIFICATE_RENEWAL: "Renew certificate",
    Intent.AUDIT_LOGS: "nothing to set up",
    Intent.LOG_STREAMS: "nothing to set up",
    Intent.BRING_YOUR_OWN_KEY: "nothing to set up",
}


async def act(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    answer = await browser.post(path, data=fields)
    assert answer.status_code == 303, answer.text
    return answer


@pytest.mark.parametrize("intent", Intent)
async def test_each_intent_has_its_page(
    workos: AsyncWorkOSClient,
    browser: httpx.AsyncClient,
    acme: Organization,
    directory: Directory,
    intent: Intent,
) -> None:
    link = await workos.admin_portal.generate_link(
        organization=acme.id,
        intent=intent.value,
        return_url="http://localhost:3000/settings",
        success_url="http://localhost:3000/done",
    )
    page = await browser.get(link.link)
    for text in (SHOWN[intent], "Acme", "http://localhost:3000/settings", "localhost:3000/done"):
        assert text in page.text
    assert (directory.id in page.text) is (intent is Intent.DSYNC)


async def test_a_session_outlives_its_link_and_ends(acme_clock: list[float]) -> None:
    emulator = Emulator(now=lambda: acme_clock[0])
    acme = emulator.create_organization("Acme")
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as browser:
        link = emulator.portal_link(acme.id, Intent.SSO)
        session = emulator.portal_session(acme.id, Intent.SSO)
        acme_clock[0] += 301
        expired = await browser.get(link, headers={"Accept": "text/html"})
        assert expired.status_code == 404
        assert "expired" in expired.text
        assert (await browser.get(session)).status_code == 200
        acme_clock[0] += 3600
        connection = f"{session}/connections/{acme.connection_id}"
        assert (await browser.get(session)).status_code == 404
        assert (await browser.post(f"{connection}/delete")).status_code == 404
    assert "connection.deleted" not in [event["event"] for event in emulator.events]
    emulator.close()


@pytest.fixture
def acme_clock() -> list[float]:
    return [1_800_000_000.0]


async def test_links_and_sessions_of_a_user_are_revoked(
    workos: AsyncWorkOSClient, browser: httpx.AsyncClient, acme: Organization
) -> None:
    async def link(user: str) -> str:
        made = await workos.admin_portal.generate_link(
            organization=acme.id, intent="sso", external_user_id=user
        )
        return made.link

    anns, bobs = await link("ann"), await link("bob")
    session = re.search(r"/portal/sessions/[\w-]+", (await browser.get(anns)).text)
    assert session
    await workos.admin_portal.revoke_link(organization=acme.id, external_user_id="ann")
    assert (await browser.get(anns)).status_code == 404
    assert (await browser.get(session[0])).status_code == 404
    assert (await browser.get(bobs)).status_code == 200


async def test_a_session_reaches_its_intent_and_its_organization_only(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    beta = emulator.create_organization("Beta", domains=("beta.example",))
    sessions = {
        intent: emulator.portal_session(beta.id, intent)
        for intent in (Intent.SSO, Intent.DSYNC, Intent.DOMAIN_VERIFICATION)
    }
    group = emulator.create_group(directory.id, "Authors")
    (domain,) = emulator.domains(acme.id)
    (token_id,) = emulator.token_ids(directory.id)
    foreign = {
        f"/connections/{acme.connection_id}/state": Intent.SSO,
        f"/connections/{acme.connection_id}/delete": Intent.SSO,
        f"/connections/{acme.connection_id}/certificate": Intent.SSO,
        f"/directories/{directory.id}/tokens": Intent.DSYNC,
        f"/tokens/{token_id}/revoke": Intent.DSYNC,
        "/roles": Intent.DSYNC,
        f"/domains/{domain['id']}/verify": Intent.DOMAIN_VERIFICATION,
        f"/domains/{domain['id']}/fail": Intent.DOMAIN_VERIFICATION,
        f"/domains/{domain['id']}/again": Intent.DOMAIN_VERIFICATION,
        f"/domains/{domain['id']}/delete": Intent.DOMAIN_VERIFICATION,
    }
    before = emulator.events
    form = {
        "state": "inactive", "reason": "domain_verification_period_expired",
        f"role_of_{group.id}": "admin",
    }  # fmt: skip
    for path, intent in foreign.items():
        assert (await browser.post(sessions[intent] + path, data=form)).status_code == 404, path
        for other in set(sessions) - {intent}:
            refused = await browser.post(sessions[other] + path, data=form)
            assert refused.status_code == 403, path
    own = {"/connection": Intent.SSO, "/domains": Intent.DOMAIN_VERIFICATION}
    for path, intent in own.items():
        for other in set(sessions) - {intent}:
            refused = await browser.post(sessions[other] + path, data={"domain": "x.example"})
            assert refused.status_code == 403, path
    assert emulator.events == before


async def test_what_an_administrator_does_there_is_told(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    before = len(emulator.events)
    session = emulator.portal_session(acme.id, Intent.SSO)
    connection = f"{session}/connections/{acme.connection_id}"
    await act(browser, f"{connection}/state", state="inactive")
    await act(browser, f"{connection}/state", state="active")
    await act(browser, f"{connection}/certificate")
    await act(browser, f"{connection}/delete")
    assert "There is no connection" in (await browser.get(session)).text
    await act(browser, f"{session}/connection")

    session = emulator.portal_session(acme.id, Intent.DSYNC)
    await act(browser, f"{session}/tokens/{emulator.token_ids(directory.id)[0]}/revoke")
    told = await act(browser, f"{session}/directories/{directory.id}/tokens")
    new = emulator.world.store.text("select token from directory_tokens order by id desc limit 1")
    assert new is not None
    assert new in (await browser.get(told.headers["Location"])).text
    assert new not in (await browser.get(session)).text

    session = emulator.portal_session(acme.id, Intent.DOMAIN_VERIFICATION)
    await act(browser, f"{session}/domains", domain="acme.test")
    domain = f"{session}/domains/{emulator.domains(acme.id)[-1]['id']}"
    await act(browser, f"{domain}/fail", reason="domain_verification_period_expired")
    await act(browser, f"{domain}/again")
    await act(browser, f"{domain}/verify")
    await act(browser, f"{domain}/delete")
    refused = await act(browser, f"{session}/domains", domain="no domain")
    assert "is not a domain" in (await browser.get(refused.headers["Location"])).text
    assert [event["event"] for event in emulator.events[before:]] == [
        "connection.deactivated", "connection.activated", "connection.saml_certificate_renewed",
        "connection.deleted", "connection.activated",
        "dsync.token.revoked", "dsync.token.created",
        "organization_domain.created", "organization_domain.verification_failed",
        "organization_domain.updated", "organization_domain.verified",
        "organization_domain.deleted",
    ]  # fmt: skip


async def test_groups_are_assigned_roles_there(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    groups = [emulator.create_group(directory.id, f"Team {number:03d}") for number in range(101)]
    emulator.add_member(groups[0], ann)
    emulator.assign_role(groups[100], "admin")
    session = emulator.portal_session(acme.id, Intent.DSYNC)
    page = (await browser.get(session)).text
    assert "Role of Team 099" in page
    assert "Role of Team 100" not in page
    assert "Role of Team 100" in (await browser.get(session, params={"page": "2"})).text
    searched = (await browser.get(session, params={"q": "team 05"})).text
    assert searched.count("Role of Team 05") == 10
    fields = {f"role_of_{groups[0].id}": "author", f"role_of_{groups[1].id}": ""}
    await act(browser, f"{session}/roles", **fields)
    assert emulator.events[-1]["event"] == "dsync.user.updated"
    assert emulator.events[-1]["data"]["role"] == {"slug": "author"}
    assert "<option selected>author</option>" in (await browser.get(session)).text
    unknown = await browser.post(f"{session}/roles", data={f"role_of_{groups[1].id}": "emperor"})
    assert unknown.status_code == 422
    kept = emulator.world.store.rows("select slug from role_assignments order by slug")
    assert [row["slug"] for row in kept] == ["admin", "author"]


async def test_the_dashboard_opens_the_portal_and_warns_of_certificates(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization
) -> None:
    page = (await browser.get("/workos")).text
    for text in ("Acme", acme.id, "acme.example", "Open Admin Portal"):
        assert text in page
    path = f"/workos/organizations/{acme.id}/portal"
    opened_at = (await act(browser, path, intent="domain_verification")).headers["Location"]
    assert "acme.example" in (await browser.get(opened_at)).text
    await act(browser, f"/workos/connections/{acme.connection_id}/certificate", days="14")
    event = emulator.events[-1]
    assert event["event"] == "connection.saml_certificate_renewal_required"
    assert event["data"]["days_until_expiry"] == 14


async def test_portal_pages_never_turn_text_into_html(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    script = "<script>alert(1)</script>"
    organization = emulator.create_organization(script)
    directory = emulator.create_directory(organization.id, script)
    emulator.create_group(directory.id, script)
    for intent in Intent:
        page = await browser.get(emulator.portal_link(organization.id, intent))
        assert page.status_code == 200
        assert script not in page.text
    assert script not in (await browser.get("/workos")).text


async def test_a_directory_is_set_up_where_there_is_none(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    beta = emulator.create_organization("Beta")
    session = emulator.portal_session(beta.id, Intent.DSYNC)
    assert "Set up a directory" in (await browser.get(session)).text
    done = await act(browser, f"{session}/directory")
    page = (await browser.get(done.headers["location"])).text
    endpoint = re.search(r"/scim/v2\.0/directory_\w+", page)
    token = re.search(r"the token ([\w-]+)", page)
    assert endpoint
    assert token
    assert "Set up a directory" not in page
    assert emulator.events[-2]["event"] == "dsync.activated"
    pushed = await browser.get(
        f"{endpoint[0]}/Users", headers={"Authorization": f"Bearer {token[1]}"}
    )
    assert pushed.status_code == 200
    other = emulator.portal_session(beta.id, Intent.SSO)
    assert (await browser.post(f"{other}/directory")).status_code == 403
