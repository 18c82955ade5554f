"""The WorkOS API where it is easily got wrong: pages, cursors, limits, refusals, the Events API."""

import json
from pathlib import Path

import httpx
import httpx2
import pytest
from workos import (
    AsyncWorkOSClient,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    RateLimitExceededError,
    UnprocessableEntityError,
)

from emulator.testing import Directory, Emulator, Organization, Settings

KEY = {"Authorization": "Bearer sk_test_emulator"}


async def test_pages_are_of_ten_and_at_most_a_hundred(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory
) -> None:
    made = [
        emulator.create_user(directory.id, email=f"p{number}@acme.example").id
        for number in range(25)
    ]
    first = await workos.directory_sync.list_users(directory=directory.id)
    assert [user.id for user in first.data] == made[:14:-1]
    assert first.before is None
    assert first.after == made[15]
    everyone = [user.id async for user in first.auto_paging_iter()]
    assert everyone == made[::-1]
    last = await workos.directory_sync.list_users(directory=directory.id, after=made[5])
    assert [user.id for user in last.data] == made[4::-1]
    assert last.after is None
    back = await workos.directory_sync.list_users(directory=directory.id, before=made[5], limit=3)
    assert [user.id for user in back.data] == [made[8], made[7], made[6]]
    oldest = await workos.directory_sync.list_users(directory=directory.id, order="asc", limit=2)
    assert [user.id for user in oldest.data] == made[:2]
    for limit in (0, 101):
        with pytest.raises(UnprocessableEntityError):
            await workos.directory_sync.list_users(directory=directory.id, limit=limit)


async def test_refusals(
    emulator: Emulator, workos: AsyncWorkOSClient, browser: httpx.AsyncClient
) -> None:
    with pytest.raises(NotFoundError):
        await workos.organizations.get_organization("org_unknown")
    with pytest.raises(NotFoundError):
        await workos.directory_sync.list_users(directory="directory_unknown")
    with pytest.raises(UnprocessableEntityError):
        await workos.directory_sync.list_users()
    assert (await browser.get("/organizations")).status_code == 401
    emulator.faults.api_down_until = emulator.world.clock.now_ms() + 60_000
    assert (await browser.get("/organizations", headers=KEY)).status_code == 503


async def test_a_wrong_key_is_refused(emulator: Emulator) -> None:
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        answer = await http.get("/events", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert issubclass(AuthenticationError, Exception)


async def test_four_requests_a_second_for_each_directory(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory
) -> None:
    emulator.settings.directory_users_per_second = Settings().directory_users_per_second
    other = emulator.create_directory(directory.organization_id, "Second")
    for _ in range(4):
        await workos.directory_sync.list_users(directory=directory.id)
    with pytest.raises(RateLimitExceededError) as limited:
        await workos.directory_sync.list_users(directory=directory.id)
    assert limited.value.retry_after == 1
    await workos.directory_sync.list_users(directory=other.id)
    await workos.directory_sync.list_groups(directory=directory.id)


async def test_events_are_oldest_first_and_behind(acme_clock: list[float]) -> None:
    emulator = Emulator(settings=Settings(), now=lambda: acme_clock[0])
    acme = emulator.create_organization("Acme")
    directory = emulator.create_directory(acme.id, "Okta")
    for number in range(4):
        emulator.create_user(directory.id, email=f"p{number}@acme.example")
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://emulator", headers=KEY
    ) as http:
        query: dict[str, str] = {"events": "dsync.user.created,dsync.activated", "limit": "2"}
        assert (await http.get("/events", params=query)).json()["data"] == []
        acme_clock[0] += 5
        first = await http.get("/events", params=query | {"order": "desc"})
        listed = [event["id"] for event in first.json()["data"]]
        wanted = [e["id"] for e in emulator.events if e["event"] in query["events"].split(",")]
        assert listed == wanted[:2]
        assert first.json()["list_metadata"] == {"before": None, "after": wanted[1]}
        assert first.headers["Date"] == "Fri, 15 Jan 2027 08:00:05 GMT"
        rest = await http.get("/events", params=query | {"after": wanted[3], "limit": "100"})
        assert [event["id"] for event in rest.json()["data"]] == wanted[4:]

        both = query | {"after": wanted[0], "range_start": "2027-01-01T00:00:00Z"}
        assert (await http.get("/events", params=both)).status_code == 400
        assert (await http.get("/events", params={"limit": "1"})).status_code == 422
        since = query | {"range_start": "2027-01-15T08:00:00.003Z", "limit": "100"}
        assert len((await http.get("/events", params=since)).json()["data"]) == 4
        foreign = query | {"organization_id": "org_other"}
        assert (await http.get("/events", params=foreign)).json()["data"] == []
        unknown = await http.get("/events", params=query | {"after": "event_unknown"})
        assert unknown.status_code == 400
        acme_clock[0] += 31 * 86_400
        assert (await http.get("/events", params=query)).json()["data"] == []
        expired = await http.get("/events", params=query | {"after": wanted[0]})
        assert expired.status_code == 400
    emulator.close()


@pytest.fixture
def acme_clock() -> list[float]:
    return [1_800_000_000.0]


@pytest.mark.parametrize(
    "query",
    [
        "events=dsync.user.created,dsync.group.created",
        "events=dsync.user.created&events=dsync.group.created",
        "events[]=dsync.user.created&events[]=dsync.group.created",
        "events%5B%5D=dsync.user.created&events%5B%5D=dsync.group.created",
        "events[]=dsync.user.created,dsync.group.created",
    ],
)
async def test_events_are_asked_for_in_each_form(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory, query: str
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example")
    emulator.create_group(directory.id, "Authors")
    listed = (await browser.get(f"/events?{query}&limit=10", headers=KEY)).json()["data"]
    assert [event["event"] for event in listed] == ["dsync.user.created", "dsync.group.created"]
    for nothing in ("events=", "events[]=", "limit=1"):
        assert (await browser.get(f"/events?{nothing}", headers=KEY)).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "domains=acme.example,beta.example",
        "domains=ACME.example&domains=beta.example",
        "domains[]=acme.example&domains[]=beta.example",
        "domains%5B%5D=acme.example&domains%5B%5D=beta.example",
    ],
)
async def test_domains_are_asked_for_in_each_form(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, query: str
) -> None:
    beta = emulator.create_organization("Beta", domains=("beta.example",))
    emulator.create_organization("Part", domains=("me.example",))
    listed = (await browser.get(f"/organizations?{query}", headers=KEY)).json()["data"]
    assert [each["id"] for each in listed] == [beta.id, acme.id]


async def test_organizations_come_and_go(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization, directory: Directory
) -> None:
    made = await workos.organizations.create_organization(name="Made")
    await workos.organizations.update_organization(made.id, name="Renamed")
    await workos.organizations.delete_organization(made.id)
    emulator.delete_organization(acme.id)
    names = [event["event"] for event in emulator.events[-5:]]
    assert names == [
        "organization.created", "organization.updated", "organization.deleted",
        "dsync.deleted", "organization.deleted",
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        await workos.directory_sync.get_directory(directory.id)


async def test_after_a_return_the_api_lists_what_the_directory_still_holds(
    emulator: Emulator, workos: AsyncWorkOSClient, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)
    emulator.deactivate_user(ann)
    assert (await workos.directory_sync.list_users(group=authors.id)).data == []
    back = emulator.reactivate_user(ann)
    groups = await workos.directory_sync.list_groups(user=back.id)
    assert [group.id for group in groups.data] == [authors.id]
    with pytest.raises(NotFoundError):
        await workos.directory_sync.get_user(ann.id)


async def test_events_of_one_moment_are_shown_at_once(acme_clock: list[float]) -> None:
    """Their stamps, a millisecond apart, run ahead of the clock."""
    emulator = Emulator(now=lambda: acme_clock[0])
    acme = emulator.create_organization("Acme")
    directory = emulator.create_directory(acme.id, "Acme Okta")
    for number in range(5):
        emulator.create_user(directory.id, email=f"{number}@acme.example")
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    transport = httpx.ASGITransport(app=emulator.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://emulator", headers=headers
    ) as http:
        query = {"events": "dsync.user.created", "limit": "100"}
        assert len((await http.get("/events", params=query)).json()["data"]) == 5
    emulator.close()


async def test_codes_expire(acme_clock: list[float]) -> None:
    emulator = Emulator(now=lambda: acme_clock[0])
    acme = emulator.create_organization("Acme")
    code = emulator.sso_code("stranger@elsewhere.example", acme.id, idp_id="00uStranger")
    acme_clock[0] += 601
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=emulator.app)) as http:
        client = AsyncWorkOSClient(
            api_key="sk_test_emulator",
            client_id="client_emulator",
            base_url="http://emulator",
            max_retries=0,
            http_client=http,
        )
        with pytest.raises(BadRequestError) as expired:
            await client.sso.get_profile_and_token(code=code)
        assert expired.value.error == "invalid_grant"
        fresh = emulator.sso_code("stranger@elsewhere.example", acme.id, idp_id="00uStranger")
        profile = (await client.sso.get_profile_and_token(code=fresh)).profile
    assert (profile.idp_id, profile.email) == ("00uStranger", "stranger@elsewhere.example")
    emulator.close()


INTENTS = [
    "sso", "dsync", "audit_logs", "log_streams", "domain_verification", "certificate_renewal",
    "bring_your_own_key",
]  # fmt: skip


@pytest.mark.parametrize("intent", INTENTS)
async def test_a_portal_link_lives_five_minutes(acme_clock: list[float], intent: str) -> None:
    emulator = Emulator(now=lambda: acme_clock[0])
    acme = emulator.create_organization("Acme")
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://emulator", headers=KEY
    ) as http:
        asked = {"organization": acme.id, "intent": intent}
        made = await http.post("/portal/generate_link", json=asked)
        link = made.json()["link"]
        acme_clock[0] += 299
        assert (await http.get(link)).status_code == 200
        acme_clock[0] += 2
        assert (await http.get(link)).status_code == 404
        wrong = await http.post("/portal/generate_link", json=asked | {"intent": "payroll"})
        assert wrong.status_code == 422
    emulator.close()


def test_settings_of_an_earlier_emulator_are_read(tmp_path: Path) -> None:
    first = Emulator(home=tmp_path)
    first.settings.history_days = 60
    saved = first.settings.model_dump() | {"refuse_inactive_creation": True}
    first.world.store.run(
        "insert or replace into settings values ('settings', ?)", json.dumps(saved)
    )
    first.close()
    second = Emulator(home=tmp_path)
    assert second.settings.history_days == 60
    second.close()
