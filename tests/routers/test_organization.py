"""`/organization`: what an organization's admins decide, and the way to WorkOS's Admin Portal."""

from typing import Any

import httpx
import httpx2
import pytest
from sqlalchemy import text

from backend.workos.client import WorkosClient
from emulator.testing import DomainState
from tests.directory_api import ask
from tests.reconciling import completed
from tests.stack import Stack
from tests.workos.test_client import Faulty


@pytest.fixture
async def adam(stack: Stack) -> httpx.AsyncClient:
    return await stack.sign_in_as("Admins", "Adam")


async def grant_admin(stack: Stack, browser: httpx.AsyncClient) -> None:
    query = text("INSERT INTO role_grants (organization_id, user_id, role) VALUES (:of, :id, :as)")
    values = {"of": stack.organization.id, "id": (await stack.me(browser))["id"], "as": "admin"}
    async with stack.database.transaction() as session:
        await session.execute(query, values)


async def change(admin: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    version = (await ask(admin, "/organization"))["version"]
    return await admin.patch("/organization", json={"version": version} | fields)


async def noted(stack: Stack, action: str) -> list[dict[str, Any]]:
    query = text(
        "SELECT detail FROM audit_events WHERE organization_id = :of AND action = :action"
        " ORDER BY at, id"
    )
    async with stack.database.connect() as connection:
        rows = await connection.scalars(query, {"of": stack.organization.id, "action": action})
        return list(rows)


async def test_what_an_organization_is_at_first(stack: Stack, adam: httpx.AsyncClient) -> None:
    assert await ask(adam, "/organization") == {
        "id": stack.organization.id,
        "name": "Acme",
        "version": 0,
        "default_mappings": True,
        "role_source": "groups",
        "seats": None,
        "seats_exceeded": False,
        "session_idle_seconds": 86400,
        "token_days_max": 365,
        "inviters": "members",
        "audit_days": None,
        "logout_issuer": None,
        "logout_jwks_url": None,
        "logout_endpoint": (f"http://localhost:3000/okta/universal-logout/{stack.organization.id}"),
        "domains": [],
        "sso": {"state": "unknown", "since": None, "certificate": None},
    }


async def test_a_reconciliation_tells_of_sso_before_any_event(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    """As after a first deployment beside connections that are long there."""
    stack.skip()
    await completed(stack)
    assert (await ask(adam, "/organization"))["sso"]["state"] == "active"
    stack.emulator.deactivate_connection(stack.organization.connection_id)
    stack.skip()
    await completed(stack)
    sso = (await ask(adam, "/organization"))["sso"]
    assert (sso["state"], sso["since"] is None) == ("inactive", False)
    # Another one takes its place, and that the first one is gone is inferred.
    another = stack.emulator.create_connection(stack.organization.id, "Entra")
    stack.emulator.delete_connection(stack.organization.connection_id)
    stack.skip()
    await completed(stack)
    query = text("SELECT state FROM connections WHERE organization_id = :of")
    async with stack.database.connect() as connection:
        found = await connection.scalars(query, {"of": stack.organization.id})
        assert sorted(found) == ["active", "deleted"]
    # An event since then is newer.
    stack.emulator.deactivate_connection(another)
    await stack.deliver()
    assert (await ask(adam, "/organization"))["sso"]["state"] == "inactive"


async def test_settings_are_changed_and_noted_before_and_after(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    """What is not given stays; null of what may be none means none."""
    await grant_admin(stack, adam)
    changed = await change(
        adam, default_mappings=False, seats=5, session_idle_seconds=300, inviters="admins"
    )
    assert changed.status_code == 200
    now = changed.json()
    assert (now["version"], now["default_mappings"], now["seats"]) == (1, False, 5)
    assert (now["session_idle_seconds"], now["inviters"]) == (300, "admins")
    assert now["token_days_max"] == 365
    assert await ask(adam, "/organization") == now
    cleared = (await change(adam, seats=None, inviters=None)).json()
    assert (cleared["version"], cleared["seats"], cleared["inviters"]) == (2, None, "admins")
    first, second = await noted(stack, "setting.changed")
    assert first["before"]["settings"] == {
        "default_mappings": True, "seats": None, "session_idle_seconds": 86400,
        "inviters": "members",
    }  # fmt: skip
    assert first["after"]["settings"] == {
        "default_mappings": False, "seats": 5, "session_idle_seconds": 300, "inviters": "admins",
    }  # fmt: skip
    assert (second["before"]["settings"], second["after"]["settings"]) == (
        {"seats": 5}, {"seats": None},
    )  # fmt: skip


async def test_a_change_of_what_was_changed_meanwhile_loses_nothing(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    assert (await change(adam, seats=5)).status_code == 200
    stale = await adam.patch("/organization", json={"version": 0, "seats": 7})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    assert stale.json()["current"] == await ask(adam, "/organization")
    assert stale.json()["current"]["seats"] == 5
    assert len(await noted(stack, "setting.changed")) == 1


async def test_the_default_mappings_cannot_be_switched_off_by_the_last_admin_they_make(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    eve = await stack.sign_in_as("Admins", "Eve")
    refused = await change(adam, default_mappings=False, seats=7)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    assert (await ask(adam, "/organization"))["version"] == 0
    await grant_admin(stack, adam)
    assert (await change(adam, default_mappings=False)).status_code == 200
    assert (await eve.get("/organization")).status_code == 403
    assert (await change(adam, default_mappings=True)).status_code == 200
    assert (await eve.get("/organization")).status_code == 200


async def test_what_gives_roles_is_chosen_and_leaves_an_admin(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    eve = await stack.sign_in_as("Admins", "Eve")
    refused = await change(adam, role_source="workos")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    await grant_admin(stack, adam)
    for source, status in (("workos", 403), ("both", 200), ("workos", 403), ("groups", 200)):
        assert (await change(adam, role_source=source)).json()["role_source"] == source
        assert (await eve.get("/organization")).status_code == status


async def test_nothing_changed_is_no_change(stack: Stack, adam: httpx.AsyncClient) -> None:
    assert (await change(adam, seats=None, token_days_max=365)).json()["version"] == 0
    assert await noted(stack, "setting.changed") == []


async def test_the_audit_log_says_it_in_words(stack: Stack, adam: httpx.AsyncClient) -> None:
    await change(adam, seats=5, inviters="admins")
    await adam.post("/organization/portal-link", json={"intent": "certificate_renewal"})
    stack.emulator.deactivate_connection(stack.organization.connection_id)
    await stack.deliver()
    name = (await stack.me(adam))["name"]
    told = [entry["sentence"] for entry in (await ask(adam, "/audit", limit=3))["items"]]
    assert told == [
        "Connection deactivated.",
        f"{name} made a link to WorkOS's Admin Portal, for certificate renewal.",
        f"{name} changed settings: seats from None to 5, inviters from members to admins.",
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", None),
        ("session_idle_seconds", 299),
        ("session_idle_seconds", 14 * 86400 + 1),
        ("token_days_max", 0),
        ("seats", -1),
        ("inviters", "everybody"),
        ("audit_days", 0),
        ("logout_issuer", "acme.okta.example"),
        ("logout_issuer", "http://acme.okta.example"),
        ("logout_issuer", "https://user:password@acme.okta.example"),
        ("logout_jwks_url", "https://acme.okta.example/keys#1"),
        ("logout_jwks_url", "https://acme.okta.example/keys"),  # without an issuer
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(
    adam: httpx.AsyncClient, field: str, value: object
) -> None:
    before = await ask(adam, "/organization")
    answer = await change(adam, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    named = "logout_issuer" if value == "https://acme.okta.example/keys" else field
    assert [error["field"] for error in answer.json()["errors"]] == [named]
    assert await ask(adam, "/organization") == before


async def test_fewer_seats_than_have_joined_are_allowed_and_said(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    annas = await stack.sign_in(ann)
    assert (await change(adam, seats=2)).json()["seats_exceeded"] is False
    assert (await change(adam, seats=1)).json()["seats_exceeded"] is True
    assert (await annas.get("/me")).status_code == 200
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert (await ask(adam, "/organization"))["seats_exceeded"] is False


async def test_an_idle_time_counts_from_the_next_request(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    await stack.app.state.last_uses.write()
    ann = await stack.sign_in_as("Authors")
    await ann.get("/me")
    await stack.app.state.last_uses.write()
    aside = text(
        "UPDATE sessions SET last_used_at = now() - interval '10 minutes'"
        " WHERE organization_id = :of AND user_id = :ann"
    )
    of = {"of": stack.organization.id, "ann": (await stack.me(ann))["id"]}
    async with stack.database.transaction() as session:
        await session.execute(aside, of)
    assert (await ann.get("/posts")).status_code == 200
    async with stack.database.transaction() as session:
        await session.execute(aside, of)
    await change(adam, session_idle_seconds=300)
    assert (await ann.get("/posts")).status_code == 401


async def test_a_link_to_the_admin_portal(stack: Stack, adam: httpx.AsyncClient) -> None:
    for intent in (
        "sso", "dsync", "domain_verification", "certificate_renewal", "audit_logs", "log_streams",
    ):  # fmt: skip
        answer = await adam.post("/organization/portal-link", json={"intent": intent})
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"url", "expires_at"}
        path = httpx.URL(answer.json()["url"]).path
        emulated = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=stack.emulator.app), base_url="http://emulator"
        )
        opened = await emulated.get(path, follow_redirects=True)
        assert opened.status_code == 200
        assert "http://localhost:3000/dashboard/settings" in opened.text
    assert [detail["intent"] for detail in await noted(stack, "portal_link.created")] == [
        "sso", "dsync", "domain_verification", "certificate_renewal", "audit_logs", "log_streams",
    ]  # fmt: skip
    unknown = await adam.post("/organization/portal-link", json={"intent": "bring_your_own_key"})
    assert unknown.status_code == 422


async def test_a_link_while_workos_is_away(stack: Stack, adam: httpx.AsyncClient) -> None:
    usual = stack.app.state.workos
    transport = Faulty(stack, "/portal", httpx2.ConnectError("away"))
    stack.app.state.workos = WorkosClient(stack.app.state.settings, transport=transport)
    answer = await adam.post("/organization/portal-link", json={"intent": "sso"})
    await stack.app.state.workos.close()
    stack.app.state.workos = usual
    assert (answer.status_code, answer.json()["code"]) == (503, "directory_unavailable")
    assert await noted(stack, "portal_link.created") == []


async def test_domains_are_shown_until_they_are_removed(
    stack: Stack, adam: httpx.AsyncClient
) -> None:
    emulator, of = stack.emulator, stack.organization.id
    emulator.add_domain(of, "acme.example", DomainState.VERIFIED)
    pending = emulator.add_domain(of, "acme.test")
    await stack.deliver()
    assert (await ask(adam, "/organization"))["domains"] == [
        {"domain": "acme.example", "state": "verified"},
        {"domain": "acme.test", "state": "pending"},
    ]
    emulator.fail_domain(pending)
    await stack.deliver()
    assert (await ask(adam, "/organization"))["domains"][1]["state"] == "failed"
    emulator.delete_domain(pending)
    await stack.deliver()
    assert [each["domain"] for each in (await ask(adam, "/organization"))["domains"]] == [
        "acme.example"
    ]


async def test_sso_and_its_certificate(stack: Stack, adam: httpx.AsyncClient) -> None:
    """The admin is warned in time, and not any more once it was renewed."""
    emulator, connection = stack.emulator, stack.organization.connection_id

    async def sso() -> dict[str, Any]:
        await stack.deliver()
        found: dict[str, Any] = (await ask(adam, "/organization"))["sso"]
        return found

    async def troubles() -> dict[str, str]:
        found = (await ask(adam, "/directory"))["troubles"]
        return {trouble["code"]: trouble["text"] for trouble in found}

    emulator.deactivate_connection(connection)
    off = await sso()
    assert (off["state"], off["certificate"]) == ("inactive", None)
    assert "activate one in the Admin Portal" in (await troubles())["sso_inactive"]
    emulator.activate_connection(connection)
    assert await sso() == {"state": "active", "since": None, "certificate": None}
    assert await troubles() == {}
    emulator.let_certificate_expire(connection, 12)
    due = (await sso())["certificate"]
    assert due["connection"] == "Acme Okta"
    assert due["days"] in {11, 12}
    assert f"expires in {due['days']} days, on " in (await troubles())["certificate_due"]
    emulator.let_certificate_expire(connection, -3)
    assert (await sso())["certificate"]["days"] < 0
    assert "expired on " in (await troubles())["certificate_due"]
    emulator.renew_certificate(connection)
    assert (await sso())["certificate"] is None
    assert await troubles() == {}
    emulator.let_certificate_expire(connection, 5)
    emulator.delete_connection(connection)
    gone = await sso()
    assert (gone["state"], gone["certificate"]) == ("inactive", None)
    assert set(await troubles()) == {"sso_inactive"}
